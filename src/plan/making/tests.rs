use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::api::DesiredPower;
use crate::api::conditions::reason;
use crate::model::{
    Disk, GuestConfig, GuestId, GuestKind, GuestRow, NodeName, NodeRow, Power, StorageRow, Volume,
};
use crate::plan::desired::{Desired, DesiredDisk, DesiredMedium, DesiredNic, Origin};
use crate::plan::identity::Mark;

fn node() -> NodeName {
    "pve1".parse().unwrap()
}

fn number(n: u32) -> GuestId {
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

fn row(id: u32, name: &str, node: &str) -> GuestRow {
    GuestRow {
        id: number(id),
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
    guests: BTreeMap<GuestId, Arc<GuestRow>>,
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
        guests: guests.into_iter().map(|r| (r.id, Arc::new(r))).collect(),
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
    let material = source.map_or(Material::None, |(row, config)| Material::Machine(row, config));
    made_of(desired, isos, material)
}

fn made_of(desired: &Desired, isos: Option<&[Volume]>, material: Material<'_>) -> Result<Make, Missing> {
    let world = world();
    let node = node();
    let site = Site {
        node: &node,
        view: world.view(),
        isos,
        material,
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
        guest: None,
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
    let found = |origin| source(&desired(origin), world.view()).map(|row| row.map(|r| r.id));
    assert_eq!(found(Origin::CloneOf(number(9000))), Ok(Some(number(9000))));
    assert_eq!(
        found(Origin::CloneOfName("debian".into())),
        Ok(Some(number(9000)))
    );
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

fn archived() -> Volume {
    Volume {
        id: "local:backup/vzdump-qemu-101-2026_11_22-03_19_27.vma.zst"
            .parse()
            .unwrap(),
        content: "backup".into(),
        size: 1,
        guest: Some(number(101)),
        created: None,
    }
}

fn restored(
    wanted: &Desired,
    config: &GuestConfig,
    volume: &Volume,
) -> Result<crate::model::RestoreGuest, Missing> {
    match made_of(wanted, None, Material::Archive(volume, config))? {
        Make::Restore(call) => Ok(call),
        other => panic!("{other:?}"),
    }
}

#[test]
fn restored_guest_carries_a_sealed_mark_and_its_addresses_only_under_its_own_number() {
    let mut wanted = desired(Origin::Restore(archived().id));
    wanted.disks[0].storage = None;
    let mut config = template(4 << 30);
    config.description = "of the archive".into();
    let call = restored(&wanted, &config, &archived()).unwrap();
    assert_eq!(call.description, mark().sealed(Uuid::from_u128(1)).to_string());
    assert_eq!((call.uuid, call.new_addresses), (Uuid::from_u128(1), true));
    assert_eq!(call.storage, None);
    let same = Volume {
        guest: Some(number(105)),
        ..archived()
    };
    assert!(!restored(&wanted, &config, &same).unwrap().new_addresses);
}

#[test]
fn archive_that_can_not_be_restored_here_is_caught_before_the_call() {
    let wanted = desired(Origin::Restore(archived().id));
    let refused = |wanted: &Desired, config: &GuestConfig| restored(wanted, config, &archived()).unwrap_err();
    assert_eq!(
        refused(&wanted, &template(32 << 30)).reason,
        reason::DISK_WOULD_SHRINK
    );

    let mut elsewhere = wanted.clone();
    elsewhere.disks.clear();
    let mut config = template(4 << 30);
    let disk = Disk::plain("ceph:vm-101-disk-0".parse().unwrap(), Some(4 << 30));
    config.next.disks.insert("scsi0".into(), disk);
    let missing = refused(&elsewhere, &config);
    assert_eq!(missing.reason, reason::STORAGE_NOT_FOUND);
    assert!(missing.message.contains("spec.disks"), "{}", missing.message);

    let mut config = template(4 << 30);
    config.template = true;
    assert_eq!(refused(&wanted, &config).reason, reason::INVALID_SPEC);
}

#[test]
fn archive_is_one_of_a_machine_that_the_storage_shows() {
    let wanted = desired(Origin::Restore(archived().id));
    let there = [archived()];
    assert_eq!(
        archive(&wanted, &there).unwrap().map(|v| &v.id),
        Some(&archived().id)
    );
    let missing = archive(&wanted, &[]).unwrap_err();
    assert_eq!(missing.reason, reason::ARCHIVE_NOT_FOUND);
    let container = desired(Origin::Restore(
        "local:backup/vzdump-lxc-101-2026_11_22-03_19_27.tar.zst"
            .parse()
            .unwrap(),
    ));
    assert_eq!(
        archive(&container, &there).unwrap_err().reason,
        reason::INVALID_SPEC
    );
    assert_eq!(archive(&desired(Origin::Blank), &[]).unwrap(), None);
}
