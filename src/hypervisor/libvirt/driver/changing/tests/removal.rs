//! Destroying.

use super::*;
use crate::hypervisor::Refusal;

#[tokio::test]
async fn a_domain_goes_with_its_own_volumes_and_no_others() {
    let Some(bench) = Bench::start().await else { return };
    let (uuid, other) = (Uuid::new_v4(), Uuid::new_v4());
    bench.made(uuid, "web").await;
    bench.made(other, "other").await;
    let strange = format!("drover-{}-scsi0.qcow2", Uuid::new_v4());
    bench.virsh(&["vol-create-as", "default", &strange, "1M"]);
    bench.virsh(&["start", "web"]);
    let running = bench.changer.destroy(&bench.tasks, &bench.own(uuid).await).await;
    assert_eq!(running.unwrap_err().refusal(), Some(&Refusal::GuestRunning));
    bench.virsh(&["managedsave", "web"]);
    let destroyed = bench.changer.destroy(&bench.tasks, &bench.own(uuid).await).await;
    assert_eq!(bench.end(destroyed).await, "");
    assert_eq!(bench.virsh(&["list", "--all", "--name"]).trim(), "other");
    let mut left = bench.volumes();
    left.sort();
    let mut expected = [volume(other, "scsi0"), strange];
    expected.sort();
    assert_eq!(left, expected);
}

#[tokio::test]
async fn a_volume_that_somebody_else_needs_keeps_the_domain() {
    let Some(bench) = Bench::start().await else { return };
    let uuid = Uuid::new_v4();
    bench.made(uuid, "web").await;
    let path = format!("/var/lib/libvirt/images/{}", volume(uuid, "scsi0"));
    let xml = format!(
        "<domain type='qemu'><name>borrower</name><memory>32768</memory><os><type>hvm</type></os><devices>\
         <disk type='file' device='disk'><source file='{path}'/><target dev='vda' bus='virtio'/></disk></devices></domain>"
    );
    let defined = bench.changer.link.run("define", move |conn| {
        conn.define_domain_xml(&xml)?;
        Ok(())
    });
    defined.await.unwrap();
    let refused = bench.changer.destroy(&bench.tasks, &bench.own(uuid).await).await;
    let sentence = refused.unwrap_err().sentence();
    assert!(sentence.contains("'borrower'"), "{sentence}");

    bench.virsh(&["undefine", "borrower"]);
    bench.virsh(&[
        "vol-create-as",
        "default",
        "over.qcow2",
        "16M",
        "--format",
        "qcow2",
        "--backing-vol",
        &volume(uuid, "scsi0"),
        "--backing-vol-format",
        "qcow2",
    ]);
    let refused = bench.changer.destroy(&bench.tasks, &bench.own(uuid).await).await;
    let sentence = refused.unwrap_err().sentence();
    assert!(sentence.contains("over.qcow2"), "{sentence}");
    assert!(bench.volumes().contains(&volume(uuid, "scsi0")));

    bench.virsh(&["vol-delete", "--pool", "default", "over.qcow2"]);
    let destroyed = bench.changer.destroy(&bench.tasks, &bench.own(uuid).await).await;
    assert_eq!(bench.end(destroyed).await, "");
    assert_eq!(bench.volumes(), Vec::<String>::new());
}
