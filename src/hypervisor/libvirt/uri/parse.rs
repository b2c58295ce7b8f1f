//! Reads a URI, and refuses what is not wanted in one, with the reason.

use std::net::Ipv6Addr;

use super::{BadUri, Driver, Endpoint, LibvirtUri, Transport};

/// The longest that is read.
const LONGEST: usize = 512;

pub(super) fn uri(text: &str) -> Result<LibvirtUri, BadUri> {
    let shape = || BadUri::Shape(text.chars().take(LONGEST).collect());
    let plain = |character: char| character.is_ascii_graphic() && !"#\\\"'<>`{}|^".contains(character);
    if text.len() > LONGEST || !text.chars().all(plain) {
        return Err(shape());
    }
    let (scheme, rest) = text.split_once("://").ok_or_else(shape)?;
    let (driver, transport) = scheme.split_once('+').unwrap_or((scheme, ""));
    let driver = match driver {
        "qemu" => Driver::Qemu,
        "lxc" => Driver::Lxc,
        "test" => Driver::Test,
        other => return Err(BadUri::Driver(other.to_owned())),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = known_path(driver, path)?;
    let socket = socket(query)?;
    let transport = transport_of(transport, authority, socket)?;
    if path == "/session" && matches!(transport, Transport::Tls(_) | Transport::Tcp(_)) {
        return Err(BadUri::Path(
            path.to_owned(),
            "a user's own libvirt listens on a socket alone, so it is reached with unix or ssh",
        ));
    }
    Ok(LibvirtUri {
        driver,
        transport,
        path,
    })
}

fn known_path(driver: Driver, path: &str) -> Result<&'static str, BadUri> {
    match (driver, path) {
        (Driver::Qemu | Driver::Lxc, "/system") => Ok("/system"),
        (Driver::Qemu, "/session") => Ok("/session"),
        (Driver::Lxc, "/") => Ok("/"),
        (Driver::Test, "/default") => Ok("/default"),
        (Driver::Qemu, other) => Err(BadUri::Path(other.to_owned(), "use /system or /session")),
        (Driver::Lxc, other) => Err(BadUri::Path(other.to_owned(), "use / or /system")),
        (Driver::Test, other) => Err(BadUri::Path(other.to_owned(), "use /default")),
    }
}

/// The one parameter that a person may set.
fn socket(query: &str) -> Result<Option<String>, BadUri> {
    let mut socket = None;
    for parameter in query.split(['&', ';']).filter(|part| !part.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let why = match name {
            "socket" if socket.is_some() => "it is there twice",
            "socket" => {
                let known =
                    |character: char| character.is_ascii_alphanumeric() || "._-/+:@".contains(character);
                if !value.starts_with('/') || !value.chars().all(known) {
                    return Err(BadUri::Socket(value.to_owned()));
                }
                socket = Some(value.to_owned());
                continue;
            }
            "pkipath" | "keyfile" | "known_hosts" | "authfile" | "sshauth" => {
                "keys and certificates come from the Secret that the host refers to"
            }
            "command" | "netcat" | "proxy" => "it would choose the program that is run",
            "no_verify" | "known_hosts_verify" | "no_sanity" | "tls_priority" => {
                "it would weaken or switch off a check of the other side"
            }
            _ => "it is not known",
        };
        return Err(BadUri::Parameter(name.to_owned(), why));
    }
    Ok(socket)
}

fn transport_of(name: &str, authority: &str, socket: Option<String>) -> Result<Transport, BadUri> {
    let local = |transport: Transport| {
        if authority.is_empty() {
            Ok(transport)
        } else {
            Err(BadUri::Authority(format!(
                "{authority:?} names a host, and without tls or ssh it is not reached"
            )))
        }
    };
    let without_socket = |transport: Transport| match &socket {
        None => Ok(transport),
        Some(_) => Err(BadUri::Parameter(
            "socket".to_owned(),
            "only transports unix and ssh have one",
        )),
    };
    match name {
        "" => local(Transport::Local).and_then(without_socket),
        "unix" => local(Transport::Unix { socket }),
        "tls" => without_socket(Transport::Tls(endpoint(authority)?)),
        "tcp" => {
            let endpoint = endpoint(authority)?;
            if !endpoint.is_loopback() {
                return Err(BadUri::PlainTcp(endpoint.to_string()));
            }
            without_socket(Transport::Tcp(endpoint))
        }
        "ssh" => {
            let (user, host) = match authority.rsplit_once('@') {
                Some((user, host)) => (Some(self::user(user)?), host),
                None => (None, authority),
            };
            Ok(Transport::Ssh {
                user,
                endpoint: endpoint(host)?,
                socket,
            })
        }
        other => Err(BadUri::Transport(other.to_owned())),
    }
}

fn user(text: &str) -> Result<String, BadUri> {
    let known = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if text.contains(':') {
        return Err(BadUri::Authority(
            "a password can't be given in a URI: SSH goes by a key from the Secret that the host refers to"
                .to_owned(),
        ));
    }
    if text.is_empty() || text.starts_with('-') || !text.chars().all(known) {
        return Err(BadUri::Authority(format!("{text:?} is not a user's name")));
    }
    Ok(text.to_owned())
}

fn endpoint(text: &str) -> Result<Endpoint, BadUri> {
    let bad = || BadUri::Authority(format!("{text:?} is not a host with an optional port"));
    if text.contains('@') {
        return Err(BadUri::Authority(
            "a user can be given for ssh alone: tls goes by a certificate".to_owned(),
        ));
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or_else(bad)?;
        address.parse::<Ipv6Addr>().map_err(|_| bad())?;
        (address, port)
    } else {
        let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && label
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric() || "-_".contains(character))
        };
        if host.len() > 253 || !host.trim_end_matches('.').split('.').all(label) {
            return Err(bad());
        }
        (host, port)
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return Err(bad()),
        Some(port) => Some(
            port.parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(bad)?,
        ),
    };
    Ok(Endpoint {
        host: host.to_owned(),
        port,
    })
}
