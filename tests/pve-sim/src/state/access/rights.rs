//! What somebody may on a path (`PVE::RPCEnvironment`).

use std::collections::{BTreeMap, BTreeSet};

use super::acl::Roles;
use super::caller::{Caller, split_token};
use super::privilege::{Held, Privileges};
use super::role::NO_ACCESS;
use super::store::Access;

/// The paths that `/access/permissions` looks at, besides those of the list and of pools.
const ROOTS: [&str; 8] = [
    "/",
    "/access",
    "/access/groups",
    "/nodes",
    "/pool",
    "/sdn",
    "/storage",
    "/vms",
];

/// By which privileges the user interface shows what, and on which paths they are looked for.
const CAPABILITIES: &[(&str, &str, &[&str])] = &[
    (
        "access",
        "/access/groups",
        &["User.", "Group.", "Permissions.Modify"],
    ),
    ("dc", "/", &["Sys.Audit", "Sys.Modify", "SDN."]),
    ("mapping", "/mapping", &["Mapping.", "Permissions.Modify"]),
    ("nodes", "/nodes", &["Sys.", "Permissions.Modify"]),
    ("sdn", "/sdn", &["SDN.", "Permissions.Modify"]),
    ("storage", "/storage", &["Datastore.", "Permissions.Modify"]),
    ("vms", "/vms", &["VM.", "Permissions.Modify"]),
];

/// By name, what is shown as held.
pub(crate) type Listed = BTreeMap<&'static str, u8>;

impl Access {
    /// What somebody, user or token, may on a path.
    pub(crate) fn held(&self, who: &str, path: &str) -> Held {
        if who == "root@pam" {
            let all = Privileges::all(self.release);
            return Held {
                privileges: all,
                propagated: all,
            };
        }
        let Some((user, name)) = split_token(who) else {
            return self.granted(who, path);
        };
        let Ok(token) = self.token(user, name) else {
            return Held::default();
        };
        let of_user = self.held(user, path);
        if !token.privsep {
            return of_user;
        }
        let own = self.granted(who, path);
        Held {
            privileges: own.privileges.common(of_user.privileges),
            propagated: own.propagated.common(of_user.propagated),
        }
    }

    /// What the list and the pools give on a path.
    fn granted(&self, who: &str, path: &str) -> Held {
        if self.acl.is_empty() {
            return Held::default();
        }
        let mut held = Held::default();
        for (name, propagate) in self.roles_on(who, path) {
            let role = self.roles.get(&name).map(|role| role.privileges);
            let privileges = role.unwrap_or_default();
            held.privileges = held.privileges.union(privileges);
            if propagate {
                held.propagated = held.propagated.union(privileges);
            }
        }
        held
    }

    fn roles_on(&self, who: &str, path: &str) -> Roles {
        let of_list = |path: &str| {
            let in_group = |group: &str| self.groups.get(group).is_some_and(|g| g.users.contains(who));
            self.acl.roles(path, who, in_group)
        };
        let mut roles = of_list(path);
        if !roles.contains_key(NO_ACCESS) {
            for pool in self.pools_of(path) {
                for role in of_list(&format!("/pool/{pool}")).into_keys() {
                    roles.entry(role).or_insert(false);
                }
            }
        }
        if let Some(propagate) = roles.get(NO_ACCESS) {
            return Roles::from([(NO_ACCESS.to_owned(), *propagate)]);
        }
        roles
    }

    /// The pools that what a path stands for is in.
    fn pools_of<'a>(&'a self, path: &'a str) -> Vec<&'a str> {
        if let Some(vmid) = path.strip_prefix("/vms/").and_then(|id| id.parse().ok()) {
            return self.pools.of(vmid).into_iter().collect();
        }
        path.strip_prefix("/storage/")
            .map(|storage| self.pools.of_storage(storage).collect())
            .unwrap_or_default()
    }

    /// Whether the caller has every privilege everywhere, so that long lists need not be asked row by row.
    pub(super) fn is_unlimited(&self, caller: &Caller) -> bool {
        caller.is_root()
            || split_token(&caller.0).is_some_and(|(user, name)| {
                user == "root@pam" && self.token(user, name).is_ok_and(|token| !token.privsep)
            })
    }

    /// Whether the caller has one of the privileges on a path.
    pub(crate) fn any(&self, caller: &Caller, path: &str, privileges: &[&str]) -> bool {
        let held = self.held(&caller.0, path).privileges;
        let has = |name: &&str| Privileges::named(name).is_some_and(|one| held.contains(one));
        privileges.iter().any(has)
    }

