//! Shows and changes a configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::drives;
use super::{Call, check_lock};
use crate::state::{self, Config, World, is_disk, is_net, normalize_tags, typed, with_mac};
use crate::verify::{option_is_known, option_privileges};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName};

/// The configuration after the next start; with `current=1` the active one.
pub(super) fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    if let Some(snapshot) = call.text("snapshot") {
        return Err(ApiError::internal(format!(
            "snapshot '{snapshot}' does not exist"
        )));
    }
    let config = if call.flag("current") {
        guest.config.clone()
    } else {
        guest.wanted_config()
    };
    let mut shown: Map<String, Value> = config.iter().map(|(k, v)| (k.clone(), typed(k, v))).collect();
    shown.insert("digest".to_owned(), Value::from(guest.digest()));
    Ok(Reply::data(shown))
}

/// A row for each option, digest and description included, with what waits.
pub(super) fn pending(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    let keys: BTreeSet<&String> = guest.config.keys().chain(guest.pending.keys()).collect();
    let mut rows = vec![json!({"key": "digest", "value": guest.digest()})];
    rows.extend(keys.into_iter().map(|key| {
        let mut row = json!({"key": key});
        if let Some(value) = guest.option(key) {
            row["value"] = typed(key, value);
        }
        match guest.pending.get(key) {
            Some(Some(value)) => row["pending"] = typed(key, value),
            Some(None) => row["delete"] = json!(1),
            None => {}
        }
        row
    }));
    Ok(Reply::data(rows))
}

/// The synchronous way: `null` when it is done.
pub(super) async fn put(call: Call) -> ApiResult {
    let change = Change::of(&call)?;
    let _lock = call.sim.lock_file(call.vmid(), false).await?;
    change.apply(&mut call.world())?;
    Ok(Reply::null())
}

