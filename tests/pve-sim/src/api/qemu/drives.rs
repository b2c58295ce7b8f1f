//! Drives as they are asked for (`local-lvm:32`, `local:cloudinit`, an existing volume) and as they are then stored
//! (qemu-server, `create_disks` and `check_storage_access` in `PVE::API2::Qemu`).

use std::collections::BTreeMap;

use super::Call;
use crate::release::Release;
use crate::state::{
    Config, Source, Target, VolumeName, World, drive_property, drive_volume, format_size, parse_size,
    render_bytes,
};
use crate::verify::{Properties, drive_properties};
use crate::wire::ApiError;

/// The first size of cloud-init's drive.
const CLOUD_INIT_SIZE: u64 = 4 << 20;
/// The state of a TPM, always.
const TPM_SIZE: u64 = 4 << 20;
/// The variables of the firmware, `2m` and `4m`, as they are in a file; volumes of LVM are rounded up.
const FIRMWARE_SIZES: [u64; 2] = [128 << 10, 528 << 10];

/// A drive's value, taken apart.
struct Drive {
    properties: &'static Properties,
    keys: BTreeMap<String, String>,
}

impl Drive {
    fn parse(key: &str, value: &str) -> Result<Self, String> {
        let unparsed = || format!("unable to parse drive options of '{key}'");
        let properties = drive_properties(key).ok_or_else(unparsed)?;
        let keys = properties.parse(value).map_err(|_| unparsed())?;
        Ok(Self { properties, keys })
    }

    fn file(&self) -> &str {
        self.keys.get("file").map_or("", String::as_str)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str)
    }

    fn set(&mut self, key: &str, value: impl Into<String>) {
        self.keys.insert(key.to_owned(), value.into());
    }

    fn print(self) -> String {
        self.properties.join(self.keys)
    }
}

/// What the file of a drive asks for.
enum Asked<'a> {
    /// `none`, `cdrom`, a device of the host.
    AsIs,
    /// A new volume of so many bytes.
    New { storage: &'a str, size: u64 },
    /// A volume for cloud-init's data.
    CloudInit { storage: &'a str },
    /// A volume that exists.
    Existing { storage: &'a str, name: &'a str },
}

fn asked(file: &str) -> Asked<'_> {
    let Some((storage, name)) = file.split_once(':').filter(|_| !file.starts_with('/')) else {
        return Asked::AsIs;
    };
    let digits = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match parse_size(&format!("{name}G")).filter(|_| digits) {
        Some(size) => Asked::New { storage, size },
        None if name == "cloudinit" => Asked::CloudInit { storage },
        None => Asked::Existing { storage, name },
    }
}

/// What Proxmox checks before it starts a task: that the storage is there, allows disks, and the caller may use it.
pub(super) fn check(world: &World, call: &Call, key: &str, value: &str) -> Result<(), ApiError> {
    let drive = Drive::parse(key, value)?;
    if let Some(source) = drive.get("import-from") {
        check_import(world, call, key, source)?;
    }
    match asked(drive.file()) {
        Asked::AsIs if drive.file() == "cdrom" => call.require(world, "/", &["Sys.Console"]),
        Asked::AsIs if drive.file().starts_with('/') => only_root(call),
        Asked::AsIs => Ok(()),
        Asked::New { storage, .. } | Asked::CloudInit { storage } => {
            call.require(
                world,
                &format!("/storage/{storage}"),
                &["Datastore.AllocateSpace"],
            )?;
            let found = world.usable_storage(storage)?;
            if found.allows("images") {
                Ok(())
            } else {
                let sentence = format!("storage '{storage}' does not support vm images");
                Err(ApiError::parameter("storage", sentence))
            }
        }
        Asked::Existing { storage, name } => {
            let found = world.usable_storage(storage)?;
            let kind = if found.has_files() { "directory" } else { "lvm" };
            if content_of(drive.file()).is_none() {
                return Err(ApiError::internal(format!(
                    "unable to parse {kind} volume name '{name}'"
                )));
            }
            check_access(world, call, drive.file())?;
            if matches!(content_of(drive.file()), Some("images" | "iso")) {
                Ok(())
            } else {
                let sentence = "content type needs to be 'images' or 'iso'";
                Err(ApiError::parameter(key, sentence))
            }
        }
    }
}

