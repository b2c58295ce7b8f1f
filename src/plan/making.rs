//! How a guest is made: what must hold before the call is sent, and the call itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use uuid::Uuid;

use crate::api::Size;
use crate::api::conditions::reason;
use crate::model::{
    Change, CloneGuest, CreateGuest, GuestAddress, GuestConfig, GuestKind, GuestRow, NodeName, NodeRow,
    StorageRow, Vmid, Volume,
};
use crate::plan::desired::{Desired, Origin};
use crate::plan::guest;
use crate::plan::identity::Mark;

/// The call that makes the guest.
#[derive(Clone, Debug, PartialEq)]
pub enum Make {
    /// An empty machine.
    Create(CreateGuest),
    /// A copy.
    Clone(CloneGuest),
}

/// What is not there, or does not fit: nothing is sent until a person mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The reason for the condition.
    pub reason: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Missing {
    fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// What the cluster's bulk list showed last.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Guests by number.
    pub guests: &'a BTreeMap<Vmid, Arc<GuestRow>>,
    /// Nodes.
    pub nodes: &'a [NodeRow],
    /// Storages, one row a node that has it.
    pub storages: &'a [StorageRow],
}

/// What is known of the host for making a guest.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The node that is to have the guest.
    pub node: &'a NodeName,
    /// The cluster.
    pub view: View<'a>,
    /// The ISO images on the storage that the spec names; `None` where it names none.
    pub isos: Option<&'a [Volume]>,
    /// The machine to copy, with its configuration; `None` for a blank one.
    pub source: Option<(&'a GuestRow, &'a GuestConfig)>,
}

/// The storage whose ISO images must be known before `make` can decide.
#[must_use]
pub fn iso_storage(desired: &Desired) -> Option<&str> {
    desired.iso().map(crate::model::VolumeId::storage)
}

/// Checks that the node can take a guest at all.
pub fn check_node(node: &NodeName, view: View<'_>) -> Result<(), Missing> {
    match view.nodes.iter().find(|row| row.name == *node) {
        Some(row) if row.online => Ok(()),
        Some(_) => Err(Missing::new(
            reason::NODE_OFFLINE,
            format!("node {node} is offline; the machine is made when it is back"),
        )),
        None => Err(Missing::new(
            reason::NODE_NOT_FOUND,
            format!("the cluster has no node {node}"),
        )),
    }
}

/// Finds the machine to copy.
pub fn source<'a>(desired: &Desired, view: View<'a>) -> Result<Option<&'a GuestRow>, Missing> {
    let machines = || {
        view.guests
            .values()
            .map(Arc::as_ref)
            .filter(|row| row.kind == GuestKind::VirtualMachine)
    };
    match &desired.origin {
        Origin::Blank => Ok(None),
        Origin::CloneOf(vmid) => machines().find(|row| row.vmid == *vmid).map(Some).ok_or_else(|| {
            let message = format!(
                "the cluster shows no machine {vmid} to copy (spec.source.clone.vmid); if it exists, the token \
                 lacks VM.Audit on /vms/{vmid}"
            );
            Missing::new(reason::SOURCE_NOT_FOUND, message)
        }),
        Origin::CloneOfResource(name) => {
            let message = format!(
                "there is no VirtualMachine '{name}' in this namespace that has its machine on this cluster (spec.source.clone.ref)"
            );
            Err(Missing::new(reason::SOURCE_NOT_FOUND, message))
        }
        Origin::CloneOfName(name) => {
            let named: Vec<&GuestRow> = machines()
                .filter(|row| row.name.as_deref() == Some(name))
                .collect();
            match named.as_slice() {
                [one] => Ok(Some(one)),
                [] => Err(Missing::new(
                    reason::SOURCE_NOT_FOUND,
                    format!("the cluster shows no machine named '{name}' to copy (spec.source.clone.name)"),
                )),
                several => {
                    let numbers: Vec<String> = several.iter().map(|row| row.vmid.to_string()).collect();
                    let message = format!(
                        "several machines are named '{name}' ({}): name one by spec.source.clone.vmid",
                        numbers.join(", ")
                    );
                    Err(Missing::new(reason::SOURCE_AMBIGUOUS, message))
                }
            }
        }
    }
}

