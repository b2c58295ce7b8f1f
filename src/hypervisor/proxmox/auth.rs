//! How calls prove who makes them: by an API token, which needs no login and no renewal, or by a ticket that user
//! and password are given for.

use std::sync::Arc;

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::call::Method;
use super::login::Login;
use super::ticket::Ticket;

/// Who Drover is on the host.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An API token.
    Token {
        /// Its full id: `drover@pve!operator`.
        id: String,
        /// Its secret, which Proxmox VE showed once.
        secret: SecretString,
    },
    /// A user with a password and without a second factor.
    Password {
        /// Name and realm: `drover@pve`.
        username: String,
        /// The password.
        password: SecretString,
    },
}

/// Credentials that were looked over, and what came of them so far.
pub(super) enum Auth {
    Token { user: String, header: HeaderValue },
    Login(Login),
}

/// What goes along with a request.
#[derive(Clone)]
pub(super) enum Proof {
    /// Nothing: this is a login.
    Nothing,
    Token(HeaderValue),
    Ticket(Arc<Ticket>),
}

impl Auth {
    /// Looks over the credentials. The error is a sentence without the secret.
    pub(super) fn new(credentials: &Credentials) -> Result<Self, String> {
        match credentials {
            Credentials::Token { id, secret } => token(id.trim(), secret),
            Credentials::Password { username, password } => {
                Login::new(username.trim(), password).map(Self::Login)
            }
        }
    }

    /// As task lists show it.
    pub(super) fn user(&self) -> &str {
        match self {
            Self::Token { user, .. } => user,
            Self::Login(login) => login.user(),
        }
    }
}

fn token(id: &str, secret: &SecretString) -> Result<Auth, String> {
    // Secrets made from files often end in a line break.
    let secret = secret.expose_secret().trim();
    let well_formed = id
        .split_once('!')
        .is_some_and(|(user, token)| user.contains('@') && !token.is_empty());
    if !well_formed {
        return Err(format!("'{id}' is not the id of an API token (user@realm!name)"));
    }
    if secret.is_empty() {
        return Err("the token's secret is empty".to_owned());
    }
    let header = secret_header(&format!("PVEAPIToken={id}={secret}"))
        .ok_or("the token holds characters that no request can carry")?;
    Ok(Auth::Token {
        user: id.to_owned(),
        header,
    })
}

/// A header's value that is never shown; none if it can't stand in a header.
pub(super) fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

impl Proof {
    /// Adds it to a request.
    pub(super) fn sign(&self, request: RequestBuilder, method: Method) -> RequestBuilder {
        match self {
            Self::Nothing => request,
            Self::Token(header) => request.header(AUTHORIZATION, header.clone()),
            Self::Ticket(ticket) => {
                let request = request.header(COOKIE, ticket.cookie());
                match method {
                    Method::Get => request,
                    Method::Post | Method::Put | Method::Delete => {
                        request.header("CSRFPreventionToken", ticket.csrf())
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(id: &str, secret: &str) -> Credentials {
        Credentials::Token {
            id: id.to_owned(),
            secret: secret.into(),
        }
    }

    fn header(auth: &Auth) -> HeaderValue {
        match auth {
            Auth::Token { header, .. } => header.clone(),
            Auth::Login(_) => panic!("no token"),
        }
    }

    #[test]
    fn a_secret_from_a_file_may_end_in_a_line_break() {
        let auth = Auth::new(&credentials("root@pam!drover", "s3cret\n")).unwrap();
        assert_eq!(
            header(&auth).to_str().unwrap(),
            "PVEAPIToken=root@pam!drover=s3cret"
        );
        assert_eq!(auth.user(), "root@pam!drover");
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let token = credentials("root@pam!drover", "s3c\nret");
        assert!(!format!("{token:?}").contains("s3c"));
        let error = Auth::new(&token).err().unwrap();
        assert!(!error.contains("s3c"), "{error}");
        let auth = Auth::new(&credentials("root@pam!drover", "s3cret")).unwrap();
        assert!(!format!("{:?}", header(&auth)).contains("s3cret"));
        let password = Credentials::Password {
            username: "root@pam".to_owned(),
            password: "s3cret".into(),
        };
        assert!(!format!("{password:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for id in ["", "root@pam", "root!x", "root@pam!"] {
            assert!(Auth::new(&credentials(id, "x")).is_err(), "{id}");
        }
        assert!(Auth::new(&credentials("root@pam!x", " ")).is_err());
    }
}
