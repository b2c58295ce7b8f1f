//! What a failed call to a host means for a machine: what is said, and when it is tried again.

use super::pass::{Again, End, Pass};
use crate::api::conditions::reason;
use crate::hypervisor::{Error, Refusal};
use crate::plan::status::Outcome;

pub(super) fn end(pass: &Pass<'_>, error: &Error) -> End {
    let text = error.to_string();
    match error {
        Error::Connect { .. } | Error::HeldBack { .. } => End::unknown(
            reason::HOST_UNREACHABLE,
            format!("{text}; nothing counts as gone until the host answers"),
        ),
        Error::Certificate { .. } => End::unknown(reason::CERTIFICATE_NOT_TRUSTED, text),
        Error::NodeUnreachable { maybe_done, .. } => {
            if *maybe_done {
                uncertain(pass);
            }
            End::unknown(reason::NODE_OFFLINE, text)
        }
        Error::Unauthorized { .. } => End::unknown(reason::CREDENTIALS_REFUSED, text),
        Error::Forbidden { .. } => End::stalled(reason::PERMISSION_DENIED, forbidden(&text)),
        Error::AnswerLost { .. } | Error::Decode { .. } => {
            uncertain(pass);
            let message = format!("{text}; the host is looked at before anything is sent again");
            End::unknown(reason::ANSWER_LOST, message)
        }
        // A host that is this slow is not pressed.
        Error::Stale { .. } | Error::NotLeading { .. } => {
            End::progressing(reason::HOST_BUSY, text, Again::Busy)
        }
        Error::Unbuildable { .. } => End::stalled(reason::INVALID_SPEC, text),
        Error::Refused { refusal, .. } => refused(pass, refusal, text),
    }
}

/// Proxmox VE names the privilege only sometimes, as in `Permission check failed (/vms/105, VM.PowerMgmt)`.
fn forbidden(text: &str) -> String {
    if text.ends_with(')') {
        return format!("{text}; grant this privilege to the token (Datacenter, Permissions) and it goes on");
    }
    format!(
        "{text}, and the host does not say which privilege it is. The token needs VM.Allocate, VM.Audit, VM.Clone, \
         VM.Config.*, VM.Migrate and VM.PowerMgmt on /vms, Datastore.Audit and Datastore.AllocateSpace on the storages, \
         Datastore.AllocateTemplate where media with user data are brought, and SDN.Use on the bridges (Datacenter, Permissions)"
    )
}

/// A mutation may be under way that the status does not name.
fn uncertain(pass: &Pass<'_>) {
    pass.ctx.memory.note(&pass.uid, |m| m.settled = false);
}

fn refused(pass: &Pass<'_>, refusal: &Refusal, text: String) -> End {
    match refusal {
        Refusal::Locked(_) => End::progressing(reason::LOCKED, text, Again::Busy),
        Refusal::LockTimeout
        | Refusal::GuestMissing
        | Refusal::GuestExists
        | Refusal::GuestRunning
        | Refusal::GuestNotRunning
        | Refusal::AgentNotRunning => End::progressing(reason::HOST_BUSY, text, Again::Busy),
        Refusal::DigestMismatch => {
            let message = format!("{text}: somebody changes the machine at the same time; it is read again");
            End::progressing(reason::HOST_BUSY, message, Again::Busy)
        }
        Refusal::NoQuorum => End::unknown(reason::NOT_QUORATE, text),
        Refusal::NodeMissing => End::stalled(reason::NODE_NOT_FOUND, text),
        Refusal::StorageMissing => End::stalled(reason::STORAGE_NOT_FOUND, text),
        Refusal::VolumeMissing => End::stalled(reason::ISO_NOT_FOUND, text),
        Refusal::Protected => End::stalled(reason::PROTECTED, text),
        Refusal::Parameters => End::stalled(reason::REFUSED_BY_HOST, text),
        Refusal::Other => pass.failed(Outcome::unknown(reason::REFUSED_BY_HOST, text)),
    }
}
