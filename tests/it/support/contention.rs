//! Somebody who writes each resource right before Drover writes its status.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::http::{Method, Request, Response, StatusCode, header};
use kube::Client;
use kube::client::Body;

use super::between::Between;

/// Lets no write of a status through at the first try: another write of the same resource comes first.
#[derive(Debug, Default)]
pub(crate) struct Contention {
    /// The statuses whose last write met another.
    met: Mutex<BTreeSet<String>>,
    rounds: AtomicUsize,
    conflicts: AtomicUsize,
}

impl Between for Contention {
    fn client(self: Arc<Self>, inner: Client) -> Client {
        let namespace = inner.default_namespace().to_owned();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (inner, contention) = (inner.clone(), Arc::clone(&self));
            async move { contention.send(&inner, request).await }
        });
        Client::new(service, namespace)
    }
}

impl Contention {
    /// How many writes the API server refused because of another.
    pub(crate) fn conflicts(&self) -> usize {
        self.conflicts.load(Ordering::Relaxed)
    }

    async fn send(&self, inner: &Client, request: Request<Body>) -> Result<Response<Body>, kube::Error> {
        let path = request.uri().path().to_owned();
        let resource = path
            .strip_suffix("/status")
            .filter(|_| request.method() == Method::PUT);
        if let Some(resource) = resource
            && self.is_first(&path)
        {
            self.disturb(inner, resource).await?;
            let response = inner.send(request).await?;
            if response.status() == StatusCode::CONFLICT {
                self.conflicts.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(response);
        }
        inner.send(request).await
    }

    fn is_first(&self, path: &str) -> bool {
        let mut met = self.met.lock().unwrap();
        let first = met.insert(path.to_owned());
        if !first {
            met.remove(path);
        }
        first
    }

    async fn disturb(&self, inner: &Client, resource: &str) -> Result<(), kube::Error> {
        let round = self.rounds.fetch_add(1, Ordering::Relaxed);
        let patch =
            serde_json::json!({"metadata": {"annotations": {"example.com/round": round.to_string()}}});
        let patch = Request::patch(resource)
            .header(header::CONTENT_TYPE, "application/merge-patch+json")
            .body(Body::from(patch.to_string().into_bytes()))
            .unwrap();
        inner.send(patch).await.map(|_| ())
    }
}
