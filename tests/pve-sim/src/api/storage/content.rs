//! What is on a storage, and new volumes there.

use serde_json::{Value, json};

use super::super::{Allow, Endpoint, Run};
use super::{Call, SEE, check_volume_access};
use crate::release::Release;
use crate::state::{Storage, Volume, VolumeName, World};
use crate::verify::{CONTENT, Kind, TEXT, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/storage/{storage}/content",
        Allow::Any("/storage/{storage}", SEE),
        &[&[may("content", CONTENT), may("vmid", Kind::Vmid)]],
        Run::Now(list),
    ),
    Endpoint::post(
        "/nodes/{node}/storage/{storage}/content",
        Allow::Any("/storage/{storage}", &["Datastore.AllocateSpace"]),
        &[&[
            need("filename", TEXT),
            may("format", Kind::Enum(&["raw", "qcow2", "subvol"]))
                .requires("size")
                .until(Release::V7_4),
            may("format", Kind::Enum(&["raw", "qcow2", "subvol", "vmdk"]))
                .requires("size")
                .from(Release::V8_4),
            need("size", Kind::Pattern(r"\d+[MG]?")),
            need("vmid", Kind::Vmid),
        ]],
        Run::Now(allocate),
    ),
];

fn list(call: &Call) -> ApiResult {
    let world = call.world();
    let name = call.text("storage").unwrap_or("");
    let storage = world.storage_on(call.node(), name)?;
    let rows = world.volumes_on(call.node(), name).filter(|volume| {
        call.text("content").is_none_or(|kind| kind == volume.content)
            && call
                .number::<u32>("vmid")
                .is_none_or(|vmid| volume.vmid == Some(vmid))
            && storage.allows(&volume.content)
            && check_volume_access(call, &world, None, &volume.volid, None).is_ok()
    });
    Ok(Reply::data(rows.map(|v| row(storage, v)).collect::<Vec<_>>()))
}

fn row(storage: &Storage, volume: &Volume) -> Value {
    let mut row = json!({
        "volid": volume.volid,
        "content": volume.content,
        "format": volume.format,
        "size": volume.size,
        "ctime": volume.ctime,
    });
    if let Some(vmid) = volume.vmid {
        row["vmid"] = json!(vmid);
    }
    match volume.content.as_str() {
        "images" | "rootdir" if storage.has_files() => {
            // Nobody counts the files of a container that lies in a directory.
            let used = if volume.format == "subvol" { 0 } else { volume.used };
            row["used"] = json!(used);
            row["parent"] = json!(volume.parent_shown());
        }
        "images" | "rootdir" => {
            if let Some(parent) = &volume.parent {
                let name = parent.split_once(':').map_or(parent.as_str(), |(_, name)| name);
                row["parent"] = json!(name);
            }
        }
        "backup" => {
            if let Some(archive) = &volume.archive {
                row["subtype"] = json!(archive.kind.name());
            }
            if let Some(notes) = &volume.notes {
                row["notes"] = json!(notes);
            }
            if volume.protected {
                row["protected"] = json!(1);
            }
        }
        _ => {}
    }
    row
}

/// Synchronous: the new volume's id.
fn allocate(call: &Call) -> ApiResult {
    let (node, vmid) = (call.node(), call.vmid());
    let (name, file) = (
        call.text("storage").unwrap_or(""),
        call.text("filename").unwrap_or(""),
    );
    let by_name = ["raw", "qcow2", "vmdk"]
        .into_iter()
        .find(|format| file.ends_with(&format!(".{format}")));
    let format = call.text("format");
    if let (Some(format), Some(by_name)) = (format, by_name)
        && format != by_name
    {
        let text = format!("different storage formats ({format} != {by_name})");
        return Err(ApiError::parameter("format", text));
    }
    let mut world = call.world();
    let storage = world.storage_on(node, name)?.clone();
    let format = by_name.or(format).unwrap_or("raw");
    let volid = volume_id(&storage, vmid, file)?;
    if world.volume(node, &volid).is_some() {
        let text = if storage.has_files() {
            format!("disk image '{}' already exists", world.path_of(&volid))
        } else {
            format!("volume '{volid}' already exists")
        };
        return Err(ApiError::internal(text));
    }
    let bytes = bytes(call.text("size").unwrap_or(""));
    let free = storage.total.saturating_sub(world.used(node, name));
    if free == 0 {
        let path = world.path_of(&volid);
        let text = format!("unable to create image: qemu-img: {path}: No space left on device");
        return Err(ApiError::internal(text));
    }
    let mut volume = Volume::disk(node, volid.clone(), format, bytes, vmid);
    volume.used = 0;
    world.add_volume(volume);
    drop(world);
    Ok(Reply::data(volid))
}

/// The id of a volume whose name was chosen: it has to name its guest.
fn volume_id(storage: &Storage, vmid: u32, file: &str) -> Result<String, ApiError> {
    let own = ["vm", "base", "subvol", "basevol"]
        .iter()
        .any(|kind| file.starts_with(&format!("{kind}-{vmid}-")));
    if !own {
        let text = format!("illegal name '{file}' - should be 'vm-{vmid}-*'");
        return Err(ApiError::internal(text));
    }
    let name = &storage.name;
    let volid = if storage.has_files() {
        format!("{name}:{vmid}/{file}")
    } else {
        format!("{name}:{file}")
    };
    let readable = VolumeName::parse(&volid).is_some_and(|v| v.extension().is_some() || !storage.has_files());
    if readable {
        Ok(volid)
    } else {
        Err(ApiError::internal(format!(
            "unable to parse volume filename '{file}'"
        )))
    }
}

/// A size as this call takes it: in KiB when it has no unit.
fn bytes(size: &str) -> u64 {
    let (digits, shift) = match size.strip_suffix('M') {
        Some(digits) => (digits, 20),
        None => match size.strip_suffix('G') {
            Some(digits) => (digits, 30),
            None => (size, 10),
        },
    };
    digits.parse::<u64>().unwrap_or(0) << shift
}

/// The id of a volume as a path gives it, with or without its storage.
pub(super) fn volid_of(call: &Call, world: &World) -> Result<String, ApiError> {
    let volume = call.text("volume").unwrap_or("");
    let storage = call.text("storage").unwrap_or("");
    let volid = match volume.split_once(':') {
        Some((named, _)) if named != storage => {
            let text = format!("storage ID missmatch ({named} != {storage})");
            return Err(ApiError::internal(text));
        }
        Some(_) => volume.to_owned(),
        None => format!("{storage}:{volume}"),
    };
    world.storage_on(call.node(), storage)?;
    Ok(volid)
}