/// The asynchronous way: a task, which finds the same errors later.
pub(super) fn post(call: &Call) -> ApiResult {
    let change = Change::of(call)?;
    let vmid = call.vmid();
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmconfig", vmid),
        move |worker| async move {
            let _lock = worker.sim.lock_file(vmid, false).await?;
            let mut world = worker.world();
            let log = change.apply(&mut world)?;
            world
                .tasks
                .log(&worker.upid, format!("update VM {vmid}: {}", change.summary()));
            for line in log {
                world.tasks.log(&worker.upid, line);
            }
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}

/// A change that passed all checks that come before the lock.
struct Change {
    node: String,
    vmid: u32,
    set: Config,
    delete: Vec<String>,
    revert: Vec<String>,
    digest: Option<String>,
    skip_lock: bool,
    force: bool,
}

impl Change {
    fn of(call: &Call) -> Result<Self, ApiError> {
        let list = |name: &str| -> Vec<String> {
            let text = call.text(name).unwrap_or("");
            let items = text.split([',', ';', ' ', '\0']).filter(|i| !i.is_empty());
            items.map(str::to_owned).collect()
        };
        let set: Config = call
            .params
            .iter()
            .filter(|(key, _)| option_is_known(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let change = Self {
            node: call.node().to_owned(),
            vmid: call.vmid(),
            set,
            delete: list("delete"),
            revert: list("revert"),
            digest: call.text("digest").map(str::to_owned),
            skip_lock: call.flag("skiplock"),
            force: call.flag("force"),
        };
        change.check(call)?;
        Ok(change)
    }

    fn check(&self, call: &Call) -> Result<(), ApiError> {
        if self.set.is_empty() && self.delete.is_empty() && self.revert.is_empty() {
            return Err(ApiError::internal("no options specified"));
        }
        for key in &self.delete {
            if self.set.contains_key(key) {
                let text = format!("you can't use '-{key}' and -delete {key}' at the same time");
                return Err(ApiError::parameter("delete", text));
            }
            if !option_is_known(key) {
                return Err(ApiError::parameter("delete", format!("unknown option '{key}'")));
            }
        }
        if self.skip_lock && !call.caller.is_root() {
            return Err(ApiError::parameter("skiplock", "Only root may use this option."));
        }
        let world = call.world();
        let path = format!("/vms/{}", self.vmid);
        for key in self.set.keys().chain(&self.delete).chain(&self.revert) {
            call.require(&world, &path, &[option_privileges(key)])?;
        }
        for (key, value) in self.set.iter().filter(|(key, _)| is_disk(key)) {
            drives::check(&world, call, key, value)?;
        }
        world.guest_on(&self.node, self.vmid)?;
        Ok(())
    }

    /// Checks again under the lock, and changes.
    fn apply(&self, world: &mut World) -> Result<Vec<String>, String> {
        let guest = world.guest_on(&self.node, self.vmid)?;
        if self.digest.as_ref().is_some_and(|d| *d != guest.digest()) {
            return Err("checksum mismatch (file change by other user?)".to_owned());
        }
        let unlocks = self.delete.iter().any(|key| key == "lock");
        if !self.skip_lock && !unlocks {
            check_lock(guest)?;
        }
        if !world.quorate {
            let (node, vmid) = (&self.node, self.vmid);
            return Err(format!(
                "unable to open file '/etc/pve/nodes/{node}/qemu-server/{vmid}.conf.tmp.2002' - Permission denied"
            ));
        }
        let drives: BTreeMap<String, String> = self
            .set
            .iter()
            .filter(|(key, value)| is_disk(key) && guest.wanted(key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let others: BTreeMap<String, Option<String>> = self
            .set
            .iter()
            .filter(|(key, _)| !is_disk(key))
            .map(|(key, value)| (key.clone(), Some(stored(key, value))))
            .collect();
        let made = drives::make(world, &self.node, self.vmid, &drives)?;
        let mut changes = others;
        changes.extend(made.values.into_iter().map(|(key, value)| (key, Some(value))));
        changes.extend(self.delete.iter().map(|key| (key.clone(), None)));
        if let Ok(guest) = world.guest_on_mut(&self.node, self.vmid) {
            guest.pending.retain(|key, _| !self.revert.contains(key));
        }
        let doomed = self.doomed(world);
        state::change(world, self.vmid, changes);
        for volid in doomed {
            self.free(world, &volid);
        }
        Ok(made.log)
    }

    /// Volumes that `force` frees at once instead of keeping them as unused.
    fn doomed(&self, world: &World) -> Vec<String> {
        let guest = world.guests.get(&self.vmid).filter(|_| self.force);
        let deleted = |key: &str| self.delete.iter().any(|d| d == key);
        guest
            .iter()
            .flat_map(|g| g.volumes())
            .filter(|(key, _)| deleted(key))
            .map(|(_, volid)| volid.to_owned())
            .collect()
    }

    fn free(&self, world: &mut World, volid: &str) {
        let slot = world.guests.get(&self.vmid).and_then(|guest| {
            let mut unused = guest.volumes().filter(|(key, _)| key.starts_with("unused"));
            unused.find(|(_, v)| *v == volid).map(|(key, _)| key.to_owned())
        });
        if let Some(slot) = slot {
            state::change(world, self.vmid, BTreeMap::from([(slot, None)]));
        }
    }

    fn summary(&self) -> String {
        let set = self.set.iter().map(|(key, value)| format!("-{key} {value}"));
        let delete = self.delete.iter().map(|key| format!("-delete {key}"));
        set.chain(delete).collect::<Vec<_>>().join(" ")
    }
}

/// A value as it is stored: tags in order, cards with a MAC address.
fn stored(key: &str, value: &str) -> String {
    if key == "tags" {
        normalize_tags(value)
    } else if is_net(key) {
        with_mac(value, false)
    } else if key == "vmgenid" && value == "1" {
        uuid::Uuid::new_v4().to_string()
    } else {
        value.to_owned()
    }
}
