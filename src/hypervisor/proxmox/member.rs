//! One member of a cluster: its address, the connections to it, and how a request is put on them.
//!
//! Peculiarities of Proxmox VE's server (pve-http-server, `AnyEvent.pm`) that are seen to here: HTTP/1.1 only;
//! no chunked bodies; it closes an idle connection after 5 s, and any connection after a status from 400 on.

use std::future::{Ready, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, ClientBuilder, Response, Url};
use tower::BoxError;
use tower::util::AndThenLayer;

use super::auth::Proof;
use super::call::{Call, Method};
use super::connection::Endpoint;
use super::failure::{Failure, TooOld, fenced, in_words, silent, stale, unanswered};
use super::pulse::Pulse;
use super::tls;
use super::verdict::Head;
use crate::hypervisor::Error;
use crate::plan::identity::Ownership;
use crate::runtime::Fence;

/// How long a connection may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below the 5 s after which the server closes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) struct Member {
    /// Keeps connections for a moment.
    reads: reqwest::Client,
    /// Keeps none: a change is never sent twice, so a kept connection that the host just closed would make
    /// its outcome unknown.
    changes: reqwest::Client,
    /// Likewise, for what changes nothing.
    harmless: reqwest::Client,
    fence: Fence,
    tls: rustls::ClientConfig,
    connect_timeout: Duration,
    base: String,
    address: String,
}

/// Over which connection a call goes.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    /// Over a kept one, if there is one.
    Read,
    /// Over one of its own.
    Change,
    /// Likewise, if the proof of ownership still holds when it stands: a call without digest.
    Fresh(&'a Ownership),
}

/// A call with all that it takes to send it.
#[derive(Clone, Copy)]
pub(super) struct Sending<'a> {
    pub(super) call: &'a Call,
    pub(super) proof: &'a Proof,
    pub(super) timeout: Duration,
    /// With it, the time runs anew whenever something moves.
    pub(super) pulse: Option<&'a Pulse>,
    pub(super) way: Way<'a>,
}

/// A body that is not a form.
pub(super) struct Content {
    pub(super) kind: String,
    /// In bytes. Without it, the body would be sent in chunks, which Proxmox VE refuses (501).
    pub(super) length: u64,
    pub(super) body: Body,
}

