//! Storages and the volumes on them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::archive::Archive;
use super::file_name::{content_of, format_of};
use super::volume_name::VolumeName;
use crate::clock;
use crate::seed::SeedStorage;

/// A storage as the cluster knows it; each node has one of its own under the name, unless it is shared.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Storage {
    pub(crate) name: String,
    /// `dir` or `lvmthin`.
    pub(crate) kind: String,
    pub(crate) content: Vec<String>,
    pub(crate) shared: bool,
    pub(crate) enabled: bool,
    pub(crate) total: u64,
    /// What else its section of `storage.cfg` says: `path`, `vgname`, `thinpool`, `pool`, ….
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
}

impl From<SeedStorage> for Storage {
    fn from(seed: SeedStorage) -> Self {
        let mut options = first_options(&seed.kind, &seed.name);
        options.extend(seed.options);
        Self {
            options,
            name: seed.name,
            kind: seed.kind,
            content: seed.content,
            shared: seed.shared,
            enabled: true,
            total: seed.size,
        }
    }
}

/// What an installation writes for its own storages, and what is usual for others.
fn first_options(kind: &str, name: &str) -> BTreeMap<String, String> {
    let options: &[(&str, &str)] = match kind {
        "dir" if name == "local" => &[("path", "/var/lib/vz")],
        "dir" => &[("path", &format!("/srv/{name}"))],
        "lvmthin" => &[("vgname", "pve"), ("thinpool", "data")],
        "lvm" => &[("vgname", name)],
        "zfspool" => &[("pool", name)],
        _ => &[],
    };
    let owned = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    owned.collect()
}

impl Storage {
    /// Whether volumes are files in a directory, which have formats and extensions.
    pub(crate) fn has_files(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "dir" | "nfs" | "cifs" | "cephfs" | "btrfs" | "glusterfs"
        )
    }

    /// Where its files are; storages that Proxmox mounts itself are below `/mnt/pve`.
    pub(crate) fn directory(&self) -> String {
        let path = self.options.get("path");
        path.cloned().unwrap_or_else(|| format!("/mnt/pve/{}", self.name))
    }

    /// The volume group or pool of block storages.
    pub(crate) fn group(&self) -> &str {
        let named = self.options.get("vgname").or_else(|| self.options.get("pool"));
        named.map_or(&self.name, String::as_str)
    }

    pub(crate) fn allows(&self, content: &str) -> bool {
        self.content.iter().any(|c| c == content)
    }

    /// The id of a disk of a guest with a running number: `local-lvm:vm-100-disk-0`, `local:100/vm-100-disk-0.raw`.
    pub(crate) fn disk_volid(&self, vmid: u32, what: &str, format: &str) -> String {
        let name = &self.name;
        // A directory with a container's files in it, instead of an image.
        let kind = if format == "subvol" { "subvol" } else { "vm" };
        if self.has_files() {
            format!("{name}:{vmid}/{kind}-{vmid}-{what}.{format}")
        } else {
            format!("{name}:{kind}-{vmid}-{what}")
        }
    }
}

/// One volume on one node.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Volume {
    /// Empty on a shared storage.
    pub(crate) node: String,
    pub(crate) volid: String,
    /// `images`, `iso`, …
    pub(crate) content: String,
    pub(crate) format: String,
    pub(crate) size: u64,
    pub(crate) used: u64,
    pub(crate) ctime: i64,
    /// The guest that it belongs to.
    pub(crate) vmid: Option<u32>,
    /// The base volume of a linked clone.
    pub(crate) parent: Option<String>,
    /// What somebody wrote on a backup.
    #[serde(default)]
    pub(crate) notes: Option<String>,
    /// A backup that isn't removed until this is taken away.
    #[serde(default)]
    pub(crate) protected: bool,
    /// What a backup holds.
    #[serde(default)]
    pub(crate) archive: Option<Archive>,
    /// The beginning of a file that was uploaded.
    #[serde(skip)]
    pub(crate) head: Vec<u8>,
}

impl Volume {
    pub(crate) fn disk(node: &str, volid: String, format: &str, size: u64, vmid: u32) -> Self {
        Self {
            node: node.to_owned(),
            volid,
            content: "images".to_owned(),
            format: format.to_owned(),
            size,
            // Thin: what a guest has written so far.
            used: size / 4,
            ctime: clock::now(),
            vmid: Some(vmid),
            parent: None,
            notes: None,
            protected: false,
            archive: None,
            head: Vec::new(),
        }
    }

    pub(crate) fn iso(node: &str, storage: &str, file: &str, size: u64) -> Self {
        Self::file(node, format!("{storage}:iso/{file}"), size)
    }

    /// A file that isn't a guest's: its kind of content and its format follow from its id.
    pub(crate) fn file(node: &str, volid: String, size: u64) -> Self {
        let name = volid.split_once(':').map_or("", |(_, name)| name);
        let (content, format) = (content_of(name), format_of(name));
        Self {
            node: node.to_owned(),
            volid,
            content: content.to_owned(),
            format: format.to_owned(),
            size,
            used: size,
            ctime: clock::now(),
            vmid: None,
            parent: None,
            notes: None,
            protected: false,
            archive: None,
            head: Vec::new(),
        }
    }

    /// The base of a linked clone as `qemu-img info` names it, relative to the image.
    pub(crate) fn parent_shown(&self) -> Option<String> {
        let base = VolumeName::parse(self.parent.as_deref()?)?;
        Some(format!("../{}/{}", base.owner, base.name))
    }

    pub(crate) fn storage(&self) -> &str {
        self.volid.split(':').next().unwrap_or("")
    }
}

/// Writes the volumes as a list: JSON has no keys of two parts.
pub(super) mod volumes {
    use serde::{Deserializer, Serializer};

    use super::{BTreeMap, Deserialize, Volume};

    type Volumes = BTreeMap<(String, String), Volume>;

    pub(crate) fn serialize<S: Serializer>(volumes: &Volumes, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(volumes.values())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Volumes, D::Error> {
        let list = Vec::<Volume>::deserialize(from)?;
        let keyed = list.into_iter().map(|v| ((v.node.clone(), v.volid.clone()), v));
        Ok(keyed.collect())
    }
}
