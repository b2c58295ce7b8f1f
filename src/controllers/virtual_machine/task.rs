//! The task that the status names: followed to its end by the fleet, judged here.

use std::fmt::Write as _;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::pass::{Again, End, Flow, Pass};
use super::site::Site;
use crate::api::TaskStatus;
use crate::api::conditions::reason;
use crate::controllers::journal::Entry;
use crate::fleet::Permit;
use crate::model::{GuestId, TaskExit, TaskState, Upid};
use crate::plan::guest_id;
use crate::plan::status::Outcome;
use crate::runtime::Class;

/// What a task does for a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Create,
    Clone,
    Restore,
    Configure,
    GrowDisk,
    MoveDisk,
    MakeTemplate,
    Migrate,
    Start,
    Pause,
    Resume,
    Suspend,
    Reboot,
    ShutDown,
    Destroy,
    BackUp,
    UploadMedium,
    RemoveMedium,
    /// Somebody else's task on the same guest.
    Other,
}

impl Act {
    const ALL: [Self; 19] = [
        Self::Create,
        Self::Clone,
        Self::Restore,
        Self::Configure,
        Self::GrowDisk,
        Self::MoveDisk,
        Self::MakeTemplate,
        Self::Migrate,
        Self::Start,
        Self::Pause,
        Self::Resume,
        Self::Suspend,
        Self::Reboot,
        Self::ShutDown,
        Self::Destroy,
        Self::BackUp,
        Self::UploadMedium,
        Self::RemoveMedium,
        Self::Other,
    ];

    /// As `status.task.action` shows it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Clone => "Clone",
            Self::Restore => "Restore",
            Self::Configure => "Configure",
            Self::GrowDisk => "GrowDisk",
            Self::MoveDisk => "MoveDisk",
            Self::MakeTemplate => "MakeTemplate",
            Self::Migrate => "Migrate",
            Self::Start => "Start",
            Self::Pause => "Pause",
            Self::Resume => "Resume",
            Self::Suspend => "Suspend",
            Self::Reboot => TaskStatus::REBOOT,
            Self::ShutDown => "ShutDown",
            Self::Destroy => "Destroy",
            Self::BackUp => "BackUp",
            Self::UploadMedium => "UploadMedium",
            Self::RemoveMedium => "RemoveMedium",
            Self::Other => "Other",
        }
    }

    /// The label of `drover_actions_total`.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Clone => "clone",
            Self::Restore => "restore",
            Self::Configure => "configure",
            Self::GrowDisk => "grow-disk",
            Self::MoveDisk => "move-disk",
            Self::MakeTemplate => "make-template",
            Self::Migrate => "migrate",
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Suspend => "suspend",
            Self::Reboot => "reboot",
            Self::ShutDown => "shut-down",
            Self::Destroy => "destroy",
            Self::BackUp => "back-up",
            Self::UploadMedium => "upload-medium",
            Self::RemoveMedium => "remove-medium",
            Self::Other => "other",
        }
    }

    const fn doing(self) -> (&'static str, &'static str) {
        match self {
            Self::Create => (reason::CREATING, "the machine is being created"),
            Self::Clone => (reason::CLONING, "the machine is being copied"),
            Self::Restore => (reason::RESTORING, "the machine is being made of the backup"),
            Self::Configure => (reason::CONFIGURING, "the configuration is being changed"),
            Self::GrowDisk => (reason::GROWING_DISK, "the disk is being grown"),
            Self::MoveDisk => (reason::MOVING_DISK, "the disk is being moved to another storage"),
            Self::MakeTemplate => (reason::MAKING_TEMPLATE, "a template is being made of the machine"),
            Self::Migrate => (reason::MIGRATING, "the machine is being moved to another node"),
            Self::Start => (reason::STARTING, "the machine is being started"),
            Self::Pause => (reason::PAUSING, "the machine is being paused"),
            Self::Resume => (reason::RESUMING, "the machine is being let go on"),
            Self::Suspend => (reason::SUSPENDING, "the machine's memory is being saved to disk"),
            Self::Reboot => (
                reason::REBOOTING,
                "the machine is being rebooted for what waits for that",
            ),
            Self::ShutDown => (reason::STOPPING, "the machine is being brought down"),
            Self::Destroy => (reason::DESTROYING, "the machine is being destroyed"),
            Self::BackUp => (
                reason::BACKING_UP,
                "the machine is being backed up before it is destroyed",
            ),
            Self::UploadMedium => (
                reason::UPLOADING_MEDIUM,
                "the medium with the machine's user data is being brought to the host",
            ),
            Self::RemoveMedium => (
                reason::REMOVING_MEDIUM,
                "a medium whose user data no machine needs any more is being removed",
            ),
            Self::Other => (
                reason::HOST_BUSY,
                "a task that Drover did not start is waited for",
            ),
        }
    }

    /// What it did, where the host did it at once.
    pub(super) fn doing_of(self, id: GuestId) -> (&'static str, String) {
        let (reason, what) = self.doing();
        (reason, format!("{what} (machine {id})"))
    }

    /// The Event when it is done.
    pub(super) fn done(self, id: GuestId, node: &str) -> Option<Entry> {
        let (reason, what) = match self {
            Self::Create => (reason::CREATED, format!("created machine {id} on node {node}")),
            Self::Clone => (
                reason::CLONED,
                format!("copied the source to machine {id} on node {node}"),
            ),
            Self::Restore => (
                reason::RESTORED,
                format!("made machine {id} on node {node} of the backup"),
            ),
            Self::Configure => (
                reason::CONFIGURED,
                format!("changed the configuration of machine {id}"),
            ),
            Self::GrowDisk => (reason::DISK_GROWN, format!("grew a disk of machine {id}")),
            Self::MoveDisk => (
                reason::DISK_MOVED,
                format!("moved a disk of machine {id} to another storage"),
            ),
            Self::MakeTemplate => (reason::TEMPLATE_MADE, format!("made a template of machine {id}")),
            Self::Start => (reason::STARTED, format!("started machine {id} on node {node}")),
            Self::Pause => (reason::GUEST_PAUSED, format!("paused machine {id}")),
            Self::Resume => (reason::RESUMED, format!("let machine {id} go on")),
            Self::Suspend => (
                reason::SUSPENDED,
                format!("saved the memory of machine {id} to disk, and stopped it"),
            ),
            Self::Reboot => (
                reason::REBOOTED,
                format!("rebooted machine {id} on node {node} for what waited for that"),
            ),
            Self::ShutDown => (
                reason::SHUT_DOWN,
                format!("brought machine {id} on node {node} down"),
            ),
            Self::Destroy => (
                reason::DESTROYED,
                format!("destroyed machine {id} on node {node}"),
            ),
            Self::UploadMedium => (
                reason::MEDIUM_UPLOADED,
                format!("brought the medium with the user data of machine {id} to node {node}"),
            ),
            Self::RemoveMedium => (
                reason::MEDIUM_REMOVED,
                format!("removed a medium of machine {id} whose user data is needed no longer"),
            ),
            // Said when the archive was seen, and the machine on its new node.
            Self::BackUp | Self::Migrate | Self::Other => return None,
        };
        Some(Entry::normal(reason, what))
    }
}

