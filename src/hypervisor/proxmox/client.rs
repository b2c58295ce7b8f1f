//! The HTTP side: sends calls, tells answers from refusals and failures, and keeps apart whether nothing was
//! sent or only no answer came.
//!
//! Peculiarities of Proxmox VE's server (pve-http-server, `AnyEvent.pm`) that are seen to here: HTTP/1.1 only;
//! no chunked bodies; it closes an idle connection after 5 s, and any connection after a status from 400 on;
//! its sentence stands in the reason phrase, and before 8.3 only there.

use std::error::Error as StdError;
use std::future::{Ready, ready};
use std::io;
use std::time::{Duration, Instant};

use backon::{ConstantBuilder, Retryable as _};
use hyper::ext::ReasonPhrase;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use reqwest::{ClientBuilder, Response, Url};
use rustls::CertificateError;
use serde::de::DeserializeOwned;
use tower::BoxError;
use tower::util::AndThenLayer;

use super::answers::{self, Complaint};
use super::auth::Auth;
use super::call::{Call, Method, Patience};
use super::connection::Connection;
use super::observe::{CallRecord, Observer};
use super::tls::{self, Untrusted};
use super::{property, sentences};
use crate::hypervisor::Error;
use crate::model::Progress;
use crate::plan::identity::Ownership;

/// How long a connection may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below the 5 s after which the server closes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);
/// What changes get at least: the server itself waits 10 s for locks, and 30 s for another node.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(30);
/// What something inside a guest gets at most.
const SHORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a read is sent, and the pause in between.
const TRIES: usize = 3;
const PAUSE: Duration = Duration::from_millis(50);
/// How much of a sentence from outside is kept.
const LONGEST_SENTENCE: usize = 2000;

pub(super) struct Client {
    /// Keeps connections for a moment.
    reads: reqwest::Client,
    /// Keeps none: a change is never sent twice, so a kept connection that the host just closed would make
    /// its outcome unknown.
    changes: reqwest::Client,
    tls: rustls::ClientConfig,
    base: String,
    address: String,
    auth: Auth,
    timeout: Duration,
    observer: Option<Observer>,
}

/// A failed exchange.
struct Failure {
    error: Error,
    status: Option<u16>,
    /// Whether a read may be sent again at once.
    again: bool,
}

impl Failure {
    const fn of(error: Error) -> Self {
        Self {
            error,
            status: None,
            again: false,
        }
    }
}

impl Client {
    pub(super) fn new(connection: &Connection) -> Result<Self, Error> {
        let unbuildable = |reason: String| Error::Unbuildable {
            operation: format!("connect to {}", connection.host),
            reason,
        };
        let address = address(&connection.host, connection.port).map_err(unbuildable)?;
        let tls = tls::client_config(&connection.trust).map_err(unbuildable)?;
        let auth = Auth::new(&connection.credentials).map_err(unbuildable)?;
        let built = |builder: ClientBuilder| builder.build().map_err(|e| unbuildable(in_words(&e)));
        let builder = || builder(&tls, connection.timeout);
        Ok(Self {
            reads: built(builder().pool_idle_timeout(IDLE_TIMEOUT))?,
            changes: built(builder().pool_max_idle_per_host(0))?,
            tls: tls.clone(),
            base: format!("https://{address}/api2/json"),
            address,
            auth,
            timeout: connection.timeout,
            observer: None,
        })
    }

    pub(super) fn observe(&mut self, observer: Observer) {
        self.observer = Some(observer);
    }

    pub(super) fn user(&self) -> &str {
        self.auth.user()
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a read, again if the connection broke before the answer or could not be made in time. Statuses
    /// are answers and never make for another try: 596 to 599 come after half a minute as it is.
    pub(super) async fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        let timeout = match call.patience {
            Patience::Usual => self.timeout,
            Patience::Short => self.timeout.min(SHORT_TIMEOUT),
        };
        (|| self.exchange(call, &self.reads, timeout))
            .retry(
                ConstantBuilder::default()
                    .with_delay(PAUSE)
                    .with_max_times(TRIES - 1),
            )
            .when(|failure: &Failure| failure.again)
            .await
            .map_err(|failure| failure.error)
    }

