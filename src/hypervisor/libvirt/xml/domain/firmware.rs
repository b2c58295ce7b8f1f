//! What starts a domain, and the TPM in which it seals its secrets.

use super::Host;
use super::pools::{Pools, volume_id};
use super::unfit::Unfit;
use crate::hypervisor::libvirt::xml::tree::Element;
use crate::model::{Hardware, VolumeId};

/// The names of what libvirt itself keeps for a domain, at a place of its own.
const VARIABLES: &str = "nvram";
const TPM: &str = "tpm";

pub(super) fn read(domain: &Element, pools: &Pools, hardware: &mut Hardware) {
    if let Some(os) = domain.child("os").filter(|os| is_efi(os)) {
        hardware.bios = Some("ovmf".to_owned());
        let path = os.text_of("nvram").filter(|path| !path.is_empty());
        let volume = path.map_or_else(|| volume_id("file", VARIABLES), |path| pools.locate(&path));
        hardware.efi_disk = Some((volume, checks(os)));
    }
    hardware.tpm = domain
        .at(&["devices", "tpm", "backend"])
        .map(|backend| tpm(backend, pools));
}

fn is_efi(os: &Element) -> bool {
    os.attribute("firmware") == Some("efi") || os.attribute_of("loader", "type") == Some("pflash")
}

/// Whether it checks what it boots by keys that are enrolled.
fn checks(os: &Element) -> bool {
    let feature = |name: &str| {
        let mut all = os.child("firmware")?.all("feature");
        let feature = all.find(|feature| feature.attribute("name") == Some(name))?;
        Some(feature.attribute("enabled") == Some("yes"))
    };
    feature("enrolled-keys")
        .or_else(|| feature("secure-boot"))
        .unwrap_or_else(|| os.attribute_of("loader", "secure") == Some("yes"))
}

fn tpm(backend: &Element, pools: &Pools) -> VolumeId {
    let device = backend.attribute_of("device", "path");
    device.map_or_else(|| volume_id("file", TPM), |path| pools.locate(path))
}

/// Gives it UEFI. libvirt chooses the image, and keeps the variables.
pub(super) fn set_efi(domain: &mut Element, host: &Host) -> Result<(), Unfit> {
    if !host.efi {
        return Err(Unfit::Host("UEFI for domains"));
    }
    domain.edit("os", |os| os.set("firmware", "efi"));
    Ok(())
}

/// Says whether it checks what it boots.
pub(super) fn set_secure_boot(domain: &mut Element, on: bool, host: &Host) -> Result<(), Unfit> {
    if on && !host.secure_boot {
        return Err(Unfit::Host("secure boot for domains"));
    }
    set_efi(domain, host)?;
    let enabled = if on { "yes" } else { "no" };
    let feature = |name: &str| {
        Element::new("feature")
            .with("enabled", enabled)
            .with("name", name)
    };
    let mut firmware = Element::new("firmware").holding(feature("secure-boot"));
    if on {
        firmware.push(feature("enrolled-keys"));
        // What it must not be able to overwrite lies in memory of system management.
        domain.edit("features", |features| {
            features.edit("smm", |smm| smm.set("state", "on"));
        });
    }
    domain.edit("os", |os| {
        os.remove("firmware");
        os.push(firmware);
    });
    Ok(())
}

/// Gives it a TPM of version 2.0, which the host emulates.
pub(super) fn add_tpm(domain: &mut Element, host: &Host) -> Result<(), Unfit> {
    if !host.tpm {
        return Err(Unfit::Host("TPM to emulate"));
    }
    if domain.at(&["devices", "tpm"]).is_some() {
        return Err(Unfit::Exists("tpm".to_owned()));
    }
    let model = if host.arch == "x86_64" {
        "tpm-crb"
    } else {
        "tpm-tis"
    };
    let backend = Element::new("backend")
        .with("type", "emulator")
        .with("version", "2.0");
    let tpm = Element::new("tpm").with("model", model).holding(backend);
    domain.edit("devices", |devices| devices.push(tpm));
    Ok(())
}