/// Names a task in the status and has it followed. The pass that does so ends with what this returns.
pub(super) fn begin(
    pass: &mut Pass<'_>,
    site: &Site,
    id: GuestId,
    act: Act,
    upid: &Upid,
    permit: Option<Permit>,
) -> End {
    site.cluster.track(upid.clone(), id, permit);
    pass.status.task = Some(TaskStatus {
        id: upid.to_string(),
        action: act.name().to_owned(),
        started_at: Time(pass.ctx.runtime.clock.now()),
        message: Some(act.doing().1.to_owned()),
    });
    tracing::info!(guest.id = %id, task.id = %upid, action = act.label(), "the host works on it");
    running(act, upid)
}

fn running(act: Act, upid: &Upid) -> End {
    let (reason, what) = act.doing();
    End::progressing(
        reason,
        format!("{what} (task {upid} on node {})", upid.node()),
        Again::Task,
    )
}

/// Looks after the task in the status: waits while it runs, clears it when it ended.
pub(super) async fn settle(pass: &mut Pass<'_>, site: &Site) -> Flow<()> {
    let Some(task) = pass.status.task.clone() else {
        return Ok(());
    };
    let act = Act::ALL
        .into_iter()
        .find(|a| a.name() == task.action)
        .unwrap_or(Act::Other);
    let (Ok(upid), Some(id)) = (task.id.parse::<Upid>(), guest_id::current(&pass.status)) else {
        pass.status.task = None;
        return Ok(());
    };
    let exit = match site.cluster.task(&upid) {
        None => {
            site.cluster.track(upid.clone(), id, None);
            return Err(running(act, &upid).into());
        }
        Some(TaskState::Running) => return Err(running(act, &upid).into()),
        Some(TaskState::Forgotten) => None,
        Some(TaskState::Ended(exit)) => Some(exit),
    };
    pass.status.task = None;
    if act == Act::Migrate {
        let now = pass.ctx.runtime.clock.instant();
        pass.ctx.memory.note(&pass.uid, |m| m.moved = Some(now));
        site.cluster.refresh();
    }
    let metrics = &pass.ctx.runtime.metrics;
    match exit {
        None => {
            if act == Act::BackUp {
                pass.status.final_backup = None;
            }
            // How it ended can only be read from the guest, which is what comes next.
            tracing::warn!(task.id = %upid, "the host no longer knows the task");
            Ok(())
        }
        Some(TaskExit::Ok { warnings }) => {
            metrics.action(act.label(), Ok(()));
            if let Some(mut entry) = act.done(id, upid.node().as_str()) {
                if warnings > 0 {
                    let _ = write!(
                        entry.note,
                        " with {warnings} warnings: see the log of task {upid} on the host"
                    );
                }
                pass.entries.push(entry);
            }
            // A guest that was started or stopped is asked itself: the list lags behind the task.
            if matches!(
                act,
                Act::Start | Act::Pause | Act::Resume | Act::Suspend | Act::Reboot | Act::ShutDown
            ) && let Some(at) = site.snapshot.address(id)
            {
                site.cluster.read_power(&at).await.map_err(|e| pass.trouble(&e))?;
            }
            if act == Act::Destroy && pass.deleting && super::look::late_call(pass).is_none() {
                return Err(super::remove::gone(pass, site, id)
                    .await
                    .map_or_else(|stop| stop, Into::into));
            }
            Ok(())
        }
        Some(TaskExit::Failed(sentence)) => {
            metrics.action(act.label(), Err(Class::Permanent));
            pass.ctx.memory.note(&pass.uid, |m| m.done = None);
            if act == Act::Other {
                return Ok(());
            }
            if act == Act::BackUp {
                pass.status.final_backup = None;
            }
            if act == Act::Migrate {
                pass.status.migration = None;
            }
            if act == Act::Reboot {
                pass.status.last_reboot = None;
                pass.ctx.memory.note(&pass.uid, |m| m.reboot_failed = true);
            }
            let message = format!(
                "{} failed: {sentence} (task {upid} on node {}); it is tried again",
                act.name(),
                upid.node()
            );
            tracing::warn!(machine = pass.vm.name_any(), task.id = %upid, "{message}");
            let outcome = Outcome::unknown(reason::TASK_FAILED, message);
            Err(pass.failed(outcome).into())
        }
    }
}
