//! What a `VirtualMachine` wants of its guest, with its class and its host's defaults worked in. What nobody
//! names stays absent, and is left as it is on the host.

mod cloud_init;
mod disks;
mod nics;
mod settings;
mod unsupported;

pub use cloud_init::{Datasource, DesiredCloudInit, Secret, UserData};
pub use disks::DesiredDisk;
pub use nics::DesiredNic;
pub use settings::DesiredSettings;
pub use unsupported::leave_out_unsupported;

use std::fmt;

use crate::api::{
    Boot, ClassPolicy, CloneSource, Defaults, DesiredPower, GuestOrigin, MIB, ManagementPolicy, PinnedClass,
    Size, Source, Span, VirtualMachine, VirtualMachineClassSpec, VirtualMachineSpec, VirtualMachineStatus,
};
use crate::model::{GuestId, HaSetting, VolumeId};

/// What a guest is to be like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// Its name on the host.
    pub name: String,
    /// Whether it is given that name: one that was there before keeps its own unless the spec itself names another.
    pub named: bool,
    /// The number that the spec pins.
    pub pinned: Option<GuestId>,
    /// How it is made.
    pub origin: Origin,
    /// How a copy is made.
    pub copy: Copying,
    /// Whether it is to run; absent: left to people.
    pub power: Option<DesiredPower>,
    /// Seconds that it may take to shut down.
    pub grace_seconds: u32,
    /// Whether it is powered off after that.
    pub force: bool,
    /// CPU sockets.
    pub sockets: Option<u32>,
    /// Cores a socket.
    pub cores: Option<u32>,
    /// The processor's model.
    pub cpu_type: Option<String>,
    /// Whether it is started with its host.
    pub on_boot: Option<bool>,
    /// Its place among those that are.
    pub startup_order: Option<u32>,
    /// The pause after its start, in seconds.
    pub startup_delay: Option<u32>,
    /// What it boots from; empty where nothing is said.
    pub boot_devices: Vec<String>,
    /// Whether it is protected against removal.
    pub protection: Option<bool>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// The guest agent's channel.
    pub agent: Option<bool>,
    /// Its disks, in the order of the spec; the first is the one that a class speaks of.
    pub disks: Vec<DesiredDisk>,
    /// Its network interfaces; the first is the one that a class speaks of.
    pub nics: Vec<DesiredNic>,
    /// What lies in the CD drive.
    pub medium: Option<DesiredMedium>,
    /// What is one option each.
    pub settings: DesiredSettings,
    /// Whether it is a template.
    pub template: bool,
    /// What high availability does with it.
    pub high_availability: Option<HaSetting>,
    /// Fields that are left to people.
    pub ignored: Vec<String>,
    /// Fields that the host can't carry out, and why.
    pub unsupported: Vec<String>,
    /// Its pool.
    pub pool: Option<String>,
    /// What cloud-init is told.
    pub cloud_init: Option<DesiredCloudInit>,
}

/// What lies in the CD drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredMedium {
    /// An image.
    Iso(VolumeId),
    /// Nothing.
    None,
}

impl Desired {
    /// Whether a field is left to people. A machine is made with it all the same.
    #[must_use]
    pub fn leaves(&self, field: &str) -> bool {
        self.ignored.iter().any(|name| name == field)
    }

    /// The image that lies in the CD drive.
    #[must_use]
    pub fn iso(&self) -> Option<&VolumeId> {
        match &self.medium {
            Some(DesiredMedium::Iso(iso)) => Some(iso),
            _ => None,
        }
    }
}

/// How a guest is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// With empty disks.
    #[default]
    Blank,
    /// As a full copy of the machine with this number.
    CloneOf(GuestId),
    /// As a full copy of the one machine with this name.
    CloneOfName(String),
    /// As a full copy of the machine of a resource in the same namespace.
    CloneOfResource(String),
    /// Out of a backup.
    Restore(VolumeId),
}

/// How a copy is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copying {
    /// Whether it only holds what differs from its source.
    pub linked: bool,
    /// The snapshot that is copied.
    pub snapshot: Option<String>,
    /// The identity of the machine that is copied, where another resource's is meant.
    pub identity: Option<uuid::Uuid>,
}