fn only_root(call: &Call) -> Result<(), ApiError> {
    if call.caller.is_root() {
        Ok(())
    } else {
        Err(ApiError::internal(
            "Only root can pass arbitrary filesystem paths.",
        ))
    }
}

/// The kind of content that a volume's name says.
fn content_of(volid: &str) -> Option<&'static str> {
    let (_, name) = volid.split_once(':')?;
    let folders = [
        ("iso/", "iso"),
        ("import/", "import"),
        ("backup/", "backup"),
        ("vztmpl/", "vztmpl"),
        ("snippets/", "snippets"),
    ];
    let folder = folders.iter().find(|(folder, _)| name.starts_with(folder));
    folder
        .map(|(_, content)| *content)
        .or_else(|| VolumeName::parse(volid).map(|_| "images"))
}

/// `PVE::Storage::check_volume_access`.
fn check_access(world: &World, call: &Call, volid: &str) -> Result<(), ApiError> {
    let storage = volid.split(':').next().unwrap_or("");
    let path = format!("/storage/{storage}");
    if call.require(world, &path, &["Datastore.Allocate"]).is_ok() {
        return Ok(());
    }
    match VolumeName::parse(volid) {
        None => call.require(world, &path, &["Datastore.AllocateSpace", "Datastore.Audit"]),
        Some(name) if name.owner == call.vmid() => Ok(()),
        Some(name) => {
            call.require(world, &path, &["Datastore.Audit"])?;
            call.require(world, &format!("/vms/{}", name.owner), &["VM.Config.Disk"])
        }
    }
}

fn check_import(world: &World, call: &Call, key: &str, source: &str) -> Result<(), ApiError> {
    if source.starts_with('/') {
        return only_root(call);
    }
    check_access(world, call, source)?;
    match content_of(source) {
        Some("images") => Ok(()),
        Some("import") if call.release() >= Release::V8_4 => Ok(()),
        Some(kind) => {
            let sentence = format!("{source} has wrong type '{kind}' - needs to be 'images' or 'import'");
            Err(ApiError::parameter(key, sentence))
        }
        None => Err(ApiError::internal(format!(
            "unable to parse volume ID '{source}'"
        ))),
    }
}

/// For whom volumes are made.
pub(super) struct Owner<'a> {
    pub(super) node: &'a str,
    pub(super) vmid: u32,
    /// What it has already.
    pub(super) config: &'a Config,
}

/// What was made: the values to store and the lines of the log.
#[derive(Default)]
pub(super) struct Made {
    pub(super) values: BTreeMap<String, String>,
    pub(super) log: Vec<String>,
    /// To be freed again if the caller fails later.
    volumes: Vec<String>,
}

/// Makes the volumes that the drives ask for. After an error nothing is left of them.
pub(super) fn make(
    world: &mut World,
    owner: &Owner<'_>,
    drives: &BTreeMap<String, String>,
) -> Result<Made, String> {
    let mut made = Made::default();
    let mut in_order: Vec<(&String, &String)> = drives.iter().collect();
    // The order in which Proxmox goes through drives.
    let bus = |key: &str| {
        let buses = ["ide", "scsi", "virtio", "sata", "efidisk", "tpmstate"];
        buses.iter().position(|bus| key.starts_with(bus))
    };
    in_order.sort_by_key(|(key, _)| (bus(key), key.len(), (*key).clone()));
    for (key, value) in in_order {
        if let Err(error) = make_one(world, owner, key, value, &mut made) {
            for volid in &made.volumes {
                world.free_volume(owner.node, volid);
            }
            return Err(error);
        }
    }
    Ok(made)
}

