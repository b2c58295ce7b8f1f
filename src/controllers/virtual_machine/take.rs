//! A machine that stands there already becomes a resource's own: one that was made for a former resource of the
//! same name, or one that a person wants adopted.

use kube::ResourceExt;
use kube::api::{Api, ListParams};

use super::pass::{Again, End, Flow, Pass, Stop};
use super::site::Site;
use super::{evidence, record};
use crate::api::conditions::reason;
use crate::api::{GuestOrigin, IdentityStatus, VirtualMachine};
use crate::controllers::journal::Entry;
use crate::hypervisor::Refusal;
use crate::model::{Change, GuestId, Progress};
use crate::plan::guest_id;
use crate::plan::identity::unplaced::{self, Obstacle, Taking};
use crate::plan::placing;

/// Reads the machine anew, and makes it the resource's own if it may become so.
pub(super) async fn take(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Flow<End> {
    let Some(at) = site.cluster.snapshot().address(id) else {
        return Ok(moved(id));
    };
    let reading = match site.cluster.read_config(&at).await {
        Ok(reading) => reading,
        Err(error) if error.refusal() == Some(&Refusal::GuestMissing) => {
            site.cluster.refresh();
            return Ok(moved(id));
        }
        Err(error) => return Ok(pass.trouble(&error)),
    };
    let config = &reading.config;
    let names = pass.names(site);
    let (own, taking) = match unplaced::take(&pass.seeker(&names), &at, config, reading.read_at) {
        Ok(taken) => taken,
        Err(obstacle) => return Ok(obstructed(pass, id, &obstacle)),
    };
    if taking == Taking::Adopt {
        site.allowed().check_existing().map_err(End::from)?;
    }
    if let Taking::Rebind(former) = &taking
        && let Some(owner) = living(pass, former).await?
    {
        return Ok(End::waiting(placing::living(id, &owner)));
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
        return Ok(End::new(placing::taken_later(id, &task), Again::Busy));
    }
    record::claim(pass, id).await.map_err(Stop::Error)?;
    // A kill from here on finds the machine again by its mark.
    pass.status.origin = Some(match &taking {
        Taking::Adopt => GuestOrigin::Adopted,
        Taking::Rebind(_) => placing::origin(id, config),
    });
    let Some(uuid) = config.uuid else {
        return Ok(moved(id));
    };
    let described = pass.mark(id).sealed(uuid).write_into(&config.description);
    let driver = site.cluster.driver();
    let sent = driver
        .configure(&own, config, &[Change::Description(described)])
        .await;
    match sent.map_err(|e| pass.trouble(&e))? {
        // The next pass reads the mark, whenever the task ends.
        Progress::Running(_) => Ok(moved(id)),
        Progress::Done => Ok(taken(pass, site, id, uuid, &taking)),
    }
}

fn taken(pass: &mut Pass<'_>, site: &Site, id: GuestId, uuid: uuid::Uuid, taking: &Taking) -> End {
    guest_id::record(&mut pass.status, Some(id));
    pass.status.cluster = Some(site.cluster.id().to_string());
    pass.status.identity = Some(IdentityStatus { uuid });
    pass.status.reservation = None;
    pass.pin_class();
    let (reason, note) = placing::taken(id, taking);
    pass.entries.push(Entry::normal(reason, note.clone()));
    End::progressing(reason, note, Again::Now)
}

/// Which resource has a UID, asked of the API server itself.
async fn living(pass: &Pass<'_>, uid: &str) -> Flow<Option<String>> {
    let machines: Api<VirtualMachine> = Api::all(pass.ctx.client.clone());
    let machines = machines.list_metadata(&ListParams::default()).await?;
    let found = machines.iter().find(|m| m.uid().as_deref() == Some(uid));
    Ok(found.map(|m| format!("{}/{}", m.namespace().unwrap_or_default(), m.name_any())))
}

fn moved(id: GuestId) -> End {
    let message = format!("machine {id} is looked at again");
    End::progressing(reason::READING_GUESTS, message, Again::Busy)
}

/// Something stands in the way of making or taking a machine.
pub(super) fn obstructed(pass: &Pass<'_>, id: GuestId, obstacle: &Obstacle) -> End {
    End::waiting(placing::obstructed(&pass.vm, &pass.uid, id, obstacle))
}
