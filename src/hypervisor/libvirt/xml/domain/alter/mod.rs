//! Changes of a domain: its XML with each of them worked in, and all else as it was.

mod drive;
mod nic;
mod place;

pub(super) use drive::add_scsi_controller;

use super::hardware::{AGENT, is_agent};
use super::host::Host;
use super::pools::Sources;
use super::unfit::Unfit;
use super::{board, boot, devices, firmware, metadata, parse, processor, slots};
use crate::hypervisor::libvirt::xml::tree::Element;
use crate::model::{Change, CloudInitChange};

/// A domain with changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Altered {
    /// The XML by which it is defined.
    pub xml: String,
    /// The name that it has to be given first: no definition changes it.
    pub rename: Option<String>,
    /// What brings each of the changes about in the running domain too, where something may. One that is refused waits
    /// for the next start.
    pub live: Vec<Live>,
}

/// What is done to a running domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// Nothing: the change is one of the definition alone, or waits for the next start.
    Nothing,
    /// These devices are plugged in, in this order.
    Attach(Vec<String>),
    /// A device is unplugged: by its alias where it bears one of Drover's, because libvirt does not find every device
    /// by what the definition says of it.
    Detach {
        /// The alias.
        alias: Option<String>,
        /// The device.
        device: String,
    },
    /// This device is changed.
    Update(String),
    /// It gets so many processors.
    Vcpus(u32),
    /// It gets so much memory, in MiB.
    MemoryMib(u64),
}

/// The same before it is written.
pub(super) enum Act {
    Nothing,
    Attach(Vec<Element>),
    Detach(Element),
    Update(Element),
    Processors,
    MemoryMib(u64),
}

/// What changes need to know.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) host: &'a Host,
    pub(super) sources: &'a Sources,
    /// Slots of disks whose volumes are under way.
    pub(super) later: &'a [&'a str],
}

/// Works changes into the XML by which a domain is started next.
///
/// What does not stand there is carried out by other calls, and nothing here: [`Change::OnBoot`] and
/// [`Change::DeleteUnused`].
pub fn alter(inactive: &str, changes: &[Change], host: &Host, sources: &Sources) -> Result<Altered, Unfit> {
    let mut domain = parse(inactive)?;
    let before = domain.text_of("name");
    let ground = Ground {
        host,
        sources,
        later: &[],
    };
    let acts = changes.iter().map(|change| apply(&mut domain, change, ground));
    let acts = acts.collect::<Result<Vec<Act>, Unfit>>()?;
    let (sockets, cores) = processor::count(&domain);
    let live = acts
        .into_iter()
        .map(|act| act.written(sockets.saturating_mul(cores)));
    Ok(Altered {
        live: live.collect::<Result<_, _>>()?,
        xml: domain.write()?,
        rename: domain
            .text_of("name")
            .filter(|name| before.as_ref() != Some(name)),
    })
}

impl Act {
    fn written(self, processors: u32) -> Result<Live, Unfit> {
        Ok(match self {
            Self::Nothing => Live::Nothing,
            Self::Attach(devices) => {
                let devices = devices.iter().map(Element::write);
                Live::Attach(devices.collect::<Result<_, _>>()?)
            }
            Self::Detach(device) => {
                let alias = device
                    .attribute_of("alias", "name")
                    .filter(|name| slots::is_alias(name));
                Live::Detach {
                    alias: alias.map(str::to_owned),
                    device: device.write()?,
                }
            }
            Self::Update(device) => Live::Update(device.write()?),
            Self::Processors => Live::Vcpus(processors),
            Self::MemoryMib(mib) => Live::MemoryMib(mib),
        })
    }
}

