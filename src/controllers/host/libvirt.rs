//! From the spec of a host with libvirt and its Secret to a driver.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;

use super::connection::{Problem, problem, secret};
use crate::api::conditions::reason;
use crate::api::{Host, LibvirtHost};
use crate::controllers::Context;
use crate::fleet::HostSpec;
use crate::hypervisor::libvirt::uri::{LibvirtUri, Needs};
use crate::model::SecretText;

/// What a Secret must hold for a connection by TLS.
const CERTIFICATE_KEYS: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];
/// And by SSH.
const SSH_KEYS: [&str; 2] = ["ssh-privatekey", "known_hosts"];

/// Builds what the fleet needs to know of a host.
pub(super) async fn host_spec(
    ctx: &Context,
    host: &Host,
    libvirt: &LibvirtHost,
) -> Result<Result<HostSpec, Problem>, kube::Error> {
    let uri: LibvirtUri = match libvirt.spec.uri.parse() {
        Ok(uri) => uri,
        Err(wrong) => return Ok(Err(problem(reason::INVALID_SPEC, format!("spec.uri: {wrong}")))),
    };
    let keys: &[&str] = match uri.needs() {
        Needs::Nothing => &[],
        Needs::Certificate => &CERTIFICATE_KEYS,
        Needs::SshKey => &SSH_KEYS,
    };
    if keys.is_empty() {
        return Ok(build(ctx, host, libvirt, uri, Vec::new()));
    }
    let told = keys.join(", ");
    let Some(named) = &libvirt.spec.credentials_ref else {
        let message = format!("spec.credentialsRef is missing: name the Secret with the keys {told}");
        return Ok(Err(problem(reason::CREDENTIALS_MISSING, message)));
    };
    let secret = secret(ctx, named, &told).await?;
    Ok(secret
        .and_then(|secret| keys.iter().map(|key| text(&secret, key)).collect())
        .and_then(|texts| build(ctx, host, libvirt, uri, texts)))
}

fn text(secret: &Secret, key: &str) -> Result<SecretText, Problem> {
    let data = secret.data.as_ref().and_then(|data| data.get(key));
    let text = data.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(SecretText::new).ok_or_else(|| {
        let name = secret.name_any();
        problem(
            reason::CREDENTIALS_INVALID,
            format!("the Secret '{name}' lacks the key '{key}'"),
        )
    })
}

#[cfg(feature = "libvirt")]
fn build(
    ctx: &Context,
    host: &Host,
    libvirt: &LibvirtHost,
    uri: LibvirtUri,
    secrets: Vec<SecretText>,
) -> Result<HostSpec, Problem> {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    use std::sync::Arc;

    use super::connection::{budget, span};
    use crate::hypervisor::libvirt::driver::{Libvirt, Settings};
    use crate::hypervisor::libvirt::link::{CALL_DEADLINE, Credentials, KeepAlive, Target};

    let spec = &libvirt.spec;
    let timeout = span("spec.timeout", spec.timeout.as_ref(), CALL_DEADLINE)?;
    let (poll, budget) = (poll(libvirt)?, budget(host));
    let mut hasher = DefaultHasher::new();
    spec.uri.hash(&mut hasher);
    timeout.hash(&mut hasher);
    for secret in &secrets {
        secret.expose().hash(&mut hasher);
    }
    format!("{poll:?} {budget:?}").hash(&mut hasher);
    let credentials = match <[SecretText; 3]>::try_from(secrets) {
        Ok([ca, certificate, key]) => Credentials::Certificate { ca, certificate, key },
        Err(secrets) => match <[SecretText; 2]>::try_from(secrets) {
            Ok([key, known_hosts]) => Credentials::SshKey { key, known_hosts },
            Err(_) => Credentials::None,
        },
    };
    let status = host.status.as_ref();
    let expected = status.and_then(|s| s.cluster.as_ref());
    Ok(HostSpec {
        driver: Arc::new(Libvirt::new(Settings {
            target: Target::new(uri, credentials, KeepAlive::default()),
            timeout,
            fence: ctx.fence.clone(),
            clock: ctx.runtime.clock.clone(),
        })),
        fingerprint: hasher.finish(),
        // A host is one node, and says which.
        node_name: None,
        expected_cluster: expected.and_then(|c| c.id.parse().ok()),
        poll,
        budget,
    })
}

#[cfg(not(feature = "libvirt"))]
fn build(
    _: &Context,
    _: &Host,
    _: &LibvirtHost,
    _: LibvirtUri,
    _: Vec<SecretText>,
) -> Result<HostSpec, Problem> {
    let message =
        "this Drover was built without libvirt: use one that was built with the cargo feature 'libvirt'";
    Err(problem(reason::UNSUPPORTED, message.to_owned()))
}

/// All domains by one call; what goes on in the background is known without asking the host.
#[cfg(feature = "libvirt")]
fn poll(libvirt: &LibvirtHost) -> Result<crate::fleet::Poll, Problem> {
    use super::connection::span;
    use crate::fleet::Poll;

    const STATISTICS: std::time::Duration = std::time::Duration::from_secs(30);
    let default = Poll::default();
    let given = libvirt.spec.poll.clone().unwrap_or_default();
    let statistics = span("spec.poll.statistics", given.statistics.as_ref(), STATISTICS)?;
    Ok(Poll {
        tasks: default.tasks,
        resources: statistics,
        status: statistics,
        sweep: span("spec.poll.sweep", given.sweep.as_ref(), default.sweep)?,
    })
}
