//! Changes of a guest's configuration, into parameters, and how the devices of a new guest are spelt.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::config::{Options, is_nic};
use super::devices::{
    Agent, Boot, BootOrder, Card, Cpu, HostPci, MacAddress, Memory, Nic, NicModel, Smbios, Startup,
};
use super::property::{BadProperty, Format as _, Number, Reason, Value as _, Whole};
use super::{cloud_init, drives, settings};
use crate::model::{Change, NicSettings};

/// A change that this configuration does not allow.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("{0}")]
    Value(#[from] BadProperty),
    #[error("'{0}' is not the slot of an interface of the guest")]
    NoNic(String),
    #[error("there is an interface {0} already")]
    NicExists(String),
    #[error("'{0}' is not the slot of a disk")]
    NoDrive(String),
    #[error("there is a drive {0} already")]
    DriveExists(String),
    #[error("{0} is no CD drive")]
    NoCdrom(String),
    #[error("there is a device {0} already")]
    DeviceExists(String),
    #[error("'{0}' is no slot that can be unplugged")]
    NoSlot(String),
    #[error("'{0}' is no unused volume of the guest")]
    NoUnused(String),
    #[error("a change that nobody spells")]
    Unknown,
}

/// What becomes of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// It gets this value.
    Set(String),
    /// It is taken off, and the host's default holds.
    Removed,
}

impl To {
    /// The value; none takes the option off.
    pub(super) fn of(value: Option<String>) -> Self {
        value.map_or(Self::Removed, Self::Set)
    }
}

/// The parameters that bring `changes` about on the configuration `raw`, sorted by name. Changes of one device
/// come together in one parameter, and what is taken off in `delete`.
pub(super) fn parameters(raw: &Options, changes: &[Change]) -> Result<Options, Unfit> {
    let mut options: BTreeMap<String, To> = BTreeMap::new();
    for change in changes {
        let (key, to) = {
            let option = |key: &str| match options.get(key) {
                Some(To::Set(value)) => Some(value.as_str()),
                Some(To::Removed) => None,
                None => raw.get(key).map(String::as_str),
            };
            if let Some(decided) = settings::option_of(change, option)? {
                decided
            } else {
                let (key, value) = match drives::parameter(change, option)? {
                    Some(parameter) => parameter,
                    None => parameter(change, option)?,
                };
                (key, To::Set(value))
            }
        };
        options.insert(key, to);
    }
    let mut parameters = Options::new();
    let mut removed = Vec::new();
    for (key, to) in options {
        match to {
            To::Set(value) => {
                parameters.insert(key, value);
            }
            // What is not there need not be taken off.
            To::Removed if raw.contains_key(&key) => removed.push(key),
            To::Removed => {}
        }
    }
    if !removed.is_empty() {
        parameters.insert("delete".to_owned(), removed.join(","));
    }
    Ok(parameters)
}

