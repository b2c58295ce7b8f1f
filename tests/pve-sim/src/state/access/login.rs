//! Who a request comes from: by a ticket or a token, or the sentence with which it is refused.

use std::time::Duration;

use super::caller::{Caller, split_token};
use super::store::Access;
use crate::clock;
use crate::release::Release;

/// What a request brings to prove who it is from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) ticket: Option<String>,
    /// The token against forged requests.
    pub(crate) csrf: Option<String>,
    pub(crate) api_token: Option<String>,
}

/// A login without the password's being right, or the user's being there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// How far somebody got who logged in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Complete,
    /// The second factor is missing.
    NeedsCode,
}

/// What a login brings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) user: &'a str,
    /// Or a ticket, or the code of the second factor.
    pub(crate) password: &'a str,
    /// The ticket that asked for the second factor.
    pub(crate) challenge: Option<&'a str>,
    pub(crate) lifetime: Duration,
}

impl Access {
    /// The caller; else the reason phrase of the 401. `guarded` says whether the request could be a forged one.
    pub(crate) fn authenticate(
        &self,
        credentials: &Credentials,
        guarded: bool,
        lifetime: Duration,
    ) -> Result<Caller, String> {
        let Some(ticket) = &credentials.ticket else {
            let token = credentials.api_token.as_deref().filter(|token| !token.is_empty());
            let token = token.ok_or("No ticket")?;
            return self.of_token(token).map_err(|cause| self.told(cause));
        };
        let user = self
            .of_ticket(ticket, lifetime)
            .map_err(|cause| self.told(cause))?;
        let csrf = credentials.csrf.as_deref().unwrap_or("");
        if guarded && !self.csrf_holds(csrf, &user.0, lifetime) {
            return Err("Permission denied - invalid csrf token".to_owned());
        }
        Ok(user)
    }

    /// Since 9 nobody is told the cause.
    fn told(&self, cause: String) -> String {
        if self.release < Release::V9_2 {
            cause
        } else {
            "Authentication failed!".to_owned()
        }
    }

    fn of_ticket(&self, ticket: &str, lifetime: Duration) -> Result<Caller, String> {
        let user = self
            .proven(ticket, lifetime)
            .ok_or("permission denied - invalid PVE ticket")?;
        self.enabled_user(user)?;
        Ok(Caller(user.to_owned()))
    }

    /// `PVE::AccessControl::verify_token`.
    fn of_token(&self, given: &str) -> Result<Caller, String> {
        let (id, secret) = given.rsplit_once('=').ok_or("no tokenid specified")?;
        let (user, name) = split_token(id).ok_or_else(|| {
            format!("'{id}' is not a valid token ID - not able to split into user and token parts")
        })?;
        self.enabled_user(user)?;
        let token = self.token(user, name)?;
        if token.expire != 0 && token.expire < clock::now() {
            return Err("token expired".to_owned());
        }
        if token.secret != secret {
            return Err("invalid token value!".to_owned());
        }
        Ok(Caller(id.to_owned()))
    }

