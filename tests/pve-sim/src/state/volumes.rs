//! What storages do with the volumes of guests: allocate, copy, link, rename, grow and free them, with the lines that
//! their tools print and the sentences with which they refuse (`PVE::Storage` and its plugins).

use super::property::render_bytes;
use super::storage::{Storage, Volume};
use super::volume_name::VolumeName;
use super::world::World;
use crate::release::Release;

/// A new volume, and what was printed while it was made.
#[derive(Debug)]
pub(crate) struct Allocated {
    pub(crate) volid: String,
    pub(crate) log: Vec<String>,
}

/// Where a new volume is to be, and for whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) node: &'a str,
    pub(crate) storage: &'a str,
    pub(crate) vmid: u32,
    /// `raw`, `qcow2`; that of the storage, or of the source, when absent.
    pub(crate) format: Option<&'a str>,
    /// What the name says after the owner (`cloudinit`, `state-before`); the next free `disk-N` when absent.
    pub(crate) what: Option<&'a str>,
}

/// What is copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) node: &'a str,
    pub(crate) volid: &'a str,
    /// The drive of the running machine that mirrors it; none when it is copied at rest.
    pub(crate) mirrored: Option<&'a str>,
}

impl World {
    /// The node under which a volume is kept: none for those that all nodes share.
    fn home<'a>(&self, node: &'a str, volid: &str) -> &'a str {
        let storage = volid.split(':').next().unwrap_or("");
        let shared = self.storage(storage).is_some_and(|s| s.shared);
        if shared { "" } else { node }
    }

    pub(crate) fn volume(&self, node: &str, volid: &str) -> Option<&Volume> {
        let home = self.home(node, volid);
        self.volumes.get(&(home.to_owned(), volid.to_owned()))
    }

    pub(crate) fn volume_mut(&mut self, node: &str, volid: &str) -> Option<&mut Volume> {
        let home = self.home(node, volid).to_owned();
        self.volumes.get_mut(&(home, volid.to_owned()))
    }

    pub(crate) fn add_volume(&mut self, mut volume: Volume) {
        if self.home(&volume.node, &volume.volid).is_empty() {
            volume.node.clear();
        }
        let key = (volume.node.clone(), volume.volid.clone());
        self.volumes.insert(key, volume);
    }

    /// Takes a volume away, whatever uses it.
    pub(crate) fn free_volume(&mut self, node: &str, volid: &str) -> Option<Volume> {
        let home = self.home(node, volid).to_owned();
        self.volumes.remove(&(home, volid.to_owned()))
    }

    /// What a node sees on a storage.
    pub(crate) fn volumes_on(&self, node: &str, storage: &str) -> impl Iterator<Item = &Volume> {
        let first = format!("{storage}:");
        let home = self.home(node, &first).to_owned();
        // A semicolon comes right after the colon.
        let range = (home.clone(), first)..(home, format!("{storage};"));
        self.volumes.range(range).map(|(_, volume)| volume)
    }

    /// Bytes in use on a node's storage.
    pub(crate) fn used(&self, node: &str, storage: &str) -> u64 {
        self.volumes_on(node, storage).map(|v| v.used).sum()
    }

    /// The storage, if it can be used at all.
    pub(crate) fn usable_storage(&self, name: &str) -> Result<&Storage, String> {
        match self.storage(name) {
            None => Err(format!("storage '{name}' does not exist")),
            Some(storage) if !storage.enabled => Err(format!("storage '{name}' is disabled")),
            Some(storage) => Ok(storage),
        }
    }

    /// Where a volume lies, as tools name it.
    pub(crate) fn path(&self, volid: &str) -> String {
        let Some(name) = VolumeName::parse(volid) else {
            return volid.to_owned();
        };
        self.storage(name.storage)
            .map_or_else(|| volid.to_owned(), |storage| path(storage, &name))
    }

    /// An empty volume.
    pub(crate) fn allocate(&mut self, target: &Target<'_>, size: u64) -> Result<Allocated, String> {
        let storage = self.usable_storage(target.storage)?.clone();
        let format = target.format.unwrap_or("raw");
        if format != "raw" && !storage.has_files() && !(format == "subvol" && storage.kind == "zfspool") {
            return Err(format!("unsupported format '{format}'"));
        }
        let what = target.what.map_or_else(|| self.free_name(target), str::to_owned);
        let volid = storage.disk_volid(target.vmid, &what, format);
        let mut volume = Volume::disk(target.node, volid.clone(), format, size, target.vmid);
        volume.used = if format == "qcow2" {
            metadata(64 << 10, size)
        } else {
            0
        };
        let name = VolumeName::parse(&volid).ok_or_else(|| format!("illegal name '{volid}'"))?;
        self.check_space(&storage, target.node, &name, size)?;
        let log = match storage.kind.as_str() {
            _ if format == "subvol" => Vec::new(),
            _ if storage.has_files() => vec![formatting(&path(&storage, &name), format, size)],
            "lvm" | "lvmthin" => vec![format!("  Logical volume \"{}\" created.", name.name)],
            _ => Vec::new(),
        };
        self.add_volume(volume);
        Ok(Allocated { volid, log })
    }

    /// Whether there is room for a new volume: thick storages need all of it, thin ones only some at all.
    fn check_space(
        &self,
        storage: &Storage,
        node: &str,
        name: &VolumeName<'_>,
        size: u64,
    ) -> Result<(), String> {
        let free = storage.total.saturating_sub(self.used(node, &storage.name));
        let (group, name_alone) = (storage.group(), name.name);
        match storage.kind.as_str() {
            // Said by PVE::Storage::LVMPlugin::alloc_image, in KiB.
            "lvm" if free < size => Err(format!("not enough free space ({} < {})", free >> 10, size >> 10)),
            "zfspool" if free < size => Err(format!(
                "zfs error: cannot create '{group}/{name_alone}': out of space"
            )),
            // Said by LVM itself, of a pool above its threshold.
            "lvmthin" if free == 0 => Err(format!(
                "lvcreate '{group}/{name_alone}' error:   Cannot create new thin volume, free space in thin pool \
                 {group}/{} reached threshold.",
                storage.options.get("thinpool").map_or("data", String::as_str)
            )),
            _ if free == 0 => Err(format!(
                "unable to create image: qemu-img: {}: No space left on device",
                path(storage, name)
            )),
            _ => Ok(()),
        }
    }

    /// The first `disk-N` that the guest has not on this storage, whatever its format.
    fn free_name(&self, target: &Target<'_>) -> String {
        let own = self.volumes_on(target.node, target.storage);
        let taken: Vec<u32> = own
            .filter(|v| v.vmid == Some(target.vmid))
            .filter_map(|v| VolumeName::parse(&v.volid)?.number())
            .collect();
        let numbers = 0..=u32::try_from(taken.len()).unwrap_or(u32::MAX);
        let free = numbers
            .into_iter()
            .find(|number| !taken.contains(number))
            .unwrap_or_default();
        format!("disk-{free}")
    }

    /// A volume with the same data (`qemu-img convert`, or the mirror of a running machine's drive).
    pub(crate) fn copy_volume(
        &mut self,
        source: &Source<'_>,
        target: &Target<'_>,
    ) -> Result<Allocated, String> {
        let volume = self.volume(source.node, source.volid).cloned();
        let volume = volume.ok_or_else(|| format!("volume '{}' does not exist", source.volid))?;
        let storage = self.usable_storage(target.storage)?;
        let format = target.format.unwrap_or(&volume.format);
        let format = if storage.has_files() { format } else { "raw" };
        let total = storage.total;
        let target = Target {
            format: Some(format),
            ..*target
        };
        let mut copy = self.allocate(&target, volume.size)?;
        if self.release >= Release::V9_2 {
            copy.log.push(format!("allocated target volume '{}'", copy.volid));
        }
        let room = total.saturating_sub(self.used(target.node, target.storage));
        if room < volume.used {
            self.free_volume(target.node, &copy.volid);
            return Err(self.no_room(source, &volume, &copy, format));
        }
        copy.log.extend(progress(source.mirrored, volume.size));
        if let Some(written) = self.volume_mut(target.node, &copy.volid) {
            written.used = written.used.max(volume.used);
        }
        Ok(copy)
    }

    fn no_room(&self, source: &Source<'_>, volume: &Volume, copy: &Allocated, format: &str) -> String {
        if let Some(drive) = source.mirrored {
            return format!("block job (mirror) error: drive-{drive}: 'mirror' has been cancelled");
        }
        format!(
            "copy failed: command '/usr/bin/qemu-img convert -p -n -f {} -O {format} {} zeroinit:{}' failed: exit code 1",
            volume.format,
            self.path(source.volid),
            self.path(&copy.volid),
        )
    }

    /// A volume that holds only what differs from a base.
    pub(crate) fn link_volume(&mut self, node: &str, base: &str, vmid: u32) -> Result<Allocated, String> {
        let parent = self.volume(node, base).cloned();
        let parent = parent.ok_or_else(|| format!("volume '{base}' does not exist"))?;
        let of = VolumeName::parse(base).ok_or_else(|| format!("unable to parse volume ID '{base}'"))?;
        let storage = self.usable_storage(of.storage)?.clone();
        let target = Target {
            node,
            storage: of.storage,
            vmid,
            format: None,
            what: None,
        };
        let what = self.free_name(&target);
        let format = if storage.has_files() { "qcow2" } else { "raw" };
        let own = storage.disk_volid(vmid, &what, format);
        let (_, own_name) = own.split_once(':').unwrap_or(("", &own));
        let base_name = relative(storage.has_files(), &of);
        let volid = match storage.kind.as_str() {
            "lvm" | "lvmthin" => own.clone(),
            _ => format!("{}:{base_name}/{own_name}", of.storage),
        };
        let name = VolumeName::parse(&own).ok_or_else(|| format!("illegal name '{own}'"))?;
        self.check_space(&storage, node, &name, 0)?;
        let log = if storage.has_files() {
            let backing = format!("../{base_name}");
            vec![
                format!(
                    "clone {base_name}: images, {}, {vmid} to {} (base={backing})",
                    name.name, name.name
                ),
                linked_formatting(self.release, &path(&storage, &name), &backing, &parent),
            ]
        } else if storage.kind == "lvmthin" {
            vec![format!("  Logical volume \"{}\" created.", name.name)]
        } else {
            Vec::new()
        };
        let mut volume = Volume::disk(node, volid.clone(), format, parent.size, vmid);
        volume.used = match (storage.has_files(), self.release >= Release::V9_2) {
            (true, true) => metadata(128 << 10, parent.size),
            (true, false) => metadata(64 << 10, 0),
            (false, _) => 0,
        };
        volume.parent = Some(base.to_owned());
        self.add_volume(volume);
        Ok(Allocated { volid, log })
    }

    /// Makes a volume the base of linked clones: `vm-` becomes `base-`.
    pub(crate) fn base_volume(&mut self, node: &str, volid: &str) -> Result<Allocated, String> {
        let name = VolumeName::parse(volid).ok_or_else(|| format!("unable to parse volume ID '{volid}'"))?;
        if name.is_base() {
            return Err("create_base not possible with base image".to_owned());
        }
        let new_name = name.name.replacen("vm-", "base-", 1);
        let stem = volid.strip_suffix(name.name).unwrap_or(volid);
        let new = format!("{stem}{new_name}");
        let mut log = Vec::new();
        if let Some(storage) = self.storage(name.storage).filter(|s| s.kind == "lvmthin") {
            let group = storage.group();
            log.push(format!(
                "  Renamed \"{}\" to \"{new_name}\" in volume group \"{group}\"",
                name.name
            ));
            log.push(format!("  Logical volume {group}/{new_name} changed."));
        }
        let volume = self.free_volume(node, volid);
        let mut volume = volume.ok_or_else(|| format!("volume '{volid}' does not exist"))?;
        volume.volid.clone_from(&new);
        self.add_volume(volume);
        Ok(Allocated { volid: new, log })
    }

    /// Gives a volume to another guest, under its next free name.
    pub(crate) fn rename_volume(&mut self, node: &str, volid: &str, vmid: u32) -> Result<String, String> {
        let name = VolumeName::parse(volid).ok_or_else(|| format!("unable to parse volume ID '{volid}'"))?;
        let storage = self.usable_storage(name.storage)?;
        let target = Target {
            node,
            storage: name.storage,
            vmid,
            format: None,
            what: None,
        };
        let format = name.extension().unwrap_or("raw");
        let own = storage.disk_volid(vmid, &self.free_name(&target), format);
        let new = match (name.base, own.split_once(':')) {
            (Some(base), Some((storage, own))) => format!("{storage}:{base}/{own}"),
            _ => own,
        };
        let volume = self.free_volume(node, volid);
        let mut volume = volume.ok_or_else(|| format!("volume '{volid}' does not exist"))?;
        volume.volid.clone_from(&new);
        volume.vmid = Some(vmid);
        self.add_volume(volume);
        Ok(new)
    }

    /// Whether linked clones name it. Those on LVM don't: a thin snapshot stands by itself.
    pub(crate) fn is_used_base(&self, node: &str, volid: &str) -> bool {
        let Some(name) = VolumeName::parse(volid).filter(VolumeName::is_base) else {
            return false;
        };
        let files = self.storage(name.storage).is_some_and(Storage::has_files);
        let own = relative(files, &name);
        self.volumes_on(node, name.storage)
            .filter_map(|v| VolumeName::parse(&v.volid)?.base)
            .any(|base| base == own)
    }

    /// Frees a volume, unless it is the base of others.
    pub(crate) fn remove_volume(&mut self, node: &str, volid: &str) -> Result<Vec<String>, String> {
        if self.is_used_base(node, volid) {
            let (_, name) = volid.split_once(':').unwrap_or(("", volid));
            return Err(format!("base volume '{name}' is still in use"));
        }
        let freed = self.free_volume(node, volid).is_some();
        let name = VolumeName::parse(volid);
        let storage = name.and_then(|n| self.storage(n.storage));
        let by_lvm = storage.is_some_and(|s| matches!(s.kind.as_str(), "lvm" | "lvmthin"));
        let line = name.filter(|_| freed && by_lvm);
        let line = line.map(|n| format!("  Logical volume \"{}\" successfully removed.", n.name));
        Ok(line.into_iter().collect())
    }
}

