//! What is done next to a guest that is the resource's own, and where it is not as declared.

use crate::api::{DesiredPower, FieldDrift, MIB, Size};
use crate::model::{Change, GuestConfig, Hardware, Lock, NewNic, Power};
use crate::plan::desired::Desired;

/// What was seen of a guest, just now.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its configuration.
    pub config: &'a GuestConfig,
    /// Its power, without the bulk list's lag where that matters.
    pub power: Power,
}

/// What is to be done, first things first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In this order; one at a time.
    pub actions: Vec<Action>,
    /// Fields in which the guest is not as declared.
    pub drift: Vec<FieldDrift>,
    /// Options that wait for the next reboot.
    pub pending: Vec<String>,
    /// What keeps the guest from becoming as declared until a person does something.
    pub problem: Option<Problem>,
}

/// One step towards what is declared.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Change the configuration.
    Configure(Vec<Change>),
    /// Grow a disk to a size in bytes.
    GrowDisk {
        /// Its slot.
        slot: String,
        /// The new size.
        bytes: u64,
    },
    /// Start it.
    Start,
    /// Bring it down.
    ShutDown {
        /// Seconds that it may take.
        grace_seconds: u32,
        /// Whether it is powered off after that.
        force: bool,
    },
}

/// What only a person can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The guest lacks the disk that the spec names; these are there.
    DiskMissing {
        /// The slot in the spec.
        slot: String,
        /// The slots of the guest.
        present: Vec<String>,
    },
    /// The interface can't be added because nobody names a bridge for it.
    BridgeMissing {
        /// The slot in the spec.
        slot: String,
    },
}

/// Compares a guest with what is declared.
#[must_use]
pub fn plan(desired: &Desired, seen: Seen<'_>) -> Plan {
    let config = seen.config;
    let mut plan = Plan {
        pending: config.pending.clone(),
        ..Plan::default()
    };
    let changes = changes(desired, config, &mut plan);
    if !changes.is_empty() {
        plan.actions.push(Action::Configure(changes));
    }
    disk(desired, &config.next, &mut plan);
    power(desired, seen.power, &mut plan);
    plan
}

/// The lock that refuses what the plan wants to do, if there is something to do.
#[must_use]
pub fn blocked_by<'a>(plan: &Plan, config: &'a GuestConfig) -> Option<&'a Lock> {
    config.lock.as_ref().filter(|_| !plan.actions.is_empty())
}

fn changes(desired: &Desired, config: &GuestConfig, plan: &mut Plan) -> Vec<Change> {
    let next = &config.next;
    let mut changes = Vec::new();
    let mut differs = |field: &str, want: String, have: String, change: Change| {
        plan.drift.push(FieldDrift {
            field: field.to_owned(),
            desired: want,
            observed: have,
        });
        changes.push(change);
    };

    if config.name.as_deref() != Some(&desired.name) {
        let have = config.name.clone().unwrap_or_default();
        differs(
            "name",
            desired.name.clone(),
            have,
            Change::Name(desired.name.clone()),
        );
    }
    if let Some(want) = desired.sockets.filter(|want| *want != next.sockets) {
        differs(
            "cpu.sockets",
            want.to_string(),
            next.sockets.to_string(),
            Change::Sockets(want),
        );
    }
    if let Some(want) = desired.cores.filter(|want| *want != next.cores) {
        differs(
            "cpu.cores",
            want.to_string(),
            next.cores.to_string(),
            Change::Cores(want),
        );
    }
    if let Some(want) = desired.memory_mib.filter(|want| *want != next.memory_mib) {
        let text = |mib: u64| Size::of_bytes(mib.saturating_mul(MIB)).0;
        differs(
            "memory.size",
            text(want),
            text(next.memory_mib),
            Change::MemoryMib(want),
        );
    }
    if let Some(want) = desired.agent.filter(|want| *want != next.agent) {
        differs(
            "agent.enabled",
            want.to_string(),
            next.agent.to_string(),
            Change::Agent(want),
        );
    }
    if let Some(iso) = &desired.iso {
        let inside = next.cdroms.get(CDROM).cloned().flatten();
        if inside.as_ref() != Some(iso) {
            let change = Change::Cdrom {
                slot: CDROM.to_owned(),
                volume: iso.clone(),
            };
            let have = inside.map_or_else(|| "none".to_owned(), |v| v.to_string());
            differs("cdrom.iso", iso.to_string(), have, change);
        }
    }
    if let Some((change, want, have)) = nic(desired, next) {
        differs("networks[0].bridge", want, have, change);
    } else if let Some(slot) = nic_without_bridge(desired, next) {
        plan.problem = Some(Problem::BridgeMissing { slot });
    }
    changes
}

