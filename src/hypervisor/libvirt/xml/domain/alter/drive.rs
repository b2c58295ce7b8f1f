//! Disks and CD drives: plugged in, changed, filled.

use super::place;
use super::{Act, Ground};
use crate::hypervisor::libvirt::xml::domain::devices;
use crate::hypervisor::libvirt::xml::domain::pools::Source;
use crate::hypervisor::libvirt::xml::domain::slots::{self, Bus, Slot};
use crate::hypervisor::libvirt::xml::domain::unfit::Unfit;
use crate::hypervisor::libvirt::xml::tree::Element;
use crate::model::{DiskSettings, NewDisk, VolumeId};

/// Plugs a disk in whose volume is there already.
pub(super) fn add(domain: &mut Element, disk: &NewDisk, ground: Ground<'_>) -> Result<Act, Unfit> {
    let slot = vacant(domain, &disk.slot)?;
    let source = ground.sources.disks.get(&disk.slot);
    let source = source.ok_or_else(|| Unfit::NoVolume(disk.slot.clone()))?;
    let mut plugged = Vec::new();
    if slot.bus == Bus::Scsi {
        plugged.extend(add_scsi_controller(domain));
    }
    let mut drive = drive(domain, slot, "disk")?;
    fill(&mut drive, source);
    options(domain, &mut drive, &disk.slot, &disk.settings)?;
    plugged.push(drive.clone());
    domain.edit("devices", |devices| devices.push(drive));
    Ok(Act::Attach(plugged))
}

fn vacant(domain: &Element, slot: &str) -> Result<Slot, Unfit> {
    let place: Slot = slot.parse().map_err(|()| Unfit::NoSlot(slot.to_owned()))?;
    if devices::at(domain, slot).is_some() {
        return Err(Unfit::Exists(slot.to_owned()));
    }
    Ok(place)
}

/// Gives a domain without any a controller for SCSI: else libvirt chooses one that is emulated.
pub(in crate::hypervisor::libvirt::xml::domain) fn add_scsi_controller(
    domain: &mut Element,
) -> Option<Element> {
    if place::scsi_controller(domain).is_some() {
        return None;
    }
    let controller = Element::new("controller")
        .with("type", "scsi")
        .with("index", "0")
        .with("model", "virtio-scsi");
    domain.edit("devices", |devices| devices.push(controller.clone()));
    Some(controller)
}

/// A new drive without anything in it.
fn drive(domain: &Element, slot: Slot, device: &str) -> Result<Element, Unfit> {
    let mut drive = Element::new("disk").with("type", "file").with("device", device);
    drive.push(Element::new("driver").with("name", "qemu").with("type", "raw"));
    for part in place::of(domain, slot)? {
        drive.push(part);
    }
    drive.push(slots::alias(&slot.to_string()));
    Ok(drive)
}

/// Puts a volume into a drive, in place of what lies there.
fn fill(drive: &mut Element, source: &Source) {
    let (kind, attribute) = if source.block {
        ("block", "dev")
    } else {
        ("file", "file")
    };
    empty(drive);
    drive.set("type", kind);
    drive.push(Element::new("source").with(attribute, &source.path));
    drive.edit("driver", |driver| {
        driver.set("name", "qemu");
        driver.set("type", &source.format);
    });
}

fn empty(drive: &mut Element) {
    drive.remove("source");
    drive.remove("backingStore");
    drive.set("type", "file");
}

/// Changes options of a disk that there is.
pub(super) fn set(domain: &mut Element, slot: &str, settings: &DiskSettings) -> Result<(), Unfit> {
    let missing = || Unfit::NoDevice(slot.to_owned());
    let drive = devices::at(domain, slot).filter(|drive| drive.is("disk") && !devices::is_cdrom(drive));
    let mut drive = drive.ok_or_else(missing)?.clone();
    options(domain, &mut drive, slot, settings)?;
    *devices::at_mut(domain, slot).ok_or_else(missing)? = drive;
    Ok(())
}

