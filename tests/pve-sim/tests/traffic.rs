//! What goes through guests: figures of one guest that have to agree.

use pve_sim::{Seed, SeedGuest, Timing};
use serde_json::Value;

use crate::client::{Lab, eventually};

fn sum(parts: &Value, figure: &str) -> u64 {
    let parts = parts.as_object().unwrap().values();
    parts.map(|part| part[figure].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn cards_and_drives_add_up_to_the_guest() {
    let guest = SeedGuest::new(100, "web")
        .set("net1", "virtio,bridge=vmbr0")
        .set("scsi1", "local-lvm:vm-100-disk-1,size=4G");
    let seed = Seed::default()
        .with_guest(guest.running())
        .with_timing(Timing::instant());
    let lab = Lab::start(seed).await;
    let mut row = Value::Null;
    eventually("something has gone through it", async || {
        row = lab.get("/nodes/pve1/qemu/100/status/current").await.data();
        row["netin"].as_u64() > Some(0)
    })
    .await;
    for way in ["netin", "netout"] {
        assert_eq!(row[way].as_u64(), Some(sum(&row["nics"], way)), "{way}");
    }
    for (way, bytes) in [("diskread", "rd_bytes"), ("diskwrite", "wr_bytes")] {
        assert_eq!(row[way].as_u64(), Some(sum(&row["blockstat"], bytes)), "{way}");
    }
    assert_eq!(row["nics"].as_object().unwrap().len(), 2);
    assert_eq!(row["blockstat"].as_object().unwrap().len(), 2);
}
