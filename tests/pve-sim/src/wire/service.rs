//! One request's way: received wholly, logged, troubled, authenticated, held, carried out, answered.
//!
//! Once it is received, the work is a task of its own: a client that goes away ends the connection, not the work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::sync::oneshot;

use super::credentials::credentials;
use super::decode::Given;
use super::reply::{ApiError, ApiResult};
use super::request::{Received, is_oversized};
use super::response::{Format, Wanted, write};
use crate::api;
use crate::hold::Mark;
use crate::recorder::{self, RecordedRequest, RecordedValue};
use crate::release::Release;
use crate::shared::Shared;
use crate::state::{Caller, TemporaryFile};

/// How a connection ends on which nothing is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Unanswered {
    /// With a reset, as ordered.
    #[error("the connection is reset on purpose")]
    Reset,
    /// With a farewell.
    #[error("the connection is closed without an answer")]
    Closed,
}

pub(super) async fn serve(
    sim: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Unanswered> {
    if is_oversized(request.headers()) {
        // Proxmox's server gives up on such a request without a word, and closes when the client has been idle.
        tokio::time::sleep(sim.timing().keep_alive).await;
        return Err(Unanswered::Closed);
    }
    let early = Wanted::new(Format::Json, request.version(), request.headers());
    let received = match Received::read(request).await {
        Ok(received) => received,
        Err(error) => return Ok(write(&Err(error), early, sim.release)),
    };
    let (answer, answered) = oneshot::channel();
    let own = Arc::clone(&sim);
    sim.spawn(async move {
        // The client may be gone: then nobody takes the answer.
        let _ = answer.send(handle(own, received).await);
    });
    answered.await.unwrap_or(Err(Unanswered::Reset))
}

/// A file that was sent with a request. As in Proxmox, it goes with the request, unless the call has taken it.
struct Uploaded {
    sim: Arc<Shared>,
    path: String,
}

impl Uploaded {
    fn keep(sim: &Arc<Shared>, path: String, file: TemporaryFile) -> Self {
        sim.world().outside.uploads.insert(path.clone(), file);
        Self {
            sim: Arc::clone(sim),
            path,
        }
    }
}

impl Drop for Uploaded {
    fn drop(&mut self) {
        self.sim.world().outside.uploads.remove(&self.path);
    }
}

async fn handle(sim: Arc<Shared>, mut received: Received) -> Result<Response<Full<Bytes>>, Unanswered> {
    let begun = Instant::now();
    let temporary = api::temporary_path();
    let _uploaded = received
        .take_file(temporary.clone())
        .map(|file| Uploaded::keep(&sim, temporary, file));
    let given = received.parameters(sim.release);
    let (method, path) = (received.method.as_str(), received.path.as_str());
    recorder::record(|| recorded(sim.release, &received, &given));
    let seq = sim.log.arrived(method, path, logged(&given));
    let trouble = sim.faults.for_request(method, path);
    if !trouble.delay.is_zero() {
        tokio::time::sleep(trouble.delay).await;
    }
    let finish = |status: u16, answered: bool| {
        let spent = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        sim.log.update(seq, |entry| {
            entry.status = (status != 0).then_some(status);
            entry.answered = answered;
            entry.duration_ms = spent;
        });
    };
    if trouble.refuse {
        sim.events
            .tell(format!("{method} {path}: refused, nothing is done"));
        finish(0, false);
        return Err(Unanswered::Reset);
    }
    let result = match trouble.status {
        Some((status, message)) => {
            sim.holds.pass(Mark::BeforeAct, method, path).await;
            Err(if status == 401 || status >= 590 {
                ApiError::empty(status, message)
            } else {
                ApiError::new(status, message)
            })
        }
        None => carry_out(&sim, &received, given, seq).await,
    };
    let status = result.as_ref().map_or_else(|e| e.status, |_| 200);
    if method != "GET" {
        let lost = if trouble.lost_answer {
            ", and the answer is lost"
        } else {
            ""
        };
        let sentence = result.as_ref().err().map_or("", ApiError::sentence);
        let told = format!("{method} {path}: {status} {sentence}");
        sim.events.tell(format!("{}{lost}", told.trim_end()));
    }
    finish(status, !trouble.lost_answer);
    note_shown(&received, &result);
    if trouble.lost_answer {
        return Err(Unanswered::Reset);
    }
    Ok(write(&result, received.wanted, sim.release))
}

async fn carry_out(
    sim: &Arc<Shared>,
    received: &Received,
    given: Result<BTreeMap<String, Given>, ApiError>,
    seq: u64,
) -> ApiResult {
    let caller = match caller(sim, received) {
        Ok(caller) => caller,
        Err(reason) => {
            sim.pause(|t| t.unauthorized_delay).await;
            return Err(ApiError::empty(401, reason));
        }
    };
    if let Some(refusal) = &received.refusal {
        return Err(refusal.clone());
    }
    sim.log.update(seq, |entry| entry.user = Some(caller.0.clone()));
    let (method, path) = (&received.method, &received.path);
    sim.holds.pass(Mark::BeforeAct, method, path).await;
    let result = api::dispatch(sim, caller, method, path, &received.segments, given?).await;
    sim.holds.pass(Mark::AfterAct, method, path).await;
    result
}

/// Who asks; else the reason phrase of the 401.
fn caller(sim: &Shared, received: &Received) -> Result<Caller, String> {
    if api::is_open(sim.release, &received.method, &received.segments) {
        return Ok(Caller::nobody());
    }
    let guarded = received.method != "GET" && !received.is_upload();
    let timing = sim.timing();
    let lifetime = timing.real(timing.ticket_lifetime);
    let credentials = credentials(&received.headers);
    sim.world().access.authenticate(&credentials, guarded, lifetime)
}

/// What stands for a secret.
const MASK: &str = "**********";

fn is_secret(name: &str) -> bool {
    matches!(
        name,
        "password" | "confirmation-password" | "cipassword" | "ticket" | "tfa-challenge" | "secret"
    )
}

/// What the log keeps: secrets are masked.
fn logged(given: &Result<BTreeMap<String, Given>, ApiError>) -> Vec<(String, String)> {
    let shown = |name: &str, value: &Given| match value {
        _ if is_secret(name) => MASK.to_owned(),
        Given::Text(text) => text.clone(),
        Given::Array(items) => items.join("\0"),
        Given::Null => "null".to_owned(),
    };
    let given = given.as_ref().ok();
    given
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), shown(name, value)))
        .collect()
}

