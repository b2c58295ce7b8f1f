//! A machine that stands there already becomes a resource's own: one that was made for a former resource of the
//! same name, or one that a person wants adopted.

use kube::ResourceExt;
use kube::api::{Api, ListParams};

use super::pass::{Again, End, Flow, Pass, Stop};
use super::site::Site;
use super::{evidence, record};
use crate::api::conditions::reason;
use crate::api::names::ADOPT;
use crate::api::{GuestOrigin, IdentityStatus, VirtualMachine};
use crate::controllers::journal::Entry;
use crate::hypervisor::Refusal;
use crate::model::{Change, GuestConfig, Progress, Vmid};
use crate::plan::identity::mark::{self, MarkReading};
use crate::plan::identity::unplaced::{self, Obstacle, Taking, Unfit};

/// Reads the machine anew, and makes it the resource's own if it may become so.
pub(super) async fn take(pass: &mut Pass<'_>, site: &Site, vmid: Vmid) -> Flow<End> {
    let Some(at) = site.cluster.snapshot().address(vmid) else {
        return Ok(moved(vmid));
    };
    let reading = match site.cluster.read_config(&at).await {
        Ok(reading) => reading,
        Err(error) if error.refusal() == Some(&Refusal::GuestMissing) => {
            site.cluster.refresh();
            return Ok(moved(vmid));
        }
        Err(error) => return Ok(pass.trouble(&error)),
    };
    let config = &reading.config;
    let names = pass.names();
    let others = pass.others();
    let (own, taking) = match unplaced::take(&pass.seeker(&names, &others), &at, config, reading.read_at) {
        Ok(taken) => taken,
        Err(why) => return Ok(unfit(pass, vmid, &why)),
    };
    if taking == Taking::Adopt {
        site.allowed().check_existing().map_err(End::from)?;
    }
    if let Taking::Rebind(former) = &taking
        && let Some(owner) = living(pass, former).await?
    {
        let message = format!(
            "machine {vmid} belongs to VirtualMachine {owner}: nothing is made, so that it is not doubled"
        );
        return Ok(End::stalled(reason::MARKED_BY_OTHER, message));
    }
    let majority = site
        .cluster
        .confirm_cluster()
        .await
        .map_err(|e| pass.trouble(&e))?;
    if !majority {
        return Ok(super::place::no_majority());
    }
    if let Some(task) = evidence::running(pass, site, &at).await? {
        let message = format!("task {task} runs on machine {vmid}, which is taken over when it has ended");
        return Ok(End::progressing(reason::HOST_BUSY, message, Again::Busy));
    }
    record::claim(pass, vmid).await.map_err(Stop::Error)?;
    // A kill from here on finds the machine again by its mark.
    pass.status.origin = Some(match &taking {
        Taking::Adopt => GuestOrigin::Adopted,
        Taking::Rebind(_) => origin(vmid, config),
    });
    let Some(uuid) = config.uuid else {
        return Ok(moved(vmid));
    };
    let described = pass.mark(vmid).sealed(uuid).write_into(&config.description);
    let driver = site.cluster.driver();
    let sent = driver
        .configure(&own, config, &[Change::Description(described)])
        .await;
    match sent.map_err(|e| pass.trouble(&e))? {
        // The next pass reads the mark, whenever the task ends.
        Progress::Running(_) => Ok(moved(vmid)),
        Progress::Done => Ok(taken(pass, site, vmid, uuid, &taking)),
    }
}

fn taken(pass: &mut Pass<'_>, site: &Site, vmid: Vmid, uuid: uuid::Uuid, taking: &Taking) -> End {
    pass.status.vmid = Some(vmid.get());
    pass.status.cluster = Some(site.cluster.id().to_string());
    pass.status.identity = Some(IdentityStatus { uuid });
    pass.status.reservation = None;
    pass.pin_class();
    let (reason, note) = match taking {
        Taking::Adopt => (
            reason::ADOPTED,
            format!("machine {vmid} was adopted, as the annotation {ADOPT} says"),
        ),
        Taking::Rebind(former) => (
            reason::BOUND,
            format!(
                "machine {vmid} was made for this resource's predecessor (uid {former}) and is this one's now"
            ),
        ),
    };
    pass.entries.push(Entry::normal(reason, note.clone()));
    End::progressing(reason, note, Again::Now)
}

