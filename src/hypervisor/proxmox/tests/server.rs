//! A server made by hand: TLS, one request after the other, and for each what a closure says.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::super::tls::Fingerprint;
use super::super::{Connection, Credentials, Proxmox, Trust};

/// What is done with a request.
pub(super) enum Deed {
    /// Answer, and keep the connection.
    Answer(String),
    /// Send this and close, without having said so.
    Close(String),
    /// Send this, and nothing more for ever.
    Stall(String),
    /// Never answer.
    Hang,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Seen {
    /// Whether this is a login.
    pub(super) fn is_login(&self) -> bool {
        self.line.starts_with("POST /api2/json/access/ticket ")
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

pub(super) struct Server {
    pub(super) port: u16,
    pub(super) pem: String,
    pub(super) fingerprint: Fingerprint,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// A whole answer.
pub(super) fn answer(status: &str, body: &str) -> String {
    typed(status, "application/json;charset=UTF-8", body)
}

/// A whole answer of another type.
pub(super) fn typed(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

impl Server {
    /// Starts it. The closure is given the number of the request, from 0, and the request.
    pub(super) async fn start(deed: impl Fn(usize, &Seen) -> Deed + Send + Sync + 'static) -> Self {
        Self::certified(CertificateParams::new(["127.0.0.1".to_owned()]).unwrap(), deed).await
    }

    /// Starts it with a certificate of that content, signed by itself.
    pub(super) async fn certified(
        certificate: CertificateParams,
        deed: impl Fn(usize, &Seen) -> Deed + Send + Sync + 'static,
    ) -> Self {
        let signing_key = KeyPair::generate().unwrap();
        let cert = certificate.self_signed(&signing_key).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let made = Arc::clone(&connections);
        tasks.spawn(accept(
            listener,
            acceptor,
            made,
            Arc::clone(&seen),
            Arc::new(deed),
        ));
        Self {
            port,
            pem: cert.pem(),
            fingerprint: Fingerprint::of(cert.der()),
            seen,
            connections,
            _tasks: tasks,
        }
    }

    /// One that gives the same answer to each request.
    pub(super) async fn saying(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::start(move |_, _| Deed::Answer(text.clone())).await
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// A driver that trusts it.
    pub(super) fn driver(&self) -> Proxmox {
        Proxmox::connect(&self.connection(Trust::Fingerprint(self.fingerprint))).unwrap()
    }

    pub(super) fn connection(&self, trust: Trust) -> Connection {
        connection(self.port, trust)
    }
}

/// One that logs in by user and password.
pub(super) fn by_password(connection: Connection) -> Proxmox {
    Proxmox::connect(&Connection {
        credentials: Credentials::Password {
            username: "drover@pve".to_owned(),
            password: "pa;ss wörd".into(),
        },
        ..connection
    })
    .unwrap()
}

pub(super) fn connection(port: u16, trust: Trust) -> Connection {
    Connection {
        fence: crate::runtime::Fence::open(),
        host: "127.0.0.1".to_owned(),
        port,
        trust,
        others: Vec::new(),
        credentials: Credentials::Token {
            id: "root@pam!drover".to_owned(),
            secret: "s3cret".into(),
        },
        timeout: Duration::from_secs(20),
    }
}

type Act = dyn Fn(usize, &Seen) -> Deed + Send + Sync;

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    made: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
    act: Arc<Act>,
) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        made.fetch_add(1, Ordering::SeqCst);
        connections.spawn(serve(tcp, acceptor.clone(), Arc::clone(&seen), Arc::clone(&act)));
    }
}

async fn serve(tcp: TcpStream, acceptor: TlsAcceptor, seen: Arc<Mutex<Vec<Seen>>>, act: Arc<Act>) {
    let Ok(mut stream) = acceptor.accept(tcp).await else {
        return;
    };
    while let Some(request) = read(&mut stream).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        match act(number, &request) {
            Deed::Answer(text) => stream.write_all(text.as_bytes()).await.unwrap_or_default(),
            Deed::Close(text) => {
                stream.write_all(text.as_bytes()).await.unwrap_or_default();
                stream.flush().await.unwrap_or_default();
                return;
            }
            Deed::Stall(text) => {
                stream.write_all(text.as_bytes()).await.unwrap_or_default();
                stream.flush().await.unwrap_or_default();
                std::future::pending::<()>().await;
            }
            Deed::Hang => std::future::pending().await,
        }
    }
}

async fn read(stream: &mut TlsStream<TcpStream>) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().lines();
    let line = lines.next().unwrap().to_owned();
    let headers = lines
        .map(|l| l.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut request = Seen {
        line,
        headers,
        body: String::new(),
    };
    let length = request.header("content-length").map_or(0, |l| l.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Some(request)
}