/// Builds the call that makes the guest, or says what is not there.
pub fn make(
    desired: &Desired,
    site: Site<'_>,
    vmid: Vmid,
    identity: Uuid,
    mark: &Mark,
) -> Result<Make, Missing> {
    check_node(site.node, site.view)?;
    if let (Some(iso), Some(isos)) = (desired.iso(), site.isos)
        && !isos.iter().any(|volume| volume.id == *iso)
    {
        let message = format!(
            "node {} has no ISO image {iso} (spec.cdrom.iso); upload it, or name one of: {}",
            site.node,
            listed(isos.iter().map(|v| v.id.to_string()))
        );
        return Err(Missing::new(reason::ISO_NOT_FOUND, message));
    }
    let at = GuestAddress {
        node: site.node.clone(),
        vmid,
    };
    match site.source {
        None => create(desired, site, at, identity, mark).map(Make::Create),
        Some((row, config)) => clone(desired, site, at, row, config, mark).map(Make::Clone),
    }
}

fn create(
    desired: &Desired,
    site: Site<'_>,
    at: GuestAddress,
    identity: Uuid,
    mark: &Mark,
) -> Result<CreateGuest, Missing> {
    let invalid = |message: String| Missing::new(reason::INVALID_SPEC, message);
    if desired.memory_mib.is_none() {
        return Err(invalid(
            "neither spec.memory nor the class says how much memory the machine gets".to_owned(),
        ));
    }
    let mut changes = guest::from_nothing(desired);
    if let Some(nic) = desired.nics.iter().find(|nic| nic.bridge.is_none()) {
        return Err(invalid(format!(
            "spec.{} is absent, and neither the class nor the host has a default bridge",
            nic.field("bridge")
        )));
    }
    for disk in &desired.disks {
        let copied = disk.copy_of.as_ref().map(|_| 0);
        let bytes = disk.size.or(copied).ok_or_else(|| {
            let field = disk.field("size");
            invalid(format!(
                "neither spec.{field} nor the class says how large the disk is"
            ))
        })?;
        let storage = disk.storage.clone().ok_or_else(|| {
            let field = disk.field("storage");
            invalid(format!(
                "spec.{field} is absent, and neither the class nor the host has a default storage"
            ))
        })?;
        check_storage(&storage, site)?;
        changes.push(Change::AddDisk(guest::new_disk(disk, storage, bytes)));
    }
    Ok(CreateGuest {
        at,
        name: desired.name.clone(),
        description: described(desired, &mark.clone().sealed(identity)),
        uuid: identity,
        pool: desired.pool.clone(),
        changes,
    })
}

fn clone(
    desired: &Desired,
    site: Site<'_>,
    at: GuestAddress,
    row: &GuestRow,
    config: &GuestConfig,
    mark: &Mark,
) -> Result<CloneGuest, Missing> {
    let source = row.vmid;
    if desired.copy.linked && !row.template {
        let message = format!(
            "machine {source} is no template, and a copy that holds only the differences (spec.source.clone.full: false) is made of \
             templates alone: make it one, or leave full out"
        );
        return Err(Missing::new(reason::INVALID_SPEC, message));
    }
    let mut storage = None;
    for want in &desired.disks {
        let Some(have) = config.next.disks.get(&want.slot) else {
            // One with a size is added to the copy.
            if let Some(home) = want
                .home
                .as_ref()
                .filter(|_| want.size.is_some() || want.copy_of.is_some())
            {
                check_storage(home, site)?;
                continue;
            }
            let message = format!(
                "machine {source} has no disk {} (spec.disks); it has: {}. To have one added to the copy, say how large it is to be",
                want.slot,
                listed(config.next.disks.keys().cloned())
            );
            return Err(Missing::new(reason::DISK_MISSING, message));
        };
        if let (Some(bytes), Some(size)) = (want.size, have.size)
            && bytes < size
        {
            let message = format!(
                "disk {} of machine {source} is {}, and a disk can't shrink to {}: ask for {} at least",
                want.slot,
                Size::of_bytes(size),
                Size::of_bytes(bytes),
                Size::of_bytes(size)
            );
            return Err(Missing::new(reason::DISK_WOULD_SHRINK, message));
        }
        if let Some(named) = &want.storage {
            check_storage(named, site)?;
            storage.get_or_insert_with(|| named.clone());
        }
    }
    if row.node != at.node {
        check_shared(config, site, row)?;
    }
    Ok(CloneGuest {
        source: GuestAddress {
            node: row.node.clone(),
            vmid: source,
        },
        at,
        name: desired.name.clone(),
        description: described(desired, mark),
        storage: storage.filter(|_| !desired.copy.linked),
        linked: desired.copy.linked,
        snapshot: desired.copy.snapshot.clone(),
        pool: desired.pool.clone(),
    })
}

