//! A way to the Kubernetes API that can be shut.

use std::fs;
use std::path::PathBuf;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::plane::plane;

/// A port that leads to the API server while it is open; shut, it refuses connections, and those that there were are cut.
pub(crate) struct Gate {
    port: u16,
    server: u16,
    /// What serves it; dropped, it ends.
    open: JoinSet<()>,
    directory: tempfile::TempDir,
}

impl Gate {
    /// Opens one.
    pub(crate) async fn open() -> Self {
        let text = fs::read_to_string(plane().kubeconfig()).unwrap();
        let server = port(&text);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut gate = Self {
            port: listener.local_addr().unwrap().port(),
            server,
            open: JoinSet::new(),
            directory: tempfile::tempdir().unwrap(),
        };
        let through = text.replace(
            &format!("127.0.0.1:{server}"),
            &format!("127.0.0.1:{}", gate.port),
        );
        assert_ne!(through, text);
        fs::write(gate.kubeconfig(), through).unwrap();
        gate.serve(listener);
        gate
    }

    /// The file for those who are to go through it.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// Nobody gets through any more.
    pub(crate) fn shut(&mut self) {
        assert!(!self.open.is_empty(), "it is open");
        self.open = JoinSet::new();
    }

    /// It is as before.
    pub(crate) async fn reopen(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        let server = self.server;
        self.open.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                connections.spawn(async move {
                    let mut to = TcpStream::connect(("127.0.0.1", server)).await?;
                    tokio::io::copy_bidirectional(&mut from, &mut to).await
                });
            }
        });
    }
}

/// The port of the API server in a kubeconfig.
fn port(kubeconfig: &str) -> u16 {
    let (_, rest) = kubeconfig
        .split_once("https://127.0.0.1:")
        .expect("a loopback address");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}