    /// Sends a change, once.
    pub(super) async fn change(&self, call: &Call) -> Result<Progress, Error> {
        self.change_over(call, &self.changes).await
    }

    async fn change_over(&self, call: &Call, client: &reqwest::Client) -> Result<Progress, Error> {
        let timeout = self.timeout.max(CHANGE_TIMEOUT);
        let answer: Option<String> = self
            .exchange(call, client, timeout)
            .await
            .map_err(|failure| failure.error)?;
        match answer {
            None => Ok(Progress::Done),
            Some(upid) => match upid.parse() {
                Ok(upid) => Ok(Progress::Running(upid)),
                Err(error) => Err(call.unreadable(error.to_string())),
            },
        }
    }

    /// Sends a change that carries no digest, unless the proof that it rests upon is too old by then. Making the
    /// connection takes its time too, so the proof is looked at once more when it stands, by a client of its own.
    pub(super) async fn change_fresh(&self, call: &Call, own: &Ownership) -> Result<Progress, Error> {
        if own.is_stale(Instant::now()) {
            return Err(stale(call));
        }
        let client = builder(&self.tls, self.timeout)
            .pool_max_idle_per_host(0)
            .connector_layer(AndThenLayer::new(unless_stale(own.clone())))
            .build()
            .map_err(|error| call.unbuildable(in_words(&error)))?;
        self.change_over(call, &client).await
    }

    /// One request and its answer, told to the observer.
    async fn exchange<T: DeserializeOwned>(
        &self,
        call: &Call,
        client: &reqwest::Client,
        timeout: Duration,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let result = self.send(call, client, timeout).await;
        let (status, outcome) = match &result {
            Ok((_, status)) => (Some(*status), "ok"),
            Err(failure) => (failure.status, failure.error.label()),
        };
        let record = CallRecord {
            method: call.method.as_str(),
            operation: call.template,
            status,
            outcome,
            duration: started.elapsed(),
        };
        tracing::debug!(
            host.address = %self.address,
            call = %call.operation(),
            status,
            outcome,
            duration_ms = record.duration.as_millis(),
            "call to the host"
        );
        if let Some(observer) = &self.observer {
            observer(&record);
        }
        result.map(|(data, _)| data)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        call: &Call,
        client: &reqwest::Client,
        timeout: Duration,
    ) -> Result<(T, u16), Failure> {
        let url = format!("{}{}", self.base, call.path_and_query());
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = client
            .request(method, url)
            .timeout(timeout)
            .header(AUTHORIZATION, self.auth.header())
            .header(ACCEPT, "application/json");
        if let Some(body) = call.body() {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body);
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.unanswered(call, timeout, &error))?;
        let head = Head::of(&response);
        let status = head.status;
        let with_status = |failure: Failure| Failure {
            status: Some(status),
            ..failure
        };
        let body = self.body(call, timeout, response).await.map_err(with_status)?;
        head.judge(call, &body)
            .and_then(|()| answers::data(&body).map_err(|reason| call.unreadable(shortened(&reason))))
            .map(|data| (data, status))
            .map_err(|error| with_status(Failure::of(error)))
    }

    /// Reads the body as far as the call allows.
    async fn body(&self, call: &Call, timeout: Duration, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > call.limit => {
                    let reason = format!("it is longer than {} MiB", call.limit >> 20);
                    return Err(Failure::of(call.unreadable(reason)));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body),
                Err(error) => return Err(self.unanswered(call, timeout, &error)),
            }
        }
    }

    /// What it means that no whole answer came.
    fn unanswered(&self, call: &Call, timeout: Duration, error: &reqwest::Error) -> Failure {
        if error.is_builder() {
            return Failure::of(call.unbuildable(in_words(error)));
        }
        let timed_out = error.is_timeout();
        if in_chain(error, |cause| cause.is::<TooOld>().then_some(())).is_some() {
            return Failure::of(stale(call));
        }
        if error.is_connect() {
            let address = self.address.clone();
            if let Some((reason, fingerprint)) = untrusted(error) {
                return Failure::of(Error::Certificate {
                    address,
                    reason,
                    fingerprint,
                });
            }
            let reason = if timed_out {
                "it takes too long".to_owned()
            } else {
                in_words(error)
            };
            return Failure {
                error: Error::Connect { address, reason },
                status: None,
                again: timed_out,
            };
        }
        let reason = if timed_out {
            format!("none within {} s", timeout.as_secs_f32())
        } else {
            in_words(error)
        };
        Failure {
            error: Error::AnswerLost {
                operation: call.operation(),
                reason,
            },
            status: None,
            again: !timed_out,
        }
    }
}

