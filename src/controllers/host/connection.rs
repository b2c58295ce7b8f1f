//! From a host's spec and its Secret to a driver.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use secrecy::{ExposeSecret as _, SecretString};

use crate::api::conditions::reason;
use crate::api::{Host, HostKind, HostObject, ProxmoxNode, ProxmoxNodeSpec, SecretRef, Span};
use crate::controllers::context::Context;
use crate::fleet::{Budget, HostSpec, Poll};
use crate::hypervisor::proxmox::{Connection, Credentials, Proxmox, Trust};
use crate::model::ClusterId;
use crate::plan::status::Outcome;
use crate::runtime::Fence;

/// What a Secret must hold, for people.
const SECRET_KEYS: &str = "tokenId (user@realm!name) and tokenSecret, or username (user@realm) and password";

/// What is wrong with spec or Secret, as it is said in the status.
pub(super) type Problem = Outcome;

pub(super) fn problem(reason: &'static str, message: String) -> Problem {
    Outcome::stalled(reason, message)
}

/// The Secret that a host names.
pub(super) fn credentials_ref(host: &Host) -> Option<&SecretRef> {
    match &host.object {
        HostObject::Proxmox(node) => node.spec.credentials_ref.as_ref(),
        HostObject::Libvirt(host) => host.spec.credentials_ref.as_ref(),
    }
}

/// Builds what the fleet needs to know of a host. The Kubernetes API failing is an error of its own.
pub(super) async fn host_spec(ctx: &Context, host: &Host) -> Result<Result<HostSpec, Problem>, kube::Error> {
    let node = match &host.object {
        HostObject::Libvirt(libvirt) => return super::libvirt::host_spec(ctx, host, libvirt).await,
        HostObject::Proxmox(node) => node,
    };
    let main = match connection_of(ctx, node) {
        Ok(main) => main,
        Err(problem) => return Ok(Err(problem)),
    };
    let Some(named) = &main.spec.credentials_ref else {
        let message =
            format!("spec.credentialsRef is missing: name the Secret with the credentials ({SECRET_KEYS})");
        return Ok(Err(problem(reason::CREDENTIALS_MISSING, message)));
    };
    Ok(match secret(ctx, named, SECRET_KEYS).await? {
        Ok(secret) => build(host, node, &main, &secret, ctx.fence.clone()),
        Err(problem) => Err(problem),
    })
}

/// A Secret with credentials. `keys`: what it must hold, for people.
pub(super) async fn secret(
    ctx: &Context,
    named: &SecretRef,
    keys: &str,
) -> Result<Result<Secret, Problem>, kube::Error> {
    if !ctx.settings.credentials_namespaces.contains(&named.namespace) {
        let message = format!(
            "credentials are not taken from the namespace '{}': put the Secret into one of {}, or start Drover with \
             --credentials-namespaces",
            named.namespace,
            ctx.settings.credentials_namespaces.join(", ")
        );
        return Ok(Err(problem(reason::CREDENTIALS_NOT_ALLOWED, message)));
    }
    let secrets: Api<Secret> = Api::namespaced(ctx.client.clone(), &named.namespace);
    Ok(secrets.get_opt(&named.name).await?.ok_or_else(|| {
        let message = format!(
            "there is no Secret '{}' in the namespace '{}' (spec.credentialsRef): make it with the keys {keys}",
            named.name, named.namespace
        );
        problem(reason::CREDENTIALS_MISSING, message)
    }))
}

/// The node itself, or the one from which it takes its connection.
fn connection_of(ctx: &Context, node: &Arc<ProxmoxNode>) -> Result<Arc<ProxmoxNode>, Problem> {
    let Some(named) = &node.spec.connection_ref else {
        return Ok(Arc::clone(node));
    };
    let other = ctx.host(HostKind::ProxmoxNode, &named.name);
    let other = other.and_then(|host| host.proxmox().cloned()).ok_or_else(|| {
        let message = format!("there is no ProxmoxNode '{}' (spec.connectionRef)", named.name);
        problem(reason::CONNECTION_REF_INVALID, message)
    })?;
    if other.spec.connection_ref.is_some() {
        let message = format!(
            "ProxmoxNode '{}' (spec.connectionRef) takes its connection from another one itself: name that one",
            named.name
        );
        return Err(problem(reason::CONNECTION_REF_INVALID, message));
    }
    Ok(other)
}

