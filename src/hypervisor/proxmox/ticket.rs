//! A ticket: what Proxmox VE gives for user and password. It is good for two hours and on every member of the
//! cluster (pve-access-control, `AccessControl.pm`, `$ticket_lifetime`).
//!
//! Its age is measured on our own monotonic clock, from before it was asked for. The time that is written in it is
//! the host's, and says nothing where one of the clocks is off.

use std::fmt;
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::answers::truth;
use super::auth::secret_header;
use super::encode::percent;

/// When a ticket is renewed: long before it dies.
const RENEWAL: Duration = Duration::from_hours(1);
/// How long a ticket is used when renewing it fails: five minutes less than it lives.
const LIFETIME: Duration = Duration::from_mins(115);

/// What a login answers.
#[derive(Deserialize)]
pub(super) struct Grant {
    #[serde(default)]
    ticket: Option<String>,
    #[serde(default, rename = "CSRFPreventionToken")]
    csrf: Option<String>,
    #[serde(default, rename = "NeedTFA", deserialize_with = "truth")]
    second_factor: bool,
}

/// Why a login's answer is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Useless {
    /// It is a challenge for a second factor, which Drover does not have.
    SecondFactor,
    /// It holds no ticket.
    NoTicket,
}

pub(super) struct Ticket {
    cookie: HeaderValue,
    csrf: HeaderValue,
    asked: Instant,
}

impl Ticket {
    pub(super) fn granted(grant: &Grant, asked: Instant) -> Result<Self, Useless> {
        let ticket = grant.ticket.as_deref().unwrap_or_default();
        // The challenge is a ticket too, of an own form (pve-access-control, `API2/AccessControl.pm`).
        if grant.second_factor || ticket.starts_with("PVE:!tfa!") {
            return Err(Useless::SecondFactor);
        }
        let csrf = grant.csrf.as_deref().unwrap_or_default();
        if ticket.is_empty() || csrf.is_empty() {
            return Err(Useless::NoTicket);
        }
        // Proxmox VE decodes the cookie, and a user's name may hold what a cookie may not.
        let cookie = secret_header(&format!("PVEAuthCookie={}", percent(ticket)));
        Ok(Self {
            cookie: cookie.ok_or(Useless::NoTicket)?,
            csrf: secret_header(csrf).ok_or(Useless::NoTicket)?,
            asked,
        })
    }

    /// The value of the header `Cookie`.
    pub(super) fn cookie(&self) -> HeaderValue {
        self.cookie.clone()
    }

    /// The value of the header `CSRFPreventionToken`, which everything but reads needs.
    pub(super) fn csrf(&self) -> HeaderValue {
        self.csrf.clone()
    }

    /// Whether it needs no renewal yet.
    pub(super) fn is_young(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.asked) < RENEWAL
    }

    /// Whether the host still takes it.
    pub(super) fn is_alive(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.asked) < LIFETIME
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(json: &str) -> Grant {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_ticket_is_encoded_and_never_shown() {
        let grant = grant(r#"{"ticket":"PVE:a b@pve:6B024E95::x+/=","CSRFPreventionToken":"6B:y"}"#);
        let ticket = Ticket::granted(&grant, Instant::now()).unwrap();
        assert_eq!(
            ticket.cookie().to_str().unwrap(),
            "PVEAuthCookie=PVE%3Aa%20b%40pve%3A6B024E95%3A%3Ax%2B%2F%3D"
        );
        assert!(!format!("{ticket:?} {:?}", ticket.cookie()).contains("6B024E95"));
    }

    #[test]
    fn a_challenge_is_no_ticket() {
        for json in [
            r#"{"ticket":"PVE:x","CSRFPreventionToken":"y","NeedTFA":1}"#,
            r#"{"ticket":"PVE:!tfa!%7B%7D:6B:z","CSRFPreventionToken":"y"}"#,
        ] {
            let useless = Ticket::granted(&grant(json), Instant::now()).err();
            assert_eq!(useless, Some(Useless::SecondFactor), "{json}");
        }
        for json in [
            "{}",
            r#"{"ticket":"PVE:x"}"#,
            r#"{"ticket":null,"CSRFPreventionToken":"y"}"#,
        ] {
            let useless = Ticket::granted(&grant(json), Instant::now()).err();
            assert_eq!(useless, Some(Useless::NoTicket), "{json}");
        }
    }

    #[test]
    fn a_ticket_is_renewed_well_before_it_dies() {
        let asked = Instant::now();
        let grant = grant(r#"{"ticket":"PVE:x","CSRFPreventionToken":"y"}"#);
        let ticket = Ticket::granted(&grant, asked).unwrap();
        let after = |minutes: u64| asked + Duration::from_mins(minutes);
        assert!(ticket.is_young(after(59)) && !ticket.is_young(after(60)));
        assert!(ticket.is_alive(after(114)) && !ticket.is_alive(after(115)));
    }
}
