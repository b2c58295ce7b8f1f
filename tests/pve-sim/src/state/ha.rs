//! What the HA stack is told to keep running, and how far it has got.
//!
//! The configuration (`resources.cfg`, `groups.cfg`, `rules.cfg`) changes at once; what follows from it happens later, when
//! the cluster's resource manager comes round.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::text_digest;
use super::guest::GuestKind;
use super::moment::Moment;
use super::world::World;

/// The HA stack's files and what it has done about them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Ha {
    /// By `vm:100` or `ct:100`.
    pub(crate) resources: BTreeMap<String, Section>,
    /// Until 8.4.
    pub(crate) groups: BTreeMap<String, Section>,
    /// From 9 on.
    pub(crate) rules: BTreeMap<String, Section>,
    /// What the manager has come to know of each resource; one that isn't here is still queued.
    pub(crate) known: BTreeMap<String, String>,
    /// Orders to move that wait for the manager: the node by resource.
    #[serde(default)]
    pub(crate) moves: BTreeMap<String, String>,
    /// Nodes that the manager has found lost, and when.
    #[serde(default)]
    pub(crate) lost: BTreeMap<String, Moment>,
    /// What happens to resources while the stack is disarmed: `freeze` or `ignore`.
    pub(crate) disarmed: Option<String>,
}

/// A section of a file, options by name.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Section {
    /// When it was added, as a running number: files keep their order.
    pub(crate) order: usize,
    pub(crate) options: BTreeMap<String, String>,
}

impl Section {
    /// The state that a resource is to be in.
    pub(crate) fn requested(&self) -> &str {
        match self.options.get("state").map_or("started", String::as_str) {
            "enabled" => "started",
            other => other,
        }
    }
}

/// The name of a guest for the HA stack.
pub(crate) fn service(kind: GuestKind, vmid: u32) -> String {
    match kind {
        GuestKind::Qemu => format!("vm:{vmid}"),
        GuestKind::Lxc => format!("ct:{vmid}"),
    }
}

/// The digest of one of the files.
pub(crate) fn file_digest(sections: &BTreeMap<String, Section>) -> String {
    text_digest(&format!("{sections:?}"))
}

/// Adds a section at the end of a file.
pub(crate) fn add_section(
    sections: &mut BTreeMap<String, Section>,
    name: &str,
    options: BTreeMap<String, String>,
) {
    let last = sections.values().map(|section| section.order).max();
    let order = last.map_or(1, |last| last + 1);
    sections.insert(name.to_owned(), Section { order, options });
}

impl World {
    /// The resource that a guest is, if the HA stack cares for it (`PVE::HA::Config::vm_is_ha_managed`).
    pub(crate) fn ha_resource(&self, vmid: u32) -> Option<(String, &Section)> {
        if self.ha.resources.is_empty() {
            return None;
        }
        let sid = service(self.guests.get(&vmid)?.kind, vmid);
        let section = self.ha.resources.get(&sid)?;
        Some((sid, section))
    }

    /// Whether orders to a guest go by way of the HA stack.
    pub(crate) fn ha_manages(&self, vmid: u32) -> bool {
        let resource = self.ha_resource(vmid);
        resource.is_some_and(|(_, section)| section.requested() != "ignored")
    }

    /// Whether a guest is in the HA stack's files at all, in whichever state.
    pub(crate) fn ha_knows(&self, vmid: u32) -> bool {
        let sids = [GuestKind::Qemu, GuestKind::Lxc].map(|kind| service(kind, vmid));
        sids.iter().any(|sid| self.ha.resources.contains_key(sid))
    }

    /// The state that the manager shows of a guest.
    pub(crate) fn ha_state(&self, vmid: u32) -> Option<&str> {
        let (sid, _) = self.ha_resource(vmid)?;
        self.ha.known.get(&sid).map(String::as_str)
    }

    /// What `status/current` says of it under `ha`: `state` is null until the manager knows the guest.
    pub(crate) fn ha_view(&self, vmid: u32) -> Value {
        match self.ha_resource(vmid) {
            None => json!({"managed": 0}),
            Some(_) => json!({"managed": 1, "state": self.ha_state(vmid)}),
        }
    }

    /// Forgets a guest, as its removal with `purge` does. Rules lose it too, and go when they have nothing else.
    pub(crate) fn ha_forget(&mut self, vmid: u32) {
        for sid in [GuestKind::Qemu, GuestKind::Lxc].map(|kind| service(kind, vmid)) {
            self.ha.resources.remove(&sid);
            self.ha.known.remove(&sid);
            self.ha.moves.remove(&sid);
            self.ha.rules.retain(|_, rule| {
                let resources = rule.options.get("resources").cloned().unwrap_or_default();
                let left: Vec<&str> = resources.split(',').filter(|r| *r != sid).collect();
                rule.options.insert("resources".to_owned(), left.join(","));
                !left.is_empty()
            });
        }
    }

    /// Puts a guest on another node, with its volumes.
    pub(crate) fn relocate(&mut self, vmid: u32, node: &str) {
        let Some(guest) = self.guests.get_mut(&vmid) else {
            return;
        };
        let from = std::mem::replace(&mut guest.node, node.to_owned());
        let volumes: Vec<String> = guest.volumes().map(|(_, volid)| volid.to_owned()).collect();
        for volid in volumes {
            if let Some(mut volume) = self.free_volume(&from, &volid) {
                node.clone_into(&mut volume.node);
                self.add_volume(volume);
            }
        }
    }
}
