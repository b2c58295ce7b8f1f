//! Each field of a machine: created with it, changed, changed back where somebody changed it on the host.

pub(crate) mod cloud_init;
mod disks;
mod networks;
mod policies;
mod seed;
mod settings;
mod shape;

use serde_json::{Value, json};

use crate::support::World;

/// One field, and how Proxmox VE spells it.
pub(crate) struct Field {
    /// Its name, as in `status.drift` (`cpu.cores`).
    pub(crate) name: &'static str,
    /// Where it stands in the spec (`/cpu/cores`); what is above it stands in the spec that `check` is given.
    pub(crate) pointer: &'static str,
    /// The machine is made with the first value, and changed to the second.
    pub(crate) values: [Value; 2],
    /// The option of the configuration.
    pub(crate) key: &'static str,
    /// What stands in the option for each value; nothing at all, for an option that is not there.
    pub(crate) spelt: [&'static str; 2],
    /// What somebody on the host puts in the place of the second.
    pub(crate) drifted: &'static str,
}

/// A field, part by part as [`Field`] tells them.
pub(crate) fn field(
    name: &'static str,
    pointer: &'static str,
    key: &'static str,
    values: [Value; 2],
    spelt: [&'static str; 2],
    drifted: &'static str,
) -> Field {
    Field {
        name,
        pointer,
        values,
        key,
        spelt,
        drifted,
    }
}

fn set(spec: &mut Value, field: &Field, value: &Value) {
    let (parent, name) = field.pointer.rsplit_once('/').unwrap();
    let parent = spec.pointer_mut(parent).expect(field.pointer);
    parent[name] = value.clone();
}

fn shows(option: Option<&String>, spelt: &str) -> bool {
    match (option, spelt) {
        (option, "") => option.is_none(),
        (None, _) => false,
        (Some(option), spelt) => option.contains(spelt),
    }
}

/// A world in which every configuration is read anew every two seconds.
pub(crate) async fn swept(test: &str) -> World {
    let host = json!({"poll": {"sweep": "2s"}});
    World::builder(test).host(host).start().await
}

/// Makes a stopped machine with all fields, changes each, and changes each on the host.
pub(crate) async fn check(world: &World, mut spec: Value, fields: &[Field]) {
    for field in fields {
        set(&mut spec, field, &field.values[0]);
    }
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let made = world.guest("web").await;
    for Field { name, key, spelt, .. } in fields {
        let option = made.config.get(*key);
        assert!(
            shows(option, spelt[0]),
            "{name} made with '{}': {option:?}",
            spelt[0]
        );
    }
    for field in fields {
        set(&mut spec, field, &field.values[1]);
        world.patch_vm("web", json!({"spec": spec})).await;
        let what = format!("{} to be '{}'", field.name, field.spelt[1]);
        world
            .wait_guest(made.vmid, &what, |guest| {
                shows(guest.config.get(field.key), field.spelt[1])
            })
            .await;
        world.wait_ready("web").await;
    }
    for field in fields {
        let position = world.sim.position();
        let option = world.guest("web").await.config[field.key].clone();
        let drifted = option.replace(field.spelt[1], field.drifted);
        assert_ne!(option, drifted, "{}", field.name);
        world
            .sim
            .change_config(made.vmid, &[(field.key, Some(&drifted))])
            .unwrap();
        let what = format!("{} to be corrected", field.name);
        world
            .wait_guest(made.vmid, &what, |guest| {
                guest
                    .config
                    .get(field.key)
                    .is_some_and(|now| *now != drifted && shows(Some(now), field.spelt[1]))
            })
            .await;
        world
            .wait_event("web", "Configured", &format!("{} from", field.name))
            .await;
        world.wait_ready("web").await;
        let writes = world.sim.mutations().since(position);
        assert_eq!(writes.len(), 1, "one write for {}: {writes:?}", field.name);
    }
}
