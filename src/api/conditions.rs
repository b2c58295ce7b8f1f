//! Conditions: their types, their reasons, and how a new set is laid over the stored one.
//!
//! `Ready` is always there. `Reconciling` and `Stalled` are there only while they are true, as kstatus, Flux
//! and Argo CD read them; so are `Drifted`, `RebootRequired`, `Paused` and `Deleting`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Observed is as desired; for a host: usable.
pub const READY: &str = "Ready";
/// Drover works on it, or waits for something that may well come by itself.
pub const RECONCILING: &str = "Reconciling";
/// Nothing will change until a person does something; the message says what.
pub const STALLED: &str = "Stalled";
/// The guest is not as it was declared, and nobody changed the declaration.
pub const DRIFTED: &str = "Drifted";
/// A change waits for the guest's next reboot.
pub const REBOOT_REQUIRED: &str = "RebootRequired";
/// The host can't do something that the spec asks for.
pub const UNSUPPORTED: &str = "Unsupported";
/// The annotation `drover.dev/paused` stands.
pub const PAUSED: &str = "Paused";
/// The resource is being deleted, and so is its guest.
pub const DELETING: &str = "Deleting";
/// More machines were to be destroyed than the host's limit allows: all deletions wait.
pub const DELETION_HELD: &str = "DeletionHeld";
/// The host is taken out of use for a while, or its machines are still to come back.
pub const MAINTENANCE: &str = "Maintenance";
/// The host's address answers.
pub const REACHABLE: &str = "Reachable";
/// The host accepts the credentials.
pub const AUTHENTICATED: &str = "Authenticated";
/// The host's cluster has a majority.
pub const QUORATE: &str = "Quorate";

