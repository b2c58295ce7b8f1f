//! The privileges of each release, and sets of them.
//!
//! What is granted how is the table of `PVE::AccessControl` (`$privgroups`): by subject, and in four levels, from which
//! the built-in roles are made.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::release::Release;

/// Which built-in roles have a privilege.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Only `Administrator`.
    Root,
    /// And the subject's `Admin`, and `PVEAdmin`.
    Admin,
    /// And the subject's `User`.
    User,
    /// And `PVEAuditor`.
    Audit,
}

/// One privilege. Its place in [`PRIVILEGES`] is its bit in a [`Privileges`].
pub(super) struct Privilege {
    pub(super) name: &'static str,
    /// The middle of the built-in roles' names: `PVE…Admin`.
    pub(super) subject: &'static str,
    level: Level,
    since: Release,
    until: Release,
}

impl Privilege {
    pub(super) fn is_in(&self, release: Release) -> bool {
        (self.since..=self.until).contains(&release)
    }

    pub(super) fn level(&self, release: Release) -> Level {
        // Until 8.0 whoever administered the system could also grant rights.
        if self.name == "Permissions.Modify" && release < Release::V8_4 {
            Level::Admin
        } else {
            self.level
        }
    }

    const fn from(mut self, since: Release) -> Self {
        self.since = since;
        self
    }

    const fn until(mut self, until: Release) -> Self {
        self.until = until;
        self
    }
}

const fn privilege(name: &'static str, subject: &'static str, level: Level) -> Privilege {
    Privilege {
        name,
        subject,
        level,
        since: Release::V7_4,
        until: Release::V9_2,
    }
}

/// Every privilege of any release, by name.
pub(super) const PRIVILEGES: &[Privilege] = &[
    privilege("Datastore.Allocate", "Datastore", Level::Admin),
    privilege("Datastore.AllocateSpace", "Datastore", Level::User),
    privilege("Datastore.AllocateTemplate", "Datastore", Level::Admin),
    privilege("Datastore.Audit", "Datastore", Level::Audit),
    privilege("Group.Allocate", "User", Level::Admin),
    privilege("Mapping.Audit", "Mapping", Level::Audit).from(Release::V8_4),
    privilege("Mapping.Modify", "Mapping", Level::Admin).from(Release::V8_4),
    privilege("Mapping.Use", "Mapping", Level::User).from(Release::V8_4),
    privilege("Permissions.Modify", "Sys", Level::Root),
    privilege("Pool.Allocate", "Pool", Level::Admin),
    privilege("Pool.Audit", "Pool", Level::Audit),
    privilege("Realm.Allocate", "User", Level::Root),
    privilege("Realm.AllocateUser", "User", Level::Admin),
    privilege("SDN.Allocate", "SDN", Level::Admin),
    privilege("SDN.Audit", "SDN", Level::Audit),
    privilege("SDN.Use", "SDN", Level::User).from(Release::V8_4),
    privilege("Sys.AccessNetwork", "Sys", Level::Root).from(Release::V8_4),
    privilege("Sys.Audit", "Sys", Level::Audit),
    privilege("Sys.Console", "Sys", Level::Admin),
    privilege("Sys.Incoming", "Sys", Level::Root),
    privilege("Sys.Modify", "Sys", Level::Root),
    privilege("Sys.PowerMgmt", "Sys", Level::Root),
    privilege("Sys.Syslog", "Sys", Level::Admin),
    privilege("User.Modify", "User", Level::Admin),
    privilege("VM.Allocate", "VM", Level::Admin),
    privilege("VM.Audit", "VM", Level::Audit),
    privilege("VM.Backup", "VM", Level::User),
    privilege("VM.Clone", "VM", Level::Admin),
    privilege("VM.Config.CDROM", "VM", Level::User),
    privilege("VM.Config.CPU", "VM", Level::Admin),
    privilege("VM.Config.Cloudinit", "VM", Level::User),
    privilege("VM.Config.Disk", "VM", Level::Admin),
    privilege("VM.Config.HWType", "VM", Level::Admin),
    privilege("VM.Config.Memory", "VM", Level::Admin),
    privilege("VM.Config.Network", "VM", Level::Admin),
    privilege("VM.Config.Options", "VM", Level::Admin),
    privilege("VM.Console", "VM", Level::User),
    privilege("VM.GuestAgent.Audit", "VM", Level::Audit).from(Release::V9_2),
    privilege("VM.GuestAgent.FileRead", "VM", Level::User).from(Release::V9_2),
    privilege("VM.GuestAgent.FileSystemMgmt", "VM", Level::User).from(Release::V9_2),
    privilege("VM.GuestAgent.FileWrite", "VM", Level::User).from(Release::V9_2),
    privilege("VM.GuestAgent.Unrestricted", "VM", Level::Admin).from(Release::V9_2),
    privilege("VM.Migrate", "VM", Level::Admin),
    privilege("VM.Monitor", "VM", Level::Admin).until(Release::V8_4),
    privilege("VM.PowerMgmt", "VM", Level::User),
    privilege("VM.Replicate", "VM", Level::Admin).from(Release::V9_2),
    privilege("VM.Snapshot", "VM", Level::Admin),
    privilege("VM.Snapshot.Rollback", "VM", Level::Admin),
];

/// A set of privileges. It is saved by their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Privileges(u64);

impl Serialize for Privileges {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for Privileges {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let names: Vec<String> = Vec::deserialize(from)?;
        let sets = names.iter().filter_map(|name| Self::named(name));
        Ok(sets.fold(Self::default(), Self::union))
    }
}

impl Privileges {
    /// Those that a release has and that meet a condition.
    pub(super) fn which(release: Release, wanted: impl Fn(&Privilege) -> bool) -> Self {
        let mut set = Self::default();
        for (bit, privilege) in PRIVILEGES.iter().enumerate() {
            if privilege.is_in(release) && wanted(privilege) {
                set.0 |= 1 << bit;
            }
        }
        set
    }

    /// All of a release.
    pub(super) fn all(release: Release) -> Self {
        Self::which(release, |_| true)
    }

    /// One by its name, if any release has it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let at = PRIVILEGES.binary_search_by(|privilege| privilege.name.cmp(name));
        at.ok().map(|bit| Self(1 << bit))
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of the others are in it.
    pub(crate) fn contains(self, others: Self) -> bool {
        others.without(self).is_empty()
    }

    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let all = PRIVILEGES.iter().enumerate();
        all.filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, privilege)| privilege.name)
    }
}

/// What somebody may on a path, and which of it holds below the path too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) privileges: Privileges,
    pub(crate) propagated: Privileges,
}

impl Held {
    /// By name, with 1 where they hold below the path too.
    pub(crate) fn listed(self) -> BTreeMap<&'static str, u8> {
        let below = |name: &str| Privileges::named(name).is_some_and(|one| self.propagated.contains(one));
        let names = self.privileges.names();
        names.map(|name| (name, u8::from(below(name)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_privilege_is_found_by_its_name() {
        for privilege in PRIVILEGES {
            let set = Privileges::named(privilege.name).unwrap();
            assert_eq!(set.names().collect::<Vec<_>>(), [privilege.name]);
        }
        assert_eq!(Privileges::named("VM.Nope"), None);
    }

    #[test]
    fn releases_differ_in_their_privileges() {
        let counts = [Release::V8_4, Release::V9_2].map(|r| Privileges::all(r).names().count());
        assert_eq!(counts, [42, 47]);
    }
}
