//! HTTP as bare as can be: any method, path, header and body, one request at a time, the reason phrase kept.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::ext::ReasonPhrase;
use hyper_util::rt::TokioIo;
use pve_sim::Simulator;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// A request, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// From the root on, query included.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// What the simulator answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// `data` of a JSON body.
    pub(crate) fn data(&self) -> Option<serde_json::Value> {
        let mut body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        body.get_mut("data").map(serde_json::Value::take)
    }
}

/// A client of one simulator, with at most one connection.
pub(crate) struct Client {
    address: SocketAddr,
    tls: TlsConnector,
    open: Option<Open>,
}

struct Open {
    send: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Client {
    pub(crate) fn new(sim: &Simulator) -> Self {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(sim.ca_pem().as_bytes()).unwrap();
        roots.add(ca).unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], sim.port())),
            tls: TlsConnector::from(Arc::new(config)),
            open: None,
        }
    }

    /// Sends a request and waits for its whole answer.
    pub(crate) async fn send(&mut self, request: &Request) -> Result<Answer, String> {
        match timeout(DEADLINE, self.try_send(request)).await {
            Ok(answer) => answer.map_err(|e| format!("no answer: {e}")),
            Err(_) => Err(format!("no answer within {DEADLINE:?}")),
        }
    }

    async fn try_send(&mut self, request: &Request) -> Result<Answer, Box<dyn std::error::Error>> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.connect().await?,
        };
        // The server may have closed it meanwhile.
        if open.send.ready().await.is_err() {
            open = self.connect().await?;
        }
        let mut sent = hyper::Request::builder()
            .method(request.method.as_str())
            .uri(request.path.as_str())
            .header("Host", self.address.to_string());
        for (name, value) in &request.headers {
            sent = sent.header(name, value);
        }
        let body = Full::new(Bytes::from(request.body.clone().unwrap_or_default()));
        let (head, body) = open.send.send_request(sent.body(body)?).await?.into_parts();
        // Hyper keeps the reason only where it isn't the status' usual one.
        let reason = match head.extensions.get::<ReasonPhrase>() {
            Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
            None => head.status.canonical_reason().unwrap_or_default().to_owned(),
        };
        let text =
            |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = head.headers.iter().map(|(n, v)| (n.to_string(), text(v)));
        let answer = Answer {
            status: head.status.as_u16(),
            reason,
            headers: headers.collect(),
            body: body.collect().await?.to_bytes(),
        };
        if answer.headers.get("connection").is_none_or(|c| c != "close") {
            self.open = Some(open);
        }
        Ok(answer)
    }

    async fn connect(&self) -> Result<Open, Box<dyn std::error::Error>> {
        let tcp = TcpStream::connect(self.address).await?;
        let name = ServerName::IpAddress(self.address.ip().into());
        let stream = self.tls.connect(name, tcp).await?;
        let (send, connection) = handshake(TokioIo::new(stream)).await?;
        #[allow(clippy::disallowed_methods, reason = "aborted when the connection is dropped")]
        let driver = tokio::spawn(async move {
            // How a connection ended is seen by the request on it.
            let _ = connection.await;
        });
        Ok(Open { send, driver })
    }
}