/// What an answer shows before its body.
struct Head {
    status: u16,
    reason: String,
    html: bool,
    location: Option<String>,
}

impl Head {
    fn of(response: &Response) -> Self {
        let phrase = response.extensions().get::<ReasonPhrase>();
        let canonical = response.status().canonical_reason().unwrap_or_default();
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|v| String::from_utf8_lossy(v.as_bytes()))
        };
        Self {
            status: response.status().as_u16(),
            reason: phrase.map_or_else(
                || canonical.to_owned(),
                |p| String::from_utf8_lossy(p.as_bytes()).trim().to_owned(),
            ),
            html: header(CONTENT_TYPE).is_some_and(|v| v.starts_with("text/html")),
            location: header(LOCATION).map(|v| shortened(&v)),
        }
    }

    /// Tells success from everything else.
    fn judge(self, call: &Call, body: &[u8]) -> Result<(), Error> {
        const STRANGER: &str = "this is not Proxmox VE's API";
        let operation = call.operation();
        let complaint = Complaint::read(body);
        let said = complaint.as_ref().and_then(|c| c.message.clone());
        let message = shortened(&said.unwrap_or(self.reason));
        match self.status {
            200..=299 if self.html => Err(call.unreadable(format!("it is a web page; {STRANGER}"))),
            200..=299 => Ok(()),
            300..=399 => Err(call.unreadable(match self.location {
                Some(location) => format!("it redirects to {location}; {STRANGER}"),
                None => format!("it has the status {}; {STRANGER}", self.status),
            })),
            401 => Err(Error::Unauthorized { message }),
            403 => Err(Error::Forbidden { operation, message }),
            status @ 595..=599 => Err(Error::NodeUnreachable {
                operation,
                status,
                message,
                // AnyEvent::HTTP: 595 while connecting, 596 and up after that.
                maybe_done: status != 595,
            }),
            // Proxmox VE says none of these: something in between lost the host.
            status @ 502..=504 if complaint.is_none() => Err(Error::AnswerLost {
                operation,
                reason: format!("{status} {message}, from something in between"),
            }),
            status if complaint.is_none() && self.html => {
                Err(call.unreadable(format!("it is a web page ({status} {message}); {STRANGER}")))
            }
            status => {
                let parameters = complaint.unwrap_or_default().parameters;
                Err(Error::Refused {
                    operation,
                    status,
                    refusal: sentences::refusal(status, &message, &parameters),
                    message,
                    parameters,
                })
            }
        }
    }
}

/// Host and port as a URL wants them.
fn address(host: &str, port: u16) -> Result<String, String> {
    let host = host.trim();
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let address = if bare.contains(':') {
        format!("[{bare}]:{port}")
    } else {
        format!("{bare}:{port}")
    };
    let plain = Url::parse(&format!("https://{address}/")).is_ok_and(|url| {
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty()
    });
    let clean = !bare.is_empty() && !bare.contains(['/', '?', '#', '@', '\\', '%']);
    if plain && clean {
        Ok(address)
    } else {
        Err(format!("'{host}' is not a host name or address"))
    }
}