/// The reasons of conditions and Events: public, since alerts and scripts compare them.
pub mod reason {
    macro_rules! reasons {
        ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
            $($(#[doc = $doc])+ pub const $name: &str = $text;)+
            /// All reasons, for the test that compares them with the documentation.
            pub const ALL: &[&str] = &[$($text),+];
        };
    }

    reasons! {
        /// As declared, and running.
        RUNNING = "Running";
        /// As declared, and not running.
        STOPPED = "Stopped";
        /// As declared, and paused.
        GUEST_PAUSED = "GuestPaused";
        /// As declared, with its memory saved to disk.
        SUSPENDED = "Suspended";
        /// As declared; power is left to people.
        AS_DECLARED = "AsDeclared";
        /// The host can be used.
        USABLE = "Usable";
        /// The host answers.
        ANSWERS = "Answers";
        /// The host accepts the credentials.
        ACCEPTED = "Accepted";
        /// The cluster has a majority.
        MAJORITY = "Majority";
        /// A connection is being made.
        CONNECTING = "Connecting";
        /// The number is about to be reserved.
        RESERVING = "Reserving";
        /// The machine is being made.
        CREATING = "Creating";
        /// The machine is being copied.
        CLONING = "Cloning";
        /// The machine is being made of a backup.
        RESTORING = "Restoring";
        /// The medium with the machine's user data is being brought to the host.
        UPLOADING_MEDIUM = "UploadingMedium";
        /// A medium whose user data is needed no longer is being removed.
        REMOVING_MEDIUM = "RemovingMedium";
        /// Another volume is in the place of a disk that the spec names.
        DISK_REPLACED = "DiskReplaced";
        /// A file that Drover did not make has the name of one that it is to make.
        FILE_IN_THE_WAY = "FileInTheWay";
        /// The machine's new identity is being written.
        SEALING = "Sealing";
        /// The configuration is being changed.
        CONFIGURING = "Configuring";
        /// A disk is being grown.
        GROWING_DISK = "GrowingDisk";
        /// The machine is being rebooted for what waits for that.
        REBOOTING = "Rebooting";
        /// A template is being made of the machine.
        MAKING_TEMPLATE = "MakingTemplate";
        /// A disk is being moved to another storage.
        MOVING_DISK = "MovingDisk";
        /// The machine is being moved to another node.
        MIGRATING = "Migrating";
        /// The machine was moved to another node, as an Event.
        MIGRATED = "Migrated";
        /// The machine can't be moved to the node where it is to be.
        MIGRATION_IMPOSSIBLE = "MigrationImpossible";
        /// The host takes no machines while its maintenance lasts.
        CORDONED = "Cordoned";
        /// The host's machines are being moved away.
        EVACUATING = "Evacuating";
        /// The host's machines were moved away.
        EVACUATED = "Evacuated";
        /// Some of the host's machines can't be moved away.
        EVACUATION_BLOCKED = "EvacuationBlocked";
        /// The host's machines are being brought back.
        RETURNING = "Returning";
        /// The machine is being started.
        STARTING = "Starting";
        /// The machine is being paused.
        PAUSING = "Pausing";
        /// The machine is being let go on.
        RESUMING = "Resuming";
        /// The machine's memory is being saved to disk.
        SUSPENDING = "Suspending";
        /// The machine is being brought down.
        STOPPING = "Stopping";
        /// The machine is being destroyed.
        DESTROYING = "Destroying";
        /// A task on the host is not ours, and is waited for.
        HOST_BUSY = "HostBusy";
        /// The host's budget is used up for the moment.
        QUEUED = "Queued";
        /// The machine's configuration is locked.
        LOCKED = "Locked";
        /// The annotation `drover.dev/paused` stands.
        PAUSED = "Paused";
        /// A change waits for a reboot.
        PENDING_CHANGES = "PendingChanges";
        /// Somebody changed the machine on the host.
        CHANGED_ON_HOST = "ChangedOnHost";
        /// No host of that name.
        HOST_NOT_FOUND = "HostNotFound";
        /// The host does not name this namespace.
        NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed";
        /// The spec names something that the host's owner does not let this namespace reach.
        NOT_ALLOWED_BY_TENANCY = "NotAllowedByTenancy";
        /// The host is not usable now.
        HOST_NOT_READY = "HostNotReady";
        /// The host does not answer.
        HOST_UNREACHABLE = "HostUnreachable";
        /// The host is another one than before.
        CLUSTER_CHANGED = "ClusterChanged";
        /// The cluster has no majority.
        NOT_QUORATE = "NotQuorate";
        /// The host's certificate is not trusted.
        CERTIFICATE_NOT_TRUSTED = "CertificateNotTrusted";
        /// The host refuses the credentials.
        CREDENTIALS_REFUSED = "CredentialsRefused";
        /// The Secret does not exist.
        CREDENTIALS_MISSING = "CredentialsMissing";
        /// The Secret lacks a key or holds something else.
        CREDENTIALS_INVALID = "CredentialsInvalid";
        /// The Secret's namespace is not one from which credentials are taken.
        CREDENTIALS_NOT_ALLOWED = "CredentialsNotAllowed";
        /// The credentials lack a privilege.
        PERMISSION_DENIED = "PermissionDenied";
        /// The cluster has no such node.
        NODE_NOT_FOUND = "NodeNotFound";
        /// The node that `connectionRef` names does not fit.
        CONNECTION_REF_INVALID = "ConnectionRefInvalid";
        /// The node is offline.
        NODE_OFFLINE = "NodeOffline";
        /// Guests or hosts refer to it.
        IN_USE = "InUse";
        /// No class of that name.
        CLASS_NOT_FOUND = "ClassNotFound";
        /// The node has no such storage.
        STORAGE_NOT_FOUND = "StorageNotFound";
        /// The storage has no such ISO.
        ISO_NOT_FOUND = "IsoNotFound";
        /// The cluster has no such template or machine to copy.
        SOURCE_NOT_FOUND = "SourceNotFound";
        /// Several machines have the name of the source.
        SOURCE_AMBIGUOUS = "SourceAmbiguous";
        /// The storage shows no such backup.
        ARCHIVE_NOT_FOUND = "ArchiveNotFound";
        /// The number is given to somebody else.
        VMID_TAKEN = "VmidTaken";
        /// Volumes or archives of that number exist.
        VMID_HAS_VOLUMES = "VmidHasVolumes";
        /// The range of numbers is used up.
        VMID_RANGE_EXHAUSTED = "VmidRangeExhausted";
        /// An unowned machine has the name.
        NAME_TAKEN = "NameTaken";
        /// A disk would have to shrink.
        DISK_WOULD_SHRINK = "DiskWouldShrink";
        /// The machine lacks the disk that the spec names.
        DISK_MISSING = "DiskMissing";
        /// The machine is a template, as declared.
        TEMPLATE = "Template";
        /// The host can't do something that the spec asks for; the rest is done.
        UNSUPPORTED = "Unsupported";
        /// The machine is looked at, and never changed.
        OBSERVED = "Observed";
        /// There is no machine under the number that is to be looked at.
        NOTHING_TO_OBSERVE = "NothingToObserve";
        /// The machine is not as declared, and that is told and not put back.
        DRIFT_REPORTED = "DriftReported";
        /// Somebody took a disk that the spec names out of the machine.
        DISK_GONE = "DiskGone";
        /// The spec says otherwise of what is settled when a machine is made.
        FIXED_AT_CREATION = "FixedAtCreation";
        /// The spec can't be carried out.
        INVALID_SPEC = "InvalidSpec";
        /// A Secret that the spec names is not there, or lacks its key.
        SECRET_NOT_USABLE = "SecretNotUsable";
        /// The machine carries the mark and another identity.
        IDENTITY_CHANGED = "IdentityChanged";
        /// The machine is marked as somebody else's.
        MARKED_BY_OTHER = "MarkedByOther";
        /// Two machines carry its mark.
        MARKED_TWICE = "MarkedTwice";
        /// It can't be told whose machine it is.
        UNIDENTIFIED = "Unidentified";
        /// The mark is not sealed, and no task of ours proves it.
        UNPROVEN = "Unproven";
        /// A lock stands and no task runs.
        STALE_LOCK = "StaleLock";
        /// A person made a template of it.
        IS_TEMPLATE = "IsTemplate";
        /// The machine is protected against removal.
        PROTECTED = "Protected";
        /// The machine stays although its resource goes: its namespace or the kind is being deleted.
        GUEST_KEPT = "GuestKept";
        /// More machines were to be destroyed than the host's limit allows.
        DELETION_HELD = "DeletionHeld";
        /// A person let the held deletions go, as an Event.
        DELETIONS_RELEASED = "DeletionsReleased";
        /// The resource goes without its host being asked, as an Event.
        FORCE_RELEASED = "ForceReleased";
        /// The machine is being backed up.
        BACKING_UP = "BackingUp";
        /// The machine was backed up, as an Event.
        BACKED_UP = "BackedUp";
        /// The backup that precedes a removal can't be made or seen.
        BACKUP_NOT_SEEN = "BackupNotSeen";
        /// A wanted machine is gone.
        GUEST_LOST = "GuestLost";
        /// Guests that nobody owns are still being read.
        READING_GUESTS = "ReadingGuests";
        /// Whether the machine exists can't be told yet.
        PRESENCE_UNKNOWN = "PresenceUnknown";
        /// A task on the host failed.
        TASK_FAILED = "TaskFailed";
        /// A change was carried out and the machine is as it was.
        NO_EFFECT = "NoEffect";
        /// The machine stops again right after each start.
        STOPS_AFTER_START = "StopsAfterStart";
        /// The host refused a call.
        REFUSED_BY_HOST = "RefusedByHost";
        /// An answer was lost; the host is looked at before anything is sent again.
        ANSWER_LOST = "AnswerLost";
        /// A finished action, as an Event.
        CREATED = "Created";
        /// A finished action, as an Event.
        CLONED = "Cloned";
        /// Another Drover has claimed the host, as an Event.
        CLAIMED_BY_ANOTHER = "ClaimedByAnother";
        /// The cluster of the host is another Drover's, through another node.
        CLUSTER_DIVIDED = "ClusterDivided";
        /// A medium with user data was brought to the host, as an Event.
        MEDIUM_UPLOADED = "MediumUploaded";
        /// A medium with user data was removed, as an Event.
        MEDIUM_REMOVED = "MediumRemoved";
        /// A medium with user data that is needed no longer can't be removed, as an Event.
        MEDIUM_STAYS = "MediumStays";
        /// A machine was made of a backup, as an Event.
        RESTORED = "Restored";
        /// A finished action, as an Event.
        SEALED = "Sealed";
        /// A finished action, as an Event.
        CONFIGURED = "Configured";
        /// A finished action, as an Event.
        DISK_GROWN = "DiskGrown";
        /// A finished action, as an Event.
        DISK_MOVED = "DiskMoved";
        /// A finished action, as an Event.
        TEMPLATE_MADE = "TemplateMade";
        /// A finished action, as an Event.
        REBOOTED = "Rebooted";
        /// A finished action, as an Event.
        STARTED = "Started";
        /// A finished action, as an Event.
        RESUMED = "Resumed";
        /// A finished action, as an Event.
        SHUT_DOWN = "ShutDown";
        /// A finished action, as an Event.
        DESTROYED = "Destroyed";
        /// The mark was written again, as an Event.
        REMARKED = "Remarked";
        /// A reserved number was given up, as an Event.
        VMID_GIVEN_UP = "VmidGivenUp";
        /// A lost machine is made again, as an Event.
        RECREATING = "Recreating";
        /// A machine was adopted, as an Event.
        ADOPTED = "Adopted";
        /// A machine of a former resource of the same name was taken over, as an Event.
        BOUND = "Bound";
        /// There is no unowned machine under the number that is to be adopted.
        NOTHING_TO_ADOPT = "NothingToAdopt";
        /// A machine or member that no resource spoke of was found, as an Event.
        DISCOVERED = "Discovered";
        /// A machine was found by its mark, as an Event.
        FOUND_AGAIN = "FoundAgain";
    }
}

/// `True`, `False` or `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// It can't be told.
    Unknown,
}