fn make_one(
    world: &mut World,
    owner: &Owner<'_>,
    key: &str,
    value: &str,
    made: &mut Made,
) -> Result<(), String> {
    let mut drive = Drive::parse(key, value)?;
    let file = drive.file().to_owned();
    let is_new = match asked(&file) {
        Asked::AsIs => {
            drive.keys.remove("size");
            false
        }
        Asked::Existing { .. } => {
            let old = owner.config.get(key).map(|old| drive_volume(old));
            if old != Some(file.as_str()) {
                let volume = world.volume(owner.node, &file);
                let size = volume.map(|v| v.size).filter(|size| *size > 0);
                let size = size.ok_or_else(|| format!("volume '{file}' does not exist"))?;
                drive.set("size", format_size(size));
            }
            false
        }
        Asked::CloudInit { storage } => {
            let mut others = owner.config.iter().filter(|(other, _)| *other != key);
            if let Some((other, _)) = others.find(|(_, v)| drive_volume(v).contains("cloudinit")) {
                return Err(format!(
                    "{key} - cloud-init drive is already attached at '{other}'"
                ));
            }
            let files = world.usable_storage(storage)?.has_files();
            let format = drive.keys.remove("format");
            let target = Target {
                node: owner.node,
                storage,
                vmid: owner.vmid,
                format: Some(format.as_deref().unwrap_or(if files { "qcow2" } else { "raw" })),
                what: Some("cloudinit"),
            };
            let volume = world.allocate(&target, CLOUD_INIT_SIZE)?;
            made.log.extend(volume.log);
            made.volumes.push(volume.volid.clone());
            drive.set("file", volume.volid);
            drive.set("media", "cdrom");
            true
        }
        Asked::New { storage, size } => {
            let (volid, size) = fill(world, owner, key, &mut drive, storage, size, &mut made.log)?;
            made.volumes.push(volid.clone());
            drive.set("file", volid);
            drive.set("size", format_size(size));
            true
        }
    };
    let stored = drive.print();
    if is_new {
        made.log
            .push(format!("{key}: successfully created disk '{stored}'"));
    }
    made.values.insert(key.to_owned(), stored);
    Ok(())
}

/// A new volume, empty or with the data of another: its id and size.
fn fill(
    world: &mut World,
    owner: &Owner<'_>,
    key: &str,
    drive: &mut Drive,
    storage: &str,
    size: u64,
    log: &mut Vec<String>,
) -> Result<(String, u64), String> {
    let files = world.usable_storage(storage)?.has_files();
    let import = drive.keys.remove("import-from");
    let format = drive.keys.remove("format");
    let mut target = Target {
        node: owner.node,
        storage,
        vmid: owner.vmid,
        format: format.as_deref(),
        what: None,
    };
    let size = match (key, drive.get("efitype")) {
        ("tpmstate0", _) => {
            target.format = Some("raw");
            TPM_SIZE
        }
        ("efidisk0", _) if !files => 4 << 20,
        ("efidisk0", Some("4m")) => FIRMWARE_SIZES[1],
        ("efidisk0", _) => FIRMWARE_SIZES[0],
        _ => size,
    };
    let Some(import) = import else {
        let volume = world.allocate(&target, size)?;
        log.extend(volume.log);
        if key == "efidisk0" {
            log.extend(converted(size));
        }
        return Ok((volume.volid, size));
    };
    if VolumeName::parse(&import).is_some() {
        let source = Source {
            node: owner.node,
            volid: &import,
            mirrored: None,
        };
        let size = world.volume(owner.node, &import).map(|v| v.size);
        let size = size.ok_or_else(|| format!("volume '{import}' does not exist"))?;
        log.push(format!("create full clone of drive ({import})"));
        let volume = world.copy_volume(&source, &target)?;
        log.extend(volume.log);
        return Ok((volume.volid, size));
    }
    let size = world.file_size(owner.node, &import);
    let size = size.ok_or_else(|| format!("volume_size_info on '{import}' failed"))?;
    let volume = world.allocate(&target, size)?;
    log.extend(volume.log);
    log.extend(converted(size));
    Ok((volume.volid, size))
}

/// What `qemu-img convert` prints of a copy that `PVE::QemuServer::ImportDisk` makes: the end comes twice.
fn converted(size: u64) -> [String; 3] {
    let size = render_bytes(size);
    let end = format!("transferred {size} of {size} (100.00%)");
    [format!("transferred 0.0 B of {size} (0.00%)"), end.clone(), end]
}

/// `cdrom` is another name of `ide2`.
pub(super) fn resolve_cdrom(options: &mut Config) {
    if let Some(mut value) = options.remove("cdrom") {
        if drive_property(&value, "media").is_none() {
            value.push_str(",media=cdrom");
        }
        options.insert("ide2".to_owned(), value);
    }
}