impl Member {
    pub(super) fn new(endpoint: &Endpoint, timeout: Duration, fence: &Fence) -> Result<Self, Error> {
        let unbuildable = |reason: String| Error::Unbuildable {
            operation: format!("connect to {}", endpoint.host),
            reason,
        };
        let address = address(&endpoint.host, endpoint.port).map_err(unbuildable)?;
        let tls = tls::client_config(&endpoint.trust).map_err(unbuildable)?;
        let connect_timeout = CONNECT_TIMEOUT.min(timeout);
        let built = |builder: ClientBuilder| builder.build().map_err(|e| unbuildable(in_words(&e)));
        let builder = || builder(&tls, connect_timeout);
        Ok(Self {
            reads: built(builder().pool_idle_timeout(IDLE_TIMEOUT))?,
            changes: built(
                builder()
                    .pool_max_idle_per_host(0)
                    .connector_layer(AndThenLayer::new(unless_refused(fence.clone(), None))),
            )?,
            harmless: built(builder().pool_max_idle_per_host(0))?,
            fence: fence.clone(),
            tls: tls.clone(),
            connect_timeout,
            base: format!("https://{address}/api2/json"),
            address,
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a call, and waits for the head of the answer.
    pub(super) async fn open(
        &self,
        sending: &Sending<'_>,
        content: Option<Content>,
    ) -> Result<Response, Failure> {
        let Sending {
            call,
            proof,
            timeout,
            pulse,
            ..
        } = *sending;
        call.checked().map_err(Failure::of)?;
        let client = self.client(sending).map_err(Failure::of)?;
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let request = client
            .request(method, format!("{}{}", self.base, call.path_and_query()))
            .header(ACCEPT, "application/json");
        let mut request = proof.sign(request, call.method);
        if pulse.is_none() {
            request = request.timeout(timeout);
        }
        if let Some(content) = content {
            request = request
                .header(CONTENT_TYPE, content.kind)
                .header(CONTENT_LENGTH, content.length)
                .body(content.body);
        } else if let Some(body) = call.body() {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body);
        }
        let stalled = async {
            match pulse {
                Some(pulse) => pulse.stalled(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = request.send() => answer.map_err(|error| unanswered(call, &self.address, timeout, &error)),
            () = stalled => Err(silent(call, timeout)),
        }
    }

    /// Sends a call, and reads its answer: the body of a success, and the status.
    pub(super) async fn exchange(
        &self,
        sending: &Sending<'_>,
        content: Option<Content>,
    ) -> Result<(Vec<u8>, u16), Failure> {
        let mut response = self.open(sending, content).await?;
        let head = Head::of(&response);
        let status = head.status;
        let body = self.body(sending, &mut response).await;
        let body = body.map_err(|failure| failure.with_status(status))?;
        match head.judge(sending.call, &body) {
            Ok(()) => Ok((body, status)),
            Err(error) => Err(Failure::of(error).with_status(status)),
        }
    }

    /// Reads the body as far as the call allows.
    pub(super) async fn body(
        &self,
        sending: &Sending<'_>,
        response: &mut Response,
    ) -> Result<Vec<u8>, Failure> {
        let call = sending.call;
        let mut body = Vec::new();
        loop {
            match self.piece(sending, response).await? {
                Some(piece) if body.len() + piece.len() > call.limit => {
                    let reason = format!("it is longer than {} MiB", call.limit >> 20);
                    return Err(Failure::of(call.unreadable(reason)));
                }
                Some(piece) => body.extend_from_slice(&piece),
                None => return Ok(body),
            }
        }
    }

    /// Waits for the next piece of a body, none at its end.
    pub(super) async fn piece(
        &self,
        sending: &Sending<'_>,
        response: &mut Response,
    ) -> Result<Option<Bytes>, Failure> {
        let Sending { call, timeout, .. } = *sending;
        // A call without pulse is timed as a whole, and that ends first.
        match tokio::time::timeout(timeout, response.chunk()).await {
            Ok(piece) => piece.map_err(|error| unanswered(call, &self.address, timeout, &error)),
            Err(_) => Err(silent(call, timeout)),
        }
    }

    /// Making the connection takes its time too, so lease and proof are looked at once more when it stands, a proof
    /// by a client of its own.
    fn client(&self, sending: &Sending<'_>) -> Result<reqwest::Client, Error> {
        if !matches!(sending.way, Way::Read) {
            if sending.call.method == Method::Get || matches!(sending.proof, Proof::Nothing) {
                return Ok(self.harmless.clone());
            }
            self.fence.check().map_err(|_| fenced(sending.call))?;
        }
        match sending.way {
            Way::Read => Ok(self.reads.clone()),
            Way::Change => Ok(self.changes.clone()),
            Way::Fresh(own) if own.is_stale(Instant::now()) => Err(stale(sending.call)),
            Way::Fresh(own) => builder(&self.tls, self.connect_timeout)
                .pool_max_idle_per_host(0)
                .connector_layer(AndThenLayer::new(unless_refused(
                    self.fence.clone(),
                    Some(own.clone()),
                )))
                .build()
                .map_err(|error| sending.call.unbuildable(in_words(&error))),
        }
    }
}

/// Lets a new connection pass as long as the lease and the proof, if there is one, hold.
fn unless_refused<C>(
    fence: Fence,
    own: Option<Ownership>,
) -> impl Fn(C) -> Ready<Result<C, BoxError>> + Clone + Send + Sync {
    move |connection| {
        if let Err(fenced) = fence.check() {
            return ready(Err(fenced.into()));
        }
        let stale = own.as_ref().is_some_and(|own| own.is_stale(Instant::now()));
        ready(if stale { Err(TooOld.into()) } else { Ok(connection) })
    }
}

/// What all clients have in common.
fn builder(tls: &rustls::ClientConfig, connect_timeout: Duration) -> ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .http1_only()
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(connect_timeout)
        .user_agent(concat!("drover/", env!("CARGO_PKG_VERSION")))
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

#[cfg(test)]
mod tests {
    use super::*;

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
