//! What the nodes' own task lists tell: who made a guest, and whether the host is at work on it.

use jiff::{SignedDuration, Timestamp};

use super::facts::Ground;
use super::make;
use super::pass::{Flow, Pass};
use super::site::Site;
use super::task::{self, Act};
use crate::api::VirtualMachine;
use crate::hypervisor::{Error, Hypervisor, TaskFilter};
use crate::model::{GuestAddress, GuestId, TaskExit, TaskRecord, TaskState, Upid};
use crate::plan::desired::Desired;
use crate::plan::identity::placed::{Evidence, Made};
use crate::plan::making::{self, View};

/// Clocks of nodes and of this process may differ; a task that began this long before the reservation still
/// counts as one that may have been ours.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

/// What is known of the making of a guest without asking the host.
#[derive(Clone, Copy)]
pub(crate) struct Making<'a> {
    /// The number that it was to have.
    pub(crate) id: GuestId,
    pub(crate) vm: &'a VirtualMachine,
    /// What it was to be like; absent where that can't be told any more.
    pub(crate) desired: Option<&'a Desired>,
    /// Since when the number is reserved.
    pub(crate) since: Option<Timestamp>,
    /// This process made the reservation, and the host took none of its calls for it.
    pub(crate) none_taken: bool,
}

/// What the nodes' own task lists tell of the making of a guest.
pub(super) async fn of(pass: &Pass<'_>, site: &Site, id: GuestId) -> Result<Evidence, Error> {
    let driver = site.cluster.driver();
    let desired = pass.desired(site).ok();
    let making = Making {
        id,
        vm: &pass.vm,
        desired: desired.as_ref(),
        since: pass.status.reservation.as_ref().map(|r| r.since.0),
        none_taken: pass.ctx.memory.get(&pass.uid).making.none_taken(),
    };
    gather(make::ground(driver.as_ref(), site), making).await
}

/// The same for a pass and for `drover plan`, which differ in what they have at hand.
pub(crate) async fn gather(ground: Ground<'_>, making: Making<'_>) -> Result<Evidence, Error> {
    let Ground {
        driver, node, view, ..
    } = ground;
    let by_number = TaskFilter {
        guest: Some(making.id),
        ..TaskFilter::default()
    };
    let home = view.guests.get(&making.id).map_or(node, |row| &row.node);
    let mut of_number = driver.node_tasks(home, &by_number).await?;
    if home != node {
        of_number.extend(driver.node_tasks(node, &by_number).await?);
    }
    // A clone's task runs on the source's node and carries the source's number.
    let source = making.desired.and_then(|d| source_address(view, d));
    let mut clones = Vec::new();
    let earliest = making.since.and_then(|since| {
        let since = since.checked_sub(CLOCK_TOLERANCE).ok()?;
        Some(since.as_second())
    });
    let is_clone = making.vm.spec.source.as_ref().is_some_and(|s| s.clone.is_some());
    if source.is_none() && is_clone {
        // Renamed or removed since: whichever it was, its clone may still run.
        let filter = TaskFilter {
            kind: Some("qmclone".to_owned()),
            since: earliest,
            ..TaskFilter::default()
        };
        for node in view.nodes.iter().filter(|node| node.online) {
            clones.extend(driver.node_tasks(&node.name, &filter).await?);
        }
    }
    if let Some(at) = &source {
        let filter = TaskFilter {
            guest: Some(at.id),
            ..TaskFilter::default()
        };
        clones = driver.node_tasks(&at.node, &filter).await?;
        clones.retain(|t| t.upid.kind() == "qmclone");
    }
    let user = account(driver.user());
    // Of a create or clone that failed nothing is left; what a restore had made by then stays (qemu-server, `API2/Qemu.pm`).
    let leaves = |task: &TaskRecord| {
        task.upid.kind() == "qmrestore" || !matches!(task.state, TaskState::Ended(TaskExit::Failed(_)))
    };
    let ours = |task: &&TaskRecord| account(task.upid.user()) == user && leaves(task);
    let destroyed = of_number
        .iter()
        .filter(|t| t.upid.kind() == "qmdestroy" && t.state != TaskState::Running)
        .map(|t| t.upid.started())
        .max();
    let created = of_number
        .iter()
        .filter(|t| matches!(t.upid.kind(), "qmcreate" | "qmrestore"))
        .filter(ours);
    let copies = clones
        .iter()
        .filter(ours)
        .filter(|t| earliest.is_none_or(|earliest| t.upid.started() >= earliest));
    let made = created.chain(copies).map(|t| t.upid.started()).max();
    let running = |task: &TaskRecord| task.state == TaskState::Running && !is_console(task.upid.kind());
    let all_online = view.nodes.iter().all(|node| node.online);
    Ok(Evidence {
        made: match made {
            Some(_) if made >= destroyed => Made::ByUs,
            _ if is_clone && source.is_none() && !all_online => Made::Unclear,
            _ => Made::NotByUs,
        },
        running: of_number.iter().any(running) || clones.iter().any(running),
        none_taken: making.none_taken,
    })
}