/// Works one change in.
pub(super) fn apply(domain: &mut Element, change: &Change, ground: Ground<'_>) -> Result<Act, Unfit> {
    match change {
        Change::OnBoot(_) | Change::DeleteUnused(_) => {}
        Change::AddDisk(disk) => return drive::add(domain, disk, ground),
        Change::Disk { slot, settings } => drive::set(domain, slot, settings)?,
        Change::Cdrom { slot, volume } => return drive::insert(domain, slot, volume.as_ref(), ground),
        Change::AddNic { slot, settings } => return nic::add(domain, slot, settings),
        Change::Nic { slot, settings } => return nic::change(domain, slot, settings),
        Change::Unplug(slot) => {
            let device = devices::take(domain, slot).ok_or_else(|| Unfit::NoDevice(slot.clone()))?;
            return Ok(Act::Detach(device));
        }
        Change::Sockets(sockets) => {
            let (_, cores) = processor::count(domain);
            processor::set_count(domain, *sockets, cores)?;
            return Ok(Act::Processors);
        }
        Change::Cores(cores) => {
            let (sockets, _) = processor::count(domain);
            processor::set_count(domain, sockets, *cores)?;
            return Ok(Act::Processors);
        }
        Change::MemoryMib(mib) => {
            set_memory(domain, *mib)?;
            return Ok(Act::MemoryMib(*mib));
        }
        Change::Agent(enabled) => return Ok(set_agent(domain, *enabled)),
        _ => settle(domain, change, ground)?,
    }
    Ok(Act::Nothing)
}

/// Changes that a running domain does not take, or that are of the definition alone.
fn settle(domain: &mut Element, change: &Change, ground: Ground<'_>) -> Result<(), Unfit> {
    match change {
        Change::Name(name) => domain.edit("name", |element| element.set_text(name)),
        Change::Description(text) => metadata::set_description(domain, text),
        Change::Uuid(uuid) => {
            let have = domain.text_of("uuid").and_then(|have| have.parse().ok());
            if have != Some(*uuid) {
                return Err(Unfit::unsupported("change of a domain's UUID"));
            }
        }
        Change::CpuType(model) => processor::set_model(domain, model, ground.host)?,
        Change::CpuLimit(cpus) => processor::set_limit(domain, *cpus)?,
        Change::CpuUnits(units) => processor::set_units(domain, *units),
        Change::BootDevices(slots) => boot::set(domain, slots, ground.later)?,
        Change::Tags(tags) => metadata::set_tags(domain, tags),
        Change::Machine(machine) => board::set(domain, machine)?,
        Change::Bios("ovmf") => firmware::set_efi(domain, ground.host)?,
        Change::EfiDisk { secure_boot, .. } => firmware::set_secure_boot(domain, *secure_boot, ground.host)?,
        Change::Tpm { .. } => firmware::add_tpm(domain, ground.host)?,
        Change::Protection(false) | Change::Bios("seabios") => {}
        _ => return Err(Unfit::unsupported(lacking(change))),
    }
    Ok(())
}

/// What libvirt has nothing for, as the spec calls it.
fn lacking(change: &Change) -> String {
    match change {
        Change::StartupOrder(_) => "order in which domains are started (boot.order)".to_owned(),
        Change::StartupDelay(_) => "pause after the start of a domain (boot.delay)".to_owned(),
        Change::Protection(_) => "protection against removal (protection)".to_owned(),
        Change::MemoryMinimumMib(_) => "memory that is taken back by need (memory.minimum)".to_owned(),
        Change::AddDevice { mapping, .. } => format!("mapping '{mapping}' of devices (hostDevices)"),
        Change::Option { key, .. } => format!("option '{key}' (extraConfig)"),
        Change::Bios(bios) => format!("firmware '{bios}' (firmware.bios)"),
        Change::CloudInit(CloudInitChange::Drive { slot, .. }) => {
            format!("medium for cloud-init of its own ('{slot}')")
        }
        Change::CloudInit(_) => "settings of cloud-init".to_owned(),
        _ => "such change".to_owned(),
    }
}

fn set_memory(domain: &mut Element, mib: u64) -> Result<(), Unfit> {
    if domain.at(&["cpu", "numa"]).is_some() {
        return Err(Unfit::unsupported(
            "change of memory that is assigned to NUMA cells",
        ));
    }
    for name in ["memory", "currentMemory"] {
        domain.edit(name, |memory| {
            memory.set("unit", "MiB");
            memory.set_text(mib.to_string());
        });
    }
    Ok(())
}

fn set_agent(domain: &mut Element, enabled: bool) -> Act {
    let there = super::hardware::agent(domain).is_some();
    if enabled == there {
        return Act::Nothing;
    }
    domain.edit("devices", |devices| {
        if !enabled {
            return devices.take(is_agent).map_or(Act::Nothing, Act::Detach);
        }
        let target = Element::new("target").with("type", "virtio").with("name", AGENT);
        let channel = Element::new("channel").with("type", "unix").holding(target);
        let channel = channel.holding(slots::alias("agent"));
        devices.push(channel.clone());
        Act::Attach(vec![channel])
    })
}
