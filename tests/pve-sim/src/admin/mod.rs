//! The admin API: the same trouble as from Rust, over plain HTTP on loopback, for programs in any language.
//!
//! Answers are JSON; 400 with `{"error": …}` for what can't be done, 404 for an unknown path.

mod guests;
mod nodes;
mod routes;
mod tokens;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::simulator::Core;
use crate::wire::decode_pairs;

/// The greatest body of an order.
const BODY_LIMIT: usize = 1024 * 1024;

/// The admin API's listener; it ends with the simulator.
#[derive(Debug)]
pub(crate) struct AdminListener {
    pub(crate) address: SocketAddr,
}

impl AdminListener {
    pub(crate) async fn start(core: &Arc<Core>, address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        // The core owns this listener: a strong reference would keep both alive.
        let weak = Arc::downgrade(core);
        core.shared.spawn(accept(weak, socket));
        Ok(Self { address })
    }
}

async fn accept(core: Weak<Core>, socket: TcpListener) {
    while let Ok((stream, _)) = socket.accept().await {
        let Some(strong) = core.upgrade() else { return };
        let weak = core.clone();
        strong.shared.spawn(async move {
            let service = service_fn(move |request| answer(weak.clone(), request));
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                tracing::debug!(%error, "admin connection ended");
            }
        });
    }
}

/// One order.
struct Order {
    method: String,
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Value,
}

impl Order {
    fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.query(name)?.parse().ok()
    }
}

/// The body of an order that takes none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// What an order leads to.
type Outcome = Result<Value, Refusal>;

/// Why an order isn't carried out.
enum Refusal {
    Unknown,
    Bad(String),
}

impl<E: std::error::Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Bad(error.to_string())
    }
}

async fn answer(core: Weak<Core>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match carry_out(core, request).await {
        Ok(body) => (StatusCode::OK, body),
        Err(Refusal::Unknown) => (StatusCode::NOT_FOUND, json!({"error": "no such path or method"})),
        Err(Refusal::Bad(error)) => (StatusCode::BAD_REQUEST, json!({"error": error})),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

async fn carry_out(core: Weak<Core>, request: Request<Incoming>) -> Outcome {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await;
    let body = body.map_err(|e| Refusal::Bad(e.to_string()))?.to_bytes();
    let order = Order {
        method: head.method.as_str().to_owned(),
        path: head
            .uri
            .path()
            .split('/')
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect(),
        query: decode_pairs(head.uri.query().unwrap_or("")),
        body: if body.is_empty() {
            json!({})
        } else {
            serde_json::from_slice(&body)?
        },
    };
    let core = core.upgrade().ok_or(Refusal::Unknown)?;
    routes::carry_out(&core, order).await
}