/// The user of a token: a rotated token of the same user still is ours.
fn account(user: &str) -> &str {
    user.split('!').next().unwrap_or(user)
}

fn source_address(view: View<'_>, desired: &Desired) -> Option<GuestAddress> {
    let row = making::source(desired, view).ok().flatten()?;
    Some(row.address())
}

/// Whether a task is somebody's open console: it runs as long as somebody looks, and changes nothing.
fn is_console(kind: &str) -> bool {
    matches!(
        kind,
        "vncproxy" | "termproxy" | "spiceproxy" | "vncshell" | "spiceshell"
    )
}

/// Whether the host works on the guest already: asked before the first mutation of this process, and after
/// an answer was lost. Such a task is waited for, not repeated.
pub(super) async fn under_way(pass: &mut Pass<'_>, site: &Site, at: &GuestAddress) -> Flow<()> {
    if pass.ctx.memory.get(&pass.uid).settled {
        return Ok(());
    }
    if let Some(upid) = running(pass, site, at).await? {
        let act = match upid.kind() {
            "qmdestroy" if pass.deleting => Act::Destroy,
            "qmigrate" | "hamigrate" if pass.status.migration.is_some() => Act::Migrate,
            _ => Act::Other,
        };
        return Err(task::begin(pass, site, at.id, act, &upid, None).into());
    }
    pass.ctx.memory.note(&pass.uid, |m| m.settled = true);
    Ok(())
}

/// The task that works on a guest now, whoever started it.
pub(super) async fn running(pass: &Pass<'_>, site: &Site, at: &GuestAddress) -> Flow<Option<Upid>> {
    let driver = site.cluster.driver();
    let running = running_on(driver.as_ref(), at).await;
    running.map_err(|e| pass.trouble(&e).into())
}

/// The same for a pass and for `drover plan`.
pub(crate) async fn running_on(driver: &dyn Hypervisor, at: &GuestAddress) -> Result<Option<Upid>, Error> {
    let filter = TaskFilter {
        guest: Some(at.id),
        active_only: true,
        ..TaskFilter::default()
    };
    let tasks = driver.node_tasks(&at.node, &filter).await?;
    Ok(tasks
        .into_iter()
        .find(|t| t.state == TaskState::Running && !is_console(t.upid.kind()))
        .map(|t| t.upid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_console_is_no_work_on_a_guest() {
        for kind in ["vncproxy", "termproxy", "spiceproxy"] {
            assert!(is_console(kind), "{kind}");
        }
        for kind in [
            "qmstart",
            "qmshutdown",
            "qmdestroy",
            "vzdump",
            "qmigrate",
            "resize",
        ] {
            assert!(!is_console(kind), "{kind}");
        }
    }
}