/// How a node is reached, by its spec and its Secret.
///
/// # Errors
///
/// What is wrong with one of them, as its status would say it.
pub fn connection(spec: &ProxmoxNodeSpec, secret: &Secret, fence: Fence) -> Result<Connection, Outcome> {
    Ok(Connection {
        host: spec.host.clone().unwrap_or_default(),
        port: spec
            .port
            .and_then(|p| u16::try_from(p).ok())
            .unwrap_or(Connection::PORT),
        trust: trust(spec)?,
        others: Vec::new(),
        credentials: credentials(secret)?,
        timeout: span("spec.timeout", spec.timeout.as_ref(), Connection::TIMEOUT)?,
        fence,
    })
}

fn build(
    host: &Host,
    node: &ProxmoxNode,
    main: &ProxmoxNode,
    secret: &Secret,
    fence: Fence,
) -> Result<HostSpec, Problem> {
    let spec = &main.spec;
    let connection = connection(spec, secret, fence)?;
    let driver = Proxmox::connect(&connection)
        .map_err(|error| problem(reason::CREDENTIALS_INVALID, error.to_string()))?;
    let stored = host.status.as_ref();
    let node_name = node
        .spec
        .node_name
        .clone()
        .or_else(|| stored.and_then(|s| s.node_name.clone()));
    let expected = stored.and_then(|s| s.cluster.as_ref());
    let expected_cluster = expected.and_then(|c| c.id.parse::<ClusterId>().ok());
    let poll = poll(spec)?;
    let budget = budget(host);
    let mut hasher = DefaultHasher::new();
    (&connection.host, connection.port, connection.timeout).hash(&mut hasher);
    format!("{:?}", connection.trust).hash(&mut hasher);
    let (name, secret) = match &connection.credentials {
        Credentials::Token { id, secret } => (id, secret),
        Credentials::Password { username, password } => (username, password),
    };
    (name, secret.expose_secret()).hash(&mut hasher);
    // Name and cluster are pinned by the first contact; that they are now recorded is no other connection.
    node.spec.node_name.hash(&mut hasher);
    format!("{poll:?} {budget:?}").hash(&mut hasher);
    Ok(HostSpec {
        driver: Arc::new(driver),
        fingerprint: hasher.finish(),
        node_name: node_name.and_then(|n| n.parse().ok()),
        expected_cluster,
        poll,
        budget,
    })
}

/// What the Secret holds: a token, or else a user.
fn credentials(secret: &Secret) -> Result<Credentials, Problem> {
    let key = |key: &str| {
        let data = secret.data.as_ref().and_then(|d| d.get(key));
        let text = data.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        text.filter(|t| !t.trim().is_empty())
    };
    let lacks = |key: &str| {
        let name = secret.name_any();
        let message = format!("the Secret '{name}' lacks the key '{key}': it needs {SECRET_KEYS}");
        problem(reason::CREDENTIALS_INVALID, message)
    };
    match (
        key("tokenId"),
        key("tokenSecret"),
        key("username"),
        key("password"),
    ) {
        (Some(id), Some(token), ..) => Ok(Credentials::Token {
            id,
            secret: SecretString::from(token),
        }),
        (None, None, Some(username), Some(password)) => Ok(Credentials::Password {
            username,
            password: SecretString::from(password),
        }),
        (None, None, Some(_), None) => Err(lacks("password")),
        (None, None, None, Some(_)) => Err(lacks("username")),
        (None, ..) => Err(lacks("tokenId")),
        (Some(_), None, ..) => Err(lacks("tokenSecret")),
    }
}

