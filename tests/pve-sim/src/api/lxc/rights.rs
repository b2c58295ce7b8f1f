//! Who may set and remove which options of a container (pve-container, `check_ct_modify_config_perm`).

use std::collections::BTreeMap;

use super::Call;
use crate::release::Release;
use crate::state::{World, drive_property, drive_volume, is_mount, is_net};
use crate::verify::ct_option_privileges;
use crate::wire::ApiError;

/// The container whose options they are.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) vmid: u32,
    /// The pool that it is to be made in, whose rights count for it.
    pub(super) pool: Option<&'a str>,
    pub(super) unprivileged: bool,
    /// The features that it has.
    pub(super) features: Option<&'a str>,
}

/// 403 unless the caller may set an option to a value, or remove it.
pub(super) fn check(
    call: &Call,
    world: &World,
    of: Of<'_>,
    key: &str,
    value: Option<&str>,
) -> Result<(), ApiError> {
    if call.caller.is_root() {
        return Ok(());
    }
    if key == "features" {
        return check_features(call, world, of, value.unwrap_or(""));
    }
    let Some(privileges) = ct_option_privileges(key) else {
        let what = if key == "hookscript" {
            "changing the hookscript"
        } else {
            "configuring device passthrough"
        };
        return Err(for_root(what));
    };
    check_guest(call, world, of, privileges)?;
    let card = value.filter(|_| is_net(key) && call.release() >= Release::V8_4);
    if let Some((card, bridge)) = card.and_then(|card| Some((card, drive_property(card, "bridge")?))) {
        let tag = drive_property(card, "tag").map(|tag| format!("/{tag}"));
        let path = format!("/sdn/zones/localnetwork/{bridge}{}", tag.unwrap_or_default());
        call.require(world, &path, &["SDN.Use"])?;
    }
    match value.filter(|_| is_mount(key)).map(drive_volume) {
        Some(volume) if volume.starts_with("/dev/") => Err(for_root("mount point type device")),
        Some(volume) if volume.starts_with('/') => Err(for_root("mount point type bind")),
        _ => Ok(()),
    }
}

fn for_root(what: &str) -> ApiError {
    let text = format!("Permission check failed ({what} is only allowed for root@pam)");
    ApiError::new(403, text)
}

/// Rights on its pool count as those on itself.
fn check_guest(call: &Call, world: &World, of: Of<'_>, privileges: &[&str]) -> Result<(), ApiError> {
    let by_pool = of.pool.is_some_and(|pool| {
        let path = format!("/pool/{pool}");
        world.access.any(&call.caller, &path, privileges)
    });
    if by_pool {
        return Ok(());
    }
    call.require(world, &format!("/vms/{}", of.vmid), privileges)
}

/// Nesting does no harm in a container without privileges on the host; everything else might.
fn check_features(call: &Call, world: &World, of: Of<'_>, wanted: &str) -> Result<(), ApiError> {
    if !of.unprivileged {
        return Err(for_root("changing feature flags for privileged container"));
    }
    let (old, new) = (flags(of.features.unwrap_or("")), flags(wanted));
    let changed = |flag: &&&str| old.get(**flag) != new.get(**flag);
    let differing: Vec<&&str> = old.keys().chain(new.keys()).filter(changed).collect();
    if differing.iter().any(|flag| **flag != "nesting") {
        return Err(for_root("changing feature flags (except nesting)"));
    }
    if !differing.is_empty() {
        check_guest(call, world, of, &["VM.Allocate"])?;
    }
    Ok(())
}

fn flags(features: &str) -> BTreeMap<&str, &str> {
    features
        .split(',')
        .filter_map(|part| part.split_once('='))
        .collect()
}
