//! The admin server: `/metrics`, `/livez`, `/readyz`, without authentication, apart from the REST APIs.
//!
//! It is bound before anything else starts, so that a port in use is found at once, and it needs neither the
//! Kubernetes API nor a host to answer.

use std::{io, net::SocketAddr};

use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Class, health::Health, metrics::Metrics};

/// Why the admin server does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is in use, or not this machine's.
    #[error("can't listen on {address}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The listener broke.
    #[error("the admin server stopped")]
    Serve(#[source] io::Error),
}

impl Error {
    /// Whether repeating helps.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Bind { .. } => Class::Invalid,
            Self::Serve(_) => Class::Transient,
        }
    }
}

/// The bound, not yet serving admin server.
#[derive(Debug)]
pub struct AdminServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl AdminServer {
    /// Takes the address; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound.await.map_err(|source| Error::Bind { address, source })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `token` is cancelled, then finishes the requests that run.
    pub async fn serve(
        self,
        health: Health,
        metrics: Metrics,
        token: CancellationToken,
    ) -> Result<(), Error> {
        tracing::info!(address = %self.address, "serving /metrics, /livez and /readyz");
        axum::serve(self.listener, router(health, metrics))
            .with_graceful_shutdown(token.cancelled_owned())
            .await
            .map_err(Error::Serve)
    }
}

fn router(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(health))
        .route("/metrics", get(scrape).with_state(metrics))
}

#[derive(serde::Deserialize)]
struct ReadyQuery {
    /// `?verbose`, as the Kubernetes components have it: any value, also none.
    verbose: Option<String>,
}

async fn readyz(State(health): State<Health>, Query(query): Query<ReadyQuery>) -> Response {
    if !health.is_ready() {
        let body = format!("{}readyz check failed\n", health.report());
        return (StatusCode::SERVICE_UNAVAILABLE, body).into_response();
    }
    if query.verbose.is_some() {
        return format!("{}readyz check passed\n", health.report()).into_response();
    }
    "ok\n".into_response()
}

async fn scrape(State(metrics): State<Metrics>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "can't write the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{Clock, Supervisor};
    use std::{net::Ipv4Addr, time::Duration};

    #[tokio::test]
    async fn answers_probes_and_scrapes_and_ends_with_the_token() {
        let supervisor = Supervisor::new();
        let health = Health::new();
        let server = AdminServer::bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let base = format!("http://{}", server.address());
        let metrics = Metrics::new(Clock::system());
        let serving = server.serve(health.clone(), metrics, supervisor.token());
        supervisor.spawn("admin", async { serving.await.unwrap() });
        let get = async |path: &str| {
            let answer = reqwest::get(format!("{base}{path}")).await.unwrap();
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            (answer.status().as_u16(), kind, answer.text().await.unwrap())
        };

        assert_eq!(get("/livez").await.2, "ok\n");
        health.set_not_ready("caches", "not synced");
        let (status, _, body) = get("/readyz").await;
        assert_eq!(status, 503);
        assert_eq!(body, "[-]caches failed: not synced\nreadyz check failed\n");
        health.set_ready("caches");
        assert_eq!(get("/readyz").await.2, "ok\n");
        assert_eq!(
            get("/readyz?verbose").await.2,
            "[+]caches ok\nreadyz check passed\n"
        );
        let (status, kind, body) = get("/metrics").await;
        assert_eq!(status, 200);
        assert!(kind.starts_with("application/openmetrics-text"));
        assert!(body.ends_with("# EOF\n"));
        assert_eq!(supervisor.shutdown(Duration::from_secs(10)).await, Ok(()));
    }

    #[tokio::test]
    async fn address_in_use_is_named() {
        let first = AdminServer::bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let error = AdminServer::bind(first.address()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("can't listen on {}", first.address()));
    }
}