/// Where a machine came from, as its mark says.
pub(super) fn origin(vmid: Vmid, config: &GuestConfig) -> GuestOrigin {
    match mark::read(vmid, config) {
        MarkReading::Sealed(mark) | MarkReading::Unsealed(mark) | MarkReading::Released(mark)
            if mark.adopted =>
        {
            GuestOrigin::Adopted
        }
        _ => GuestOrigin::Made,
    }
}

/// Which resource has a UID, asked of the API server itself.
async fn living(pass: &Pass<'_>, uid: &str) -> Flow<Option<String>> {
    let machines: Api<VirtualMachine> = Api::all(pass.ctx.client.clone());
    let machines = machines.list_metadata(&ListParams::default()).await?;
    let found = machines.iter().find(|m| m.uid().as_deref() == Some(uid));
    Ok(found.map(|m| format!("{}/{}", m.namespace().unwrap_or_default(), m.name_any())))
}

fn moved(vmid: Vmid) -> End {
    let message = format!("machine {vmid} is looked at again");
    End::progressing(reason::READING_GUESTS, message, Again::Busy)
}

/// What stands in the way of taking a machine over, and what a person can do.
pub(super) fn unfit(pass: &Pass<'_>, vmid: Vmid, obstacle: &Obstacle) -> End {
    let (why, adopting) = match obstacle {
        Obstacle::Predecessor(why) => (why, false),
        Obstacle::Adoption(why) => (why, true),
        Obstacle::NameTaken | Obstacle::Resembling(_) => (&Unfit::Marked, false),
    };
    let former = if adopting {
        format!("machine {vmid} can't be adopted")
    } else {
        format!(
            "machine {vmid} was made for another resource of this kind, namespace and name, an earlier one or one of \
             another Kubernetes cluster: nothing is made, so that it is not doubled"
        )
    };
    let name = pass.vm.name_any();
    let (reason, what) = match why {
        Unfit::Released => (
            reason::MARKED_BY_OTHER,
            format!(
                "It was let go, and is nobody's. To have it back, set spec.vmid to {vmid} and run 'kubectl annotate dvm \
                 {name} {ADOPT}=true'; else remove it, or choose another name for this resource"
            ),
        ),
        Unfit::OtherCluster(uid) => (
            reason::MARKED_BY_OTHER,
            format!(
                "It belongs to the Kubernetes cluster {uid}. If that one is lost, start Drover with --recover-from {uid}; \
                 else choose another name"
            ),
        ),
        Unfit::Marked => (
            reason::MARKED_BY_OTHER,
            "Its notes say that it is another resource's (the line 'drover/v1'): delete that one with deletionPolicy \
             Retain first, or, if it no longer exists anywhere, remove the line"
                .to_owned(),
        ),
        Unfit::Unsealed => (
            reason::UNPROVEN,
            "Its mark is not sealed: its making was never finished. Remove the machine, or the line 'drover/v1' from its \
             notes"
                .to_owned(),
        ),
        Unfit::Locked(lock) => (
            reason::LOCKED,
            format!(
                "It is locked ('{}'): this goes on when the host is done. If no task runs there, 'qm unlock {vmid}' takes a \
                 left-over lock off",
                lock.0
            ),
        ),
        Unfit::Template => (reason::IS_TEMPLATE, "It is a template".to_owned()),
        Unfit::NoUuid => (
            reason::UNIDENTIFIED,
            "It has no UUID by which it could be told from a successor: give it one on the host (Options, SMBIOS \
             settings)"
                .to_owned(),
        ),
        Unfit::Anothers(owner) => (
            reason::MARKED_BY_OTHER,
            format!(
                "It is VirtualMachine {owner}'s, whose mark somebody took from its notes: delete that one with \
                 deletionPolicy Retain first"
            ),
        ),
        Unfit::OtherNumber(pinned) => (
            reason::MARKED_BY_OTHER,
            format!("spec.vmid is {pinned}: leave it out, or set it to {vmid}, to have that machine"),
        ),
        Unfit::Several(others) => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            (
                reason::MARKED_BY_OTHER,
                format!(
                    "So were {}: remove the line 'drover/v1' from the notes of all but the one that is meant",
                    others.join(", ")
                ),
            )
        }
    };
    End::stalled(reason, format!("{former}. {what}"))
}
