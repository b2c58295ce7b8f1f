//! The row of a guest in `/cluster/resources`.

use serde::Serialize;

use crate::release::Release;
use crate::state::{Guest, World};

/// A guest's row. Written straight to the answer, because there may be tens of thousands of them; what is absent isn't
/// known yet.
#[derive(Serialize)]
pub(in super::super) struct GuestRow<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    vmid: u32,
    node: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hastate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maxcpu: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mem: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memhost: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maxmem: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maxdisk: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diskread: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diskwrite: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netin: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netout: Option<u64>,
}

impl<'a> GuestRow<'a> {
    /// `pool` is the guest's, if the caller may know it.
    pub(in super::super) fn of(world: &'a World, guest: &'a Guest, pool: Option<&'a str>) -> Self {
        let known = world.cache.guests.get(&guest.vmid);
        let host_memory = known.filter(|_| world.release >= Release::V9_2);
        Self {
            id: format!("{}/{}", guest.kind.name(), guest.vmid),
            kind: guest.kind.name(),
            vmid: guest.vmid,
            node: &guest.node,
            status: known.map_or("unknown", |f| if f.running { "running" } else { "stopped" }),
            lock: guest.lock(),
            tags: guest.option("tags"),
            pool,
            hastate: world.ha_state(guest.vmid),
            name: known.map(|f| f.name.as_str()),
            template: known.map(|f| u8::from(f.template)),
            uptime: known.map(|f| f.uptime),
            cpu: known.map(|f| f.cpu),
            maxcpu: known.map(|f| f.cpus),
            mem: known.map(|f| f.memory),
            memhost: host_memory.map(|f| f.memory),
            maxmem: known.map(|f| f.max_memory),
            disk: known.map(|_| 0),
            maxdisk: known.map(|f| f.max_disk),
            diskread: known.map(|f| f.disk),
            diskwrite: known.map(|f| f.disk),
            netin: known.map(|f| f.net),
            netout: known.map(|f| f.net),
        }
    }
}