fn parameter<'a>(
    change: &Change,
    option: impl Fn(&str) -> Option<&'a str>,
) -> Result<(String, String), Unfit> {
    let old = |key: &str| option(key).unwrap_or_default();
    match change {
        Change::Name(name) => Ok(("name".to_owned(), name.clone())),
        Change::Description(text) => Ok(("description".to_owned(), text.clone())),
        Change::Sockets(count) => Ok(("sockets".to_owned(), count.to_string())),
        Change::Cores(count) => Ok(("cores".to_owned(), count.to_string())),
        Change::OnBoot(on) => Ok(("onboot".to_owned(), u8::from(*on).to_string())),
        Change::Protection(on) => Ok(("protection".to_owned(), u8::from(*on).to_string())),
        Change::CpuType(model) => {
            let mut cpu = Cpu::lenient(old("cpu"));
            cpu.cputype = Some(model.parse().map_err(|reason| BadProperty::new("cpu", reason))?);
            Ok(("cpu".to_owned(), cpu.to_string()))
        }
        Change::StartupOrder(place) => {
            let mut startup = Startup::lenient(old("startup"));
            let place = Whole::try_from(u64::from(*place));
            startup.order = Some(place.map_err(|reason| BadProperty::new("startup", reason))?);
            Ok(("startup".to_owned(), startup.to_string()))
        }
        Change::StartupDelay(seconds) => {
            let mut startup = Startup::lenient(old("startup"));
            let seconds = Whole::try_from(u64::from(*seconds));
            startup.up = Some(seconds.map_err(|reason| BadProperty::new("startup", reason))?);
            Ok(("startup".to_owned(), startup.to_string()))
        }
        Change::BootDevices(devices) => {
            let bad = |reason| BadProperty::new("boot", reason);
            let devices = devices.iter().map(|name| name.parse().map_err(bad));
            let order = BootOrder::try_from(devices.collect::<Result<Vec<_>, _>>()?).map_err(bad)?;
            let boot = Boot {
                order: Some(order),
                ..Boot::default()
            };
            Ok(("boot".to_owned(), boot.to_string()))
        }
        Change::Uuid(uuid) => {
            let mut smbios = Smbios::lenient(old("smbios1"));
            smbios.uuid = Some(*uuid);
            Ok(("smbios1".to_owned(), smbios.to_string()))
        }
        Change::MemoryMib(mib) => {
            let mut memory = Memory::lenient(old("memory"));
            memory.current =
                Some(Whole::try_from(*mib).map_err(|reason| BadProperty::new("memory", reason))?);
            Ok(("memory".to_owned(), memory.to_string()))
        }
        Change::Agent(enabled) => {
            let mut agent = Agent::lenient(old("agent"));
            agent.enabled = Some(*enabled);
            Ok(("agent".to_owned(), agent.to_string()))
        }
        Change::Nic { slot, settings } if is_nic(slot) && option(slot).is_some() => {
            let mut nic = Nic::lenient(old(slot));
            set_nic(&mut nic, settings)?;
            Ok((slot.clone(), nic.to_string()))
        }
        Change::Nic { slot, .. } => Err(Unfit::NoNic(slot.clone())),
        Change::AddNic { slot, .. } if !is_nic(slot) => Err(Unfit::NoNic(slot.clone())),
        Change::AddNic { slot, .. } if option(slot).is_some() => Err(Unfit::NicExists(slot.clone())),
        Change::AddNic { slot, settings } => {
            let mut nic = Nic::default();
            set_nic(&mut nic, settings)?;
            Ok((slot.clone(), nic.to_string()))
        }
        Change::CloudInit(change) => cloud_init::parameter(change, option),
        Change::Bios(bios) => Ok(("bios".to_owned(), (*bios).to_owned())),
        Change::AddDevice { slot, .. } if option(slot).is_some() => Err(Unfit::DeviceExists(slot.clone())),
        Change::AddDevice { slot, mapping } => {
            let bad = |reason| BadProperty::new("mapping", reason);
            let device = HostPci {
                mapping: Some(mapping.parse().map_err(bad)?),
                ..HostPci::default()
            };
            Ok((slot.clone(), device.to_string()))
        }
        Change::AddDisk(_)
        | Change::Disk { .. }
        | Change::Cdrom { .. }
        | Change::EfiDisk { .. }
        | Change::Tpm { .. }
        | Change::Unplug(_)
        | Change::DeleteUnused(_)
        | Change::CpuLimit(_)
        | Change::CpuUnits(_)
        | Change::MemoryMinimumMib(_)
        | Change::Tags(_)
        | Change::Machine(_)
        | Change::Option { .. } => Err(Unfit::Unknown),
    }
}

/// What the firmware of a new guest tells it.
pub(super) fn new_smbios(uuid: Uuid) -> Smbios {
    Smbios {
        uuid: Some(uuid),
        ..Smbios::default()
    }
}

