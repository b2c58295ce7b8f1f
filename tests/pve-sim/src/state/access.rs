//! Users, tokens and what they may.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::seed::{Rights, SeedToken};

/// Every privilege of Proxmox VE 9.
const PRIVILEGES: &[&str] = &[
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Group.Allocate",
    "Mapping.Audit",
    "Mapping.Modify",
    "Mapping.Use",
    "Permissions.Modify",
    "Pool.Allocate",
    "Pool.Audit",
    "Realm.Allocate",
    "Realm.AllocateUser",
    "SDN.Allocate",
    "SDN.Audit",
    "SDN.Use",
    "Sys.AccessNetwork",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
    "Sys.Syslog",
    "User.Modify",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Console",
    "VM.GuestAgent.Audit",
    "VM.GuestAgent.FileRead",
    "VM.GuestAgent.FileSystemMgmt",
    "VM.GuestAgent.FileWrite",
    "VM.GuestAgent.Unrestricted",
    "VM.Migrate",
    "VM.PowerMgmt",
    "VM.Replicate",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];

/// The paths that `/access/permissions` always looks at.
const ROOTS: &[&str] = &[
    "/",
    "/access",
    "/access/groups",
    "/nodes",
    "/pool",
    "/sdn",
    "/storage",
    "/vms",
];

/// Who asks: a token's full id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller(pub(crate) String);

impl Caller {
    /// Whether it is `root@pam` itself, as some options want it; a token of root's is not.
    pub(crate) fn is_root(&self) -> bool {
        self.0 == "root@pam"
    }

    /// Whether it came with an API token.
    pub(crate) fn is_token(&self) -> bool {
        self.0.contains('!')
    }
}

/// The tokens, and what each may. Users are not told apart yet: they have all rights.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Access {
    tokens: BTreeMap<String, Token>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Token {
    secret: String,
    rights: Option<Vec<Rights>>,
}

impl Access {
    pub(crate) fn add(&mut self, token: SeedToken) {
        let SeedToken { id, secret, rights } = token;
        self.tokens.insert(id, Token { secret, rights });
    }

    pub(crate) fn revoke(&mut self, id: &str) -> bool {
        self.tokens.remove(id).is_some()
    }

    pub(crate) fn set_secret(&mut self, id: &str, secret: &str) -> bool {
        self.tokens
            .get_mut(id)
            .map(|t| secret.clone_into(&mut t.secret))
            .is_some()
    }

    pub(crate) fn set_rights(&mut self, id: &str, rights: Option<Vec<Rights>>) -> bool {
        self.tokens.get_mut(id).map(|t| t.rights = rights).is_some()
    }

    /// The caller that an `Authorization` header names; else the reason phrase of the 401.
    pub(crate) fn authenticate(&self, header: Option<&str>) -> Result<Caller, &'static str> {
        let credentials = header
            .and_then(|h| h.strip_prefix("PVEAPIToken"))
            .and_then(|h| h.strip_prefix(['=', ' ']))
            .ok_or("No ticket")?
            .replace("%21", "!");
        let known = credentials.split_once('!').and_then(|(user, rest)| {
            let (name, secret) = rest.split_once('=')?;
            let id = format!("{user}!{name}");
            let token = self.tokens.get(&id)?;
            (token.secret == secret).then_some(Caller(id))
        });
        known.ok_or("Authentication failed!")
    }

    /// Whether the caller has every privilege everywhere, so that long lists need not be asked row by row.
    pub(crate) fn is_unlimited(&self, caller: &Caller) -> bool {
        self.tokens.get(&caller.0).is_some_and(|t| t.rights.is_none())
    }

    /// Whether the caller has one of the privileges on a path.
    pub(crate) fn any(&self, caller: &Caller, path: &str, privileges: &[&str]) -> bool {
        privileges.iter().any(|p| self.has(caller, path, p))
    }

    fn has(&self, caller: &Caller, path: &str, privilege: &str) -> bool {
        let Some(token) = self.tokens.get(&caller.0) else {
            return false;
        };
        token.rights.as_ref().is_none_or(|rights| {
            let applies = || rights.iter().filter(|r| covers(r, path));
            let longest = applies().map(|r| r.path.trim_end_matches('/').len()).max();
            applies()
                .filter(|r| Some(r.path.trim_end_matches('/').len()) == longest)
                .any(|r| r.privileges.iter().any(|p| p == "*" || p == privilege))
        })
    }

    /// What `/access/permissions` shows: path, then privileges. `only` limits it to one path.
    pub(crate) fn permissions(
        &self,
        caller: &Caller,
        only: Option<&str>,
    ) -> BTreeMap<String, BTreeMap<String, u8>> {
        let own = self.tokens.get(&caller.0).and_then(|t| t.rights.as_ref());
        let mut paths: BTreeSet<&str> = ROOTS.iter().copied().collect();
        paths.extend(own.into_iter().flatten().map(|r| r.path.as_str()));
        if let Some(only) = only {
            paths = BTreeSet::from([only]);
        }
        paths
            .into_iter()
            .filter_map(|path| {
                let held: BTreeMap<String, u8> = PRIVILEGES
                    .iter()
                    .filter(|p| self.has(caller, path, p))
                    .map(|&p| (p.to_owned(), 1))
                    .collect();
                (!held.is_empty()).then(|| (path.to_owned(), held))
            })
            .collect()
    }
}

/// Whether an entry says something about a path.
fn covers(rights: &Rights, path: &str) -> bool {
    let base = rights.path.trim_end_matches('/');
    match path.strip_prefix(base) {
        Some("") => true,
        Some(below) => rights.propagate && (below.starts_with('/') || base.is_empty()),
        None => base.is_empty() && path == "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_decides() {
        let mut access = Access::default();
        let rights = vec![
            Rights::new("/vms", &["VM.Audit"]),
            Rights::new("/vms/100", &["VM.PowerMgmt"]),
        ];
        access.add(SeedToken::limited("a@pam!t", "s", rights));
        let caller = Caller("a@pam!t".to_owned());
        assert!(access.any(&caller, "/vms/101", &["VM.Audit"]));
        assert!(!access.any(&caller, "/vms/100", &["VM.Audit"]));
        assert!(!access.any(&caller, "/storage/local", &["VM.Audit"]));
    }

    #[test]
    fn the_header_may_have_a_blank_and_an_escape() {
        let mut access = Access::default();
        access.add(SeedToken::full("a@pam!t", "s"));
        for header in [
            "PVEAPIToken=a@pam!t=s",
            "PVEAPIToken a@pam!t=s",
            "PVEAPIToken=a@pam%21t=s",
        ] {
            assert!(access.authenticate(Some(header)).is_ok(), "{header}");
        }
        assert_eq!(
            access.authenticate(Some("PVEAPIToken=a@pam!t=x")),
            Err("Authentication failed!")
        );
        assert_eq!(access.authenticate(None), Err("No ticket"));
    }
}