/// The slot of the CD drive that `spec.cdrom` speaks of, where Proxmox VE's own forms put it.
pub const CDROM: &str = "ide2";

fn nic(desired: &Desired, next: &Hardware) -> Option<(Change, String, String)> {
    let want = desired.nic.as_ref()?;
    let bridge = want.bridge.clone()?;
    match next.nics.get(&want.slot) {
        Some(nic) if nic.bridge.as_ref() == Some(&bridge) => None,
        Some(nic) => {
            let change = Change::Bridge {
                slot: want.slot.clone(),
                bridge: bridge.clone(),
            };
            Some((change, bridge, nic.bridge.clone().unwrap_or_default()))
        }
        None => {
            let change = Change::AddNic(NewNic {
                slot: want.slot.clone(),
                model: want.model.to_owned(),
                bridge: bridge.clone(),
            });
            Some((change, bridge, "none".to_owned()))
        }
    }
}

fn nic_without_bridge(desired: &Desired, next: &Hardware) -> Option<String> {
    let want = desired.nic.as_ref()?;
    (want.bridge.is_none() && !next.nics.contains_key(&want.slot)).then(|| want.slot.clone())
}

/// A disk is as declared when it has at least the declared size: storages round up, and people may grow it.
fn disk(desired: &Desired, next: &Hardware, plan: &mut Plan) {
    let Some(want) = &desired.disk else { return };
    let Some(have) = next.disks.get(&want.slot) else {
        plan.problem = Some(Problem::DiskMissing {
            slot: want.slot.clone(),
            present: next.disks.keys().cloned().collect(),
        });
        return;
    };
    let (Some(bytes), Some(size)) = (want.size, have.size) else {
        return;
    };
    if bytes > size {
        plan.drift.push(FieldDrift {
            field: "disks[0].size".to_owned(),
            desired: Size::of_bytes(bytes).0,
            observed: Size::of_bytes(size).0,
        });
        plan.actions.push(Action::GrowDisk {
            slot: want.slot.clone(),
            bytes,
        });
    }
}

