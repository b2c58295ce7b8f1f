//! The access control list: roles of users, groups and tokens on paths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Roles, each with whether it holds below the path too.
pub(super) type Roles = BTreeMap<String, bool>;

/// What kind of name an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    User,
    Group,
    Token,
}

impl Subject {
    pub(crate) const ALL: [Self; 3] = [Self::User, Self::Group, Self::Token];

    /// As `GET /access/acl` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Token => "token",
        }
    }
}

/// The entries of one path.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Node {
    users: BTreeMap<String, Roles>,
    groups: BTreeMap<String, Roles>,
    tokens: BTreeMap<String, Roles>,
}

impl Node {
    fn of(&self, subject: Subject) -> &BTreeMap<String, Roles> {
        match subject {
            Subject::User => &self.users,
            Subject::Group => &self.groups,
            Subject::Token => &self.tokens,
        }
    }

    fn of_mut(&mut self, subject: Subject) -> &mut BTreeMap<String, Roles> {
        match subject {
            Subject::User => &mut self.users,
            Subject::Group => &mut self.groups,
            Subject::Token => &mut self.tokens,
        }
    }

    fn is_empty(&self) -> bool {
        Subject::ALL
            .into_iter()
            .all(|subject| self.of(subject).is_empty())
    }
}

/// One entry, as it is listed.
pub(crate) struct Entry<'a> {
    pub(crate) path: &'a str,
    pub(crate) subject: Subject,
    pub(crate) id: &'a str,
    pub(crate) role: &'a str,
    pub(crate) propagate: bool,
}

/// The whole list, by path.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Acl(BTreeMap<String, Node>);

impl Acl {
    pub(crate) fn grant(&mut self, path: &str, subject: Subject, id: &str, role: &str, propagate: bool) {
        let node = self.0.entry(path.to_owned()).or_default();
        let roles = node.of_mut(subject).entry(id.to_owned()).or_default();
        roles.insert(role.to_owned(), propagate);
    }

    pub(crate) fn withdraw(&mut self, path: &str, subject: Subject, id: &str, role: &str) {
        if let Some(roles) = self
            .0
            .get_mut(path)
            .and_then(|node| node.of_mut(subject).get_mut(id))
        {
            roles.remove(role);
        }
        self.tidy();
    }

    /// Removes all entries of a user, a group or a token; of a user also those of the tokens.
    pub(crate) fn forget(&mut self, subject: Subject, id: &str) {
        let tokens = format!("{id}!");
        for node in self.0.values_mut() {
            node.of_mut(subject).remove(id);
            if subject == Subject::User {
                node.tokens.retain(|token, _| !token.starts_with(&tokens));
            }
        }
        self.tidy();
    }

    pub(crate) fn forget_role(&mut self, role: &str) {
        for node in self.0.values_mut() {
            for subject in Subject::ALL {
                node.of_mut(subject).values_mut().for_each(|roles| {
                    roles.remove(role);
                });
            }
        }
        self.tidy();
    }

    pub(crate) fn forget_path(&mut self, path: &str) {
        self.0.remove(path);
    }

    fn tidy(&mut self) {
        self.0.retain(|_, node| {
            for subject in Subject::ALL {
                node.of_mut(subject).retain(|_, roles| !roles.is_empty());
            }
            !node.is_empty()
        });
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.0.iter().flat_map(|(path, node)| {
            Subject::ALL.into_iter().flat_map(move |subject| {
                node.of(subject).iter().flat_map(move |(id, roles)| {
                    roles.iter().map(move |(role, propagate)| Entry {
                        path,
                        subject,
                        id,
                        role,
                        propagate: *propagate,
                    })
                })
            })
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every path with an entry, and those above it.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().flat_map(|path| upwards(path))
    }

    /// The roles on a path: of the entries on the way down to it, those of the lowest path count, and there the token's
    /// before the user's before the groups' (`PVE::AccessControl::roles`). `in_group` says whether the user is in one.
    pub(super) fn roles(&self, path: &str, who: &str, in_group: impl Fn(&str) -> bool) -> Roles {
        let mut roles = Roles::new();
        for above in upwards(path) {
            let Some(node) = self.0.get(above) else { continue };
            let applies = |entry: &Roles| -> Roles {
                let held = entry.iter().filter(|(_, propagate)| **propagate || above == path);
                held.map(|(role, propagate)| (role.clone(), *propagate)).collect()
            };
            let own = [&node.tokens, &node.users].into_iter().find_map(|entries| {
                let applying = applies(entries.get(who)?);
                (!applying.is_empty()).then_some(applying)
            });
            let found = own.unwrap_or_else(|| {
                let of_groups = node.groups.iter().filter(|(group, _)| in_group(group));
                of_groups.flat_map(|(_, entry)| applies(entry)).collect()
            });
            if !found.is_empty() {
                roles = found;
            }
        }
        roles
    }
}

/// A path with all above it, the root first.
fn upwards(path: &str) -> impl Iterator<Item = &str> {
    let below_root = path.match_indices('/').skip(1).map(|(at, _)| at);
    let ends = below_root.chain((path.len() > 1).then_some(path.len()));
    std::iter::once("/").chain(ends.filter_map(|end| path.get(..end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(acl: &Acl, path: &str, who: &str) -> Vec<String> {
        acl.roles(path, who, |group| group == "staff")
            .into_keys()
            .collect()
    }

    #[test]
    fn the_lowest_path_decides() {
        let mut acl = Acl::default();
        acl.grant("/", Subject::User, "a@pve", "PVEAdmin", true);
        acl.grant("/vms/100", Subject::User, "a@pve", "PVEVMUser", true);
        assert_eq!(roles(&acl, "/vms/101", "a@pve"), ["PVEAdmin"]);
        assert_eq!(roles(&acl, "/vms/100", "a@pve"), ["PVEVMUser"]);
        assert_eq!(roles(&acl, "/vms/1001", "a@pve"), ["PVEAdmin"]);
    }

    #[test]
    fn a_role_that_does_not_propagate_holds_on_its_path_alone() {
        let mut acl = Acl::default();
        acl.grant("/vms", Subject::User, "a@pve", "PVEVMUser", false);
        assert_eq!(roles(&acl, "/vms", "a@pve"), ["PVEVMUser"]);
        assert!(roles(&acl, "/vms/100", "a@pve").is_empty());
    }

    #[test]
    fn an_entry_of_the_user_comes_before_those_of_groups() {
        let mut acl = Acl::default();
        acl.grant("/vms", Subject::Group, "staff", "PVEVMAdmin", true);
        acl.grant("/vms", Subject::Group, "others", "PVEAdmin", true);
        assert_eq!(roles(&acl, "/vms/100", "a@pve"), ["PVEVMAdmin"]);
        acl.grant("/vms", Subject::User, "a@pve", "NoAccess", true);
        assert_eq!(roles(&acl, "/vms/100", "a@pve"), ["NoAccess"]);
    }

    #[test]
    fn paths_are_listed_with_those_above() {
        let mut acl = Acl::default();
        acl.grant(
            "/sdn/zones/localnetwork",
            Subject::User,
            "a@pve",
            "PVEAdmin",
            true,
        );
        let paths: Vec<&str> = acl.paths().collect();
        assert_eq!(paths, ["/", "/sdn", "/sdn/zones", "/sdn/zones/localnetwork"]);
    }
}