/// A spec that can't be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// The field of the spec.
    pub field: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl Invalid {
    fn new(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self {
            field: field.into(),
            problem: format!("{problem}"),
        }
    }
}

const DEFAULT_GRACE: u32 = 60;

/// The name of the guest of a resource on its host.
#[must_use]
pub fn guest_name(vm: &VirtualMachine) -> String {
    let own = || vm.metadata.name.clone().unwrap_or_default();
    vm.spec.name.clone().unwrap_or_else(own)
}

/// The class as it was taken when the machine was made, unless the machine follows its class as it is now.
#[must_use]
pub fn pinned_class<'a>(vm: &VirtualMachine, status: &'a VirtualMachineStatus) -> Option<&'a PinnedClass> {
    let named = vm.spec.class_ref.as_ref()?;
    let pinned = status.class.as_ref()?;
    let follows = vm.spec.class_policy == Some(ClassPolicy::Follow);
    (pinned.name == named.name && !follows).then_some(pinned)
}

/// Works class and defaults into the spec. The class is the pinned one where the status has it.
pub fn resolve(
    vm: &VirtualMachine,
    class: Option<&VirtualMachineClassSpec>,
    defaults: &Defaults,
) -> Result<Desired, Invalid> {
    let spec = &vm.spec;
    let empty = VirtualMachineClassSpec::default();
    let class = class.unwrap_or(&empty);
    let cpu = spec.cpu.as_ref();
    let class_cpu = class.cpu.as_ref();
    let source = spec.source.as_ref().and_then(|s| s.clone.as_ref());
    let origin = origin(spec.source.as_ref())?;
    let blank = origin == Origin::Blank;

    let boot = &boot(spec.boot.as_ref(), class.boot.as_ref());
    let memory = spec.memory.as_ref().or(class.memory.as_ref());
    let memory_mib = memory
        .map(|m| whole_mib("spec.memory.size", &m.size))
        .transpose()?;
    let sockets = cpu.and_then(|c| c.sockets).or(class_cpu.and_then(|c| c.sockets));
    let cores = cpu.and_then(|c| c.cores).or(class_cpu.and_then(|c| c.cores));
    let (grace_seconds, force) = shutdown(vm)?;
    let cdrom = spec.cdrom.as_ref();
    let iso = cdrom
        .and_then(|c| c.iso.as_ref())
        .map(|iso| iso.parse::<VolumeId>());
    let iso = iso.transpose().map_err(|e| Invalid::new("spec.cdrom.iso", e))?;
    let medium = match iso {
        Some(iso) => Some(DesiredMedium::Iso(iso)),
        None => cdrom.map(|_| DesiredMedium::None),
    };

    let ignored = spec.drift.as_ref().map_or(&[][..], |drift| &drift.ignore);
    let left = |field: &str| ignored.iter().any(|name| name == field);
    let template = spec.template == Some(true);
    let was_there = was_adopted(vm) || spec.management_policy == Some(ManagementPolicy::Observe);
    Ok(Desired {
        name: guest_name(vm),
        named: !left("name") && (spec.name.is_some() || !was_there),
        pinned: pinned(spec)?,
        // What is to become a template is stopped first.
        power: if template {
            Some(DesiredPower::Stopped)
        } else {
            spec.power_state.filter(|_| !left("powerState"))
        },
        grace_seconds,
        force,
        sockets,
        cores,
        memory_mib,
        cpu_type: cpu
            .and_then(|c| c.type_.clone())
            .or_else(|| class_cpu.and_then(|c| c.type_.clone())),
        on_boot: boot.on_boot,
        startup_order: boot.order,
        startup_delay: boot.delay.as_ref().map(delay).transpose()?,
        boot_devices: boot.devices.clone(),
        protection: spec.protection,
        agent: spec.agent.as_ref().map(|a| a.enabled),
        disks: disks::resolve(spec, class, defaults, blank)?,
        nics: nics::resolve(spec, class, defaults, blank),
        medium,
        settings: settings::resolve(spec, class, memory, was_there)?,
        pool: spec.pool.clone(),
        template,
        high_availability: spec.high_availability.as_ref().map(|ha| HaSetting {
            state: ha.state.as_str().to_owned(),
            group: ha.group.clone(),
        }),
        ignored: ignored.to_vec(),
        unsupported: Vec::new(),
        copy: Copying {
            linked: source.is_some_and(|clone| clone.full == Some(false)),
            snapshot: source.and_then(|clone| clone.snapshot.clone()),
            identity: None,
        },
        origin,
        cloud_init: spec
            .cloud_init
            .as_ref()
            .map(|told| cloud_init::resolve(told, &guest_name(vm), defaults))
            .transpose()?,
    })
}

