//! Users, tokens and pools out of a seed, and what people change behind everyone's back.

use super::acl::Subject;
use super::privilege::Privileges;
use super::role::ADMINISTRATOR;
use super::split_token;
use super::store::{Access, Role, Token, User};
use crate::seed::{Rights, SeedPool, SeedToken, SeedUser};

impl Access {
    /// Makes a user, or replaces the one with its id. Groups are made when missing.
    pub(crate) fn add_user(&mut self, seed: SeedUser) {
        let tokens = self.users.remove(&seed.id).map(|user| user.tokens);
        self.acl.forget(Subject::User, &seed.id);
        let comment = seed.comment.map(|text| ("comment".to_owned(), text));
        let user = User {
            enable: seed.enable,
            expire: seed.expire,
            details: comment.into_iter().collect(),
            tokens: tokens.unwrap_or_default(),
            password: seed.password,
            totp: seed.totp,
        };
        self.users.insert(seed.id.clone(), user);
        for group in seed.groups {
            self.groups
                .entry(group)
                .or_default()
                .users
                .insert(seed.id.clone());
        }
        self.give(Subject::User, &seed.id, &seed.rights);
    }

    pub(crate) fn add_pool(&mut self, seed: SeedPool) {
        self.pools.create(&seed.id, seed.comment);
        for vmid in seed.guests {
            self.pools.add_guest(vmid, &seed.id);
        }
        if let Some(pool) = self.pools.get_mut(&seed.id) {
            pool.storages.extend(seed.storages);
        }
    }

    /// Makes a token, or replaces the one with its id. Its user is made when missing, with all rights.
    /// False if no token can have its id.
    pub(crate) fn add(&mut self, seed: SeedToken) -> bool {
        let Some((user, name)) = split_token(&seed.id) else {
            return false;
        };
        if !self.users.contains_key(user) {
            let all = SeedUser {
                rights: vec![Rights::all("/")],
                ..SeedUser::new(user)
            };
            self.add_user(all);
        }
        let token = Token {
            secret: seed.secret,
            ..Token::new(false)
        };
        if let Some(found) = self.users.get_mut(user) {
            found.tokens.insert(name.to_owned(), token);
        }
        self.set_rights(&seed.id, seed.rights)
    }

    pub(crate) fn revoke(&mut self, id: &str) -> bool {
        let Some((user, name)) = split_token(id) else {
            return false;
        };
        let there = self.token(user, name).is_ok();
        self.remove_token(user, name);
        there
    }

    pub(crate) fn set_secret(&mut self, id: &str, secret: &str) -> bool {
        let token = split_token(id).and_then(|(user, name)| self.token_mut(user, name).ok());
        token.map(|token| secret.clone_into(&mut token.secret)).is_some()
    }

    /// Gives a token these rights and no others, or with nothing all that its user may.
    pub(crate) fn set_rights(&mut self, id: &str, rights: Option<Vec<Rights>>) -> bool {
        self.acl.forget(Subject::Token, id);
        let token = split_token(id).and_then(|(user, name)| self.token_mut(user, name).ok());
        let Some(token) = token else { return false };
        token.privsep = rights.is_some();
        self.give(Subject::Token, id, &rights.unwrap_or_default());
        true
    }

    /// Privileges without a role get one of their own.
    fn give(&mut self, subject: Subject, id: &str, rights: &[Rights]) {
        for entry in rights {
            let role = self.role_of(&entry.privileges);
            let path = super::normal_path(&entry.path).unwrap_or_default();
            self.acl.grant(&path, subject, id, &role, entry.propagate);
        }
    }

    /// The role that has exactly these privileges, made when there is none.
    fn role_of(&mut self, names: &[String]) -> String {
        if names.iter().any(|name| name == "*") {
            return ADMINISTRATOR.to_owned();
        }
        let known = names
            .iter()
            .filter_map(|name| super::privilege(self.release, name));
        let privileges = known.fold(Privileges::default(), Privileges::union);
        let same = self.roles.iter().find(|(_, role)| role.privileges == privileges);
        if let Some((name, _)) = same {
            return name.clone();
        }
        let mut number = self.roles.len();
        let name = loop {
            let name = format!("Seed{number}");
            if !self.roles.contains_key(&name) {
                break name;
            }
            number += 1;
        };
        let role = Role {
            privileges,
            special: false,
        };
        self.roles.insert(name.clone(), role);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Release;
    use crate::state::Caller;

    #[test]
    fn a_seeded_token_has_the_rights_that_it_was_given() {
        let mut access = Access::new(Release::V9_2);
        let rights = vec![
            Rights::new("/vms", &["VM.Audit"]),
            Rights::new("/vms/100", &["VM.PowerMgmt"]),
            Rights::new("/vms/100", &["VM.Console"]),
        ];
        access.add(SeedToken::limited("a@pam!tt", "s", rights));
        let caller = Caller("a@pam!tt".to_owned());
        assert!(access.any(&caller, "/vms/101", &["VM.Audit"]));
        assert!(!access.any(&caller, "/vms/100", &["VM.Audit"]));
        assert!(access.any(&caller, "/vms/100", &["VM.Console"]));
        assert!(!access.any(&caller, "/storage/local", &["VM.Audit"]));
        access.set_rights("a@pam!tt", None);
        assert!(access.any(&caller, "/storage/local", &["Datastore.Allocate"]));
    }
}
