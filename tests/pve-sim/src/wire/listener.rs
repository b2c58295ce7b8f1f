//! The HTTPS listener: accepts, shakes hands, and can be taken away and put back as a host that goes down and up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Request;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::decode::percent_decode;
use super::service::{Unanswered, serve};
use super::stream::{Fate, Stream};
use crate::shared::{Shared, locked};

/// A listener that is up until it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    down: CancellationToken,
}

impl Listener {
    /// Listens and serves until dropped.
    pub(crate) async fn start(
        sim: &Arc<Shared>,
        address: SocketAddr,
        tls: Arc<ServerConfig>,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        let down = sim.stop.child_token();
        sim.spawn(accept(
            Arc::clone(sim),
            socket,
            TlsAcceptor::from(tls),
            down.clone(),
        ));
        Ok(Self { address, down })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.down.cancel();
    }
}

async fn accept(sim: Arc<Shared>, socket: TcpListener, tls: TlsAcceptor, down: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = down.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, say: give others time to close theirs.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (down, tls, own) = (down.clone(), tls.clone(), Arc::clone(&sim));
        sim.spawn(async move {
            tokio::select! {
                () = down.cancelled() => {}
                () = converse(own, stream, tls) => {}
            }
        });
    }
}

async fn converse(sim: Arc<Shared>, stream: TcpStream, tls: TlsAcceptor) {
    // Without it, small answers wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let timing = sim.timing();
    let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_secs(10), tls.accept(stream)).await else {
        return;
    };
    let fate = Arc::new(Fate::default());
    let connection = Stream::new(stream, Arc::clone(&sim), Arc::clone(&fate));
    let service = service_fn(move |request: Request<Incoming>| {
        let (sim, fate) = (Arc::clone(&sim), Arc::clone(&fate));
        async move {
            let asked = asked(&request);
            let answer = serve(sim, request).await;
            match &answer {
                Ok(answer) => {
                    *locked(&fate.answering) = Some(asked);
                    let bodiless = answer.body().size_hint().exact() == Some(0);
                    fate.bodiless.store(bodiless, Ordering::Relaxed);
                }
                Err(Unanswered::Reset) => fate.reset.store(true, Ordering::Relaxed),
                Err(Unanswered::Closed) => {}
            }
            answer
        }
    });
    // The time for a request's head is what ends an idle connection.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timing.keep_alive)
        .title_case_headers(true)
        // More than are read of any request, so that it is us who find too many.
        .max_headers(256)
        .serve_connection(TokioIo::new(connection), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

/// Method and path of a request, as matchers want them.
fn asked(request: &Request<Incoming>) -> (String, String) {
    let path = request.uri().path();
    let path = path.strip_prefix("/api2/json").unwrap_or(path);
    let path = percent_decode(path.trim_end_matches('/'), false);
    (request.method().as_str().to_owned(), path)
}