fn pinned(spec: &VirtualMachineSpec) -> Result<Option<GuestId>, Invalid> {
    let number = spec.vmid.map(GuestId::try_from).transpose();
    let number = number.map_err(|e| Invalid::new("spec.vmid", e))?;
    Ok(number.or(spec.uuid.map(GuestId::Domain)))
}

fn was_adopted(vm: &VirtualMachine) -> bool {
    vm.status.as_ref().and_then(|s| s.origin) == Some(GuestOrigin::Adopted)
}

fn origin(source: Option<&Source>) -> Result<Origin, Invalid> {
    if let Some(backup) = source.and_then(|s| s.backup.as_ref()) {
        let archive = backup.archive.parse().map(Origin::Restore);
        return archive.map_err(|e| Invalid::new("spec.source.backup.archive", e));
    }
    let field = "spec.source.clone";
    match source.and_then(|s| s.clone.as_ref()) {
        None => Ok(Origin::Blank),
        Some(CloneSource { vmid: Some(n), .. }) => GuestId::try_from(*n)
            .map(Origin::CloneOf)
            .map_err(|e| Invalid::new(field, e)),
        Some(CloneSource { name: Some(name), .. }) => Ok(Origin::CloneOfName(name.clone())),
        Some(CloneSource {
            reference: Some(of), ..
        }) => Ok(Origin::CloneOfResource(of.name.clone())),
        Some(CloneSource { .. }) => Err(Invalid::new(field, "give exactly one of vmid, name and ref")),
    }
}

/// What the spec says of the boot, and the class where the spec says nothing.
fn boot(spec: Option<&Boot>, class: Option<&Boot>) -> Boot {
    let spec = spec.cloned().unwrap_or_default();
    let class = class.cloned().unwrap_or_default();
    Boot {
        on_boot: spec.on_boot.or(class.on_boot),
        order: spec.order.or(class.order),
        delay: spec.delay.or(class.delay),
        devices: if spec.devices.is_empty() {
            class.devices
        } else {
            spec.devices
        },
    }
}

fn delay(span: &Span) -> Result<u32, Invalid> {
    let field = "spec.boot.delay";
    let span = span.duration().map_err(|e| Invalid::new(field, e))?;
    u32::try_from(span.as_secs()).map_err(|e| Invalid::new(field, e))
}

fn whole_mib(field: &str, size: &Size) -> Result<u64, Invalid> {
    let bytes = size.bytes().map_err(|e| Invalid::new(field, e))?;
    if bytes == 0 || bytes % MIB != 0 {
        return Err(Invalid::new(
            field,
            "memory must be in whole MiB, like 4Gi or 1536Mi",
        ));
    }
    Ok(bytes / MIB)
}

/// How long a guest is given to shut down, and that it is powered off then, where the spec says nothing.
pub const SHUTDOWN: (u32, bool) = (DEFAULT_GRACE, true);

