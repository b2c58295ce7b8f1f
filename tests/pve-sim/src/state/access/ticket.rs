//! Tickets: who somebody is and since when, signed.
//!
//! `PVE:user:TIME::signature`, the time in hexadecimal seconds (`PVE::Ticket`). Proxmox signs with RSA; here a keyed
//! digest does, which no client can tell apart. The token against forged requests is bound to user and time as well.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::store::Access;
use crate::clock;

/// How far the clock of another node may be ahead, in seconds.
const SKEW: i64 = 300;

/// What a ticket for the second factor has instead of a user.
const CHALLENGE: &str = "!tfa!";

impl Access {
    /// A ticket for a user, from now on.
    pub(crate) fn ticket(&self, user: &str) -> String {
        self.signed(user, "", clock::now())
    }

    /// A ticket that only completes a login by a second factor.
    pub(crate) fn challenge(&self, user: &str) -> String {
        // What the user can answer with, as JSON, escaped.
        self.signed(&format!("{CHALLENGE}%7B%22totp%22%3Atrue%7D"), user, clock::now())
    }

    /// A ticket from another time, as a test wants it.
    fn signed(&self, data: &str, bound_to: &str, time: i64) -> String {
        let plain = format!("PVE:{data}:{time:08X}");
        let signature = self.digest(&format!("{plain}\0{bound_to}"));
        format!("{plain}::{signature}")
    }

    /// The token that has to come with changes, for a user's tickets.
    pub(crate) fn csrf_token(&self, user: &str) -> String {
        let time = clock::now();
        format!("{time:08X}:{}", self.digest(&format!("csrf\0{time:08X}:{user}")))
    }

    /// Whose a ticket is, if it is one of ours and still holds.
    pub(crate) fn proven<'a>(&self, ticket: &'a str, lifetime: Duration) -> Option<&'a str> {
        self.opened(ticket, "", lifetime)
    }

    /// Whether a ticket asks for the second factor of this user.
    pub(crate) fn challenges(&self, ticket: &str, user: &str, lifetime: Duration) -> bool {
        let opened = self.opened(ticket, user, lifetime);
        opened.is_some_and(|data| data.starts_with(CHALLENGE))
    }

    /// Whether the token against forged requests is this user's and still holds.
    pub(crate) fn csrf_holds(&self, token: &str, user: &str, lifetime: Duration) -> bool {
        let Some((time, digest)) = token.split_once(':') else {
            return false;
        };
        self.digest(&format!("csrf\0{time}:{user}")) == digest && holds(time, lifetime)
    }

    fn opened<'a>(&self, ticket: &'a str, bound_to: &str, lifetime: Duration) -> Option<&'a str> {
        let (plain, signature) = ticket.split_once("::")?;
        let (data, time) = plain.strip_prefix("PVE:")?.rsplit_once(':')?;
        let genuine = self.digest(&format!("{plain}\0{bound_to}")) == signature;
        (genuine && holds(time, lifetime)).then_some(data)
    }

    fn digest(&self, text: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.key.as_bytes());
        hash.update(text.as_bytes());
        STANDARD.encode(hash.finalize())
    }
}

/// Whether something made at a time still holds.
fn holds(time: &str, lifetime: Duration) -> bool {
    i64::from_str_radix(time, 16).is_ok_and(|time| {
        let age = clock::now() - time;
        #[allow(clippy::cast_precision_loss, reason = "ages in seconds are small")]
        let young = (age as f64) < lifetime.as_secs_f64();
        age > -SKEW && young
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Release;

    const TWO_HOURS: Duration = Duration::from_hours(2);

    #[test]
    fn a_ticket_proves_its_user_until_it_is_too_old() {
        let access = Access::new(Release::V9_2);
        let ticket = access.ticket("a@pve");
        assert_eq!(access.proven(&ticket, TWO_HOURS), Some("a@pve"));
        let old = access.signed("a@pve", "", clock::now() - 7_201);
        assert_eq!(access.proven(&old, TWO_HOURS), None);
        let early = access.signed("a@pve", "", clock::now() + 600);
        assert_eq!(access.proven(&early, TWO_HOURS), None);
    }

    #[test]
    fn a_forged_ticket_proves_nothing() {
        let access = Access::new(Release::V9_2);
        let ticket = access.ticket("a@pve");
        let other = Access::new(Release::V9_2).ticket("a@pve");
        for forged in [
            ticket.replace("a@pve", "root@pam"),
            other,
            "PVE:root@pam:0::".to_owned(),
        ] {
            assert_eq!(access.proven(&forged, TWO_HOURS), None, "{forged}");
        }
    }

    #[test]
    fn half_a_login_is_bound_to_its_user() {
        let access = Access::new(Release::V9_2);
        let half = access.challenge("a@pve");
        assert!(access.challenges(&half, "a@pve", TWO_HOURS));
        assert!(!access.challenges(&half, "b@pve", TWO_HOURS));
        assert!(!access.challenges(&access.ticket("a@pve"), "", TWO_HOURS));
        assert_eq!(access.proven(&half, TWO_HOURS), None);
    }

    #[test]
    fn the_token_against_forged_requests_is_bound_to_its_user() {
        let access = Access::new(Release::V9_2);
        let token = access.csrf_token("a@pve");
        assert!(access.csrf_holds(&token, "a@pve", TWO_HOURS));
        assert!(!access.csrf_holds(&token, "b@pve", TWO_HOURS));
        assert!(!access.csrf_holds("1:2", "a@pve", TWO_HOURS));
    }
}