fn power(desired: &Desired, power: Power, plan: &mut Plan) {
    let (want, have, action) = match (desired.power, power) {
        (Some(DesiredPower::Running), Power::Stopped) => ("Running", "Stopped", Action::Start),
        (Some(DesiredPower::Stopped), Power::Running) => (
            "Stopped",
            "Running",
            Action::ShutDown {
                grace_seconds: desired.grace_seconds,
                force: desired.force,
            },
        ),
        _ => return,
    };
    plan.drift.push(FieldDrift {
        field: "powerState".to_owned(),
        desired: want.to_owned(),
        observed: have.to_owned(),
    });
    // A machine is started with what it is to have, or not at all.
    if plan.problem.is_none() || action != Action::Start {
        plan.actions.push(action);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Disk, Nic};
    use crate::plan::desired::{DesiredDisk, DesiredNic, Origin};

    fn desired() -> Desired {
        Desired {
            name: "web-1".into(),
            pinned: None,
            origin: Origin::Blank,
            power: Some(DesiredPower::Running),
            grace_seconds: 60,
            force: true,
            sockets: None,
            cores: Some(2),
            memory_mib: Some(2048),
            agent: Some(true),
            disk: Some(DesiredDisk {
                slot: "scsi0".into(),
                size: Some(8 << 30),
                storage: None,
            }),
            nic: Some(DesiredNic {
                slot: "net0".into(),
                bridge: Some("vmbr0".into()),
                model: "virtio",
            }),
            iso: None,
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
                Disk {
                    volume: "local-lvm:vm-105-disk-0".parse().unwrap(),
                    size: Some(8 << 30),
                },
            )]
            .into(),
            cdroms: BTreeMap::new(),
            nics: [(
                "net0".to_owned(),
                Nic {
                    model: "virtio".into(),
                    mac: Some("BC:24:11:00:00:01".into()),
                    bridge: Some("vmbr0".into()),
                },
            )]
            .into(),
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

    fn planned(desired: &Desired, config: &GuestConfig, power: Power) -> Plan {
        plan(desired, Seen { config, power })
    }

    #[test]
    fn guest_that_is_as_declared_is_left_alone() {
        assert_eq!(
            planned(&desired(), &config(hardware()), Power::Running),
            Plan::default()
        );
    }

    #[test]
    fn stopped_guest_is_configured_and_grown_before_it_is_started() {
        let mut small = hardware();
        small.cores = 1;
        small.disks.get_mut("scsi0").unwrap().size = Some(4 << 30);
        let plan = planned(&desired(), &config(small), Power::Stopped);
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
        assert_eq!(fields, ["cpu.cores", "disks[0].size", "powerState"]);
    }

    #[test]
    fn change_that_waits_for_a_reboot_is_not_sent_again() {
        let mut waiting = config(hardware());
        waiting.current.memory_mib = 1024;
        waiting.pending = vec!["memory".into()];
        let plan = planned(&desired(), &waiting, Power::Running);
        assert_eq!((plan.actions.len(), plan.pending.len()), (0, 1));
    }

    #[test]
    fn larger_disk_satisfies_the_size_and_is_never_shrunk() {
        let mut large = hardware();
        large.disks.get_mut("scsi0").unwrap().size = Some(64 << 30);
        assert_eq!(
            planned(&desired(), &config(large), Power::Running),
            Plan::default()
        );
    }

    #[test]
    fn guest_without_the_declared_disk_is_not_started() {
        let mut bare = hardware();
        bare.disks.clear();
        let plan = planned(&desired(), &config(bare), Power::Stopped);
        assert!(plan.actions.is_empty());
        assert!(matches!(plan.problem, Some(Problem::DiskMissing { .. })));
    }

    #[test]
    fn power_that_nobody_declares_is_left_to_people() {
        let mut free = desired();
        free.power = None;
        for power in [Power::Running, Power::Stopped, Power::Unknown] {
            assert!(planned(&free, &config(hardware()), power).actions.is_empty());
        }
        assert!(
            planned(&desired(), &config(hardware()), Power::Unknown)
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
                mac: None,
                bridge: None,
            },
        );
        let plan = planned(&desired(), &config(other), Power::Running);
        assert_eq!(
            plan.actions,
            vec![Action::Configure(vec![Change::Bridge {
                slot: "net0".into(),
                bridge: "vmbr0".into()
            }])]
        );
    }

    fn apply(mut config: GuestConfig, power: &mut Power, action: &Action) -> GuestConfig {
        match action {
            Action::Configure(changes) => {
                for change in changes {
                    match change {
                        Change::Name(name) => config.name = Some(name.clone()),
                        Change::Sockets(n) => config.next.sockets = *n,
                        Change::Cores(n) => config.next.cores = *n,
                        Change::MemoryMib(n) => config.next.memory_mib = *n,
                        Change::Agent(on) => config.next.agent = *on,
                        Change::Bridge { slot, bridge } => {
                            config.next.nics.get_mut(slot).unwrap().bridge = Some(bridge.clone());
                        }
                        Change::AddNic(nic) => {
                            let new = Nic {
                                model: nic.model.clone(),
                                mac: None,
                                bridge: Some(nic.bridge.clone()),
                            };
                            config.next.nics.insert(nic.slot.clone(), new);
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
            Action::Start => *power = Power::Running,
            Action::ShutDown { .. } => *power = Power::Stopped,
        }
        config
    }

    proptest! {
        /// Whatever a guest looks like, carrying out the plan leads to a guest that needs nothing more.
        #[test]
        fn plan_carried_out_leaves_nothing_to_do(
            cores in 1..8_u32, memory in 16..9000_u64, agent: bool, size in 1..200_u64,
            bridge in prop_oneof!["vmbr0", "vmbr1"], nic: bool, running: bool, wanted in 0..3_usize,
        ) {
            let mut next = hardware();
            next.cores = cores;
            next.memory_mib = memory;
            next.agent = agent;
            next.disks.get_mut("scsi0").unwrap().size = Some(size << 30);
            next.nics.get_mut("net0").unwrap().bridge = Some(bridge);
            if !nic { next.nics.clear(); }
            let mut want = desired();
            want.power = [Some(DesiredPower::Running), Some(DesiredPower::Stopped), None][wanted];
            let mut power = if running { Power::Running } else { Power::Stopped };
            let mut state = config(next);
            for action in planned(&want, &state.clone(), power).actions {
                state = apply(state, &mut power, &action);
            }
            let after = planned(&want, &state, power);
            prop_assert!(after.actions.is_empty() && after.drift.is_empty(), "{after:?}");
        }
    }
}
