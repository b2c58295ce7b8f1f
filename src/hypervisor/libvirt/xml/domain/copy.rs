//! A domain as a copy of another one.

use uuid::Uuid;

use super::metadata;
use super::parse;
use super::unfit::Unfit;
use crate::hypervisor::libvirt::xml::tree::Element;

/// What a copy has of its own.
#[derive(Clone, Copy, Debug)]
pub struct Copied<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its UUID.
    pub uuid: Uuid,
    /// People's notes and the mark.
    pub description: &'a str,
}

/// The source's definition without its disks, and without what no two domains may share: hardware addresses, the
/// variables of its firmware, what tells a guest that it was copied.
pub fn copy(inactive: &str, copied: &Copied<'_>) -> Result<String, Unfit> {
    let mut domain = parse(inactive)?;
    domain.edit("name", |name| name.set_text(copied.name));
    domain.edit("uuid", |uuid| uuid.set_text(copied.uuid.to_string()));
    domain.remove("genid");
    metadata::clear(&mut domain);
    metadata::set_description(&mut domain, copied.description);
    if let Some(os) = domain.child_mut("os") {
        os.remove("nvram");
    }
    // The serial number of the board repeats the UUID.
    if let Some(info) = domain
        .child_mut("sysinfo")
        .and_then(|info| info.child_mut("system"))
    {
        info.take(|entry| entry.attribute("name") == Some("uuid"));
    }
    if let Some(devices) = domain.child_mut("devices") {
        devices.take(is_disk);
        for device in devices.children_mut() {
            if device.is("interface") {
                device.remove("mac");
                device.remove("target");
            }
        }
    }
    Ok(domain.write()?)
}

fn is_disk(device: &Element) -> bool {
    device.is("disk") && matches!(device.attribute("device"), None | Some("disk" | "lun"))
}