fn path(storage: &Storage, name: &VolumeName<'_>) -> String {
    let (group, owner, file) = (storage.group(), name.owner, name.name);
    match storage.kind.as_str() {
        _ if storage.has_files() => format!("{}/images/{owner}/{file}", storage.directory()),
        "zfspool" => format!("/dev/zvol/{group}/{file}"),
        _ => format!("/dev/{group}/{file}"),
    }
}

/// A base as the ids of its clones name it: with its folder if it is a file.
fn relative(files: bool, base: &VolumeName<'_>) -> String {
    if files {
        format!("{}/{}", base.owner, base.name)
    } else {
        base.name.to_owned()
    }
}

/// Bytes of a qcow2 image before anything is written: a page of header, a cluster each for the table of reference
/// counts, a block of them and the first level of its tables, and the second level if it is made beforehand (eight
/// bytes for 64 KiB of data, sixteen for 128 KiB with subclusters).
const fn metadata(cluster: u64, made_beforehand: u64) -> u64 {
    4096 + 3 * cluster + made_beforehand / 8192
}

/// What `qemu-img create` prints.
fn formatting(path: &str, format: &str, size: u64) -> String {
    match format {
        "qcow2" => format!(
            "Formatting '{path}', fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata \
             compression_type=zlib size={size} lazy_refcounts=off refcount_bits=16"
        ),
        "vmdk" => format!("Formatting '{path}', fmt=vmdk size={size} compat6=off hwversion=undefined"),
        _ => format!("Formatting '{path}', fmt={format} size={size} preallocation=off"),
    }
}

