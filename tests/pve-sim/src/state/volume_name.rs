//! What the id of a guest's volume says: `local-lvm:vm-100-disk-0`, `local:100/vm-100-disk-0.qcow2`,
//! `local:100/base-100-disk-0.raw/101/vm-101-disk-0.qcow2`, `zfs:base-100-disk-0/vm-101-disk-0`
//! (`parse_volname` of `PVE::Storage`'s plugins).

/// A volume id of a guest, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VolumeName<'a> {
    pub(crate) storage: &'a str,
    /// Of a linked clone, where its name says it: the base, as in the base's own id after the colon.
    pub(crate) base: Option<&'a str>,
    /// The last part: `vm-100-disk-0.qcow2`.
    pub(crate) name: &'a str,
    /// The guest that the name gives it to.
    pub(crate) owner: u32,
}

impl<'a> VolumeName<'a> {
    /// `None` for what isn't a guest's: an ISO, a path, `none`.
    pub(crate) fn parse(volid: &'a str) -> Option<Self> {
        let (storage, rest) = volid.split_once(':')?;
        let (before, name) = rest.rsplit_once('/').map_or((None, rest), |(b, n)| (Some(b), n));
        let owner = owner(name)?;
        let base = match before {
            None => None,
            Some(folder) if folder.parse() == Ok(owner) => None,
            Some(before) => match before.rsplit_once('/') {
                Some((base, folder)) if folder.parse() == Ok(owner) => Some(base),
                _ if owner_of_base(before).is_some() => Some(before),
                _ => return None,
            },
        };
        Some(Self {
            storage,
            base,
            name,
            owner,
        })
    }

    /// Whether it is the base of a template.
    pub(crate) fn is_base(&self) -> bool {
        owner_of_base(self.name).is_some()
    }

    /// `disk-0`, `cloudinit`, `state-before`: what stands between the owner and the extension.
    pub(crate) fn what(&self) -> &'a str {
        let rest = self.name.splitn(3, '-').nth(2).unwrap_or("");
        let extension = self.extension().map_or(0, |e| e.len() + 1);
        &rest[..rest.len().saturating_sub(extension)]
    }

    /// `qcow2` of a file; volumes of LVM and ZFS have none.
    pub(crate) fn extension(&self) -> Option<&'a str> {
        let (_, extension) = self.name.rsplit_once('.')?;
        ["raw", "qcow2", "vmdk", "subvol"]
            .contains(&extension)
            .then_some(extension)
    }

    /// Its number, if it is a disk with one.
    pub(crate) fn number(&self) -> Option<u32> {
        self.what().strip_prefix("disk-")?.parse().ok()
    }
}

fn owner(name: &str) -> Option<u32> {
    let (kind, rest) = name.split_once('-')?;
    let known = ["vm", "base", "subvol", "basevol"].contains(&kind);
    rest.split('-').next()?.parse().ok().filter(|_| known)
}

fn owner_of_base(name: &str) -> Option<u32> {
    name.starts_with("base").then(|| owner(name)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(volid: &str) -> Option<(Option<&str>, &str, u32)> {
        VolumeName::parse(volid).map(|v| (v.base, v.what(), v.owner))
    }

    #[test]
    fn names_of_all_kinds_are_taken_apart() {
        assert_eq!(parts("local-lvm:vm-100-disk-1"), Some((None, "disk-1", 100)));
        assert_eq!(
            parts("local:100/base-100-disk-0.raw/101/vm-101-disk-0.qcow2"),
            Some((Some("100/base-100-disk-0.raw"), "disk-0", 101))
        );
        assert_eq!(
            parts("zfs:base-100-disk-0/vm-101-cloudinit"),
            Some((Some("base-100-disk-0"), "cloudinit", 101))
        );
        assert_eq!(
            parts("local:112/vm-112-state-live1.raw"),
            Some((None, "state-live1", 112))
        );
        assert_eq!(parts("local:iso/debian-12.iso"), None);
        assert_eq!(parts("none"), None);
    }
}
