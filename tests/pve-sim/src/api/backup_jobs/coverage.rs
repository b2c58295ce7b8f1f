//! What the jobs cover: the volumes that one includes, and the guests that are in none.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Call, Endpoint, Run};
use super::AUDIT;
use crate::state::{BackupVolume, Guest, GuestKind, drive_property, drive_volume, is_disk};
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/cluster/backup/{id}/included_volumes",
        AUDIT,
        &[],
        Run::Now(included),
    ),
    Endpoint::get(
        "/cluster/backup-info/not-backed-up",
        AUDIT,
        &[],
        Run::Show(uncovered),
    ),
];

/// The volumes of a guest, and whether a backup takes them (`get_backup_volumes` of `PVE::QemuConfig` and
/// `PVE::LXC::Config`).
fn volumes(guest: &Guest) -> Vec<BackupVolume<'_>> {
    let volumes = guest.config.iter().filter_map(|(key, value)| {
        let volume = drive_volume(value);
        let asked = drive_property(value, "backup").map(|text| text == "1");
        match guest.kind {
            GuestKind::Qemu if is_disk(key) && !value.contains("media=cdrom") && volume != "none" => {
                let ovmf = guest.option("bios") == Some("ovmf");
                let (included, reason) = match asked {
                    _ if key.starts_with("efidisk") && !ovmf => (false, "efidisk but no OMVF BIOS"),
                    Some(false) => (false, "backup=no"),
                    _ => (true, "backup=yes"),
                };
                Some(BackupVolume {
                    key,
                    volume,
                    included,
                    reason,
                })
            }
            GuestKind::Lxc if key == "rootfs" => Some(BackupVolume {
                key,
                volume,
                included: true,
                reason: "rootfs",
            }),
            GuestKind::Lxc if is_mount_point(key) => {
                let (included, reason) = match asked {
                    _ if volume.starts_with('/') => (false, "not a volume"),
                    Some(true) => (true, "enabled"),
                    _ => (false, "disabled"),
                };
                Some(BackupVolume {
                    key,
                    volume,
                    included,
                    reason,
                })
            }
            _ => None,
        }
    });
    volumes.collect()
}

fn is_mount_point(key: &str) -> bool {
    key.strip_prefix("mp")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn included(call: &Call) -> ApiResult {
    let world = call.world();
    let id = call.text("id").unwrap_or("");
    let job = world.backup_jobs.get(id);
    let job = job.ok_or_else(|| ApiError::parameter("id", format!("No such job '{id}'")))?;
    let seen = |vmid: u32| {
        world
            .access
            .any(&call.caller, &format!("/vms/{vmid}"), &["VM.Audit"])
    };
    let guests = job.guests(&world).into_iter().filter(|vmid| seen(*vmid));
    let rows = guests.map(|vmid| match world.guests.get(&vmid) {
        None => json!({"id": vmid, "type": "unknown", "leaf": 1}),
        Some(guest) => json!({
            "id": vmid,
            "type": guest.kind.name(),
            "name": guest.display_name(),
            "leaf": 0,
            "children": volumes(guest).iter().map(|volume| json!({
                "id": format!("{vmid}:{}", volume.key),
                "name": volume.volume,
                "included": u8::from(volume.included),
                "reason": volume.reason,
                "leaf": 1,
            })).collect::<Vec<Value>>(),
        }),
    });
    let rows: Vec<Value> = rows.collect();
    Ok(Reply::data(json!({"children": rows})))
}

fn uncovered(call: &Call) -> Reply {
    let world = call.world();
    let jobs = world.backup_jobs.values();
    let covered: BTreeSet<u32> = jobs.flat_map(|job| job.guests(&world)).collect();
    let guests = world.guests.values().filter(|guest| {
        !covered.contains(&guest.vmid)
            && world
                .access
                .any(&call.caller, &format!("/vms/{}", guest.vmid), &["VM.Audit"])
    });
    let rows = guests
        .map(|guest| json!({"vmid": guest.vmid, "name": guest.display_name(), "type": guest.kind.name()}));
    Reply::data(rows.collect::<Vec<_>>())
}
