//! Who asks.

/// Who asks: a user's or a token's full id; empty when nobody has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller(pub(crate) String);

impl Caller {
    /// Nobody, for the calls that need no login.
    pub(crate) fn nobody() -> Self {
        Self(String::new())
    }

    /// Whether it is `root@pam` itself, as some options want it; a token of root's is not.
    pub(crate) fn is_root(&self) -> bool {
        self.0 == "root@pam"
    }

    /// Whether it came with an API token.
    pub(crate) fn is_token(&self) -> bool {
        self.0.contains('!')
    }

    /// Whether what somebody did is its own: a user's tokens act for the user, but not the other way
    /// (`PVE::API2::Tasks`).
    pub(crate) fn did(&self, who: &str) -> bool {
        who == self.0
            || who
                .strip_prefix(&self.0)
                .is_some_and(|rest| rest.starts_with('!'))
    }
}

/// User and name of a token's full id (`PVE::AccessControl::split_tokenid`).
pub(crate) fn split_token(id: &str) -> Option<(&str, &str)> {
    let (user, name) = id.split_once('!')?;
    (is_user_id(user) && is_token_name(name)).then_some((user, name))
}

/// A realm, a role, a token's name: `[A-Za-z][A-Za-z0-9.\-_]+`.
pub(crate) fn is_token_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && name.len() > 1
        && bytes.all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

/// `name@realm`, the name without blanks, colons and slashes.
pub(crate) fn is_user_id(id: &str) -> bool {
    id.rsplit_once('@').is_some_and(|(name, realm)| {
        let plain = |c: char| !c.is_whitespace() && c != ':' && c != '/';
        !name.is_empty() && name.chars().all(plain) && is_token_name(realm)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_did_what_his_tokens_did_and_not_the_other_way() {
        let (user, token) = (Caller("a@pve".to_owned()), Caller("a@pve!tt".to_owned()));
        assert!(user.did("a@pve!tt") && user.did("a@pve"));
        assert!(token.did("a@pve!tt") && !token.did("a@pve"));
        assert!(!user.did("a@pve2"));
    }

    #[test]
    fn a_token_has_a_user_with_a_realm_and_a_name_of_two_letters() {
        assert_eq!(split_token("root@pam!op"), Some(("root@pam", "op")));
        for wrong in ["nouser@pve!x", "root!op", "root@pam", "a b@pam!op"] {
            assert_eq!(split_token(wrong), None, "{wrong}");
        }
    }
}
