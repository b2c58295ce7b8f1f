//! What the nodes' own task lists tell: who made a guest, and whether the host is at work on it.

use jiff::SignedDuration;

use super::make;
use super::pass::{Flow, Pass};
use super::site::Site;
use super::task::{self, Act};
use crate::hypervisor::{Error, TaskFilter};
use crate::model::{GuestAddress, TaskExit, TaskRecord, TaskState, Upid, Vmid};
use crate::plan::desired::Desired;
use crate::plan::identity::placed::{Evidence, Made};
use crate::plan::making;

/// Clocks of nodes and of this process may differ; a task that began this long before the reservation still
/// counts as one that may have been ours.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

/// What the nodes' own task lists tell of the making of a guest.
pub(super) async fn gather(pass: &Pass<'_>, site: &Site, vmid: Vmid) -> Result<Evidence, Error> {
    let driver = site.cluster.driver();
    let by_number = TaskFilter {
        vmid: Some(vmid),
        ..TaskFilter::default()
    };
    let home = site
        .snapshot
        .address(vmid)
        .map_or(site.node.clone(), |at| at.node);
    let mut of_number = driver.node_tasks(&home, &by_number).await?;
    if home != site.node {
        of_number.extend(driver.node_tasks(&site.node, &by_number).await?);
    }
    // A clone's task runs on the source's node and carries the source's number.
    let desired = pass.desired(site).ok();
    let source = desired.as_ref().and_then(|d| source_address(site, d));
    let mut clones = Vec::new();
    let earliest = pass.status.reservation.as_ref().and_then(|r| {
        let since = r.since.0.checked_sub(CLOCK_TOLERANCE).ok()?;
        Some(since.as_second())
    });
    let is_clone = pass.vm.spec.source.as_ref().is_some_and(|s| s.clone.is_some());
    if source.is_none() && is_clone {
        // Renamed or removed since: whichever it was, its clone may still run.
        let filter = TaskFilter {
            kind: Some("qmclone".to_owned()),
            since: earliest,
            ..TaskFilter::default()
        };
        for node in site.snapshot.nodes.iter().filter(|node| node.online) {
            clones.extend(driver.node_tasks(&node.name, &filter).await?);
        }
    }
    if let Some(at) = &source {
        let filter = TaskFilter {
            vmid: Some(at.vmid),
            ..TaskFilter::default()
        };
        clones = driver.node_tasks(&at.node, &filter).await?;
        clones.retain(|t| t.upid.kind() == "qmclone");
    }
    let making = pass.ctx.memory.get(&pass.uid).making;
    let user = account(&site.cluster.user());
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
    let all_online = site.snapshot.nodes.iter().all(|node| node.online);
    Ok(Evidence {
        made: match made {
            Some(_) if made >= destroyed => Made::ByUs,
            _ if is_clone && source.is_none() && !all_online => Made::Unclear,
            _ => Made::NotByUs,
        },
        running: of_number.iter().any(running) || clones.iter().any(running),
        none_taken: making.none_taken(),
    })
}

/// The user of a token: a rotated token of the same user still is ours.
fn account(user: &str) -> String {
    user.split('!').next().unwrap_or(user).to_owned()
}

fn source_address(site: &Site, desired: &Desired) -> Option<GuestAddress> {
    let row = making::source(desired, make::view(&site.snapshot))
        .ok()
        .flatten()?;
    Some(GuestAddress {
        node: row.node.clone(),
        vmid: row.vmid,
    })
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
        return Err(task::begin(pass, site, at.vmid, act, &upid, None).into());
    }
    pass.ctx.memory.note(&pass.uid, |m| m.settled = true);
    Ok(())
}

/// The task that works on a guest now, whoever started it.
pub(super) async fn running(pass: &Pass<'_>, site: &Site, at: &GuestAddress) -> Flow<Option<Upid>> {
    let filter = TaskFilter {
        vmid: Some(at.vmid),
        active_only: true,
        ..TaskFilter::default()
    };
    let tasks = site.cluster.driver().node_tasks(&at.node, &filter).await;
    let tasks = tasks.map_err(|e| pass.trouble(&e))?;
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
