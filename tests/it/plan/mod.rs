//! What would be done, told without doing it: and what was told is what the operator then says or does.

mod held;
mod moves;
mod proved;
mod reboots;
mod taken;
mod unseen;
mod whole;

use std::collections::BTreeMap;
use std::fs;

use kube::ResourceExt;
use kube::api::ListParams;

use crate::support::{Ended, World, condition, drover};

const SMALL: &str = "
powerState: Running
cpu: {cores: 1}
memory: {size: 64Mi}
disks: [{name: scsi0, size: 1Gi}, {name: scsi1, size: 1Gi, onRemove: Delete}]";

/// A declaration; `$HOST` in the spec is the world's host, which it is on unless it says otherwise.
fn machine(world: &World, name: &str, spec: &str) -> String {
    annotated(world, name, "{}", spec)
}

fn annotated(world: &World, name: &str, annotations: &str, spec: &str) -> String {
    let host = if spec.contains("hostRef:") {
        String::new()
    } else {
        format!("  hostRef: {{kind: ProxmoxNode, name: {}}}\n", world.name)
    };
    format!(
        "---\napiVersion: drover.dev/v1alpha1\nkind: VirtualMachine\nmetadata: {{name: {name}, annotations: {annotations}}}\n\
         spec:\n{host}  {}\n",
        spec.trim().replace('\n', "\n  ")
    )
}

/// The machines of the namespace, as they are stored.
async fn stored(world: &World) -> BTreeMap<String, Option<String>> {
    let machines = world.vms().list(&ListParams::default()).await.unwrap();
    let version = |vm: drover::api::VirtualMachine| (vm.name_any(), vm.metadata.resource_version);
    machines.into_iter().map(version).collect()
}

/// What the command says of a file, with further flags. Nothing may have been written by it, on either side; the operator
/// must have nothing to write at that time.
async fn planned_by(world: &World, text: &str, flags: &[&str]) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("machines.yaml");
    fs::write(&file, text).unwrap();
    let (before, position) = (stored(world).await, world.sim.position());
    let mut arguments = vec!["plan", "-f", file.to_str().unwrap(), "-n", &world.name];
    arguments.extend(flags);
    let ended = drover(&arguments);
    let sent = world.sim.mutations().since(position);
    assert!(sent.is_empty(), "a plan changes nothing: {sent:?}");
    assert_eq!(stored(world).await, before, "a plan writes nothing");
    ended
}

async fn planned(world: &World, text: &str) -> Ended {
    planned_by(world, text, &[]).await
}

/// Plans a machine that can't be made, and checks that the operator says the same of it in the condition.
async fn held(world: &World, name: &str, annotations: &str, spec: &str, reason: &str) {
    let declared = annotated(world, name, annotations, spec);
    let told = planned(world, &declared).await;
    assert_eq!(told.code, Some(1), "{name}: {told:?}");
    assert!(told.printed.ends_with("\n0 changes\n"), "{name}: {told:?}");
    assert!(told.said.contains("1 of 1 machines"), "{name}: {told:?}");
    let position = world.sim.position();
    world.apply(&declared).await;
    let vm = world.wait_vm(name, "Ready", "*", reason).await;
    let message = &condition(&vm, "Ready").unwrap().message;
    let line = format!(
        "{}/{name}: nothing is done\n  needs a person ({reason}): {message}\n",
        world.name
    );
    assert!(told.printed.contains(&line), "{line} in:\n{}", told.printed);
    assert!(world.sim.mutations().since(position).is_empty());
    world.delete_vm(name).await;
    world.wait_vm_gone(name).await;
}
