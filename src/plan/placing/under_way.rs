//! What is under way under a number, or was left unfinished there, so that nothing is sent.

use jiff::Timestamp;

use crate::api::conditions::reason;
use crate::model::{GuestId, Lock, NodeName, Upid};
use crate::plan::status::Outcome;

/// The host makes, copies, restores or destroys a machine.
#[must_use]
pub fn at_work(id: GuestId, lock: &Lock) -> Outcome {
    let message = format!("the host is at work on machine {id} (lock '{}')", lock.0);
    Outcome::progressing(reason::HOST_BUSY, message)
}

/// A lock stands on a machine that the host does not work on.
#[must_use]
pub fn stale_lock(id: GuestId, lock: &Lock, node: &NodeName) -> Outcome {
    let message = format!(
        "machine {id} is locked ('{}') and no task runs that would explain it. Nothing is sent. If nothing \
         is under way, run 'qm unlock {id}' on node {node}; an unfinished machine can be removed with \
         'qm destroy {id}'",
        lock.0
    );
    Outcome::stalled(reason::STALE_LOCK, message)
}

/// A copy is the resource's own, and gets its identity and its sealed mark.
#[must_use]
pub fn sealing(id: GuestId) -> Outcome {
    Outcome::progressing(reason::SEALING, format!("machine {id} gets its identity"))
}

/// The machine was seen whole for the first time.
#[must_use]
pub fn made(id: GuestId) -> Outcome {
    let message = format!("machine {id} is made, and is compared with what is declared");
    Outcome::progressing(reason::CREATING, message)
}

/// The number is a stranger's; but until then a call that makes a machine under it may still arrive.
#[must_use]
pub fn given_up_later(id: GuestId, until: Timestamp) -> Outcome {
    let message = format!(
        "number {id} was taken by somebody else, and a create whose answer is unknown may still arrive once that \
         machine is gone: another number is used from {until:.0} on"
    );
    Outcome::unknown(reason::PRESENCE_UNKNOWN, message)
}

/// A machine may become the resource's own, and the host works on it.
#[must_use]
pub fn taken_later(id: GuestId, task: &Upid) -> Outcome {
    let message = format!("task {task} runs on machine {id}, which is taken over when it has ended");
    Outcome::progressing(reason::HOST_BUSY, message)
}