impl Truth {
    const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A condition as a pass finds it, without the times that depend on what was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its type.
    pub type_: &'static str,
    /// Whether it holds.
    pub truth: Truth,
    /// One of [`reason`].
    pub reason: &'static str,
    /// What it means and what to do, for people.
    pub message: String,
}

impl Finding {
    /// A condition.
    #[must_use]
    pub fn new(type_: &'static str, truth: Truth, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            type_,
            truth,
            reason,
            message: message.into(),
        }
    }
}

/// The API server refuses longer messages (`metav1.Condition`).
const MESSAGE_LIMIT: usize = 32_768;

/// Lays the findings of a pass over the stored conditions: what was not found goes, and a transition time
/// stays unless the truth changed.
#[must_use]
pub fn merge(
    stored: &[Condition],
    findings: Vec<Finding>,
    generation: Option<i64>,
    now: jiff::Timestamp,
) -> Vec<Condition> {
    findings
        .into_iter()
        .map(|found| {
            let since = stored
                .iter()
                .find(|c| c.type_ == found.type_ && c.status == found.truth.as_str())
                .map_or_else(|| Time(now), |c| c.last_transition_time.clone());
            let mut message = found.message;
            truncate(&mut message, MESSAGE_LIMIT);
            Condition {
                type_: found.type_.to_owned(),
                status: found.truth.as_str().to_owned(),
                reason: found.reason.to_owned(),
                message,
                last_transition_time: since,
                observed_generation: generation,
            }
        })
        .collect()
}

