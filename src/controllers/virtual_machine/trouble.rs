//! What a failed call to a host means for a machine: what is said, and when it is tried again.

use super::pass::{Again, End, Pass};
use crate::api::conditions::reason;
use crate::hypervisor::{Error, Refusal};
use crate::plan::status::{Outcome, Standing};

pub(super) fn end(pass: &Pass<'_>, error: &Error) -> End {
    // A mutation may be under way that the status does not name.
    if let Error::NodeUnreachable { maybe_done: true, .. } | Error::AnswerLost { .. } | Error::Decode { .. } =
        error
    {
        pass.ctx.memory.note(&pass.uid, |m| m.settled = false);
    }
    let outcome = told(error);
    if error.refusal() == Some(&Refusal::Other) {
        return pass.failed(outcome);
    }
    let again = if outcome.standing == Standing::Stalled {
        Again::Waiting
    } else {
        Again::Busy
    };
    End::new(outcome, again)
}

/// What is said of it.
pub(crate) fn told(error: &Error) -> Outcome {
    let text = error.to_string();
    match error {
        Error::Connect { .. } | Error::HeldBack { .. } => Outcome::unknown(
            reason::HOST_UNREACHABLE,
            format!("{text}; nothing counts as gone until the host answers"),
        ),
        Error::Certificate { .. } => Outcome::unknown(reason::CERTIFICATE_NOT_TRUSTED, text),
        Error::NodeUnreachable { .. } => Outcome::unknown(reason::NODE_OFFLINE, text),
        Error::Unauthorized { .. } => Outcome::unknown(reason::CREDENTIALS_REFUSED, text),
        Error::Forbidden { .. } => Outcome::stalled(reason::PERMISSION_DENIED, forbidden(&text)),
        Error::AnswerLost { .. } | Error::Decode { .. } => {
            let message = format!("{text}; the host is looked at before anything is sent again");
            Outcome::unknown(reason::ANSWER_LOST, message)
        }
        // A host that is this slow is not pressed.
        Error::Stale { .. } | Error::NotLeading { .. } => Outcome::progressing(reason::HOST_BUSY, text),
        Error::Unbuildable { .. } => Outcome::stalled(reason::INVALID_SPEC, text),
        Error::Refused { refusal, .. } => refused(refusal, text),
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

fn refused(refusal: &Refusal, text: String) -> Outcome {
    match refusal {
        Refusal::Locked(_) => Outcome::progressing(reason::LOCKED, text),
        Refusal::LockTimeout
        | Refusal::GuestMissing
        | Refusal::GuestExists
        | Refusal::GuestRunning
        | Refusal::GuestNotRunning
        | Refusal::AgentNotRunning => Outcome::progressing(reason::HOST_BUSY, text),
        Refusal::DigestMismatch => {
            let message = format!("{text}: somebody changes the machine at the same time; it is read again");
            Outcome::progressing(reason::HOST_BUSY, message)
        }
        Refusal::NoQuorum => Outcome::unknown(reason::NOT_QUORATE, text),
        Refusal::NodeMissing => Outcome::stalled(reason::NODE_NOT_FOUND, text),
        Refusal::StorageMissing => Outcome::stalled(reason::STORAGE_NOT_FOUND, text),
        Refusal::VolumeMissing => Outcome::stalled(reason::ISO_NOT_FOUND, text),
        Refusal::Protected => Outcome::stalled(reason::PROTECTED, text),
        Refusal::Parameters => Outcome::stalled(reason::REFUSED_BY_HOST, text),
        Refusal::Other => Outcome::unknown(reason::REFUSED_BY_HOST, text),
    }
}
