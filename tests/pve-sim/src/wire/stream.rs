//! A connection as hyper sees it. It knows when an answer has left, it can end with a reset, and as with Proxmox an answer
//! without a body has no `Content-Length`.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::hold::Mark;
use crate::shared::{Shared, locked};

/// What hyper writes for an empty body.
const ZERO_LENGTH: &[u8] = b"Content-Length: 0\r\n";

/// What is to become of a connection, told from where its requests are answered.
#[derive(Debug, Default)]
pub(super) struct Fate {
    /// It ends with a reset, not with a farewell.
    pub(super) reset: AtomicBool,
    /// The answer that is on its way has no body.
    pub(super) bodiless: AtomicBool,
    /// Method and path of the request whose answer is on its way.
    pub(super) answering: Mutex<Option<(String, String)>>,
}

/// One client's connection.
pub(super) struct Stream {
    inner: TlsStream<TcpStream>,
    sim: Arc<Shared>,
    fate: Arc<Fate>,
    /// A head without its `Content-Length`, as far as it is not written yet.
    head: Vec<u8>,
}

impl Stream {
    pub(super) fn new(inner: TlsStream<TcpStream>, sim: Arc<Shared>, fate: Arc<Fate>) -> Self {
        Self {
            inner,
            sim,
            fate,
            head: Vec::new(),
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.head.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.head))?;
            self.head.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.fate.reset.load(Ordering::Relaxed) {
            let (socket, _) = self.inner.get_ref();
            let _ = socket.set_zero_linger();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        ready!(stream.poll_head(cx))?;
        let line = buf
            .windows(ZERO_LENGTH.len())
            .position(|window| window == ZERO_LENGTH);
        if let Some(at) = line
            && stream.fate.bodiless.swap(false, Ordering::Relaxed)
        {
            let (before, after) = buf.split_at(at);
            stream.head.extend(before);
            stream.head.extend(after.iter().skip(ZERO_LENGTH.len()));
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut stream.inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        ready!(stream.poll_head(cx))?;
        let flushed = Pin::new(&mut stream.inner).poll_flush(cx);
        // The HTTP layer flushes when it has written the whole answer.
        if let Poll::Ready(Ok(())) = flushed
            && let Some((method, path)) = locked(&stream.fate.answering).take()
        {
            stream.sim.holds.note(Mark::AfterAnswer, &method, &path);
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        ready!(stream.poll_head(cx))?;
        Pin::new(&mut stream.inner).poll_shutdown(cx)
    }
}