fn options(
    domain: &mut Element,
    drive: &mut Element,
    slot: &str,
    settings: &DiskSettings,
) -> Result<(), Unfit> {
    let DiskSettings {
        cache,
        discard,
        ssd,
        iothread,
        backup,
    } = settings;
    let field = |name: &str| format!("{name} of the disk '{slot}' (disks[{slot}].{name})");
    let bus = drive.attribute_of("target", "bus").unwrap_or_default().to_owned();
    if *backup == Some(false) {
        return Err(Unfit::unsupported(field("backup")));
    }
    if *ssd == Some(true) && bus == "virtio" {
        return Err(Unfit::unsupported(field("ssd")));
    }
    if *iothread == Some(true) && bus != "virtio" {
        return Err(Unfit::unsupported(field("iothread")));
    }
    let has_thread = drive.attribute_of("driver", "iothread").is_some();
    let thread = (*iothread == Some(true) && !has_thread).then(|| add_thread(domain));
    drive.edit("driver", |driver| {
        if let Some(cache) = cache {
            driver.set("cache", *cache);
            // The kernel's own way to wait works without its cache alone.
            if !matches!(*cache, "none" | "directsync") && driver.attribute("io") == Some("native") {
                driver.unset("io");
            }
        }
        match discard {
            Some(true) => driver.set("discard", "unmap"),
            Some(false) => driver.unset("discard"),
            None => {}
        }
        match (iothread, thread) {
            (Some(false), _) => driver.unset("iothread"),
            (_, Some(thread)) => driver.set("iothread", thread.to_string()),
            _ => {}
        }
    });
    match ssd {
        Some(true) => drive.edit("target", |target| target.set("rotation_rate", "1")),
        Some(false) => drive.edit("target", |target| target.unset("rotation_rate")),
        None => {}
    }
    Ok(())
}

/// Gives a domain one more thread for its disks, and returns its number.
fn add_thread(domain: &mut Element) -> u32 {
    let count: u32 = domain
        .text_of("iothreads")
        .and_then(|n| n.parse().ok())
        .unwrap_or_default();
    let named = domain
        .child("iothreadids")
        .into_iter()
        .flat_map(|ids| ids.all("iothread"));
    let ids: Vec<u32> = named.filter_map(|id| id.attribute("id")?.parse().ok()).collect();
    let highest = ids.iter().copied().max().unwrap_or_default().max(count);
    let thread = highest.saturating_add(1);
    domain.edit("iothreads", |threads| {
        threads.set_text(count.saturating_add(1).to_string());
    });
    if !ids.is_empty() {
        domain.edit("iothreadids", |all| {
            all.push(Element::new("iothread").with("id", thread.to_string()));
        });
    }
    thread
}

/// Puts a medium into a CD drive, or takes it out. A drive that is not there yet is plugged in.
pub(super) fn insert(
    domain: &mut Element,
    slot: &str,
    volume: Option<&VolumeId>,
    ground: Ground<'_>,
) -> Result<Act, Unfit> {
    let source = volume.map(|volume| {
        let known = ground.sources.media.get(volume);
        known.ok_or_else(|| Unfit::NoVolume(slot.to_owned()))
    });
    let source = source.transpose()?;
    if let Some(drive) = devices::at_mut(domain, slot) {
        if !devices::is_cdrom(drive) {
            return Err(Unfit::NoCdrom(slot.to_owned()));
        }
        match source {
            Some(source) => fill(drive, source),
            None => empty(drive),
        }
        return Ok(Act::Update(drive.clone()));
    }
    let place = vacant(domain, slot)?;
    let mut plugged = Vec::new();
    if place.bus == Bus::Scsi {
        plugged.extend(add_scsi_controller(domain));
    }
    let mut drive = drive(domain, place, "cdrom")?;
    if let Some(source) = source {
        fill(&mut drive, source);
    }
    drive.push(Element::new("readonly"));
    plugged.push(drive.clone());
    let hot = place::bus(domain, place)? == Bus::Scsi;
    domain.edit("devices", |devices| devices.push(drive));
    // Other buses take no drives while the domain runs.
    Ok(if hot { Act::Attach(plugged) } else { Act::Nothing })
}