fn trust(spec: &ProxmoxNodeSpec) -> Result<Trust, Problem> {
    let Some(tls) = &spec.tls else {
        return Ok(Trust::System);
    };
    if tls.insecure_skip_verify == Some(true) {
        return Ok(Trust::Insecure);
    }
    if let Some(fingerprint) = &tls.fingerprint {
        let parsed = fingerprint.parse();
        return parsed.map(Trust::Fingerprint).map_err(|error| {
            problem(
                reason::CERTIFICATE_NOT_TRUSTED,
                format!("spec.tls.fingerprint: {error}"),
            )
        });
    }
    Ok(tls.ca_bundle.clone().map_or(Trust::System, Trust::Bundle))
}

pub(super) fn span(field: &str, value: Option<&Span>, default: Duration) -> Result<Duration, Problem> {
    let Some(span) = value else { return Ok(default) };
    match span.duration() {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err(problem(
            reason::INVALID_SPEC,
            format!("{field} must be more than nothing"),
        )),
        Err(error) => Err(problem(reason::INVALID_SPEC, format!("{field}: {error}"))),
    }
}

fn poll(spec: &ProxmoxNodeSpec) -> Result<Poll, Problem> {
    let default = Poll::default();
    let given = spec.poll.clone().unwrap_or_default();
    let resources = span("spec.poll.resources", given.resources.as_ref(), default.resources)?;
    Ok(Poll {
        tasks: span("spec.poll.tasks", given.tasks.as_ref(), default.tasks)?,
        resources,
        // Three bulk lists a look at quorum, as by default.
        status: resources.saturating_mul(3).min(default.status),
        sweep: span("spec.poll.sweep", given.sweep.as_ref(), default.sweep)?,
    })
}

pub(super) fn budget(host: &Host) -> Budget {
    let default = Budget::default();
    let given = host.spec.budget.clone().unwrap_or_default();
    let or =
        |given: Option<u32>, default: usize| given.and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
    Budget {
        requests: or(given.requests, default.requests),
        tasks: or(given.tasks, default.tasks),
        tasks_per_storage: or(given.tasks_per_storage, default.tasks_per_storage),
        clones_per_source: or(given.clones_per_source, default.clones_per_source),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    fn secret(keys: &[(&str, &str)]) -> Secret {
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        Secret {
            data: Some(keys.iter().map(|(k, v)| ((*k).to_owned(), bytes(v))).collect()),
            ..Secret::default()
        }
    }

    #[test]
    fn a_token_comes_before_a_user() {
        let token = [("tokenId", "root@pam!drover"), ("tokenSecret", "s3cret")];
        let user = [("username", "drover@pve"), ("password", "pa ss\n")];
        let both = [token, user].concat();
        assert!(matches!(credentials(&secret(&both)), Ok(Credentials::Token { id, .. }) if id == token[0].1));
        let Ok(Credentials::Password { username, password }) = credentials(&secret(&user)) else {
            panic!("a user is enough");
        };
        assert_eq!(
            (username.as_str(), password.expose_secret()),
            ("drover@pve", "pa ss\n")
        );
    }

    #[test]
    fn the_key_that_is_missing_is_named() {
        for (keys, missing) in [
            (vec![], "'tokenId'"),
            (vec![("tokenId", "x")], "'tokenSecret'"),
            (vec![("tokenSecret", "x")], "'tokenId'"),
            (vec![("username", "x")], "'password'"),
            (vec![("password", "x")], "'username'"),
            (
                vec![("tokenId", "x"), ("username", "x"), ("password", "y")],
                "'tokenSecret'",
            ),
            (vec![("tokenId", " "), ("tokenSecret", "x")], "'tokenId'"),
        ] {
            let problem = credentials(&secret(&keys)).err().unwrap();
            let text = format!("{problem:?}");
            assert!(
                text.contains(missing) && text.contains("username"),
                "{keys:?}: {text}"
            );
        }
    }
}
