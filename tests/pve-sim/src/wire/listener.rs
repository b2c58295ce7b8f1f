//! The HTTPS listener: accepts, shakes hands, and can be taken away and put back as a host that goes down and up.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::service::serve;
use crate::shared::Shared;

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
    let reset = Arc::new(AtomicBool::new(false));
    let connection = Resettable {
        stream,
        reset: Arc::clone(&reset),
    };
    let service = service_fn(move |request| {
        let (sim, reset) = (Arc::clone(&sim), Arc::clone(&reset));
        async move {
            let answer = serve(sim, request).await;
            if answer.is_err() {
                reset.store(true, Ordering::Relaxed);
            }
            answer
        }
    });
    // The time for a request's head is what ends an idle connection.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timing.keep_alive)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(connection), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

/// A connection that ends with a reset, not with a farewell, when told so.
struct Resettable {
    stream: TlsStream<TcpStream>,
    reset: Arc<AtomicBool>,
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let (socket, _) = self.stream.get_ref();
            let _ = socket.set_zero_linger();
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