/// How long a guest is given to shut down, in seconds, and whether it is powered off then.
///
/// # Errors
///
/// A time that is no time.
pub fn shutdown(vm: &VirtualMachine) -> Result<(u32, bool), Invalid> {
    let Some(shutdown) = &vm.spec.shutdown else {
        return Ok((DEFAULT_GRACE, true));
    };
    let field = "spec.shutdown.grace";
    let grace = match &shutdown.grace {
        None => DEFAULT_GRACE,
        Some(span) => {
            let span = span.duration().map_err(|e| Invalid::new(field, e))?;
            u32::try_from(span.as_secs())
                .ok()
                .filter(|s| *s > 0)
                .ok_or_else(|| Invalid::new(field, "grace is one second at least"))?
        }
    };
    Ok((grace, shutdown.force.unwrap_or(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ClassDisk, ClassNetwork, Cpu, Memory};

    fn vm(spec: &serde_json::Value) -> VirtualMachine {
        let mut object = serde_json::json!({
            "apiVersion": "drover.dev/v1alpha1", "kind": "VirtualMachine",
            "metadata": {"name": "web-1", "namespace": "default"}, "spec": spec,
        });
        object["spec"]["hostRef"] = serde_json::json!({"kind": "ProxmoxNode", "name": "pve1"});
        serde_json::from_value(object).unwrap()
    }

    fn standard() -> VirtualMachineClassSpec {
        VirtualMachineClassSpec {
            cpu: Some(Cpu {
                sockets: None,
                cores: Some(2),
                ..Cpu::default()
            }),
            memory: Some(Memory {
                size: Size("4Gi".into()),
                minimum: None,
            }),
            disk: Some(ClassDisk {
                size: Some(Size("50Gi".into())),
                storage: None,
            }),
            network: Some(ClassNetwork {
                bridge: Some("vmbr1".into()),
            }),
            boot: None,
        }
    }

    fn defaults() -> Defaults {
        Defaults {
            backup_storage: None,
            iso_storage: None,
            storage: Some("local-lvm".into()),
            bridge: Some("vmbr0".into()),
            network: None,
        }
    }

    #[test]
    fn what_the_spec_says_goes_before_the_class_and_that_before_the_defaults() {
        let vm = vm(&serde_json::json!({"cpu": {"cores": 8}, "classRef": {"name": "standard"}}));
        let desired = resolve(&vm, Some(&standard()), &defaults()).unwrap();
        assert_eq!((desired.cores, desired.memory_mib), (Some(8), Some(4096)));
        let disk = &desired.disks[0];
        assert_eq!(
            (disk.slot.as_str(), disk.size, disk.storage.as_deref()),
            ("scsi0", Some(50 << 30), Some("local-lvm"))
        );
        assert_eq!(desired.nics[0].bridge.as_deref(), Some("vmbr1"));
    }

    #[test]
    fn clone_keeps_what_nobody_names() {
        let vm = vm(&serde_json::json!({"source": {"clone": {"vmid": 9000}}}));
        let desired = resolve(&vm, None, &defaults()).unwrap();
        assert_eq!(
            (
                desired.cores,
                desired.memory_mib,
                desired.disks.len(),
                desired.nics.len()
            ),
            (None, None, 0, 0)
        );
        assert_eq!(desired.origin, Origin::CloneOf(9000.try_into().unwrap()));
    }

    #[test]
    fn a_class_speaks_of_the_first_disk_and_interface_alone() {
        let vm = vm(&serde_json::json!({"classRef": {"name": "standard"},
            "disks": [{"name": "virtio0"}, {"name": "scsi1", "size": "1Gi"}],
            "networks": [{"name": "net0"}, {"name": "net1"}]}));
        let desired = resolve(&vm, Some(&standard()), &defaults()).unwrap();
        let sizes: Vec<_> = desired.disks.iter().map(|d| (d.slot.as_str(), d.size)).collect();
        assert_eq!(sizes, [("virtio0", Some(50 << 30)), ("scsi1", Some(1 << 30))]);
        let bridges: Vec<_> = desired.nics.iter().map(|n| n.bridge.as_deref()).collect();
        assert_eq!(bridges, [Some("vmbr1"), Some("vmbr0")]);
    }

    #[test]
    fn sizes_that_are_no_sizes_name_their_field() {
        let vm = vm(&serde_json::json!({"memory": {"size": "1500"}}));
        let error = resolve(&vm, None, &defaults()).unwrap_err();
        assert_eq!(error.field, "spec.memory.size");
    }
}
