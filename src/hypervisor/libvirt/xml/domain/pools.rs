//! Where volumes lie: paths on the host, and what they are called in the model.

use std::collections::BTreeMap;

use crate::model::VolumeId;

/// The storage that stands for files in no pool that is known: no volume's name begins with a slash.
const FILE: &str = "file";

/// The storage pools of a host: name, and the folder where a pool's volumes lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pools(pub Vec<(String, String)>);

impl Pools {
    /// The volume at a path: of the pool in whose folder it lies, else a file.
    #[must_use]
    pub fn locate(&self, path: &str) -> VolumeId {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let holds = |target: &str| !target.is_empty() && target.trim_end_matches('/') == folder;
        let pool = self.0.iter().find(|(_, target)| holds(target));
        match pool.filter(|_| !matches!(name, "" | "." | "..")) {
            Some((pool, _)) => volume_id(pool, name),
            None => volume_id(FILE, path),
        }
    }
}

/// A volume of a storage. What a volume id can't hold is written as in addresses (`%2C`).
pub(super) fn volume_id(storage: &str, volume: &str) -> VolumeId {
    let mut text = String::new();
    let written = |text: &mut String, part: &str, colon: bool| {
        for c in part.chars() {
            if c == ',' || c.is_control() || (colon && c == ':') {
                text.push_str(&escaped(c));
            } else {
                text.push(c);
            }
        }
        if part.is_empty() {
            text.push('-');
        }
    };
    written(&mut text, storage, true);
    text.push(':');
    written(&mut text, volume, false);
    text.parse().unwrap_or_else(|_| unknown())
}

fn escaped(c: char) -> String {
    format!("%{:02X}", u32::from(c))
}

/// A volume of which nothing is known but that it is there.
pub(super) fn unknown() -> VolumeId {
    #[expect(clippy::expect_used, reason = "the text is one of ours")]
    "file:-".parse().expect("a storage and a volume")
}

/// Where a volume lies on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path.
    pub path: String,
    /// The format of what lies there (`qcow2`).
    pub format: String,
    /// Whether it is a block device, not a file.
    pub block: bool,
}

/// Where the volumes lie that changes speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Of disks to add, by slot.
    pub disks: BTreeMap<String, Source>,
    /// Of media to put into CD drives.
    pub media: BTreeMap<VolumeId, Source>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_volume_of_the_pool_whose_folder_it_lies_in() {
        let pools = [
            ("default", "/var/lib/libvirt/images"),
            ("fast", "/srv/fast/"),
            ("vg", "/dev/vg"),
        ];
        let pools = Pools(pools.map(|(n, t)| (n.to_owned(), t.to_owned())).to_vec());
        for (path, volume) in [
            ("/var/lib/libvirt/images/a.qcow2", "default:a.qcow2"),
            ("/srv/fast/b", "fast:b"),
            ("/dev/vg/root", "vg:root"),
            ("/srv/fast/sub/b", "file:/srv/fast/sub/b"),
            ("/srv/fast/..", "file:/srv/fast/.."),
            ("/srv/fast/", "file:/srv/fast/"),
            ("/srv/a,b\n", "file:/srv/a%2Cb%0A"),
            ("", "file:-"),
            ("b", "file:b"),
        ] {
            assert_eq!(pools.locate(path).to_string(), volume, "{path}");
        }
    }
}
