//! Fetches from servers on this machine's loopback, the only ones outside that a simulated node really reaches: a test
//! can serve its own images.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::checksum::Checksum;
use crate::seed::SeedDownload;
use crate::shared::Shared;

/// Why nothing came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody answers there.
    NoServer,
    /// Something else than 200.
    Status(String),
}

/// Where a URL is to be connected to, if that is on the loopback and without TLS.
fn authority(url: &str) -> Option<(String, Uri)> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?;
    let loopback = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let plain = uri.scheme_str() == Some("http");
    let port = uri.port_u16().unwrap_or(80);
    (loopback && plain).then(|| (format!("{host}:{port}"), uri.clone()))
}

/// Whether a URL leads to the loopback.
pub(super) fn is_near(url: &str) -> bool {
    authority(url).is_some()
}

/// Asks for a file; with an algorithm its content is read and hashed, otherwise only counted.
pub(super) async fn ask(
    sim: &Arc<Shared>,
    method: Method,
    url: &str,
    algorithm: Option<&str>,
) -> Result<SeedDownload, Trouble> {
    let (authority, uri) = authority(url).ok_or(Trouble::NoServer)?;
    let silent = |_: &dyn std::error::Error| Trouble::NoServer;
    let stream = TcpStream::connect(&authority).await.map_err(|e| silent(&e))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|e| silent(&e))?;
    sim.spawn(async move {
        // How it ended shows in the answer.
        let _ = connection.await;
    });
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::builder()
        .method(method.clone())
        .uri(path)
        .header(header::HOST, authority)
        .body(Empty::<Bytes>::new())
        .map_err(|e| silent(&e))?;
    let response = sender.send_request(request).await.map_err(|e| silent(&e))?;
    if response.status() != 200 {
        return Err(Trouble::Status(response.status().to_string()));
    }
    let text = |name| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let mut file = SeedDownload::new(
        text(header::CONTENT_LENGTH)
            .and_then(|l| l.parse().ok())
            .unwrap_or(0),
    );
    file.mimetype = text(header::CONTENT_TYPE);
    if method == Method::GET {
        read(response.into_body(), algorithm, &mut file).await;
    }
    Ok(file)
}

async fn read(mut body: Incoming, algorithm: Option<&str>, file: &mut SeedDownload) {
    let mut checksum = algorithm.and_then(Checksum::named);
    file.size = 0;
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            file.size += data.len() as u64;
            if let Some(checksum) = &mut checksum {
                checksum.update(&data);
            }
        }
    }
    if let (Some(algorithm), Some(checksum)) = (algorithm, checksum) {
        file.checksums.insert(algorithm.to_owned(), checksum.finish());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopback_is_near() {
        assert!(is_near("http://127.0.0.1:8000/x.iso") && is_near("http://[::1]/x"));
        assert!(!is_near("http://192.0.2.1/x.iso") && !is_near("https://127.0.0.1/x.iso"));
    }
}