    /// The first of the privileges that the caller hasn't on a path.
    pub(crate) fn missing<'a>(&self, caller: &Caller, path: &str, privileges: &[&'a str]) -> Option<&'a str> {
        let held = self.held(&caller.0, path).privileges;
        let has = |name: &&&str| Privileges::named(name).is_some_and(|one| held.contains(one));
        privileges.iter().find(|name| !has(name)).copied()
    }

    /// What lets the caller change the rights on a path, one of them: the owner of a guest may give away what he has.
    pub(crate) fn granting(path: &str) -> &'static [&'static str] {
        let below = |root: &str| path.strip_prefix(root).is_some_and(|rest| !rest.is_empty());
        if below("/storage/") {
            &["Permissions.Modify", "Datastore.Allocate"]
        } else if below("/vms/") {
            &["Permissions.Modify", "VM.Allocate"]
        } else if below("/pool/") {
            &["Permissions.Modify", "Pool.Allocate"]
        } else {
            &["Permissions.Modify"]
        }
    }

    /// What `/access/permissions` shows: every path where somebody may something.
    pub(crate) fn permissions(&self, who: &str) -> BTreeMap<String, Listed> {
        let mut paths: BTreeSet<String> = ROOTS.iter().map(|&path| path.to_owned()).collect();
        paths.extend(self.acl.paths().map(str::to_owned));
        for (_, pool) in self.pools.iter() {
            paths.extend(pool.guests.iter().map(|vmid| format!("/vms/{vmid}")));
            paths.extend(pool.storages.iter().map(|storage| format!("/storage/{storage}")));
        }
        let held = paths.into_iter().map(|path| {
            let listed = self.held(who, &path).listed();
            (path, listed)
        });
        held.filter(|(_, listed)| !listed.is_empty()).collect()
    }

    /// What a login says of what its user may anywhere (`cap`).
    pub(crate) fn capabilities(&self, who: &str) -> BTreeMap<&'static str, Listed> {
        let mut shown: BTreeMap<&'static str, Listed> = BTreeMap::new();
        let mut paths: BTreeSet<String> = self.acl.paths().map(str::to_owned).collect();
        for (section, path, _) in CAPABILITIES {
            if *section != "mapping" || self.has_mappings() {
                shown.insert(section, Listed::new());
                paths.insert((*path).to_owned());
            }
        }
        for path in paths {
            let top = path.trim_start_matches('/').split('/').next().unwrap_or("");
            for name in self.held(who, &path).privileges.names() {
                for (section, listed) in &mut shown {
                    if is_shown(section, top, name) {
                        listed.insert(name, 1);
                    }
                }
            }
        }
        shown
    }

    /// Mappings came with 8.0.
    fn has_mappings(&self) -> bool {
        super::privilege(self.release, "Mapping.Audit").is_some()
    }
}

/// Whether a privilege that is held below a top-level path belongs into a section. What a pool gives, it gives on guests
/// and storages.
fn is_shown(section: &str, top: &str, privilege: &str) -> bool {
    let fits = |section: &str| {
        let row = CAPABILITIES.iter().find(|(name, ..)| *name == section);
        row.is_some_and(|(.., wanted)| wanted.iter().any(|prefix| privilege.starts_with(prefix)))
    };
    match top {
        "" => section == "dc" && fits("dc"),
        "pool" => ["vms", "storage"].contains(&section) && fits(section),
        _ => section == top && fits(section),
    }
}

#[cfg(test)]
mod tests {
    use super::super::acl::Subject;
    use super::super::store::{Token, User};
    use super::*;
    use crate::release::Release;

    fn access() -> Access {
        let mut access = Access::new(Release::V9_2);
        let mut user = User {
            enable: true,
            ..User::default()
        };
        user.tokens.insert("sep".to_owned(), Token::new(true));
        user.tokens.insert("full".to_owned(), Token::new(false));
        access.users.insert("a@pve".to_owned(), user);
        access
    }

    fn may(access: &Access, who: &str, path: &str, privilege: &str) -> bool {
        access.any(&Caller(who.to_owned()), path, &[privilege])
    }

    #[test]
    fn a_separated_token_has_what_both_it_and_its_user_have() {
        let mut access = access();
        access
            .acl
            .grant("/vms", Subject::User, "a@pve", "PVEVMUser", true);
        assert!(may(&access, "a@pve!full", "/vms/100", "VM.Audit"));
        assert!(!may(&access, "a@pve!sep", "/vms/100", "VM.Audit"));
        access
            .acl
            .grant("/vms/100", Subject::Token, "a@pve!sep", "PVEVMAdmin", true);
        assert!(may(&access, "a@pve!sep", "/vms/100", "VM.PowerMgmt"));
        assert!(!may(&access, "a@pve!sep", "/vms/100", "VM.Allocate"));
        assert!(!may(&access, "a@pve!sep", "/vms/101", "VM.Audit"));
    }

    #[test]
    fn a_separated_token_of_root_has_what_the_list_says() {
        let mut access = access();
        let root = access.users.get_mut("root@pam").unwrap();
        root.tokens.insert("sep".to_owned(), Token::new(true));
        access
            .acl
            .grant("/vms/100", Subject::Token, "root@pam!sep", "PVEVMUser", true);
        assert!(may(&access, "root@pam!sep", "/vms/100", "VM.Audit"));
        assert!(!may(&access, "root@pam!sep", "/vms/100", "VM.Allocate"));
    }

    #[test]
    fn a_pool_gives_rights_on_its_members() {
        let mut access = access();
        access.pools.create("web", None);
        access.pools.add_guest(100, "web");
        access
            .pools
            .get_mut("web")
            .unwrap()
            .storages
            .insert("local".to_owned());
        access
            .acl
            .grant("/pool/web", Subject::User, "a@pve", "PVEAdmin", true);
        assert!(may(&access, "a@pve", "/vms/100", "VM.Allocate"));
        assert!(may(&access, "a@pve", "/storage/local", "Datastore.Audit"));
        assert!(!may(&access, "a@pve", "/vms/101", "VM.Audit"));
        assert_eq!(access.held("a@pve", "/vms/100").listed()["VM.Audit"], 0);
        access
            .acl
            .grant("/vms/100", Subject::User, "a@pve", "NoAccess", true);
        assert!(!may(&access, "a@pve", "/vms/100", "VM.Audit"));
    }

    #[test]
    fn a_login_is_told_what_it_may_anywhere() {
        let mut access = access();
        access
            .acl
            .grant("/vms/100", Subject::User, "a@pve", "PVETemplateUser", true);
        let shown = access.capabilities("a@pve");
        let vms: Vec<&str> = shown["vms"].keys().copied().collect();
        assert_eq!(vms, ["VM.Audit", "VM.Clone"]);
        assert!(shown["storage"].is_empty() && shown["dc"].is_empty());
    }
}
