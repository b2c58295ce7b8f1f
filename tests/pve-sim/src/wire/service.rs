//! One request's way: received wholly, logged, troubled, authenticated, held, carried out, answered.
//!
//! Once it is received, the work is a task of its own: a client that goes away ends the connection, not the work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use thiserror::Error;
use tokio::sync::oneshot;

use super::decode::{Given, collect, decode_body, decode_pairs, percent_decode};
use super::reply::{ApiError, ApiResult};
use crate::api;
use crate::hold::Mark;
use crate::shared::Shared;

/// The greatest body that isn't an upload.
const BODY_LIMIT: usize = 512 * 1024;

/// The connection is to be reset instead of answered.
#[derive(Debug, Error)]
#[error("the connection is reset on purpose")]
pub(super) struct Reset;

/// A request that was received wholly.
struct Received {
    method: String,
    /// Below `/api2/json`, segments not decoded yet.
    segments: Vec<String>,
    /// The decoded path, as logged and matched.
    path: String,
    query: Vec<(String, String)>,
    content_type: String,
    headers: HeaderMap,
    body: Bytes,
}

pub(super) async fn serve(
    sim: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Reset> {
    let received = match receive(request).await {
        Ok(received) => received,
        Err(error) => return Ok(error.into_response(sim.release)),
    };
    let (answer, answered) = oneshot::channel();
    let own = Arc::clone(&sim);
    sim.spawn(async move {
        // The client may be gone: then nobody takes the answer.
        let _ = answer.send(handle(own, received).await);
    });
    answered.await.unwrap_or(Err(Reset))
}

async fn receive(request: Request<Incoming>) -> Result<Received, ApiError> {
    let (head, body) = request.into_parts();
    let method = head.method.as_str().to_owned();
    if ![Method::GET, Method::POST, Method::PUT, Method::DELETE].contains(&head.method) {
        return Err(ApiError::empty(501, format!("method '{method}' not available")));
    }
    let text = |name| header_text(&head.headers, name);
    if text(header::TRANSFER_ENCODING).is_some() {
        return Err(ApiError::empty(501, "chunked transfer encoding not supported"));
    }
    let length: usize = text(header::CONTENT_LENGTH)
        .and_then(|l| l.parse().ok())
        .unwrap_or(0);
    if length > 0 && (head.method == Method::GET || head.method == Method::DELETE) {
        return Err(ApiError::empty(
            501,
            format!("Unexpected content for method '{method}'"),
        ));
    }
    if length > BODY_LIMIT {
        return Err(ApiError::empty(501, "for data too large"));
    }
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(ApiError::empty(501, "for data too large"));
        }
        Err(_) => return Err(ApiError::empty(400, "Bad Request")),
    };
    let segments: Vec<String> = head
        .uri
        .path()
        .split('/')
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
        .collect();
    let below = match segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["api2", "json", below @ ..] => below.iter().map(|s| percent_decode(s, false)).collect::<Vec<_>>(),
        ["api2", format, below @ ..] => {
            let uri = below.join("/");
            return Err(ApiError::plain(
                501,
                format!("no formatter for uri /{uri}, {format}"),
            ));
        }
        _ => {
            return Err(ApiError::plain(
                404,
                format!("no such file '{}'", head.uri.path()),
            ));
        }
    };
    Ok(Received {
        path: format!("/{}", below.join("/")),
        segments: below,
        method,
        query: decode_pairs(head.uri.query().unwrap_or("")),
        content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
        headers: head.headers.clone(),
        body,
    })
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

async fn handle(sim: Arc<Shared>, received: Received) -> Result<Response<Full<Bytes>>, Reset> {
    let begun = Instant::now();
    let given = parameters(&received);
    let (method, path) = (received.method.as_str(), received.path.as_str());
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
        return Err(Reset);
    }
    let result = match trouble.status {
        Some((status, message)) if status == 401 || status >= 590 => Err(ApiError::empty(status, message)),
        Some((status, message)) => Err(ApiError::new(status, message)),
        None => carry_out(&sim, &received, given, seq).await,
    };
    sim.holds.pass(Mark::AfterAct, method, path).await;
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
    if trouble.lost_answer {
        return Err(Reset);
    }
    Ok(match result {
        Ok(reply) => reply.into_response(),
        Err(error) => error.into_response(sim.release),
    })
}

async fn carry_out(
    sim: &Arc<Shared>,
    received: &Received,
    given: Result<BTreeMap<String, Given>, ApiError>,
    seq: u64,
) -> ApiResult {
    let authorization = header_text(&received.headers, header::AUTHORIZATION);
    let known = sim.world().access.authenticate(authorization.as_deref());
    let caller = match known {
        Ok(caller) => caller,
        Err(reason) => {
            sim.pause(|t| t.unauthorized_delay).await;
            return Err(ApiError::empty(401, reason));
        }
    };
    sim.log.update(seq, |entry| entry.user = Some(caller.0.clone()));
    sim.holds
        .pass(Mark::BeforeAct, &received.method, &received.path)
        .await;
    api::dispatch(
        sim,
        caller,
        &received.method,
        &received.path,
        &received.segments,
        given?,
    )
    .await
}

/// Body and query together; the query wins.
fn parameters(received: &Received) -> Result<BTreeMap<String, Given>, ApiError> {
    let mut given = decode_body(&received.content_type, &received.body).or_else(|error| {
        if received.body.is_empty() {
            Ok(BTreeMap::new())
        } else {
            Err(error)
        }
    })?;
    given.extend(collect(&received.query));
    Ok(given)
}

/// What the log keeps: secrets are masked.
fn logged(given: &Result<BTreeMap<String, Given>, ApiError>) -> Vec<(String, String)> {
    let secret = |name: &str| matches!(name, "password" | "cipassword" | "ticket" | "secret");
    let shown = |name: &str, value: &Given| match value {
        _ if secret(name) => "**********".to_owned(),
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
