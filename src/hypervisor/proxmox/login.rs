//! Login by user and password: one at a time for all callers, renewed before the ticket dies, and not repeated at
//! once after a refusal, since hosts lock out who tries too often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use secrecy::{ExposeSecret, SecretString};

use super::answers;
use super::auth::Proof;
use super::call::{Call, Method};
use super::ticket::{Grant, Ticket, Useless};
use super::wire::Wire;
use crate::hypervisor::Error;
use crate::runtime::Class;

/// How long a refusal stands before the next attempt, and twice that after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// How long a ticket is used on when renewing it failed for want of an answer.
const RENEWAL_PAUSE: Duration = Duration::from_mins(1);

/// A login under way, for as many callers as wait for it.
type Attempt = Shared<BoxFuture<'static, Result<Arc<Ticket>, Error>>>;

pub(super) struct Login {
    username: String,
    password: SecretString,
    session: Mutex<Session>,
}

/// Where the login stands.
#[derive(Default)]
struct Session {
    stage: Stage,
    /// Refusals since the last success.
    refusals: u32,
}

#[derive(Default)]
enum Stage {
    /// No ticket.
    #[default]
    Out,
    In {
        ticket: Arc<Ticket>,
        /// It is not renewed before, though it is old.
        not_before: Instant,
    },
    Pending {
        attempt: Attempt,
        old: Option<Arc<Ticket>>,
    },
    Refused {
        error: Error,
        until: Instant,
    },
}

/// What a caller is to do.
enum Step {
    Use(Arc<Ticket>),
    Wait(Attempt),
    LogIn { old: Option<Arc<Ticket>> },
    Refuse(Error),
}

impl Session {
    fn step(&self, now: Instant) -> Step {
        match &self.stage {
            Stage::In { ticket, not_before } if ticket.is_young(now) || now < *not_before => {
                Step::Use(Arc::clone(ticket))
            }
            Stage::In { ticket, .. } => Step::LogIn {
                old: ticket.is_alive(now).then(|| Arc::clone(ticket)),
            },
            Stage::Pending { attempt, .. } => Step::Wait(attempt.clone()),
            Stage::Refused { error, until } if now < *until => Step::Refuse(error.clone()),
            Stage::Out | Stage::Refused { .. } => Step::LogIn { old: None },
        }
    }

    /// Enters what an attempt came to, if nobody has yet. An old ticket is used on where there was no answer.
    fn settle(
        &mut self,
        attempt: &Attempt,
        result: Result<Arc<Ticket>, Error>,
        now: Instant,
    ) -> Result<Arc<Ticket>, Error> {
        let old = match &self.stage {
            Stage::Pending { attempt: own, old } if own.ptr_eq(attempt) => old.clone(),
            // Somebody else has entered it.
            Stage::In { ticket, .. } => return result.or_else(|_| Ok(Arc::clone(ticket))),
            _ => return result,
        };
        match result {
            Ok(ticket) => {
                self.refusals = 0;
                self.enter(&ticket, now);
                Ok(ticket)
            }
            Err(error) if error.class() == Class::Denied => {
                self.refuse(&error, now);
                Err(error)
            }
            Err(error) => {
                let Some(ticket) = old else {
                    self.stage = Stage::Out;
                    return Err(error);
                };
                self.enter(&ticket, now + RENEWAL_PAUSE);
                Ok(ticket)
            }
        }
    }

    fn enter(&mut self, ticket: &Arc<Ticket>, not_before: Instant) {
        self.stage = Stage::In {
            ticket: Arc::clone(ticket),
            not_before,
        };
    }

    fn refuse(&mut self, error: &Error, now: Instant) {
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.refusals));
        self.refusals = self.refusals.saturating_add(1);
        self.stage = Stage::Refused {
            error: error.clone(),
            until: now + pause.min(LONGEST_PAUSE),
        };
    }

    /// Whether this is the ticket in use.
    fn holds(&self, ticket: &Arc<Ticket>) -> bool {
        matches!(&self.stage, Stage::In { ticket: held, .. } if Arc::ptr_eq(held, ticket))
    }
}

