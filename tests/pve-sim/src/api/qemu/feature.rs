//! What can be done with a guest, by what its storages can.

use serde_json::json;

use super::super::{Allow, Call, Endpoint, Run};
use crate::state::{Feature, Guest, World};
use crate::verify::{CONFIG_ID, Kind, may, need};
use crate::wire::{ApiResult, Reply};

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint::get(
    "/nodes/{node}/qemu/{vmid}/feature",
    Allow::Any("/vms/{vmid}", &["VM.Audit"]),
    &[&[
        need("feature", Kind::Enum(&["snapshot", "clone", "copy"])),
        may("snapname", CONFIG_ID),
    ]],
    Run::Now(feature),
)];

fn feature(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    let snapshot = call.text("snapname");
    let section = match snapshot {
        Some(name) => guest.snapshot(name)?,
        None => &guest.config,
    };
    let feature = match call.text("feature") {
        Some("snapshot") => Feature::Snapshot,
        Some("clone") => Feature::Clone,
        _ => Feature::Copy,
    };
    let disks = Guest::disks_of(section);
    let mut volumes = disks.iter().map(|(_, volid)| volid);
    let has = volumes.all(|volid| world.has_feature(feature, volid, snapshot.is_some()));
    let nodes = nodes_that_see(&world, call.node(), &disks);
    Ok(Reply::data(json!({"hasFeature": u8::from(has), "nodes": nodes})))
}

/// All nodes when every disk is on a shared storage, else the guest's own (`shared_nodes`).
fn nodes_that_see(world: &World, own: &str, disks: &[(String, String)]) -> Vec<String> {
    let shared = |volid: &String| {
        let storage = volid.split(':').next().and_then(|name| world.storage(name));
        storage.is_some_and(|s| s.shared)
    };
    if disks.iter().all(|(_, volid)| shared(volid)) && world.nodes.len() > 1 {
        world.nodes.iter().map(|node| node.name.clone()).collect()
    } else {
        vec![own.to_owned()]
    }
}
