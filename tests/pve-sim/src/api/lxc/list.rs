//! Containers as their node sees them: live, unlike `/cluster/resources`.

use serde_json::{Map, Value, json};

use super::{Call, container};
use crate::release::Release;
use crate::state::traffic::sum;
use crate::state::{Guest, GuestKind, Power, World, drive_property, drive_volume, is_net, parse_size};
use crate::wire::{ApiResult, Reply};

/// What a container takes when its root file system says no size, as a directory does.
const DEFAULT_SIZE: u64 = 4 << 30;

pub(super) fn list(call: &Call) -> Reply {
    let world = call.world();
    let audited = world.access.on_guests(&call.caller, &["VM.Audit"]);
    let rows = world
        .guests
        .values()
        .filter(|g| g.kind == GuestKind::Lxc && g.node == call.node())
        .filter(|g| audited.hold_on(g.vmid))
        .map(|guest| figures(call.release(), &world, guest));
    Reply::data(rows.collect::<Vec<_>>())
}

pub(super) fn current(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = container(&world, call.node(), call.vmid())?;
    let mut row = figures(call.release(), &world, guest);
    row["ha"] = world.ha_view(guest.vmid);
    Ok(Reply::data(row))
}

fn figures(release: Release, world: &World, guest: &Guest) -> Value {
    let swap = guest.option("swap").and_then(|s| s.parse::<u64>().ok());
    let (used, size) = disk(world, guest);
    let mut row = json!({
        "vmid": guest.vmid,
        "type": "lxc",
        "name": guest.display_name(),
        "status": "stopped",
        "cpus": world.cpus_of(guest),
        "cpu": 0,
        "mem": 0,
        "maxmem": guest.max_memory(),
        "swap": 0,
        "maxswap": swap.unwrap_or(512) << 20,
        "disk": 0,
        "maxdisk": size,
        "netin": 0,
        "netout": 0,
        "diskread": 0,
        "diskwrite": 0,
        "uptime": 0,
    });
    if let Power::Running { since, pid, .. } = guest.power {
        let uptime = since.elapsed().as_secs();
        row["status"] = json!("running");
        row["pid"] = json!(pid);
        row["uptime"] = json!(uptime);
        row["mem"] = json!(guest.max_memory() / 8);
        row["disk"] = json!(used);
        let (through_cards, through_drives) = (sum(&guest.card_traffic()), sum(&guest.drive_traffic()));
        for (way_in, way_out, bytes) in [
            ("netin", "netout", through_cards),
            ("diskread", "diskwrite", through_drives),
        ] {
            row[way_in] = json!(bytes);
            row[way_out] = json!(bytes);
        }
        if release >= Release::V9_2 {
            // A container's groups have no pressure on hosts that don't account for it.
            for what in ["cpu", "io", "memory"] {
                row[format!("pressure{what}some")] = Value::Null;
                row[format!("pressure{what}full")] = Value::Null;
            }
        }
    }
    if guest.is_template() {
        row["template"] = json!(1);
    }
    for key in ["tags", "lock"] {
        if let Some(value) = guest.option(key) {
            row[key] = json!(value);
        }
    }
    row
}

/// Bytes in use and bytes there are in the root file system: a directory has the whole storage while it runs.
fn disk(world: &World, guest: &Guest) -> (u64, u64) {
    let rootfs = guest.option("rootfs").unwrap_or("");
    let size = drive_property(rootfs, "size").and_then(parse_size).unwrap_or(0);
    let volid = drive_volume(rootfs);
    let used = world.volume(&guest.node, volid).map_or(0, |v| v.used);
    match (size, guest.is_running()) {
        (0, true) => {
            let storage = volid.split(':').next().and_then(|name| world.storage(name));
            (used, storage.map_or(DEFAULT_SIZE, |s| s.total))
        }
        (0, false) => (0, DEFAULT_SIZE),
        (size, _) => (used, size),
    }
}

/// The cards as the running container has them; nothing when it is stopped.
pub(super) fn interfaces(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = container(&world, call.node(), call.vmid())?;
    if !guest.is_running() {
        return Ok(Reply::null());
    }
    let up = guest.booted.elapsed() >= call.sim.timing().real(call.sim.timing().agent_boot);
    let loopback = up.then(|| "127.0.0.1/8".to_owned());
    let mut rows = vec![interface(call.release(), "lo", "00:00:00:00:00:00", loopback)];
    for (_, card) in guest.config.iter().filter(|(key, _)| is_net(key)) {
        let name = drive_property(card, "name").unwrap_or("eth0");
        let mac = drive_property(card, "hwaddr").unwrap_or("").to_lowercase();
        let address = guest.card_address(card).filter(|_| up);
        rows.push(interface(call.release(), name, &mac, address));
    }
    Ok(Reply::data(rows))
}

fn interface(release: Release, name: &str, mac: &str, address: Option<String>) -> Value {
    let mut row = Map::new();
    row.insert("name".to_owned(), json!(name));
    row.insert("hwaddr".to_owned(), json!(mac));
    let parts = address.as_deref().and_then(|a| a.split_once('/'));
    if release >= Release::V9_2 {
        row.insert("hardware-address".to_owned(), json!(mac));
        let addresses = parts.map(
            |(address, prefix)| json!({"ip-address": address, "ip-address-type": "inet", "prefix": prefix}),
        );
        row.insert(
            "ip-addresses".to_owned(),
            json!(addresses.into_iter().collect::<Vec<_>>()),
        );
    }
    if let Some(address) = address {
        row.insert("inet".to_owned(), json!(address));
    }
    Value::Object(row)
}