/// People's notes with the mark.
fn described(desired: &Desired, mark: &Mark) -> String {
    mark.write_into(desired.settings.notes.as_deref().unwrap_or_default())
}

/// PVE copies to another node only from storage that both see (qemu-server, `clone_vm`).
fn check_shared(config: &GuestConfig, site: Site<'_>, row: &GuestRow) -> Result<(), Missing> {
    let local = config.next.disks.values().find(|disk| {
        !site
            .view
            .storages
            .iter()
            .any(|s| s.storage == disk.volume.storage() && s.node == row.node && s.shared)
    });
    let Some(disk) = local else { return Ok(()) };
    let message = format!(
        "machine {} is on node {} with disks on local storage {}: it can only be copied there; name that node's \
         host, or a source with disks on shared storage",
        row.vmid,
        row.node,
        disk.volume.storage()
    );
    Err(Missing::new(reason::SOURCE_NOT_FOUND, message))
}

fn check_storage(storage: &str, site: Site<'_>) -> Result<(), Missing> {
    let fit = |s: &&StorageRow| s.node == *site.node && s.content.iter().any(|c| c == "images");
    let rows = || site.view.storages.iter();
    match rows().find(|s| s.storage == storage && s.node == *site.node) {
        Some(row) if fit(&row) && row.available => Ok(()),
        Some(row) if fit(&row) => Err(Missing::new(
            reason::STORAGE_NOT_FOUND,
            format!("storage {storage} is not available on node {} now", site.node),
        )),
        found => {
            let problem = if found.is_some() {
                "holds no disks of machines"
            } else {
                "does not exist there"
            };
            let message = format!(
                "storage {storage} {problem} (node {}); name one of: {}",
                site.node,
                listed(rows().filter(fit).map(|s| s.storage.clone()))
            );
            Err(Missing::new(reason::STORAGE_NOT_FOUND, message))
        }
    }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    const MOST: usize = 10;
    let mut names: Vec<String> = names.collect();
    names.sort();
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let mut text = names.join(", ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::DesiredPower;
    use crate::model::{Disk, Power};
    use crate::plan::desired::{DesiredDisk, DesiredMedium, DesiredNic};
    use crate::plan::identity::Mark;

    fn node() -> NodeName {
        "pve1".parse().unwrap()
    }

    fn number(n: u32) -> Vmid {
        n.try_into().unwrap()
    }

    fn mark() -> Mark {
        Mark {
            cluster: "c".into(),
            kind: "VirtualMachine".into(),
            namespace: "default".into(),
            name: "web-1".into(),
            uid: "u".into(),
            id: number(105),
            uuid: None,
            released: false,
            adopted: false,
        }
    }

    fn desired(origin: Origin) -> Desired {
        Desired {
            name: "web-1".into(),
            named: true,
            origin,
            power: Some(DesiredPower::Running),
            grace_seconds: 60,
            force: true,
            memory_mib: Some(1024),
            disks: vec![DesiredDisk {
                slot: "scsi0".into(),
                size: Some(8 << 30),
                storage: Some("local-lvm".into()),
                ..DesiredDisk::default()
            }],
            nics: vec![DesiredNic {
                slot: "net0".into(),
                bridge: Some("vmbr0".into()),
                model: Some("virtio"),
                ..DesiredNic::default()
            }],
            ..Desired::default()
        }
    }

    fn row(vmid: u32, name: &str, node: &str) -> GuestRow {
        GuestRow {
            vmid: number(vmid),
            kind: GuestKind::VirtualMachine,
            node: node.parse().unwrap(),
            name: Some(name.into()),
            power: Power::Stopped,
            template: true,
            lock: None,
            cpus: 1,
            memory: 0,
            uptime: 0,
            tags: std::collections::BTreeSet::new(),
            pool: None,
            ha_state: None,
        }
    }

    struct World {
        guests: BTreeMap<Vmid, Arc<GuestRow>>,
        nodes: Vec<NodeRow>,
        storages: Vec<StorageRow>,
    }

    impl World {
        fn view(&self) -> View<'_> {
            View {
                guests: &self.guests,
                nodes: &self.nodes,
                storages: &self.storages,
            }
        }
    }

    fn world() -> World {
        let storage = |name: &str, content: &str| StorageRow {
            storage: name.into(),
            node: node(),
            plugin: "dir".into(),
            content: vec![content.into()],
            shared: false,
            available: true,
            capacity: 0,
        };
        let guests = [
            row(9000, "debian", "pve1"),
            row(9001, "twin", "pve1"),
            row(9002, "twin", "pve2"),
        ];
        World {
            guests: guests.into_iter().map(|r| (r.vmid, Arc::new(r))).collect(),
            nodes: vec![NodeRow {
                name: node(),
                online: true,
                cpus: 4,
                memory: 0,
                root_disk: 0,
            }],
            storages: vec![storage("local-lvm", "images"), storage("local", "iso")],
        }
    }

    fn template(size: u64) -> GuestConfig {
        let mut config = crate::plan::identity::fixtures::config(None, "");
        let disk = Disk::plain("local-lvm:base-9000-disk-0".parse().unwrap(), Some(size));
        config.next.disks.insert("scsi0".into(), disk);
        config
    }

    fn made(
        desired: &Desired,
        isos: Option<&[Volume]>,
        source: Option<(&GuestRow, &GuestConfig)>,
    ) -> Result<Make, Missing> {
        let world = world();
        let node = node();
        let site = Site {
            node: &node,
            view: world.view(),
            isos,
            source,
        };
        make(desired, site, number(105), Uuid::from_u128(1), &mark())
    }

    #[test]
    fn created_guest_carries_its_sealed_mark_from_the_first_moment() {
        let Ok(Make::Create(call)) = made(&desired(Origin::Blank), None, None) else {
            panic!("a create call");
        };
        assert_eq!(call.description, mark().sealed(Uuid::from_u128(1)).to_string());
        assert_eq!(call.uuid, Uuid::from_u128(1));
    }

    #[test]
    fn clone_carries_its_mark_unsealed() {
        let wanted = desired(Origin::CloneOf(number(9000)));
        let (row, config) = (row(9000, "debian", "pve1"), template(4 << 30));
        let Ok(Make::Clone(call)) = made(&wanted, None, Some((&row, &config))) else {
            panic!("a clone call");
        };
        assert_eq!(call.description, mark().to_string());
    }

    #[test]
    fn disk_that_would_shrink_is_caught_before_the_clone() {
        let wanted = desired(Origin::CloneOf(number(9000)));
        let (row, config) = (row(9000, "debian", "pve1"), template(32 << 30));
        let missing = made(&wanted, None, Some((&row, &config))).unwrap_err();
        assert_eq!(missing.reason, reason::DISK_WOULD_SHRINK);
        assert!(missing.message.contains("32Gi"), "{}", missing.message);
    }

    #[test]
    fn missing_storage_or_iso_names_what_is_there() {
        let mut wanted = desired(Origin::Blank);
        wanted.disks[0].storage = Some("ceph".into());
        let missing = made(&wanted, None, None).unwrap_err();
        assert_eq!(missing.reason, reason::STORAGE_NOT_FOUND);
        assert!(missing.message.contains("local-lvm"), "{}", missing.message);

        let mut wanted = desired(Origin::Blank);
        wanted.medium = Some(DesiredMedium::Iso("local:iso/nosuch.iso".parse().unwrap()));
        let there = [Volume {
            id: "local:iso/debian.iso".parse().unwrap(),
            content: "iso".into(),
            size: 1,
            vmid: None,
            created: None,
        }];
        let missing = made(&wanted, Some(&there), None).unwrap_err();
        assert_eq!(missing.reason, reason::ISO_NOT_FOUND);
        assert!(
            missing.message.contains("local:iso/debian.iso"),
            "{}",
            missing.message
        );
    }

    #[test]
    fn source_is_found_by_number_or_by_a_name_that_only_one_has() {
        let world = world();
        let found = |origin| source(&desired(origin), world.view()).map(|row| row.map(|r| r.vmid.get()));
        assert_eq!(found(Origin::CloneOf(number(9000))), Ok(Some(9000)));
        assert_eq!(found(Origin::CloneOfName("debian".into())), Ok(Some(9000)));
        assert_eq!(
            found(Origin::CloneOf(number(8000))).unwrap_err().reason,
            reason::SOURCE_NOT_FOUND
        );
        assert_eq!(
            found(Origin::CloneOfName("twin".into())).unwrap_err().reason,
            reason::SOURCE_AMBIGUOUS
        );
    }

    #[test]
    fn clone_to_another_node_needs_shared_storage() {
        let wanted = desired(Origin::CloneOf(number(9002)));
        let (row, config) = (row(9002, "twin", "pve2"), template(4 << 30));
        let missing = made(&wanted, None, Some((&row, &config))).unwrap_err();
        assert!(missing.message.contains("pve2"), "{}", missing.message);
    }
}
