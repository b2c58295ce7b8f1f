//! Many machines as they are long after their creation. Drover makes one of each kind; the others are laid down beside
//! them, resource, status, guest and mark, as those are. Making them all would be another test.

use drover::api::{VirtualMachine, names};
use drover::plan::identity::numbers;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use pve_sim::{GuestView, SeedGuest};

use crate::support::World;

/// The number of the first machine.
const FIRST: u32 = 20_000;

/// Two kinds, of which one runs.
pub(super) const HALF_OF_THEM_RUN: [(&str, &str); 2] = [
    (
        "runs",
        "{powerState: Running, memory: {size: 16Mi}, disks: [{name: scsi0, size: 1Gi}]}",
    ),
    (
        "rests",
        "{powerState: Stopped, memory: {size: 16Mi}, disks: [{name: scsi0, size: 1Gi}]}",
    ),
];

/// So many machines on these nodes, of these kinds by turns: name and spec of the first of each. Drover does not run
/// afterwards.
pub(super) async fn populate(world: &mut World, count: u32, nodes: &[&str], kinds: &[(&str, &str)]) {
    let cluster = Api::<Namespace>::all(world.client.clone());
    let cluster = cluster.get("kube-system").await.unwrap().uid().unwrap();
    let mut models = Vec::new();
    for (name, spec) in kinds {
        world.apply_vm(name, spec).await;
        let machine = world.wait_ready(name).await;
        models.push((machine, world.guest(name).await));
    }
    world.stop_drover().await;
    let (world, models, cluster) = (&*world, &models, &cluster);
    let made = u32::try_from(models.len()).unwrap();
    futures::stream::iter(made..count)
        .for_each_concurrent(16, async |number| {
            let (machine, guest) = &models[number as usize % models.len()];
            let node = nodes[number as usize % nodes.len()];
            lay_down(world, (cluster, node), FIRST + number, machine, guest).await;
        })
        .await;
}

async fn lay_down(
    world: &World,
    (cluster, node): (&str, &str),
    vmid: u32,
    model: &VirtualMachine,
    guest: &GuestView,
) {
    let name = format!("vm-{vmid}");
    let mut machine = VirtualMachine::new(&name, model.spec.clone());
    machine.metadata.finalizers = model.metadata.finalizers.clone();
    machine.metadata.annotations = Some([(names::RESERVED_VMID.to_owned(), vmid.to_string())].into());
    let params = PostParams::default();
    let mut made = world.vms().create(&params, &machine).await.unwrap();
    let uid = made.uid().unwrap();
    let identity = numbers::identity(cluster, &uid, vmid.try_into().unwrap());
    // Wherever number, name, UID or UUID of the model stand, its own do.
    let old = model.status.as_ref().unwrap();
    let known = old.vmid.unwrap();
    let pairs = [
        (format!("vm-{known}-"), format!("vm-{vmid}-")),
        (format!("\"vmid\":{known}"), format!("\"vmid\":{vmid}")),
        (format!(" id={known} "), format!(" id={vmid} ")),
        (model.uid().unwrap(), uid),
        (
            old.identity.as_ref().unwrap().uuid.to_string(),
            identity.to_string(),
        ),
        (format!("name={} ", model.name_any()), format!("name={name} ")),
        (
            format!("\"node\":\"{}\"", guest.node),
            format!("\"node\":\"{node}\""),
        ),
    ];
    let own = |text: &str| {
        pairs
            .iter()
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    };
    let mut seeded = SeedGuest::new(vmid, &name).on(node);
    seeded.config = guest
        .config
        .iter()
        .map(|(key, value)| (key.clone(), own(value)))
        .collect();
    seeded.config.insert("name".to_owned(), name);
    seeded.config.remove("vmgenid");
    seeded.running = guest.running;
    world.sim.add_guest(seeded).unwrap();
    let status = own(&serde_json::to_string(old).unwrap());
    made.status = serde_json::from_str(&status).unwrap();
    world
        .vms()
        .replace_status(&made.name_any(), &params, &made)
        .await
        .unwrap();
}
