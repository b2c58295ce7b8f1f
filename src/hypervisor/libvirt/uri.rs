//! Which hosts can be named, and how: libvirt's URIs, without what in them would read files, run programs or switch off
//! checks on Drover's side. Pure.
//!
//! Keys and certificates are not named in a URI: they come from the host's Secret, and the paths of the files into
//! which they are written for a connection are added at the end, by [`LibvirtUri::connect_string`].

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;

mod parse;

#[cfg(test)]
mod tests;

/// What a URI may not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUri {
    /// No `driver://`, or characters that none has.
    #[error("{0:?} is not a URI of libvirt, like qemu+tls://host/system")]
    Shape(String),
    /// A hypervisor that Drover does not know.
    #[error("libvirt's driver {0:?} is not supported: use qemu, lxc or test")]
    Driver(String),
    /// A transport that Drover does not use.
    #[error("the transport {0:?} is not supported: use unix, tls or ssh")]
    Transport(String),
    /// Nothing would be encrypted or authenticated.
    #[error(
        "plain TCP to {0} is neither encrypted nor authenticated: use tls or ssh (tcp is for loopback alone)"
    )]
    PlainTcp(String),
    /// Host, user or port.
    #[error("{0}")]
    Authority(String),
    /// `/system` and its like.
    #[error("the path {0:?} is not supported: {1}")]
    Path(String, &'static str),
    /// A parameter that is not for people, or unknown.
    #[error("the parameter {0:?} can't be set here: {1}")]
    Parameter(String, &'static str),
    /// A path of a socket that is none.
    #[error("the socket {0:?} is not an absolute path of letters, digits and ._-/+:@")]
    Socket(String),
}

/// A driver of libvirt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// QEMU, also with KVM.
    Qemu,
    /// Linux containers.
    Lxc,
    /// libvirt's own feigned host, for tests.
    Test,
}

impl Driver {
    const fn scheme(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
            Self::Test => "test",
        }
    }
}

/// How the host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// On this machine, as libvirt finds it; for the test driver, in this process.
    Local,
    /// By a socket on this machine.
    Unix {
        /// Its path, if it is not the usual one.
        socket: Option<String>,
    },
    /// By TLS, with certificates on both sides.
    Tls(Endpoint),
    /// By SSH, with a key.
    Ssh {
        /// The user on the host; libvirt takes the one of this process otherwise.
        user: Option<String>,
        /// Where the SSH server is.
        endpoint: Endpoint,
        /// The path of libvirt's socket there, if it is not the usual one.
        socket: Option<String>,
    },
    /// By plain TCP, on loopback alone.
    Tcp(Endpoint),
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// If it is not the usual one.
    pub port: Option<u16>,
}

impl Endpoint {
    fn bracketed(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    fn address(&self, usual: u16) -> String {
        format!("{}:{}", self.bracketed(), self.port.unwrap_or(usual))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.bracketed())?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// A URI that names a host Drover can use. Written, it reads as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibvirtUri {
    driver: Driver,
    transport: Transport,
    path: &'static str,
}

/// What a connection has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: the socket's owner decides.
    Nothing,
    /// A client's certificate, its key and the authority.
    Certificate,
    /// An SSH key, and the keys of hosts that are known.
    SshKey,
}

impl LibvirtUri {
    /// The driver.
    #[must_use]
    pub const fn driver(&self) -> Driver {
        self.driver
    }

    /// How the host is reached.
    #[must_use]
    pub const fn transport(&self) -> &Transport {
        &self.transport
    }

    /// What a connection has to show.
    #[must_use]
    pub const fn needs(&self) -> Needs {
        match self.transport {
            Transport::Tls(_) => Needs::Certificate,
            Transport::Ssh { .. } => Needs::SshKey,
            Transport::Local | Transport::Unix { .. } | Transport::Tcp(_) => Needs::Nothing,
        }
    }

    /// Whether there is a peer: libvirt's test driver in this process has none, and nothing to keep alive.
    #[must_use]
    pub const fn has_peer(&self) -> bool {
        !matches!((self.driver, &self.transport), (Driver::Test, Transport::Local))
    }

    /// Where the host is, for messages: host and port, or the socket.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.transport {
            Transport::Unix { socket: Some(path) } => path.clone(),
            Transport::Local | Transport::Unix { socket: None } => self.to_string(),
            Transport::Tls(endpoint) => endpoint.address(16514),
            Transport::Ssh { endpoint, .. } => endpoint.address(22),
            Transport::Tcp(endpoint) => endpoint.address(16509),
        }
    }

    /// What libvirt is given: this URI, with the directory that holds the connection's keys or certificates.
    ///
    /// SSH goes by libssh, which needs no program, asks nothing, and takes only hosts whose key is known.
    #[must_use]
    pub fn connect_string(&self, files: Option<&Path>) -> String {
        let mut parameters = Vec::new();
        let path = |name: &str| files.map(|files| escaped(&files.join(name).to_string_lossy()));
        let (transport, authority, socket) = match &self.transport {
            Transport::Local => ("", String::new(), None),
            Transport::Unix { socket } => ("+unix", String::new(), socket.as_ref()),
            Transport::Tcp(endpoint) => ("+tcp", endpoint.to_string(), None),
            Transport::Tls(endpoint) => {
                parameters
                    .extend(files.map(|files| format!("pkipath={}", escaped(&files.to_string_lossy()))));
                ("+tls", endpoint.to_string(), None)
            }
            Transport::Ssh {
                user,
                endpoint,
                socket,
            } => {
                parameters.extend([
                    "sshauth=privkey".to_owned(),
                    "known_hosts_verify=normal".to_owned(),
                ]);
                parameters.extend(path(SSH_KEY).map(|file| format!("keyfile={file}")));
                parameters.extend(path(KNOWN_HOSTS).map(|file| format!("known_hosts={file}")));
                let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                ("+libssh", format!("{user}{endpoint}"), socket.as_ref())
            }
        };
        parameters.extend(socket.map(|socket| format!("socket={}", escaped(socket))));
        let query = if parameters.is_empty() {
            String::new()
        } else {
            format!("?{}", parameters.join("&"))
        };
        format!(
            "{}{transport}://{authority}{}{query}",
            self.driver.scheme(),
            self.path
        )
    }
}

/// The name of the file with the SSH key.
pub const SSH_KEY: &str = "id";
/// The name of the file with the keys of hosts that are known.
pub const KNOWN_HOSTS: &str = "known_hosts";

/// A value of a query: all but what stands for itself is escaped.
fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

impl fmt::Display for LibvirtUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.driver.scheme();
        let path = self.path;
        let socket = |socket: &Option<String>| {
            socket
                .as_ref()
                .map(|socket| format!("?socket={socket}"))
                .unwrap_or_default()
        };
        match &self.transport {
            Transport::Local => write!(f, "{scheme}://{path}"),
            Transport::Unix { socket: at } => write!(f, "{scheme}+unix://{path}{}", socket(at)),
            Transport::Tls(endpoint) => write!(f, "{scheme}+tls://{endpoint}{path}"),
            Transport::Tcp(endpoint) => write!(f, "{scheme}+tcp://{endpoint}{path}"),
            Transport::Ssh {
                user,
                endpoint,
                socket: at,
            } => {
                let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                write!(f, "{scheme}+ssh://{user}{endpoint}{path}{}", socket(at))
            }
        }
    }
}

impl FromStr for LibvirtUri {
    type Err = BadUri;

    fn from_str(text: &str) -> Result<Self, BadUri> {
        parse::uri(text)
    }
}
