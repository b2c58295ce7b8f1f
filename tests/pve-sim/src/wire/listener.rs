//! The HTTPS listener: accepts, shakes hands, and can be taken away and put back as a host that goes down and up.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::decode::percent_decode;
use super::service::serve;
use crate::hold::Mark;
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
    let connection = Watched {
        stream,
        sim: Arc::clone(&sim),
        fate: Arc::clone(&fate),
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let (sim, fate) = (Arc::clone(&sim), Arc::clone(&fate));
        async move {
            let asked = asked(&request);
            let answer = serve(sim, request).await;
            match &answer {
                Ok(_) => *locked(&fate.answering) = Some(asked),
                Err(_) => fate.reset.store(true, Ordering::Relaxed),
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

/// What is to become of a connection.
#[derive(Debug, Default)]
struct Fate {
    /// It ends with a reset, not with a farewell.
    reset: AtomicBool,
    /// Method and path of the request whose answer is on its way.
    answering: Mutex<Option<(String, String)>>,
}

/// Method and path of a request, as matchers want them.
fn asked(request: &Request<Incoming>) -> (String, String) {
    let path = request.uri().path();
    let path = path.strip_prefix("/api2/json").unwrap_or(path);
    let path = percent_decode(path.trim_end_matches('/'), false);
    (request.method().as_str().to_owned(), path)
}

/// A connection that knows its fate, and when an answer has left.
struct Watched {
    stream: TlsStream<TcpStream>,
    sim: Arc<Shared>,
    fate: Arc<Fate>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.fate.reset.load(Ordering::Relaxed) {
            let (socket, _) = self.stream.get_ref();
            let _ = socket.set_zero_linger();
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let flushed = Pin::new(&mut own.stream).poll_flush(cx);
        // The HTTP layer flushes when it has written the whole answer.
        if let Poll::Ready(Ok(())) = flushed
            && let Some((method, path)) = locked(&own.fate.answering).take()
        {
            own.sim.holds.note(Mark::AfterAnswer, &method, &path);
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
