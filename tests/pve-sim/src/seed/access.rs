//! Users, tokens, pools and rights of a seed.

use serde::{Deserialize, Serialize};

/// An API token.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedToken {
    /// Full id, as `root@pam!reader`. Its user is made when missing, and has all rights.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// What it may do. Absent: all that its user may (`privsep=0`). Empty: nothing (`privsep=1` without an ACL).
    #[serde(default)]
    pub rights: Option<Vec<Rights>>,
}

impl SeedToken {
    /// A token with all the rights of its user.
    #[must_use]
    pub fn full(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: secret.into(),
            rights: None,
        }
    }

    /// A token with privilege separation, and only these rights.
    #[must_use]
    pub fn limited(id: impl Into<String>, secret: impl Into<String>, rights: Vec<Rights>) -> Self {
        Self {
            rights: Some(rights),
            ..Self::full(id, secret)
        }
    }
}

/// A user.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedUser {
    /// With the realm, as `alice@pve`.
    pub id: String,
    /// Without one nobody can log in as this user.
    #[serde(default)]
    pub password: Option<String>,
    /// Made when missing.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Whether the user may log in at all.
    #[serde(default = "yes")]
    pub enable: bool,
    /// Until when, in seconds since the epoch; 0 is for ever.
    #[serde(default)]
    pub expire: i64,
    /// A remark.
    #[serde(default)]
    pub comment: Option<String>,
    /// The code that completes a login (`totp:…`), always the same. Absent: no second factor.
    #[serde(default)]
    pub totp: Option<String>,
    /// What the user may do.
    #[serde(default)]
    pub rights: Vec<Rights>,
}

impl SeedUser {
    /// A user without rights and without a password.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            password: None,
            groups: Vec::new(),
            enable: true,
            expire: 0,
            comment: None,
            totp: None,
            rights: Vec::new(),
        }
    }

    /// Who can log in.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Who may something.
    #[must_use]
    pub fn with_rights(mut self, rights: Vec<Rights>) -> Self {
        self.rights = rights;
        self
    }
}

/// A pool.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedPool {
    /// Its name.
    pub id: String,
    /// A remark.
    #[serde(default)]
    pub comment: Option<String>,
    /// The numbers of the guests in it.
    #[serde(default)]
    pub guests: Vec<u32>,
    /// The storages in it.
    #[serde(default)]
    pub storages: Vec<String>,
}

/// An entry of the access control list: privileges on a path. The longest path that applies decides.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rights {
    /// As `/vms` or `/storage/local`.
    pub path: String,
    /// As `VM.Audit`; `*` stands for all.
    pub privileges: Vec<String>,
    /// Whether they hold below the path too.
    #[serde(default = "yes")]
    pub propagate: bool,
}

impl Rights {
    /// Privileges on a path and all below it.
    #[must_use]
    pub fn new(path: impl Into<String>, privileges: &[&str]) -> Self {
        Self {
            path: path.into(),
            privileges: privileges.iter().map(|&p| p.to_owned()).collect(),
            propagate: true,
        }
    }

    /// Every privilege on a path and all below it.
    #[must_use]
    pub fn all(path: impl Into<String>) -> Self {
        Self::new(path, &["*"])
    }
}

fn yes() -> bool {
    true
}