/// Puts settings into an interface; what they do not name stays.
fn set_nic(nic: &mut Nic, settings: &NicSettings) -> Result<(), BadProperty> {
    let bad = |key: &'static str| move |reason: Reason| BadProperty::new(key, reason);
    if settings.model.is_some() || settings.mac.is_some() {
        let (model, mac) = nic.card.map_or((None, None), |card| (Some(card.model), card.mac));
        let named = settings.model.as_ref().map(|model| model.parse()).transpose();
        let address = settings.mac.as_ref().map(|mac| MacAddress::read(mac)).transpose();
        nic.card = Some(Card {
            model: named.map_err(bad("model"))?.or(model).unwrap_or(NicModel::Virtio),
            mac: address.map_err(bad("macaddr"))?.or(mac),
        });
    }
    if let Some(bridge) = &settings.bridge {
        nic.bridge = Some(bridge.parse().map_err(bad("bridge"))?);
    }
    if let Some(vlan) = settings.vlan {
        nic.tag = (vlan > 0)
            .then(|| Whole::try_from(u64::from(vlan)).map_err(bad("tag")))
            .transpose()?;
    }
    if let Some(mtu) = settings.mtu {
        nic.mtu = Some(Whole::try_from(u64::from(mtu)).map_err(bad("mtu"))?);
    }
    if let Some(firewall) = settings.firewall {
        nic.firewall = Some(firewall);
    }
    if let Some(mbps) = settings.rate_mbps {
        // Proxmox VE counts megabytes a second.
        nic.rate = (mbps > 0)
            .then(|| Number::try_from(f64::from(mbps) / 8.0).map_err(bad("rate")))
            .transpose()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VolumeId;

    fn raw(options: &[(&str, &str)]) -> Options {
        options
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn only(raw: &Options, change: Change) -> Result<String, Unfit> {
        let parameters = parameters(raw, &[change])?;
        assert_eq!(parameters.len(), 1);
        Ok(parameters.into_values().next().unwrap())
    }

    fn plugged(slot: &str, bridge: &str) -> Change {
        let settings = NicSettings {
            bridge: Some(bridge.into()),
            ..NicSettings::default()
        };
        Change::Nic {
            slot: slot.into(),
            settings,
        }
    }

    #[test]
    fn changes_keep_what_they_do_not_name() {
        let raw = raw(&[
            (
                "smbios1",
                "base64=1,manufacturer=QUJD,uuid=00000000-0000-0000-0000-000000000000",
            ),
            ("agent", "1,fstrim_cloned_disks=1"),
            ("net0", "virtio=BC:24:11:AA:BB:CC,bridge=vmbr0,firewall=1,tag=5"),
            ("ide2", "local:iso/old.iso,media=cdrom,size=600M"),
            ("memory", "current=2048"),
        ]);
        let uuid: Uuid = "33cf2a23-9802-4505-9954-f6aae3116abb".parse().unwrap();
        for (change, expected) in [
            (
                Change::Uuid(uuid),
                "base64=1,manufacturer=QUJD,uuid=33cf2a23-9802-4505-9954-f6aae3116abb",
            ),
            (Change::Agent(false), "0,fstrim_cloned_disks=1"),
            (
                plugged("net0", "vmbr1"),
                "virtio=BC:24:11:AA:BB:CC,bridge=vmbr1,firewall=1,tag=5",
            ),
            (
                Change::Cdrom {
                    slot: "ide2".into(),
                    volume: Some("local:iso/new.iso".parse().unwrap()),
                },
                "local:iso/new.iso,media=cdrom",
            ),
            (Change::MemoryMib(4096), "current=4096"),
        ] {
            assert_eq!(only(&raw, change), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn what_is_missing_is_added() {
        let none = Options::new();
        let volume: VolumeId = "local:iso/a.iso".parse().unwrap();
        let cdrom = Change::Cdrom {
            slot: "ide2".into(),
            volume: Some(volume),
        };
        assert_eq!(only(&none, cdrom).as_deref(), Ok("local:iso/a.iso,media=cdrom"));
        assert_eq!(only(&none, Change::Agent(true)).as_deref(), Ok("1"));
        assert_eq!(only(&none, Change::MemoryMib(512)).as_deref(), Ok("512"));
        let nic = Change::AddNic {
            slot: "net1".into(),
            settings: NicSettings {
                model: Some("virtio".into()),
                bridge: Some("vmbr0".into()),
                ..NicSettings::default()
            },
        };
        assert_eq!(only(&none, nic.clone()).as_deref(), Ok("virtio,bridge=vmbr0"));
        assert_eq!(
            only(&raw(&[("net1", "virtio,bridge=vmbr9")]), nic),
            Err(Unfit::NicExists("net1".into()))
        );
    }

    #[test]
    fn settings_of_an_interface_are_spelt_and_taken_off() {
        let settings = |mac: Option<&str>, vlan, mtu, firewall, rate_mbps| NicSettings {
            mac: mac.map(str::to_owned),
            vlan: Some(vlan),
            mtu,
            firewall: Some(firewall),
            rate_mbps: Some(rate_mbps),
            ..NicSettings::default()
        };
        let slot = || "net0".to_owned();
        let set = Change::Nic {
            slot: slot(),
            settings: settings(Some("BC:24:11:00:00:02"), 7, Some(1400), true, 100),
        };
        let plain = raw(&[("net0", "e1000=BC:24:11:AA:BB:CC,bridge=vmbr0,queues=2")]);
        assert_eq!(
            only(&plain, set).as_deref(),
            Ok("e1000=BC:24:11:00:00:02,bridge=vmbr0,queues=2,firewall=1,mtu=1400,rate=12.5,tag=7")
        );
        let unset = Change::Nic {
            slot: slot(),
            settings: settings(None, 0, None, false, 0),
        };
        let full = raw(&[(
            "net0",
            "virtio=BC:24:11:AA:BB:CC,bridge=vmbr0,firewall=1,rate=12.5,tag=7",
        )]);
        assert_eq!(
            only(&full, unset).as_deref(),
            Ok("virtio=BC:24:11:AA:BB:CC,bridge=vmbr0,firewall=0")
        );
    }

    #[test]
    fn an_interface_that_is_missing_can_not_be_moved() {
        let change = plugged("net0", "vmbr1");
        assert_eq!(only(&Options::new(), change), Err(Unfit::NoNic("net0".into())));
    }

    #[test]
    fn a_disk_is_not_replaced_by_a_medium() {
        let change = Change::Cdrom {
            slot: "scsi0".into(),
            volume: Some("local:iso/a.iso".parse().unwrap()),
        };
        let raw = raw(&[("scsi0", "local-lvm:vm-100-disk-0,size=8G")]);
        assert_eq!(only(&raw, change), Err(Unfit::NoCdrom("scsi0".into())));
    }

    #[test]
    fn the_medium_of_cloud_init_is_not_replaced() {
        for file in ["local:100/vm-100-cloudinit.qcow2", "local:cloudinit"] {
            let change = Change::Cdrom {
                slot: "ide2".into(),
                volume: Some("local:iso/a.iso".parse().unwrap()),
            };
            let raw = raw(&[("ide2", &format!("{file},media=cdrom"))]);
            assert_eq!(only(&raw, change), Err(Unfit::NoCdrom("ide2".into())));
        }
    }
}
