//! An API server that now and then fails at writing a status.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{Method, Request, Response, StatusCode, header};
use kube::Client;
use kube::client::Body;
use serde_json::json;

use super::between::Between;

/// Fails at every fourth write of a status, in one of three ways in turn: 409 and 500 with nothing done, and 500 with the
/// status written all the same.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    writes: AtomicUsize,
    failed: [AtomicUsize; 3],
}

impl Between for Refusals {
    fn client(self: Arc<Self>, inner: Client) -> Client {
        let namespace = inner.default_namespace().to_owned();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (inner, refusals) = (inner.clone(), Arc::clone(&self));
            async move { refusals.send(&inner, request).await }
        });
        Client::new(service, namespace)
    }
}

impl Refusals {
    /// How often it failed in each of the three ways.
    pub(crate) fn failed(&self) -> [usize; 3] {
        self.failed.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    async fn send(&self, inner: &Client, request: Request<Body>) -> Result<Response<Body>, kube::Error> {
        if request.method() != Method::PUT || !request.uri().path().ends_with("/status") {
            return inner.send(request).await;
        }
        let write = self.writes.fetch_add(1, Ordering::Relaxed);
        if write % 4 != 3 {
            return inner.send(request).await;
        }
        let way = write / 4 % 3;
        self.failed[way].fetch_add(1, Ordering::Relaxed);
        if way == 2 {
            inner.send(request).await?;
        }
        let (status, reason) = match way {
            0 => (StatusCode::CONFLICT, "Conflict"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        };
        let said = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
            "message": "failed on purpose", "code": status.as_u16()});
        let answer = Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(said.to_string().into_bytes()));
        Ok(answer.unwrap())
    }
}