/// Whether a stored condition is true.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    conditions.iter().any(|c| c.type_ == type_ && c.status == "True")
}

/// The stored condition of a type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// Cuts a text at a character boundary, with an ellipsis.
pub fn truncate(text: &mut String, limit: usize) {
    if text.len() <= limit {
        return;
    }
    let mut end = limit.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push('…');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn transition_time_stays_while_the_truth_stays() {
        let first = merge(
            &[],
            vec![Finding::new(READY, Truth::False, reason::CREATING, "")],
            Some(1),
            at(10),
        );
        let second = merge(
            &first,
            vec![Finding::new(READY, Truth::False, reason::STARTING, "x")],
            Some(2),
            at(20),
        );
        assert_eq!(second[0].last_transition_time.0, at(10));
        let third = merge(
            &second,
            vec![Finding::new(READY, Truth::True, reason::RUNNING, "")],
            Some(2),
            at(30),
        );
        assert_eq!(third[0].last_transition_time.0, at(30));
    }

    #[test]
    fn what_no_longer_holds_goes() {
        let first = merge(
            &[],
            vec![Finding::new(STALLED, Truth::True, reason::NAME_TAKEN, "")],
            None,
            at(1),
        );
        assert!(merge(&first, vec![], None, at(2)).is_empty());
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut text = "ä".repeat(10);
        truncate(&mut text, 9);
        assert!(text.len() <= 9 && text.ends_with('…'), "{text}");
    }
}
