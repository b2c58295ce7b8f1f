//! File systems of a container: `rootfs` and `mp[n]`.

use std::fmt;

use super::super::backing::Backing;
use super::super::paths::MountPath;
use super::super::size::DiskSize;
use super::id_map::IdMap;
use crate::hypervisor::proxmox::property::{Reason, Text, Value, choices, property_string};

choices! {
    /// An option of a mount.
    MountOption {
        /// Blocks that become free are discarded.
        Discard = "discard",
        /// Times are written late.
        LazyTime = "lazytime",
        /// Times of access are not written.
        NoAtime = "noatime",
        /// Device nodes do nothing.
        NoDev = "nodev",
        /// Nothing can be executed.
        NoExec = "noexec",
        /// Set-user-ID bits do nothing.
        NoSuid = "nosuid",
    }
}

/// Options of a mount, separated by `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountOptions(Vec<MountOption>);

impl MountOptions {
    /// The options.
    #[must_use]
    pub fn as_slice(&self) -> &[MountOption] {
        &self.0
    }
}

impl TryFrom<Vec<MountOption>> for MountOptions {
    type Error = Reason;

    fn try_from(options: Vec<MountOption>) -> Result<Self, Reason> {
        if options.is_empty() {
            return Err(Reason::Missing);
        }
        Ok(Self(options))
    }
}

impl fmt::Display for MountOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|option| option.as_str()).collect();
        f.write_str(&names.join(";"))
    }
}

impl Value for MountOptions {
    fn read(text: &str) -> Result<Self, Reason> {
        text.split(';')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

property_string! {
    /// The root of a container.
    RootFs, "volume" {
        /// What it is made of.
        volume: Backing = "volume", required;
        /// Its size; told by Proxmox VE. `0T` is a folder without a quota.
        size: DiskSize = "size";
        /// Whether it has POSIX ACLs.
        acl: bool = "acl";
        /// Options of the mount.
        mountoptions: MountOptions = "mountoptions";
        /// Whether users have quotas.
        quota: bool = "quota";
        /// Whether replication holds it.
        replicate: bool = "replicate";
        /// Whether it can only be read.
        ro: bool = "ro";
        /// Whether all nodes see it by other means.
        shared: bool = "shared";
        /// How users and groups are mapped, from 9.1.
        idmap: IdMap = "idmap";
    }
}

property_string! {
    /// A further file system of a container.
    MountPoint, "volume" {
        /// What it is made of.
        volume: Backing = "volume", required;
        /// Where the container sees it.
        mp: MountPath = "mp", required;
        /// Its size; told by Proxmox VE.
        size: DiskSize = "size";
        /// Whether backups hold it; not unless said.
        backup: bool = "backup";
        /// Whether it has POSIX ACLs.
        acl: bool = "acl";
        /// Options of the mount.
        mountoptions: MountOptions = "mountoptions";
        /// Whether users have quotas.
        quota: bool = "quota";
        /// Whether replication holds it.
        replicate: bool = "replicate";
        /// Whether it can only be read.
        ro: bool = "ro";
        /// Whether all nodes see it by other means.
        shared: bool = "shared";
        /// Whether the folder in the container keeps its owner and rights, from 9.1.
        keepattrs: bool = "keepattrs";
        /// How users and groups are mapped, from 9.1.
        idmap: IdMap = "idmap";
    }
}

#[cfg(test)]
impl crate::hypervisor::proxmox::property::sample::Sample for MountOptions {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        proptest::collection::vec(MountOption::sample(), 1..4)
            .prop_map(Self)
            .boxed()
    }
}
