//! One change of a configuration: its checks, and how it is carried out (qemu-server, `$update_vm_api` in
//! `PVE::API2::Qemu`).

use std::collections::BTreeMap;

use super::drives::{self, Owner};
use super::values::{check_keys, stored};
use super::{Call, check_lock, rights};
use crate::release::Release;
use crate::state::{self, Changes, Config, World, drive_property, drive_volume, is_disk};
use crate::verify::option_is_known;
use crate::wire::ApiError;

/// A change that passed all checks that come before the lock.
pub(super) struct Change {
    release: Release,
    node: String,
    vmid: u32,
    set: Config,
    delete: Vec<String>,
    revert: Vec<String>,
    digest: Option<String>,
    skip_lock: bool,
    force: bool,
    /// As it is logged.
    summary: String,
}

/// Why a change was not carried out, or not wholly.
pub(super) enum Refused {
    /// A sentence.
    Whole(String),
    /// What could not be plugged or unplugged, by option.
    Parts(BTreeMap<String, String>),
}

impl From<String> for Refused {
    fn from(sentence: String) -> Self {
        Self::Whole(sentence)
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Whole(sentence) => Self::internal(sentence),
            Refused::Parts(errors) => Self::parameters(errors),
        }
    }
}

impl Refused {
    /// As a task ends with it.
    pub(super) fn into_exit(self) -> String {
        match self {
            Self::Whole(sentence) => sentence,
            Self::Parts(errors) => {
                let parts = errors
                    .iter()
                    .map(|(key, error)| format!("{key}: {}", error.trim_end()));
                format!(
                    "400 Parameter verification failed. {}",
                    parts.collect::<Vec<_>>().join(" ")
                )
            }
        }
    }
}

