//! Roles: those that each release has by itself, made as `PVE::AccessControl::create_roles` makes them.

use std::collections::BTreeMap;

use super::privilege::{Level, PRIVILEGES, Privileges};
use crate::release::Release;

/// Forbids what entries further up allow.
pub(super) const NO_ACCESS: &str = "NoAccess";
/// Has every privilege.
pub(super) const ADMINISTRATOR: &str = "Administrator";

/// The roles that nobody can change.
pub(super) fn built_in(release: Release) -> BTreeMap<String, Privileges> {
    let which = |wanted: &dyn Fn(&str, Level) -> bool| {
        Privileges::which(release, |privilege| {
            wanted(privilege.subject, privilege.level(release))
        })
    };
    let mut roles = BTreeMap::new();
    let mut add = |name: String, privileges: Privileges| {
        if !privileges.is_empty() {
            roles.insert(name, privileges);
        }
    };
    for subject in ["Datastore", "Mapping", "Pool", "SDN", "Sys", "User", "VM"] {
        let own = |level| which(&|of, at| of == subject && at == level);
        let (admin, user, audit) = (own(Level::Admin), own(Level::User), own(Level::Audit));
        // Pool.Audit counts for both, so that there is a role for users of pools.
        let user = if subject == "Pool" { audit } else { user };
        add(format!("PVE{subject}Admin"), admin.union(user).union(audit));
        if !user.is_empty() {
            add(format!("PVE{subject}User"), user.union(audit));
        }
    }
    // Only PVEMappingAdmin and those with all rights may change mappings.
    let named = |name| Privileges::named(name).unwrap_or_default();
    let admin = which(&|_, level| level != Level::Root).without(named("Mapping.Modify"));
    add("PVEAdmin".to_owned(), admin);
    add("PVEAuditor".to_owned(), which(&|_, level| level == Level::Audit));
    let template_user = named("VM.Audit").union(named("VM.Clone"));
    add("PVETemplateUser".to_owned(), template_user);
    add(ADMINISTRATOR.to_owned(), Privileges::all(release));
    roles.insert(NO_ACCESS.to_owned(), Privileges::default());
    roles
}

/// A privilege of the release by its name.
pub(crate) fn privilege(release: Release, name: &str) -> Option<Privileges> {
    let known = PRIVILEGES.iter().any(|p| p.name == name && p.is_in(release));
    known.then(|| Privileges::named(name)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(release: Release, role: &str) -> Vec<&'static str> {
        built_in(release)[role].names().collect()
    }

    #[test]
    fn built_in_roles_are_those_of_their_release() {
        assert_eq!(built_in(Release::V9_2).len(), 17);
        assert_eq!(
            names(Release::V8_4, "PVEVMUser"),
            [
                "VM.Audit",
                "VM.Backup",
                "VM.Config.CDROM",
                "VM.Config.Cloudinit",
                "VM.Console",
                "VM.PowerMgmt"
            ]
        );
        assert_eq!(names(Release::V9_2, "PVEVMUser").len(), 10);
        assert_eq!(names(Release::V9_2, "PVEAdmin").len(), 40);
        assert_eq!(
            names(Release::V9_2, "PVEUserAdmin"),
            ["Group.Allocate", "Realm.AllocateUser", "User.Modify"]
        );
        assert!(!built_in(Release::V7_4).contains_key("PVEMappingAdmin"));
    }
}
