//! Files of storages that aren't disks: where they lie, by the kind of content (`PVE::Storage::Plugin`).

use super::storage::Storage;
use super::volume_name::VolumeName;
use super::world::World;

/// The folder of a kind of content below a storage's directory.
pub(crate) fn folder(content: &str) -> Option<&'static str> {
    Some(match content {
        "iso" => "template/iso",
        "vztmpl" => "template/cache",
        "backup" => "dump",
        "snippets" => "snippets",
        "import" => "import",
        "images" | "rootdir" => "images",
        _ => return None,
    })
}

/// The kind of content of a file, by its name: `iso/x.iso`.
pub(super) fn content_of(name: &str) -> &'static str {
    let kinds = ["iso", "vztmpl", "backup", "snippets", "import"];
    let named = name.split_once('/').map_or("", |(kind, _)| kind);
    kinds.into_iter().find(|kind| *kind == named).unwrap_or("images")
}

/// The format of a file, by its name, as lists show it.
pub(super) fn format_of(name: &str) -> &'static str {
    let file = name.rsplit('/').next().unwrap_or(name);
    let backups = [
        "vma", "vma.gz", "vma.lzo", "vma.zst", "tar", "tar.gz", "tgz", "tar.lzo", "tar.zst",
    ];
    let is = |extension: &&&str| file.ends_with(&format!(".{extension}"));
    match content_of(name) {
        "iso" => "iso",
        "snippets" => "snippet",
        "vztmpl" => match file.rsplit('.').next() {
            Some("gz") => "tgz",
            Some("xz") => "txz",
            Some("zst") => "tzst",
            Some("bz2") => "tbz2",
            _ => "tar",
        },
        "backup" => backups
            .iter()
            .filter(is)
            .max_by_key(|extension| extension.len())
            .copied()
            .unwrap_or("tar"),
        _ => ["qcow2", "vmdk", "ova", "ovf"]
            .iter()
            .find(is)
            .copied()
            .unwrap_or("raw"),
    }
}

impl Storage {
    /// The path of a file by its kind of content and its name.
    pub(crate) fn file(&self, content: &str, name: &str) -> Option<String> {
        Some(format!("{}/{}/{name}", self.directory(), folder(content)?))
    }
}

impl World {
    /// Where a file of a storage lies: `local:iso/x.iso`, and the disks of guests too.
    pub(crate) fn path_of(&self, volid: &str) -> String {
        if VolumeName::parse(volid).is_some() {
            return self.path(volid);
        }
        let file = volid.split_once(':').and_then(|(storage, name)| {
            let (content, name) = name.split_once('/')?;
            self.storage(storage)?.file(content, name)
        });
        file.unwrap_or_else(|| volid.to_owned())
    }
}