    /// Whether somebody may have a ticket (`create_ticket` of `PVE::API2::AccessControl`).
    pub(crate) fn log_in(&self, attempt: Attempt<'_>) -> Result<Login, Refused> {
        let Attempt {
            user,
            password,
            challenge,
            lifetime,
        } = attempt;
        let found = self.enabled_user(user).map_err(|_| Refused)?;
        if let Some(challenge) = challenge {
            let code = password.strip_prefix("totp:");
            let right = self.challenges(challenge, user, lifetime) && code == found.totp.as_deref();
            return right.then_some(Login::Complete).ok_or(Refused);
        }
        // A ticket renews itself, and root's makes tickets for others.
        if let Some(owner) = self.proven(password, lifetime) {
            let allowed = owner == user || owner == "root@pam";
            return allowed.then_some(Login::Complete).ok_or(Refused);
        }
        if found.password.as_deref() != Some(password) {
            return Err(Refused);
        }
        Ok(if found.totp.is_some() {
            Login::NeedsCode
        } else {
            Login::Complete
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::{Token, User};
    use super::*;

    const LIFETIME: Duration = Duration::from_hours(2);

    fn access(release: Release) -> Access {
        let mut access = Access::new(release);
        let mut user = User {
            enable: true,
            password: Some("secret12".to_owned()),
            ..User::default()
        };
        let token = Token {
            secret: "s".to_owned(),
            ..Token::new(false)
        };
        user.tokens.insert("tt".to_owned(), token);
        access.users.insert("a@pve".to_owned(), user);
        access
    }

    fn by_token(access: &Access, given: &str) -> Result<Caller, String> {
        let credentials = Credentials {
            api_token: Some(given.to_owned()),
            ..Credentials::default()
        };
        access.authenticate(&credentials, true, LIFETIME)
    }

    #[test]
    fn the_cause_of_a_401_is_told_up_to_8_4() {
        let cases = [
            ("a@pve!tt=x", "invalid token value!"),
            ("a@pve!no=s", "no such token 'no' for user 'a@pve'"),
            ("a@pve!tt", "no tokenid specified"),
            ("b@pve!tt=s", "no such user ('b@pve')"),
        ];
        for (given, cause) in cases {
            assert_eq!(by_token(&access(Release::V8_4), given), Err(cause.to_owned()));
            assert_eq!(
                by_token(&access(Release::V9_2), given),
                Err("Authentication failed!".to_owned())
            );
        }
        assert!(by_token(&access(Release::V9_2), "a@pve!tt=s").is_ok());
    }

    #[test]
    fn a_token_ends_when_it_or_its_user_expires() {
        let mut access = access(Release::V8_4);
        access.token_mut("a@pve", "tt").unwrap().expire = clock::now() - 10;
        assert_eq!(by_token(&access, "a@pve!tt=s"), Err("token expired".to_owned()));
        access.token_mut("a@pve", "tt").unwrap().expire = clock::now() + 10;
        assert!(by_token(&access, "a@pve!tt=s").is_ok());
        access.user_mut("a@pve").unwrap().expire = clock::now() - 10;
        assert_eq!(
            by_token(&access, "a@pve!tt=s"),
            Err("user 'a@pve' access expired".to_owned())
        );
    }

    #[test]
    fn a_ticket_needs_its_own_token_against_forged_requests_where_they_could_be() {
        let access = access(Release::V9_2);
        let with = |csrf: Option<String>| Credentials {
            ticket: Some(access.ticket("a@pve")),
            csrf,
            api_token: None,
        };
        assert!(access.authenticate(&with(None), false, LIFETIME).is_ok());
        assert!(access.authenticate(&with(None), true, LIFETIME).is_err());
        let of_root = Some(access.csrf_token("root@pam"));
        assert!(access.authenticate(&with(of_root), true, LIFETIME).is_err());
        let own = Some(access.csrf_token("a@pve"));
        assert!(access.authenticate(&with(own), true, LIFETIME).is_ok());
    }

    #[test]
    fn a_ticket_can_be_renewed_and_roots_makes_those_of_others() {
        let access = access(Release::V9_2);
        let log_in = |user, password: &str| {
            access.log_in(Attempt {
                user,
                password,
                challenge: None,
                lifetime: LIFETIME,
            })
        };
        assert_eq!(log_in("a@pve", "secret12"), Ok(Login::Complete));
        assert_eq!(log_in("a@pve", "wrong"), Err(Refused));
        assert_eq!(log_in("a@pve", &access.ticket("a@pve")), Ok(Login::Complete));
        assert_eq!(log_in("a@pve", &access.ticket("root@pam")), Ok(Login::Complete));
        assert_eq!(log_in("root@pam", &access.ticket("a@pve")), Err(Refused));
    }
}
