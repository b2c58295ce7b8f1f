//! Who may set and remove which options (qemu-server, `PVE::API2::Qemu`). What needs no privilege but `root@pam` itself
//! is refused with status 500, as Proxmox refuses it.

use std::collections::BTreeMap;

use super::Call;
use crate::state::{Config, World, drive_property, drive_volume};
use crate::verify::{Needs, option_privileges};
use crate::wire::ApiError;

/// Whether the caller may set these options and remove those of the guest.
pub(super) fn check(
    call: &Call,
    world: &World,
    set: &Config,
    delete: &[String],
    present: &Config,
) -> Result<(), ApiError> {
    if call.caller.is_root() {
        return Ok(());
    }
    for key in delete {
        check_one(call, world, key, present.get(key), "delete")?;
    }
    for (key, value) in set {
        check_one(call, world, key, Some(value), "set")?;
    }
    Ok(())
}

fn check_one(
    call: &Call,
    world: &World,
    key: &str,
    value: Option<&String>,
    verb: &str,
) -> Result<(), ApiError> {
    let path = format!("/vms/{}", call.vmid());
    match option_privileges(key) {
        Needs::OneOf(privileges) => {
            call.require(world, &path, privileges)?;
            // The order of start-up is the host's matter.
            if key == "startup" {
                call.require(world, "/", &["Sys.Modify"])?;
            }
            Ok(())
        }
        Needs::AllOf(privileges) => privileges
            .iter()
            .try_for_each(|privilege| call.require(world, &path, &[*privilege])),
        Needs::Root => Err(ApiError::internal(format!("only root can set '{key}' config"))),
        Needs::ByValue => check_value(call, world, key, value.map_or("", String::as_str), verb),
    }
}

fn check_value(call: &Call, world: &World, key: &str, value: &str, verb: &str) -> Result<(), ApiError> {
    let path = format!("/vms/{}", call.vmid());
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let hardware = || call.require(world, &path, &["VM.Config.HWType"]);
    let mapped = |kind: &str| {
        let mapping = drive_property(value, "mapping")?;
        let used = call.require(world, &format!("/mapping/{kind}/{mapping}"), &["Mapping.Use"]);
        Some(hardware().and(used))
    };
    let real = |what: &str| {
        Err(ApiError::internal(format!(
            "only root can {verb} '{key}' config for {what}"
        )))
    };
    match stem {
        "serial" if value == "socket" || value.is_empty() => hardware(),
        "serial" => real("real devices"),
        "usb" if drive_volume(value) == "spice" || drive_property(value, "host") == Some("spice") => {
            hardware()
        }
        "usb" => mapped("usb").unwrap_or_else(|| real("real devices")),
        "hostpci" => mapped("pci").unwrap_or_else(|| real("non-mapped devices")),
        _ if is_plain_cdrom(value) || key == "cdrom" => call.require(world, &path, &["VM.Config.CDROM"]),
        _ => call.require(world, &path, &["VM.Config.Disk"]),
    }
}

/// A CD, but not that of cloud-init.
pub(super) fn is_plain_cdrom(value: &str) -> bool {
    let is_cd = drive_property(value, "media") == Some("cdrom");
    is_cd && !drive_volume(value).contains("cloudinit")
}

/// The cards' bridges (`check_bridge_access`): a privilege since 8.0, on the zone of all local bridges.
pub(super) fn check_bridges(call: &Call, world: &World, set: &Config) -> Result<(), ApiError> {
    if call.caller.is_root() || call.release() < crate::Release::V8_4 {
        return Ok(());
    }
    let bridges: BTreeMap<&str, Option<&str>> = set
        .iter()
        .filter(|(key, _)| crate::state::is_net(key))
        .filter_map(|(_, card)| Some((drive_property(card, "bridge")?, drive_property(card, "tag"))))
        .collect();
    for (bridge, tag) in bridges {
        let network = format!("/sdn/zones/localnetwork/{bridge}");
        let path = tag.map_or(network.clone(), |tag| format!("{network}/{tag}"));
        call.require(world, &path, &["SDN.Use"])?;
    }
    Ok(())
}
