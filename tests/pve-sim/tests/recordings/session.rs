//! Who speaks: the tickets and token secrets that the simulator handed out, and what was told about passwords. The
//! recorder left all of these out.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pve_sim::Simulator;

use super::client::{Answer, Client, Request};
use super::library::Credential;

/// What a form or a path component may hold unescaped.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Percent-encodes for a form, a cookie or a path.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// With a ticket.
    User(String),
    /// With a token, by its full id.
    Token(String),
}

#[derive(Clone, Debug)]
struct Ticket {
    ticket: String,
    csrf: String,
}

/// The credentials of one file's replay.
#[derive(Debug)]
pub(crate) struct Session {
    passwords: BTreeMap<String, String>,
    tickets: BTreeMap<String, Ticket>,
    secrets: BTreeMap<String, String>,
}

impl Session {
    pub(crate) fn new(sim: &Simulator, passwords: BTreeMap<String, String>) -> Self {
        let secrets = [(sim.token_id().to_owned(), sim.token_secret().to_owned())];
        Self {
            passwords,
            tickets: BTreeMap::new(),
            secrets: secrets.into(),
        }
    }

    /// The ticket of a user who has logged in, not encoded; empty when he hasn't.
    pub(crate) fn ticket(&self, user: &str) -> &str {
        self.tickets.get(user).map_or("", |t| &t.ticket)
    }

    /// His CSRF prevention token.
    pub(crate) fn csrf(&self, user: &str) -> &str {
        self.tickets.get(user).map_or("", |t| &t.csrf)
    }

    /// The secret of a token, by its full id, that a request made.
    pub(crate) fn secret(&self, token: &str) -> &str {
        self.secrets.get(token).map_or("", String::as_str)
    }

    /// The password of a user, as the script told it.
    pub(crate) fn password(&self, user: &str) -> &str {
        self.passwords.get(user).map_or("", String::as_str)
    }

    /// Logs a user in, unless he is.
    pub(crate) async fn log_in(&mut self, client: &mut Client, user: &str) -> Result<(), String> {
        if self.tickets.contains_key(user) {
            return Ok(());
        }
        let body = format!(
            "username={}&password={}",
            encode(user),
            encode(self.password(user))
        );
        let form = "application/x-www-form-urlencoded".to_owned();
        let answer = client
            .send(&Request {
                method: "POST".to_owned(),
                path: "/api2/json/access/ticket".to_owned(),
                headers: vec![("Content-Type".to_owned(), form)],
                body: Some(body.into_bytes()),
            })
            .await?;
        let data = answer.data().unwrap_or_default();
        let part = |name: &str| data[name].as_str().map(str::to_owned);
        let (Some(ticket), Some(csrf)) = (part("ticket"), part("CSRFPreventionToken")) else {
            return Err(format!(
                "{user} can't log in: {} {}",
                answer.status, answer.reason
            ));
        };
        self.tickets.insert(user.to_owned(), Ticket { ticket, csrf });
        Ok(())
    }

    /// Puts the sender's credential into a request, as proxmoxer does.
    pub(crate) fn sign(&self, request: &mut Request, sender: &Sender) {
        let mut add = |name: &str, value: String| request.headers.push((name.to_owned(), value));
        match sender {
            Sender::User(user) => {
                add("Cookie", format!("PVEAuthCookie={}", encode(self.ticket(user))));
                add("CSRFPreventionToken", self.csrf(user).to_owned());
            }
            Sender::Token(id) => {
                add("Authorization", format!("PVEAPIToken={id}={}", self.secret(id)));
            }
        }
    }

    /// Keeps the secret that an answer handed out.
    pub(crate) fn learn(&mut self, answer: &Answer) {
        let data = answer.data().unwrap_or_default();
        if let (Some(id), Some(secret)) = (data["full-tokenid"].as_str(), data["value"].as_str()) {
            self.secrets.insert(id.to_owned(), secret.to_owned());
        }
    }
}

/// Who sends what was recorded with such a credential, when the script says nothing else.
pub(crate) fn usual_sender(
    credential: Option<Credential>,
    user: &str,
    token: Option<&str>,
) -> Option<Sender> {
    match credential? {
        Credential::Ticket => Some(Sender::User(user.to_owned())),
        Credential::Token => Some(Sender::Token(token.unwrap_or_default().to_owned())),
    }
}
