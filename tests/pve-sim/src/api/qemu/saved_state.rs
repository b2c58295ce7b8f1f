//! The memory of a running guest on disk, with a snapshot or for suspending it (`__snapshot_save_vmstate` in
//! `PVE::QemuConfig`).

use crate::release::Release;
use crate::state::{Config, Guest, MACHINE_TYPE, Target, World, is_net};

/// Devices and whatever else is saved besides the memory twice over.
const BESIDES: u64 = 500 << 20;

/// Allocates the volume: what the configuration or the snapshot says of it, and the lines of the log.
pub(super) fn allocate(
    world: &mut World,
    node: &str,
    vmid: u32,
    storage: &str,
    what: &str,
) -> Result<(Config, Vec<String>), String> {
    let release = world.release;
    let guest = world.guest_on(node, vmid)?;
    let size = guest.max_memory() * 2 + BESIDES;
    let mut state = running(guest, release);
    let target = Target {
        node,
        storage,
        vmid,
        format: Some("raw"),
        what: Some(what),
    };
    let volume = world.allocate(&target, size)?;
    state.insert("vmstate".to_owned(), volume.volid);
    Ok((state, volume.log))
}

/// What the guest runs on, which has to be the same when it goes on.
fn running(guest: &Guest, release: Release) -> Config {
    let mut state = Config::from([
        ("runningmachine".to_owned(), MACHINE_TYPE.to_owned()),
        ("runningcpu".to_owned(), processor(guest)),
    ]);
    let cards: Vec<String> = guest
        .config
        .keys()
        .filter(|key| is_net(key))
        .map(|card| format!("{card}=1500"))
        .collect();
    if release >= Release::V9_2 && !cards.is_empty() {
        state.insert("running-nets-host-mtu".to_owned(), cards.join(","));
    }
    state
}

/// The model with the flags that Proxmox adds to its own default.
fn processor(guest: &Guest) -> String {
    let model = guest.option("cpu").map_or("kvm64", |cpu| {
        let first = cpu.split(',').next().unwrap_or(cpu);
        first.strip_prefix("cputype=").unwrap_or(first)
    });
    match model {
        "host" => "host,+kvm_pv_eoi,+kvm_pv_unhalt".to_owned(),
        model => format!("{model},enforce,+kvm_pv_eoi,+kvm_pv_unhalt,+lahf_lm,+sep"),
    }
}
