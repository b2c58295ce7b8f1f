//! Who may use a volume (`PVE::Storage::check_volume_access`).

use super::super::Call;
use super::SEE;
use crate::state::{VolumeName, World};
use crate::wire::ApiError;

/// The kind of content that a volume's id says, and the guest that it belongs to.
pub(super) fn kind_and_owner(volid: &str) -> (&str, Option<u32>) {
    let name = volid.split_once(':').map_or(volid, |(_, name)| name);
    if let Some(found) = VolumeName::parse(volid) {
        return ("images", Some(found.owner));
    }
    match name.split_once('/') {
        Some(("backup", file)) => ("backup", backup_owner(file)),
        Some((kind @ ("iso" | "vztmpl" | "snippets" | "import"), _)) => (kind, None),
        _ => ("", None),
    }
}

/// `vzdump-lxc-240-2026_11_22-03_19_27.tar.zst`: the guest of a backup.
fn backup_owner(file: &str) -> Option<u32> {
    file.strip_prefix("vzdump-")?.split('-').nth(1)?.parse().ok()
}

/// 403 unless the caller may use a volume: for a guest of his, if it is one's; of a kind, if only that will do.
pub(in crate::api) fn check_volume_access(
    call: &Call,
    world: &World,
    vmid: Option<u32>,
    volid: &str,
    wanted: Option<&str>,
) -> Result<(), ApiError> {
    let Some((storage, _)) = volid.split_once(':').filter(|_| !volid.starts_with('/')) else {
        return if call.caller.is_root() {
            Ok(())
        } else {
            let text = "Only root can pass arbitrary filesystem paths.";
            Err(ApiError::internal(text))
        };
    };
    let (kind, owner) = kind_and_owner(volid);
    if wanted.is_some_and(|wanted| wanted != kind && !(wanted == "rootdir" && kind == "images")) {
        let wanted = wanted.unwrap_or("");
        let text = format!("unable to use volume {volid} - content type needs to be '{wanted}'");
        return Err(ApiError::internal(text));
    }
    let path = format!("/storage/{storage}");
    if world.access.any(&call.caller, &path, &["Datastore.Allocate"]) {
        return Ok(());
    }
    match (kind, owner) {
        ("iso" | "vztmpl" | "import", _) => call.require(world, &path, SEE),
        (_, Some(owner)) if vmid == Some(owner) => Ok(()),
        ("backup", Some(owner)) => {
            call.require(world, &path, &["Datastore.AllocateSpace"])?;
            call.require(world, &format!("/vms/{owner}"), &["VM.Backup"])
        }
        ("images", Some(owner)) => {
            call.require(world, &path, &["Datastore.Audit"])?;
            call.require(world, &format!("/vms/{owner}"), &["VM.Config.Disk"])
        }
        _ => Err(ApiError::internal(format!(
            "missing privileges to access {volid}"
        ))),
    }
}