/// What it prints for an image with a backing file, which since 9 has subclusters.
fn linked_formatting(release: Release, path: &str, backing: &str, parent: &Volume) -> String {
    let options = if release >= Release::V9_2 {
        "cluster_size=131072 extended_l2=on preallocation=metadata"
    } else {
        "cluster_size=65536 extended_l2=off"
    };
    let (size, format) = (parent.size, &parent.format);
    format!(
        "Formatting '{path}', fmt=qcow2 {options} compression_type=zlib size={size} backing_file={backing} \
         backing_fmt={format} lazy_refcounts=off refcount_bits=16"
    )
}

/// The first and the last line of a copy's progress.
fn progress(mirrored: Option<&str>, size: u64) -> Vec<String> {
    let size = render_bytes(size);
    match mirrored {
        None => vec![
            format!("transferred 0.0 B of {size} (0.00%)"),
            format!("transferred {size} of {size} (100.00%)"),
        ],
        Some(drive) => vec![
            format!("drive mirror is starting for drive-{drive}"),
            format!("drive-{drive}: transferred 0.0 B of {size} (0.00%) in 0s"),
            format!("drive-{drive}: transferred {size} of {size} (100.00%) in 1s, ready"),
            "all 'mirror' jobs are ready".to_owned(),
        ],
    }
}
