//! What `user.cfg` and its neighbours keep: users, their tokens, groups, roles, realms.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::acl::{Acl, Subject};
use super::pool::Pools;
use super::privilege::Privileges;
use super::role::built_in;
use crate::clock;
use crate::release::Release;

/// A user.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct User {
    pub(crate) enable: bool,
    /// Seconds since the epoch; 0 is never.
    pub(crate) expire: i64,
    /// `firstname`, `lastname`, `email`, `comment`, `keys`, where they are set.
    pub(crate) details: BTreeMap<String, String>,
    pub(crate) tokens: BTreeMap<String, Token>,
    /// Without one nobody can log in as this user.
    pub(crate) password: Option<String>,
    /// The code that the user's second factor shows, always the same.
    pub(crate) totp: Option<String>,
}

/// An API token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Token {
    pub(crate) secret: String,
    /// Whether it has only what the access control list says of it, and not all that its user may.
    pub(crate) privsep: bool,
    /// Seconds since the epoch; 0 is never.
    pub(crate) expire: i64,
    pub(crate) comment: Option<String>,
}

impl Token {
    /// With a secret that nobody knows yet.
    pub(crate) fn new(privsep: bool) -> Self {
        Self {
            secret: Uuid::new_v4().to_string(),
            privsep,
            expire: 0,
            comment: None,
        }
    }
}

/// A group of users.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Group {
    pub(crate) comment: Option<String>,
    pub(crate) users: BTreeSet<String>,
}

/// A set of privileges under a name.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Role {
    pub(crate) privileges: Privileges,
    /// Comes with the release, and can't be changed.
    pub(crate) special: bool,
}

/// Where users come from.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Realm {
    pub(crate) kind: String,
    pub(crate) options: BTreeMap<String, String>,
    /// What the host logs in with at a directory; it is kept apart and never shown.
    pub(crate) password: Option<String>,
}

/// Everybody, and what each may.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Access {
    pub(super) release: Release,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) realms: BTreeMap<String, Realm>,
    pub(crate) acl: Acl,
    pub(crate) pools: Pools,
    /// What tickets are signed with.
    pub(super) key: String,
}

impl Access {
    /// As after the installation: `root@pam`, two realms, the built-in roles.
    pub(crate) fn new(release: Release) -> Self {
        let realm = |kind: &str, comment: &str| {
            let realm = Realm {
                kind: kind.to_owned(),
                options: BTreeMap::from([("comment".to_owned(), comment.to_owned())]),
                password: None,
            };
            (kind.to_owned(), realm)
        };
        let root = User {
            enable: true,
            ..User::default()
        };
        let special = |(name, privileges)| {
            let role = Role {
                privileges,
                special: true,
            };
            (name, role)
        };
        Self {
            release,
            users: BTreeMap::from([("root@pam".to_owned(), root)]),
            groups: BTreeMap::new(),
            roles: built_in(release).into_iter().map(special).collect(),
            realms: BTreeMap::from([
                realm("pam", "Linux PAM standard authentication"),
                realm("pve", "Proxmox VE authentication server"),
            ]),
            acl: Acl::default(),
            pools: Pools::default(),
            key: Uuid::new_v4().to_string(),
        }
    }

    /// The user, or the sentence for a missing one.
    pub(crate) fn user(&self, id: &str) -> Result<&User, String> {
        self.users.get(id).ok_or_else(|| no_such_user(id))
    }

    pub(crate) fn user_mut(&mut self, id: &str) -> Result<&mut User, String> {
        self.users.get_mut(id).ok_or_else(|| no_such_user(id))
    }

    /// The user, if he may log in now.
    pub(crate) fn enabled_user(&self, id: &str) -> Result<&User, String> {
        let user = self.user(id)?;
        if !user.enable {
            return Err(format!("user '{id}' is disabled"));
        }
        if user.expire != 0 && user.expire < clock::now() {
            return Err(format!("user '{id}' access expired"));
        }
        Ok(user)
    }

    /// The token, or the sentence for a missing one.
    pub(crate) fn token(&self, user: &str, name: &str) -> Result<&Token, String> {
        let found = self.user(user)?.tokens.get(name);
        found.ok_or_else(|| no_such_token(user, name))
    }

    pub(crate) fn token_mut(&mut self, user: &str, name: &str) -> Result<&mut Token, String> {
        let found = self.user_mut(user)?.tokens.get_mut(name);
        found.ok_or_else(|| no_such_token(user, name))
    }

    /// The groups that a user is in.
    pub(crate) fn groups_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a str> {
        let groups = self.groups.iter();
        let own = groups.filter(move |(_, group)| group.users.contains(user));
        own.map(|(id, _)| id.as_str())
    }

    /// Removes a user with tokens, memberships and rights.
    pub(crate) fn remove_user(&mut self, id: &str) {
        self.users.remove(id);
        self.acl.forget(Subject::User, id);
        for group in self.groups.values_mut() {
            group.users.remove(id);
        }
    }

    pub(crate) fn remove_token(&mut self, user: &str, name: &str) {
        if let Some(found) = self.users.get_mut(user) {
            found.tokens.remove(name);
        }
        self.acl.forget(Subject::Token, &format!("{user}!{name}"));
    }

    /// Forgets a guest that was destroyed: its pool and the rights on it (`PVE::AccessControl::remove_vm_access`).
    pub(crate) fn forget_guest(&mut self, vmid: u32) {
        self.pools.remove_guest(vmid);
        self.acl.forget_path(&format!("/vms/{vmid}"));
    }
}

fn no_such_user(id: &str) -> String {
    format!("no such user ('{id}')")
}

fn no_such_token(user: &str, name: &str) -> String {
    format!("no such token '{name}' for user '{user}'")
}
