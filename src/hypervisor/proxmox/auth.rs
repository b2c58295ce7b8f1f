//! How calls prove who makes them.
//!
//! API tokens need no login, no renewal and no CSRF header. Login by user and password would be another
//! variant of [`Credentials`], with a ticket kept here.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

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
}

/// The proof that goes along with each request.
#[derive(Clone)]
pub(super) struct Auth {
    user: String,
    header: HeaderValue,
}

impl Auth {
    /// Builds the proof. The error is a sentence without the secret.
    pub(super) fn new(credentials: &Credentials) -> Result<Self, String> {
        let Credentials::Token { id, secret } = credentials;
        // Secrets made from files often end in a line break.
        let (id, secret) = (id.trim(), secret.expose_secret().trim());
        let well_formed = id
            .split_once('!')
            .is_some_and(|(user, token)| user.contains('@') && !token.is_empty());
        if !well_formed {
            return Err(format!("'{id}' is not the id of an API token (user@realm!name)"));
        }
        if secret.is_empty() {
            return Err("the token's secret is empty".to_owned());
        }
        let mut header = HeaderValue::from_str(&format!("PVEAPIToken={id}={secret}"))
            .map_err(|_| "the token holds characters that no request can carry".to_owned())?;
        header.set_sensitive(true);
        Ok(Self {
            user: id.to_owned(),
            header,
        })
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// The value of the header `Authorization`.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: &str, secret: &str) -> Credentials {
        Credentials::Token {
            id: id.to_owned(),
            secret: secret.into(),
        }
    }

    #[test]
    fn a_secret_from_a_file_may_end_in_a_line_break() {
        let auth = Auth::new(&token("root@pam!drover", "s3cret\n")).unwrap();
        assert_eq!(
            auth.header().to_str().unwrap(),
            "PVEAPIToken=root@pam!drover=s3cret"
        );
        assert_eq!(auth.user(), "root@pam!drover");
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let credentials = token("root@pam!drover", "s3c\nret");
        assert!(!format!("{credentials:?}").contains("s3c"));
        let error = Auth::new(&credentials).err().unwrap();
        assert!(!error.contains("s3c"), "{error}");
        let auth = Auth::new(&token("root@pam!drover", "s3cret")).unwrap();
        assert!(!format!("{:?}", auth.header()).contains("s3cret"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for id in ["", "root@pam", "root!x", "root@pam!"] {
            assert!(Auth::new(&token(id, "x")).is_err(), "{id}");
        }
        assert!(Auth::new(&token("root@pam!x", " ")).is_err());
    }
}
