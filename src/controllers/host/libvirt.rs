//! From the spec of a host with libvirt and its Secret to a driver.

use super::connection::{Problem, problem, secret};
use crate::api::LibvirtHost;
use crate::api::conditions::reason;
use crate::controllers::Context;
use crate::fleet::HostSpec;
use crate::hypervisor::libvirt::uri::{LibvirtUri, Needs};

/// What a Secret must hold for a connection by TLS, for people.
const CERTIFICATE_KEYS: &str = "ca.crt, tls.crt and tls.key";
/// And by SSH.
const SSH_KEYS: &str = "ssh-privatekey and known_hosts";

/// Builds what the fleet needs to know of a host.
pub(super) async fn host_spec(
    ctx: &Context,
    libvirt: &LibvirtHost,
) -> Result<Result<HostSpec, Problem>, kube::Error> {
    let uri: LibvirtUri = match libvirt.spec.uri.parse() {
        Ok(uri) => uri,
        Err(wrong) => return Ok(Err(problem(reason::INVALID_SPEC, format!("spec.uri: {wrong}")))),
    };
    let keys = match uri.needs() {
        Needs::Nothing => return Ok(Err(not_yet())),
        Needs::Certificate => CERTIFICATE_KEYS,
        Needs::SshKey => SSH_KEYS,
    };
    let Some(named) = &libvirt.spec.credentials_ref else {
        let message =
            format!("spec.credentialsRef is missing: name the Secret with the credentials ({keys})");
        return Ok(Err(problem(reason::CREDENTIALS_MISSING, message)));
    };
    let secret = secret(ctx, named, keys).await?;
    Ok(secret.and_then(|_| Err(not_yet())))
}

fn not_yet() -> Problem {
    let message = "hosts with libvirt can be declared, and are not connected to by this version yet";
    problem(reason::UNSUPPORTED, message.to_owned())
}
