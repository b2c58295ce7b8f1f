//! Shows and changes a container's configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    Call, check_digest, check_lock, check_protection, check_writable, container, lock_file, mounts, rights,
};
use crate::state::{Config, World, change_container, is_mount, shown_option, stored_option};
use crate::verify::ct_option_is_known;
use crate::wire::{ApiError, ApiResult, Reply};

/// Options that a container must have.
const REQUIRED: &[&str] = &["hostname", "memory", "rootfs"];

/// The configuration after the next start; with `current=1` the active one, with `snapshot` that of a snapshot.
pub(super) fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = container(&world, call.node(), call.vmid())?;
    let config = match call.text("snapshot") {
        Some(name) => {
            let found = guest.snapshots.get(name).cloned();
            found.ok_or_else(|| format!("snapshot '{name}' does not exist"))?
        }
        None if call.flag("current") => guest.config.clone(),
        None => guest.wanted_config(),
    };
    let mut shown = shown(&config);
    shown.insert("digest".to_owned(), Value::from(guest.digest()));
    Ok(Reply::data(shown))
}

/// Options as they go out.
pub(super) fn shown(config: &Config) -> Map<String, Value> {
    let options = config.iter();
    options
        .map(|(key, value)| (key.clone(), shown_option(key, value)))
        .collect()
}

/// A row for each option, digest included, with what waits.
pub(super) fn pending(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = container(&world, call.node(), call.vmid())?;
    let keys: BTreeSet<&String> = guest.config.keys().chain(guest.pending.keys()).collect();
    let mut rows = vec![json!({"key": "digest", "value": guest.digest()})];
    rows.extend(keys.into_iter().map(|key| {
        let mut row = json!({"key": key});
        if let Some(value) = guest.option(key) {
            row["value"] = shown_option(key, value);
        }
        match guest.pending.get(key) {
            Some(Some(value)) => row["pending"] = shown_option(key, value),
            Some(None) => row["delete"] = json!(1),
            None => {}
        }
        row
    }));
    Ok(Reply::data(rows))
}

/// `null` when it is done.
pub(super) async fn put(call: Call) -> ApiResult {
    let change = Change::of(&call)?;
    change.check(&call)?;
    let _lock = lock_file(&call.sim, call.vmid()).await?;
    let mut world = call.world();
    change.check_again(&world)?;
    change.plug_mounts(&world)?;
    change.apply(&mut world)?;
    Ok(Reply::null())
}

/// The options among the parameters.
pub(super) fn options_of(call: &Call) -> Config {
    let known = call.params.iter().filter(|(key, _)| ct_option_is_known(key));
    known.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What one request wants changed.
struct Change {
    node: String,
    vmid: u32,
    set: Config,
    delete: Vec<String>,
    revert: Vec<String>,
    digest: Option<String>,
}

impl Change {
    fn of(call: &Call) -> Result<Self, ApiError> {
        let change = Self {
            node: call.node().to_owned(),
            vmid: call.vmid(),
            set: options_of(call),
            delete: call.list("delete"),
            revert: call.list("revert"),
            digest: call.text("digest").map(str::to_owned),
        };
        let nothing = change.set.is_empty() && change.delete.is_empty() && change.revert.is_empty();
        if nothing {
            return Err(ApiError::internal("no options specified"));
        }
        for (name, keys) in [("delete", &change.delete), ("revert", &change.revert)] {
            for key in keys {
                if !ct_option_is_known(key) {
                    return Err(ApiError::parameter(name, format!("unknown option '{key}'")));
                }
                if change.set.contains_key(key) {
                    let text = format!("you can't use '-{key}' and -{name} {key}' at the same time");
                    return Err(ApiError::parameter(name, text));
                }
            }
        }
        Ok(change)
    }

    /// What is checked before the lock.
    fn check(&self, call: &Call) -> Result<(), ApiError> {
        let world = call.world();
        let guest = container(&world, &self.node, self.vmid).ok();
        let of = rights::Of {
            vmid: self.vmid,
            pool: None,
            unprivileged: guest.is_some_and(|guest| guest.option("unprivileged") == Some("1")),
            features: guest.and_then(|guest| guest.option("features")),
        };
        for key in &self.delete {
            rights::check(call, &world, of, key, None)?;
        }
        for key in &self.revert {
            // What it goes back to is what it is.
            rights::check(call, &world, of, key, guest.and_then(|guest| guest.option(key)))?;
        }
        for (key, value) in &self.set {
            rights::check(call, &world, of, key, Some(value))?;
        }
        for (_, value) in self.set.iter().filter(|(key, _)| is_mount(key)) {
            mounts::check(call, &world, value)?;
        }
        Ok(())
    }

    /// What is checked under the lock.
    fn check_again(&self, world: &World) -> Result<(), String> {
        let (node, vmid) = (self.node.as_str(), self.vmid);
        let guest = container(world, node, vmid)?;
        check_lock(guest)?;
        check_digest(guest, self.digest.as_deref())?;
        for key in &self.delete {
            if REQUIRED.contains(&key.as_str()) {
                return Err(format!("unable to delete required option '{key}'"));
            }
            if key == "unprivileged" {
                return Err(format!("unable to delete read-only option: '{key}'"));
            }
            if is_mount(key) || key.starts_with("unused") {
                check_protection(guest, &format!("can't remove CT {vmid} drive '{key}'"))?;
            }
        }
        for key in self.set.keys() {
            if ["unprivileged", "template"].contains(&key.as_str()) {
                return Err(format!("unable to modify read-only option: '{key}'"));
            }
            if is_mount(key) {
                check_protection(guest, &format!("can't update CT {vmid} drive '{key}'"))?;
            }
        }
        check_writable(world, node, vmid)
    }

    /// A running container may not take a mount point. Nothing is kept of it then.
    fn plug_mounts(&self, world: &World) -> Result<(), ApiError> {
        let guest = container(world, &self.node, self.vmid)?;
        let Some(trouble) = guest.mount_trouble.as_deref().filter(|_| guest.is_running()) else {
            return Ok(());
        };
        match self.set.keys().find(|key| is_mount(key) && *key != "rootfs") {
            Some(key) => Err(ApiError::parameter(
                key,
                format!("unable to hotplug {key}: {trouble}\n"),
            )),
            None => Ok(()),
        }
    }

    fn apply(&self, world: &mut World) -> Result<(), String> {
        let (node, vmid) = (self.node.as_str(), self.vmid);
        let mut changes: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (key, value) in &self.set {
            let value = if is_mount(key) {
                mounts::make(world, node, vmid, value)?.value
            } else {
                value.clone()
            };
            changes.insert(key.clone(), Some(stored_option(key, &value)));
        }
        changes.extend(self.delete.iter().map(|key| (key.clone(), None)));
        if let Some(guest) = world.guests.get_mut(&vmid) {
            guest.pending.retain(|key, _| !self.revert.contains(key));
        }
        change_container(world, vmid, changes);
        Ok(())
    }
}
