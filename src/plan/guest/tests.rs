//! The plan for a guest as a whole.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::api::DesiredPower;
use crate::model::{Disk, Nic, NicSettings, PowerState};
use crate::plan::desired::{DesiredDisk, DesiredNic};

fn desired() -> Desired {
    Desired {
        name: "web-1".into(),
        named: true,
        power: Some(DesiredPower::Running),
        grace_seconds: 60,
        force: true,
        cores: Some(2),
        memory_mib: Some(2048),
        agent: Some(true),
        disks: vec![DesiredDisk {
            slot: "scsi0".into(),
            size: Some(8 << 30),
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

fn hardware() -> Hardware {
    Hardware {
        sockets: 1,
        cores: 2,
        memory_mib: 2048,
        agent: true,
        disks: [(
            "scsi0".to_owned(),
            Disk::plain("local-lvm:vm-105-disk-0".parse().unwrap(), Some(8 << 30)),
        )]
        .into(),
        cdroms: BTreeMap::new(),
        nics: [(
            "net0".to_owned(),
            Nic {
                model: "virtio".into(),
                mac: Some("BC:24:11:00:00:01".into()),
                bridge: Some("vmbr0".into()),
                ..Nic::default()
            },
        )]
        .into(),
        ..Hardware::default()
    }
}

fn config(next: Hardware) -> GuestConfig {
    GuestConfig {
        digest: String::new(),
        lock: None,
        template: false,
        protection: false,
        name: Some("web-1".into()),
        description: String::new(),
        uuid: None,
        current: next.clone(),
        next,
        pending: vec![],
        raw: BTreeMap::new(),
    }
}

fn planned(desired: &Desired, config: &GuestConfig, power: PowerState) -> Plan {
    plan(
        desired,
        Seen {
            config,
            power,
            password_sent: None,
            managed: &Managed::default(),
            pool: SeenPool::Unknown,
            reboot: Reboot::No,
            high_availability: SeenHa::Unknown,
            moving: None,
        },
    )
}

#[test]
fn guest_that_is_as_declared_is_left_alone() {
    assert_eq!(
        planned(&desired(), &config(hardware()), PowerState::Running),
        Plan::default()
    );
}

#[test]
fn stopped_guest_is_configured_and_grown_before_it_is_started() {
    let mut small = hardware();
    small.cores = 1;
    small.disks.get_mut("scsi0").unwrap().size = Some(4 << 30);
    let plan = planned(&desired(), &config(small), PowerState::Stopped);
    assert_eq!(
        plan.actions,
        vec![
            Action::Configure(vec![Change::Cores(2)]),
            Action::GrowDisk {
                slot: "scsi0".into(),
                bytes: 8 << 30
            },
            Action::Start
        ]
    );
    let fields: Vec<&str> = plan.drift.iter().map(|d| d.field.as_str()).collect();
    assert_eq!(fields, ["cpu.cores", "disks[scsi0].size", "powerState"]);
}

#[test]
fn change_that_waits_for_a_reboot_is_not_sent_again() {
    let mut waiting = config(hardware());
    waiting.current.memory_mib = 1024;
    waiting.pending = vec!["memory".into()];
    let plan = planned(&desired(), &waiting, PowerState::Running);
    assert_eq!((plan.actions.len(), plan.pending.len()), (0, 1));
}

#[test]
fn reboot_follows_for_a_guest_that_runs_and_is_to_go_on() {
    let config = config(hardware());
    let reboots = |power, wanted, problem, waits: &[&str]| {
        let managed = Managed::default();
        let seen = Seen {
            config: &config,
            power,
            password_sent: None,
            managed: &managed,
            pool: SeenPool::Unknown,
            reboot: Reboot::No,
            high_availability: SeenHa::Unknown,
            moving: None,
        };
        let desired = Desired {
            power: wanted,
            ..desired()
        };
        let plan = Plan {
            actions: vec![Action::Configure(vec![Change::Cores(4)])],
            problem,
            ..Plan::default()
        };
        let pending = waits.iter().map(ToString::to_string).collect();
        reboots_after(&desired, seen, &plan, pending)
    };
    let (on, cores) = (Some(DesiredPower::Running), &["cores"][..]);
    let stuck = Problem::NoPlaceForCloudInit;
    for (name, expected, found) in [
        ("it runs", true, reboots(PowerState::Running, on, None, cores)),
        (
            "its power is left to people",
            true,
            reboots(PowerState::Running, None, None, cores),
        ),
        (
            "nothing waits",
            false,
            reboots(PowerState::Running, on, None, &[]),
        ),
        (
            "it is started with all",
            false,
            reboots(PowerState::Stopped, on, None, cores),
        ),
        (
            "it is brought down",
            false,
            reboots(PowerState::Running, Some(DesiredPower::Stopped), None, cores),
        ),
        (
            "a person is needed first",
            false,
            reboots(PowerState::Running, on, Some(stuck), cores),
        ),
    ] {
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn larger_disk_satisfies_the_size_and_is_never_shrunk() {
    let mut large = hardware();
    large.disks.get_mut("scsi0").unwrap().size = Some(64 << 30);
    assert_eq!(
        planned(&desired(), &config(large), PowerState::Running),
        Plan::default()
    );
}

#[test]
fn guest_without_the_declared_disk_is_not_started() {
    let mut bare = hardware();
    bare.disks.clear();
    let plan = planned(&desired(), &config(bare), PowerState::Stopped);
    assert!(plan.actions.is_empty());
    assert!(matches!(plan.problem, Some(Problem::DiskMissing { .. })));
}

#[test]
fn disk_that_is_not_added_is_told_what_its_spec_lacks() {
    for (size, lacks) in [(None, "how large"), (Some(1 << 30), "spec.defaults.storage")] {
        let mut desired = desired();
        desired.disks.push(DesiredDisk {
            slot: "scsi1".into(),
            size,
            ..DesiredDisk::default()
        });
        let plan = planned(&desired, &config(hardware()), PowerState::Stopped);
        let message = plan.problem.map(|problem| problem.told().1).unwrap();
        assert!(
            message.contains("no disk scsi1") && message.contains(lacks),
            "{message}"
        );
    }
}

#[test]
fn power_that_nobody_declares_is_left_to_people() {
    let mut free = desired();
    free.power = None;
    for power in [PowerState::Running, PowerState::Stopped, PowerState::Unknown] {
        assert!(planned(&free, &config(hardware()), power).actions.is_empty());
    }
    assert!(
        planned(&desired(), &config(hardware()), PowerState::Unknown)
            .actions
            .is_empty()
    );
}

#[test]
fn interface_is_moved_or_added_but_never_taken_away() {
    let mut other = hardware();
    other.nics.get_mut("net0").unwrap().bridge = Some("vmbr9".into());
    other.nics.insert(
        "net1".into(),
        Nic {
            model: "e1000".into(),
            ..Nic::default()
        },
    );
    let plan = planned(&desired(), &config(other), PowerState::Running);
    assert_eq!(
        plan.actions,
        vec![Action::Configure(vec![Change::Nic {
            slot: "net0".into(),
            settings: NicSettings {
                bridge: Some("vmbr0".into()),
                ..NicSettings::default()
            },
        }])]
    );
}

#[test]
fn interface_is_plugged_over_to_a_network_and_added_there() {
    let mut wanted = desired();
    for (slot, network) in [("net0", "team"), ("net1", "default")] {
        let nic = DesiredNic {
            slot: slot.into(),
            network: Some(network.into()),
            ..DesiredNic::default()
        };
        wanted.nics.retain(|known| known.slot != nic.slot);
        wanted.nics.push(nic);
    }
    let mut there = hardware();
    let plan = planned(&wanted, &config(there.clone()), PowerState::Running);
    let Some(Action::Configure(changes)) = plan.actions.first() else {
        panic!("{:?}", plan.actions);
    };
    let plugged: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Nic { slot, settings } | Change::AddNic { slot, settings } => Some((
                slot.as_str(),
                settings.bridge.as_deref(),
                settings.network.as_deref(),
            )),
            _ => None,
        })
        .collect();
    assert_eq!(
        plugged,
        [("net0", None, Some("team")), ("net1", None, Some("default"))]
    );
    for (slot, network) in [("net0", "team"), ("net1", "default")] {
        let nic = there.nics.entry(slot.into()).or_default();
        (nic.bridge, nic.network) = (None, Some(network.into()));
    }
    assert_eq!(planned(&wanted, &config(there), PowerState::Running).drift, []);
}

fn apply(mut config: GuestConfig, power: &mut PowerState, action: &Action) -> GuestConfig {
    match action {
        Action::Configure(changes) => {
            for change in changes {
                match change {
                    Change::Name(name) => config.name = Some(name.clone()),
                    Change::Sockets(n) => config.next.sockets = *n,
                    Change::Cores(n) => config.next.cores = *n,
                    Change::MemoryMib(n) => config.next.memory_mib = *n,
                    Change::Agent(on) => config.next.agent = *on,
                    Change::Nic { slot, settings } => {
                        config.next.nics.get_mut(slot).unwrap().bridge = settings.bridge.clone();
                    }
                    Change::AddNic { slot, settings } => {
                        let new = Nic {
                            model: settings.model.clone().unwrap_or_default(),
                            bridge: settings.bridge.clone(),
                            ..Nic::default()
                        };
                        config.next.nics.insert(slot.clone(), new);
                    }
                    other => panic!("not planned here: {other:?}"),
                }
            }
        }
        Action::GrowDisk { slot, bytes } => {
            let disk = config.next.disks.get_mut(slot).unwrap();
            assert!(disk.size.unwrap() < *bytes, "a disk may only grow");
            disk.size = Some(*bytes);
        }
        Action::MoveDisk { .. }
        | Action::JoinPool { .. }
        | Action::Reboot { .. }
        | Action::SetHa { .. }
        | Action::Migrate(_)
        | Action::MakeTemplate => {
            panic!("not planned here: {action:?}")
        }
        Action::Start | Action::Resume => *power = PowerState::Running,
        Action::Pause => *power = PowerState::Paused,
        Action::Suspend => *power = PowerState::Suspended,
        Action::ShutDown { .. } => *power = PowerState::Stopped,
    }
    config
}

proptest! {
    /// Whatever a guest looks like, carrying out the plan leads to a guest that needs nothing more.
    #[test]
    fn plan_carried_out_leaves_nothing_to_do(
        cores in 1..8_u32, memory in 16..9000_u64, agent: bool, size in 1..200_u64,
        bridge in prop_oneof!["vmbr0", "vmbr1"], nic: bool, from in 0..4_usize, wanted in 0..5_usize,
    ) {
        let mut next = hardware();
        next.cores = cores;
        next.memory_mib = memory;
        next.agent = agent;
        next.disks.get_mut("scsi0").unwrap().size = Some(size << 30);
        next.nics.get_mut("net0").unwrap().bridge = Some(bridge);
        if !nic { next.nics.clear(); }
        let mut want = desired();
        want.power = [
            Some(DesiredPower::Running),
            Some(DesiredPower::Stopped),
            Some(DesiredPower::Paused),
            Some(DesiredPower::Suspended),
            None,
        ][wanted];
        let mut power =
            [PowerState::Running, PowerState::Stopped, PowerState::Paused, PowerState::Suspended][from];
        let mut state = config(next);
        // One that is suspended is started first, and one that is to be paused must run.
        for _ in 0..3 {
            for action in planned(&want, &state.clone(), power).actions {
                state = apply(state, &mut power, &action);
            }
        }
        let after = planned(&want, &state, power);
        prop_assert!(after.actions.is_empty() && after.drift.is_empty(), "{after:?}");
    }
}

#[test]
fn disks_are_taken_out_only_where_the_spec_names_others() {
    let with_two = {
        let mut hardware = hardware();
        let volume = "local-lvm:vm-105-disk-1".parse().unwrap();
        hardware
            .disks
            .insert("scsi1".into(), Disk::plain(volume, Some(1 << 30)));
        config(hardware)
    };
    let known = |slot: &str, volume: &str| {
        let disk = ManagedDisk {
            volume: Some(volume.to_owned()),
            on_remove: OnRemove::Delete,
        };
        (slot.to_owned(), disk)
    };
    let managed = Managed {
        disks: [
            known("scsi0", "local-lvm:vm-105-disk-0"),
            known("scsi1", "local-lvm:vm-105-disk-1"),
        ]
        .into(),
        ..Managed::default()
    };
    let planned = |desired: &Desired, config: &GuestConfig| {
        plan(
            desired,
            Seen {
                config,
                power: PowerState::Running,
                password_sent: None,
                managed: &managed,
                pool: SeenPool::Unknown,
                reboot: Reboot::No,
                high_availability: SeenHa::Unknown,
                moving: None,
            },
        )
        .actions
    };
    let mut desired = desired();
    desired.disks[0].on_remove = Some(OnRemove::Detach);
    let unplug = Action::Configure(vec![Change::Unplug("scsi1".into())]);
    assert_eq!(planned(&desired, &with_two), [unplug]);
    // Somebody put another volume into the slot: that was never named.
    let mut exchanged = with_two.clone();
    let other = "local-lvm:vm-105-disk-9".parse().unwrap();
    exchanged
        .next
        .disks
        .insert("scsi1".into(), Disk::plain(other, None));
    assert_eq!(planned(&desired, &exchanged), []);
    desired.disks.clear();
    assert_eq!(
        planned(&desired, &with_two),
        [],
        "what is absent is left as it is"
    );
}