/// The last of the errors that caused one another says most.
fn in_words(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = cause(last) {
        last = cause;
    }
    shortened(&last.to_string())
}

/// The cause of an error. An I/O error names the cause of what it wraps as its own, and so hides the latter.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// Looks for something along the causes of an error.
fn in_chain<T>(
    error: &(dyn StdError + 'static),
    look: impl Fn(&(dyn StdError + 'static)) -> Option<T>,
) -> Option<T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = look(error) {
            return Some(found);
        }
        next = cause(error);
    }
    None
}

/// Why a certificate was refused, and its fingerprint, if that is what went wrong.
fn untrusted(error: &reqwest::Error) -> Option<(String, Option<String>)> {
    in_chain(error, |cause| {
        let Some(rustls::Error::InvalidCertificate(invalid)) = cause.downcast_ref() else {
            return None;
        };
        let known = match invalid {
            CertificateError::Other(other) => other.0.downcast_ref::<Untrusted>(),
            _ => None,
        };
        Some(match known {
            Some(known) => (known.reason.clone(), Some(known.fingerprint.to_string())),
            None => (invalid.to_string(), None),
        })
    })
}

/// The proof of ownership grew too old while the connection was made.
#[derive(Debug, thiserror::Error)]
#[error("the guest was judged too long ago")]
struct TooOld;

/// Lets a new connection pass as long as the proof holds.
fn unless_stale<C>(own: Ownership) -> impl Fn(C) -> Ready<Result<C, BoxError>> + Clone + Send + Sync {
    move |connection| {
        let stale = own.is_stale(Instant::now());
        ready(if stale { Err(TooOld.into()) } else { Ok(connection) })
    }
}

fn stale(call: &Call) -> Error {
    Error::Stale {
        operation: call.operation(),
    }
}

/// What all clients have in common.
fn builder(tls: &rustls::ClientConfig, timeout: Duration) -> ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .http1_only()
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .user_agent(concat!("drover/", env!("CARGO_PKG_VERSION")))
}

/// Words from outside, on one line and not too many.
fn shortened(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_SENTENCE)
        .collect()
}

/// Turns a value that can't stand in a property string into an error of the call that it was meant for.
pub(super) fn unspeakable(call: &Call) -> impl Fn(property::BadProperty) -> Error + '_ {
    |error| call.unbuildable(error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "\\{\"(data|message|errors)\":(null|1|\"[a-z ()']*\"|\\{\"x\":(1|\"y\"|null)\\}|\\[\\])\\}?"
                .prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn no_answer_whatsoever_is_a_surprise(
            status in 200_u16..1000,
            reason in "\\PC{0,40}",
            html in any::<bool>(),
            body in said(),
        ) {
            let call = Call::get("/version", &[]);
            let head = Head { status, reason, html, location: None };
            let success = head.judge(&call, &body).is_ok();
            prop_assert!(!success || status < 300);
            let _ = answers::data::<Option<String>>(&body);
        }
    }

    #[test]
    fn hosts_are_names_or_addresses_and_nothing_else() {
        for (host, expected) in [
            ("pve1.example.org", "pve1.example.org:8006"),
            ("192.0.2.10", "192.0.2.10:8006"),
            ("2001:db8::1", "[2001:db8::1]:8006"),
            ("[2001:db8::1]", "[2001:db8::1]:8006"),
        ] {
            assert_eq!(address(host, 8006).as_deref(), Ok(expected));
        }
        for host in [
            "",
            " ",
            "https://pve1",
            "pve1/x",
            "root@pve1",
            "pve1?x",
            "a b",
            "pve1#x",
        ] {
            assert!(address(host, 8006).is_err(), "{host}");
        }
    }
}