impl Change {
    /// The change that a call orders.
    pub(super) fn of(call: &Call) -> Result<Self, ApiError> {
        let mut set: Config = call
            .params
            .iter()
            .filter(|(key, _)| option_is_known(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let summary = summary(&set, &call.list("delete"));
        drives::resolve_cdrom(&mut set);
        let delete = call.list("delete").into_iter();
        let delete = delete.map(|key| if key == "cdrom" { "ide2".to_owned() } else { key });
        let change = Self {
            release: call.release(),
            node: call.node().to_owned(),
            vmid: call.vmid(),
            set,
            delete: delete.collect(),
            revert: call.list("revert"),
            digest: call.text("digest").map(str::to_owned),
            skip_lock: call.flag("skiplock"),
            force: call.flag("force"),
            summary,
        };
        change.check(call)?;
        Ok(change)
    }

    /// The removal of drives.
    pub(super) fn unlinking(call: &Call, drives: Vec<String>) -> Result<Self, ApiError> {
        let change = Self {
            release: call.release(),
            node: call.node().to_owned(),
            vmid: call.vmid(),
            set: Config::new(),
            summary: summary(&Config::new(), &drives),
            delete: drives,
            revert: Vec::new(),
            digest: None,
            skip_lock: false,
            force: call.flag("force"),
        };
        change.check(call)?;
        Ok(change)
    }

    fn check(&self, call: &Call) -> Result<(), ApiError> {
        if self.skip_lock && !call.caller.is_root() {
            return Err(ApiError::parameter("skiplock", "Only root may use this option."));
        }
        check_keys(&self.set)?;
        if self.set.is_empty() && self.delete.is_empty() && self.revert.is_empty() {
            return Err(ApiError::internal("no options specified"));
        }
        for key in &self.revert {
            if !option_is_known(key) {
                return Err(ApiError::parameter("revert", format!("unknown option '{key}'")));
            }
            if self.set.contains_key(key) {
                let text = format!("you can't use '-{key}' and '-revert {key}' at the same time");
                return Err(ApiError::parameter("delete", text));
            }
        }
        for key in &self.delete {
            if self.set.contains_key(key) {
                let text = format!("you can't use '-{key}' and -delete {key}' at the same time");
                return Err(ApiError::parameter("delete", text));
            }
            if self.revert.contains(key) {
                let text = format!("you can't use '-delete {key}' and '-revert {key}' at the same time");
                return Err(ApiError::parameter("revert", text));
            }
            if !option_is_known(key) && !matches!(key.as_str(), "vmstate" | "parent") {
                return Err(ApiError::parameter("delete", format!("unknown option '{key}'")));
            }
        }
        let world = call.world();
        let nothing = Config::new();
        let present = world.guest_on(&self.node, self.vmid).map(|guest| &guest.config);
        rights::check(call, &world, &self.set, &self.delete, present.unwrap_or(&nothing))?;
        for (key, value) in self.set.iter().filter(|(key, _)| is_disk(key)) {
            drives::check(&world, call, key, value)?;
        }
        rights::check_bridges(call, &world, &self.set)
    }

    /// What is checked under the lock, before anything is done; reverted options are looked up.
    pub(super) fn check_guest(&mut self, world: &World) -> Result<(), String> {
        let guest = world.guest_on(&self.node, self.vmid)?;
        if self.digest.as_ref().is_some_and(|d| *d != guest.digest()) {
            return Err("checksum mismatch (file change by other user?)".to_owned());
        }
        // The state of a suspended guest may be thrown away, and its lock with it.
        let discards = self.delete.iter().any(|key| key == "vmstate");
        if discards && guest.lock() == Some("suspended") {
            let with = ["lock", "runningmachine", "runningcpu"];
            let present = with.iter().filter(|key| guest.config.contains_key(**key));
            self.delete.extend(present.map(|key| (*key).to_owned()));
        } else if !self.skip_lock {
            check_lock(guest)?;
        }
        if !world.quorate {
            let (node, vmid) = (&self.node, self.vmid);
            return Err(format!(
                "unable to open file '/etc/pve/nodes/{node}/qemu-server/{vmid}.conf.tmp.2002' - Permission denied"
            ));
        }
        if self.set.contains_key("memory") || self.set.contains_key("balloon") {
            let wanted = |key: &str| {
                self.set
                    .get(key)
                    .map(String::as_str)
                    .or_else(|| guest.wanted(key))
            };
            let number = |text: &str| text.trim_start_matches("current=").parse::<u64>().unwrap_or(512);
            let memory = number(wanted("memory").unwrap_or("512"));
            if wanted("balloon").is_some_and(|balloon| number(balloon) > memory) {
                return Err("balloon value too large (must be smaller than assigned memory)".to_owned());
            }
        }
        Ok(())
    }

    /// Changes the guest, and gives back what is logged.
    pub(super) fn apply(&self, world: &mut World) -> Result<Vec<String>, Refused> {
        let mut log = Vec::new();
        let mut changes: BTreeMap<String, Option<String>> = BTreeMap::new();
        self.forget_reverted(world)?;
        for key in &self.delete {
            self.remove(world, key, &mut changes, &mut log)?;
        }
        let guest = world.guest_on(&self.node, self.vmid)?;
        let drives: BTreeMap<String, String> = self
            .set
            .iter()
            .filter(|(key, value)| is_disk(key) && guest.wanted(key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        for (key, value) in self.set.iter().filter(|(key, _)| !is_disk(key)) {
            changes.insert(key.clone(), stored(self.release, key, value));
        }
        self.check_boot(world)?;
        let config = guest.wanted_config();
        let owner = Owner {
            node: &self.node,
            vmid: self.vmid,
            config: &config,
        };
        let made = drives::make(world, &owner, &drives)?;
        log.extend(made.log);
        self.keep_replaced(world, &made.values);
        changes.extend(made.values.into_iter().map(|(key, value)| (key, Some(value))));
        self.order_boot(world, &mut changes);
        let changes = Changes {
            options: changes,
            force: self.force,
        };
        let failed = state::change(world, self.vmid, changes);
        if failed.is_empty() {
            Ok(log)
        } else {
            Err(Refused::Parts(failed))
        }
    }

    /// What waited for the next start is not wanted any more; a new volume of it is kept as unused.
    fn forget_reverted(&self, world: &mut World) -> Result<(), String> {
        let guest = world.guest_on_mut(&self.node, self.vmid)?;
        for key in &self.revert {
            if let Some(Some(value)) = guest.pending.remove(key)
                && is_disk(key)
                && guest.option(key).map(drive_volume) != Some(drive_volume(&value))
            {
                guest.keep_unused(drive_volume(&value));
            }
        }
        Ok(())
    }

    /// Marks an option for removal. Unused volumes and saved states go at once.
    fn remove(
        &self,
        world: &mut World,
        key: &str,
        changes: &mut BTreeMap<String, Option<String>>,
        log: &mut Vec<String>,
    ) -> Result<(), Refused> {
        let guest = world.guest_on(&self.node, self.vmid)?;
        let waiting = guest.pending.get(key).cloned().flatten();
        let Some(value) = guest.option(key).map(str::to_owned).or_else(|| waiting.clone()) else {
            log.push(format!(
                "cannot delete '{key}' - not set in current configuration!"
            ));
            return Ok(());
        };
        let volid = drive_volume(&value).to_owned();
        let is_protected = guest.option("protection") == Some("1");
        let protected =
            |what: String| Refused::Whole(format!("can't remove {what} - protection mode enabled"));
        if key.starts_with("unused") {
            if is_protected {
                return Err(protected(format!("unused disk '{volid}'")));
            }
            if guest.uses_elsewhere(key, &volid) {
                return Err(in_use(&volid));
            }
        } else if is_disk(key) {
            if is_protected {
                return Err(protected(format!("drive '{key}'")));
            }
            let is_cd = drive_property(&value, "media") == Some("cdrom");
            if self.force && !is_cd && guest.uses_elsewhere(key, &volid) {
                return Err(in_use(&volid));
            }
        } else if key == "vmstate" {
            world.free_volume(&self.node, &volid);
        }
        let guest = world.guest_on_mut(&self.node, self.vmid)?;
        guest.pending.remove(key);
        if waiting.is_some() && is_disk(key) && guest.option(key).is_none() {
            guest.keep_unused(&volid);
        }
        if guest.config.contains_key(key) {
            changes.insert(key.to_owned(), None);
        }
        Ok(())
    }

    /// A drive that waited for the next start and is replaced by another is kept as unused.
    fn keep_replaced(&self, world: &mut World, made: &BTreeMap<String, String>) {
        let Some(guest) = world.guests.get_mut(&self.vmid) else {
            return;
        };
        for (key, value) in made {
            let waiting = guest.pending.get(key).cloned().flatten();
            let replaced = waiting.filter(|old| drive_volume(old) != drive_volume(value));
            if let Some(old) = replaced.filter(|old| drive_property(old, "media") != Some("cdrom")) {
                guest.keep_unused(drive_volume(&old));
            }
        }
    }

    fn check_boot(&self, world: &World) -> Result<(), String> {
        let guest = world.guest_on(&self.node, self.vmid)?;
        let Some(order) = self.set.get("boot").and_then(|boot| boot.strip_prefix("order=")) else {
            return Ok(());
        };
        let exists = |device: &str| {
            let wanted = self.set.contains_key(device)
                || guest.config.contains_key(device)
                || guest.pending.get(device).is_some_and(Option::is_some);
            wanted && !self.delete.iter().any(|deleted| deleted == device)
        };
        let mut devices = order.split(';').filter(|device| !device.is_empty());
        match devices.find(|device| !exists(device)) {
            None => Ok(()),
            // The apostrophe at the end is Proxmox's.
            Some(device) => Err(format!("invalid bootorder: device '{device}' does not exist'")),
        }
    }

    /// Devices that go are not booted from; new CDs are, last.
    fn order_boot(&self, world: &World, changes: &mut BTreeMap<String, Option<String>>) {
        let Some(guest) = world.guests.get(&self.vmid) else {
            return;
        };
        if self.set.contains_key("boot") {
            if guest.config.contains_key("bootdisk") {
                changes.insert("bootdisk".to_owned(), None);
            }
            return;
        }
        let order = guest.wanted("boot").and_then(|boot| boot.strip_prefix("order="));
        let Some(order) = order.filter(|_| !changes.contains_key("boot")) else {
            return;
        };
        let mut devices: Vec<&str> = order.split(';').collect();
        let before = devices.clone();
        devices.retain(|device| changes.get(*device) != Some(&None));
        let is_new_cd = |(key, value): &(&String, &Option<String>)| {
            is_disk(key) && value.as_deref().is_some_and(rights::is_plain_cdrom)
        };
        let cds = changes.iter().filter(is_new_cd).map(|(key, _)| key.as_str());
        let cds: Vec<&str> = cds.filter(|cd| !before.contains(cd)).collect();
        devices.extend(cds);
        if devices != before {
            let boot = print_boot_order(&devices);
            changes.insert("boot".to_owned(), Some(boot));
        }
    }

    pub(super) fn summary(&self) -> &str {
        &self.summary
    }
}

/// A blank when there is nothing to boot from: an empty line of the file is read so.
pub(super) fn print_boot_order(devices: &[&str]) -> String {
    if devices.is_empty() {
        " ".to_owned()
    } else {
        format!("order={}", devices.join(";"))
    }
}

fn in_use(volid: &str) -> Refused {
    Refused::Whole(format!(
        "unable to delete '{volid}' - volume is still in use (snapshot?)"
    ))
}

/// As the log has it; of a password nothing is said.
fn summary(set: &Config, delete: &[String]) -> String {
    let mut words: BTreeMap<&str, String> = BTreeMap::new();
    for (key, value) in set {
        let shown = if key == "cipassword" { "<hidden>" } else { value };
        words.insert(key, format!("-{key} {shown}"));
    }
    if !delete.is_empty() {
        words.insert("delete", format!("-delete {}", delete.join(",")));
    }
    words.into_values().collect::<Vec<_>>().join(" ")
}