/// Notes which options Drover was shown of a guest.
fn note_shown(received: &Received, result: &ApiResult) {
    let agent = received.headers.get(header::USER_AGENT);
    let is_drover = agent.is_some_and(|agent| agent.as_bytes().starts_with(b"drover/"));
    let of_guest = received.segments.last().is_some_and(|last| last == "pending");
    if let Some(reply) = result.as_ref().ok().filter(|_| is_drover && of_guest) {
        recorder::show(|| {
            let answer: serde_json::Value = serde_json::from_slice(reply.bytes()).unwrap_or_default();
            let rows = answer["data"].as_array().into_iter().flatten();
            rows.filter_map(|row| row["key"].as_str().map(str::to_owned))
                .collect()
        });
    }
}

/// What a record of all requests keeps, likewise.
fn recorded(
    release: Release,
    received: &Received,
    given: &Result<BTreeMap<String, Given>, ApiError>,
) -> RecordedRequest {
    let value = |name: &str, value: &Given| match value {
        _ if is_secret(name) => RecordedValue::Text(MASK.to_owned()),
        Given::Text(text) => RecordedValue::Text(text.clone()),
        Given::Array(items) => RecordedValue::Array(items.clone()),
        Given::Null => RecordedValue::Null,
    };
    let parameters = given.as_ref().ok().map(|given| {
        let pairs = given
            .iter()
            .map(|(name, given)| (name.clone(), value(name, given)));
        pairs.collect()
    });
    let agent = received.headers.get(header::USER_AGENT);
    RecordedRequest {
        release: release.name().to_owned(),
        method: received.method.clone(),
        segments: received.segments.clone(),
        parameters,
        user_agent: agent.map_or_else(String::new, |a| {
            String::from_utf8_lossy(a.as_bytes()).into_owned()
        }),
        thread: std::thread::current().name().unwrap_or_default().to_owned(),
    }
}