impl Login {
    /// The error is a sentence without the password.
    pub(super) fn new(username: &str, password: &SecretString) -> Result<Self, String> {
        let well_formed = username
            .rsplit_once('@')
            .is_some_and(|(name, realm)| !name.is_empty() && !realm.is_empty());
        if !well_formed || username.contains('!') {
            return Err(format!(
                "'{username}' is not a user of Proxmox VE with its realm (user@realm)"
            ));
        }
        // Secrets made from files often end in a line break, which no password has.
        let password = password.expose_secret().trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            return Err("the password is empty".to_owned());
        }
        Ok(Self {
            username: username.to_owned(),
            password: password.into(),
            session: Mutex::default(),
        })
    }

    pub(super) fn user(&self) -> &str {
        &self.username
    }

    /// A ticket that is good for a while: the one at hand, or a new one.
    pub(super) async fn ticket(&self, wire: &Arc<Wire>) -> Result<Arc<Ticket>, Error> {
        let attempt = {
            let mut session = self.session();
            match session.step(Instant::now()) {
                Step::Use(ticket) => return Ok(ticket),
                Step::Refuse(error) => return Err(error),
                Step::Wait(attempt) => attempt,
                Step::LogIn { old } => {
                    let attempt = self.attempt(Arc::clone(wire));
                    session.stage = Stage::Pending {
                        attempt: attempt.clone(),
                        old,
                    };
                    attempt
                }
            }
        };
        let result = attempt.clone().await;
        self.session().settle(&attempt, result, Instant::now())
    }

    /// The host took this ticket no longer. Nothing happens if another one is in use by now.
    pub(super) fn expired(&self, ticket: &Arc<Ticket>) {
        let mut session = self.session();
        if session.holds(ticket) {
            session.stage = Stage::Out;
        }
    }

    /// The host did not take a ticket that it had just given: another login would not help.
    pub(super) fn useless(&self, ticket: &Arc<Ticket>, error: &Error) {
        let mut session = self.session();
        if session.holds(ticket) {
            session.refuse(error, Instant::now());
        }
    }

    fn attempt(&self, wire: Arc<Wire>) -> Attempt {
        let (username, password) = (self.username.clone(), self.password.clone());
        async move {
            let asked = Instant::now();
            let call = Call::new(Method::Post, "/access/ticket", &[])
                .with("username", &username)
                .with("password", password.expose_secret());
            let grant: Grant = wire.change(&call, &Proof::Nothing, None, answers::data).await?;
            match Ticket::granted(&grant, asked) {
                Ok(ticket) => Ok(Arc::new(ticket)),
                Err(Useless::NoTicket) => Err(call.unreadable("it holds no ticket")),
                Err(Useless::SecondFactor) => Err(Error::Unauthorized {
                    message: format!(
                        "{username} must show a second factor (TFA) at each login, which Drover can't: give it an \
                         API token instead"
                    ),
                }),
            }
        }
        .boxed()
        .shared()
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(asked: Instant) -> Arc<Ticket> {
        let grant = r#"{"ticket":"PVE:x","CSRFPreventionToken":"y"}"#;
        let grant: Grant = serde_json::from_str(grant).unwrap();
        Arc::new(Ticket::granted(&grant, asked).unwrap())
    }

    fn attempt(result: Result<Arc<Ticket>, Error>) -> Attempt {
        async move { result }.boxed().shared()
    }

    fn refused() -> Error {
        Error::Unauthorized {
            message: "authentication failure".to_owned(),
        }
    }

    fn unreachable() -> Error {
        Error::Connect {
            address: "pve1:8006".to_owned(),
            reason: "refused".to_owned(),
        }
    }

    fn minutes(n: u64) -> Duration {
        Duration::from_mins(n)
    }

    /// A session in which a login is under way, begun with the old ticket if there is one.
    fn pending(old: Option<Arc<Ticket>>, result: Result<Arc<Ticket>, Error>) -> (Session, Attempt) {
        let attempt = attempt(result);
        let session = Session {
            stage: Stage::Pending {
                attempt: attempt.clone(),
                old,
            },
            refusals: 0,
        };
        (session, attempt)
    }

    #[test]
    fn a_ticket_past_its_half_is_renewed_and_kept_if_the_host_is_silent() {
        let start = Instant::now();
        let old = ticket(start);
        let mut session = Session::default();
        session.enter(&old, start);
        assert!(matches!(session.step(start + minutes(59)), Step::Use(_)));
        let now = start + minutes(61);
        assert!(matches!(session.step(now), Step::LogIn { old: Some(_) }));
        let (mut session, attempt) = pending(Some(Arc::clone(&old)), Err(unreachable()));
        let used = session.settle(&attempt, Err(unreachable()), now).unwrap();
        assert!(Arc::ptr_eq(&used, &old));
        assert!(matches!(
            session.step(now + Duration::from_secs(59)),
            Step::Use(_)
        ));
        assert!(matches!(session.step(now + minutes(1)), Step::LogIn { .. }));
        assert!(matches!(
            session.step(start + minutes(116)),
            Step::LogIn { old: None }
        ));
    }

    #[test]
    fn refusals_stand_for_longer_and_longer() {
        let mut now = Instant::now();
        let mut session = Session::default();
        for pause in [10, 20, 40, 80, 160, 300, 300] {
            session.refuse(&refused(), now);
            let pause = Duration::from_secs(pause);
            assert!(matches!(
                session.step(now + pause.saturating_sub(Duration::from_millis(1))),
                Step::Refuse(_)
            ));
            now += pause;
            assert!(matches!(session.step(now), Step::LogIn { old: None }));
        }
    }

    #[test]
    fn a_refused_renewal_does_not_live_on_the_old_ticket() {
        let now = Instant::now();
        let (mut session, attempt) = pending(Some(ticket(now)), Err(refused()));
        assert!(session.settle(&attempt, Err(refused()), now).is_err());
        assert!(matches!(session.step(now), Step::Refuse(_)));
    }

    #[test]
    fn a_ticket_that_was_replaced_can_not_be_taken_back() {
        let now = Instant::now();
        let login = Login::new("root@pam", &"s3cret".into()).unwrap();
        let (old, new) = (ticket(now), ticket(now));
        login.session().enter(&new, now);
        login.expired(&old);
        login.useless(&old, &refused());
        assert!(login.session().holds(&new));
        login.expired(&new);
        assert!(matches!(login.session().step(now), Step::LogIn { old: None }));
    }

    #[test]
    fn what_is_no_user_with_a_realm_is_refused_without_the_password() {
        for username in ["", "root", "@pam", "root@", "root@pam!token"] {
            let error = Login::new(username, &"s3cret".into()).err().unwrap();
            assert!(!error.contains("s3cret"), "{error}");
        }
        assert!(Login::new("root@pam", &"\n".into()).is_err());
    }
}
