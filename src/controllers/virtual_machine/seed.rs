//! The medium with user data: brought to the host before the machine reads it, and removed when none reads it any more.
//! What is made is recorded before it is (`plan::seed::record`).

use std::collections::BTreeSet;

use super::make::view;
use super::pass::{Again, End, Flow, Pass, Stop};
use super::record;
use super::site::Site;
use super::task::{self, Act};
use crate::api::conditions::reason;
use crate::api::{CloudInitStatus, SeedMedium};
use crate::controllers::journal::Entry;
use crate::fleet::Work;
use crate::hypervisor::{Error, seed_image};
use crate::model::{Change, GuestAddress, GuestConfig, GuestId, Hardware, NodeName, Progress, VolumeId};
use crate::plan::desired::{Datasource, Desired};
use crate::plan::guest::Action;
use crate::plan::making::check_iso_storage;
use crate::plan::seed::record::{Disused, Standing, intend, made, sort_out, standing, to_look_at};
use crate::plan::seed::{self, Seed};
use crate::runtime::Class;

/// How many media may be recorded before old ones are removed ahead of a new one.
const MOST: usize = 6;

/// Says which medium the machine is to have, once Secrets were read, and notes the drive in which it has one of its own.
pub(super) fn settle(pass: &mut Pass<'_>, desired: &mut Desired, hardware: &Hardware) {
    if let Some(identity) = pass.recorded() {
        seed::settle(desired, hardware, identity);
    }
    let own = |volume: &VolumeId| {
        wanted(desired).is_some_and(|seed| seed.volume() == volume)
            || recorded(pass)
                .iter()
                .any(|medium| medium.volume == volume.to_string())
    };
    let mut drives = hardware.cdroms.iter();
    let drive = drives.find(|(_, medium)| medium.as_ref().is_some_and(own));
    let drive = drive.map(|(slot, _)| slot.clone());
    if drive.is_some() {
        pass.status.cloud_init.get_or_insert_default().drive = drive;
    }
}

fn wanted(desired: &Desired) -> Option<&Seed> {
    match &desired.cloud_init.as_ref()?.source {
        Datasource::Seed(seed) => seed.as_deref(),
        Datasource::Host => None,
    }
}

fn media(config: &Hardware) -> impl Iterator<Item = &VolumeId> {
    config.cdroms.values().flatten()
}

/// Whether an action puts the medium in, or lets the machine read it.
fn needs(action: &Action, seed: &Seed, config: &GuestConfig) -> bool {
    match action {
        Action::Configure(changes) => changes.iter().any(
            |change| matches!(change, Change::Cdrom { volume: Some(volume), .. } if volume == seed.volume()),
        ),
        Action::Start | Action::Reboot { .. } => media(&config.next).any(|volume| volume == seed.volume()),
        _ => false,
    }
}

/// Brings the medium to the host, if the action needs it and it is not there. The pass ends with what this returns.
pub(super) async fn ready(
    pass: &mut Pass<'_>,
    site: &Site,
    at: &GuestAddress,
    config: &GuestConfig,
    desired: &Desired,
    action: &Action,
) -> Flow<Option<End>> {
    let Some(seed) = wanted(desired).filter(|seed| needs(action, seed, config)) else {
        return Ok(None);
    };
    let (volume, storage) = (seed.volume(), seed.volume().storage());
    check_iso_storage(storage, &at.node, view(&site.snapshot))
        .map_err(|missing| End::waiting(missing.into()))?;
    if recorded(pass).len() >= MOST
        && let Some(end) = tidy(pass, site, at, Some(config), desired).await?
    {
        return Ok(Some(end));
    }
    let image = seed_image(seed.documents()).map_err(|why| End::stalled(reason::INVALID_SPEC, why))?;
    let length = u64::try_from(image.len()).unwrap_or(u64::MAX);
    let driver = site.cluster.driver();
    let listed = driver.volumes(&at.node, storage, Some("iso"), None).await;
    let listed = listed.map_err(|e| pass.trouble(&e))?;
    match standing(volume, length, &listed, recorded(pass)) {
        Standing::There => Ok(None),
        Standing::Unrecorded(at) => {
            made(recorded_mut(pass), volume, at);
            record::save(pass).await.map_err(Stop::Error)?;
            Ok(None)
        }
        Standing::Occupied => {
            let message = format!(
                "there is a file {volume} that Drover did not make, where the machine's user data is to be: remove it"
            );
            Err(End::stalled(reason::FILE_IN_THE_WAY, message).into())
        }
        Standing::Missing => {
            let work = Work {
                id: at.id,
                storages: BTreeSet::from([storage.to_owned()]),
                clone_source: None,
            };
            let permit = match site.cluster.admit(work) {
                Ok(permit) => permit,
                Err(held) => {
                    return Ok(Some(End::progressing(
                        reason::QUEUED,
                        held.reason,
                        Again::Waiting,
                    )));
                }
            };
            intend(recorded_mut(pass), volume);
            record::save(pass).await.map_err(Stop::Error)?;
            let end = match driver.upload_seed(&at.node, seed).await {
                Ok(Progress::Running(upid)) => {
                    task::begin(pass, site, at.id, Act::UploadMedium, &upid, Some(permit))
                }
                Ok(Progress::Done) => {
                    let (reason, message) = Act::UploadMedium.doing_of(at.id);
                    End::progressing(reason, message, Again::Now)
                }
                Err(error) => failed(pass, Act::UploadMedium, &error),
            };
            Ok(Some(end))
        }
    }
}

fn failed(pass: &Pass<'_>, act: Act, error: &Error) -> End {
    pass.ctx.runtime.metrics.action(act.label(), Err(error.class()));
    let end = pass.trouble(error);
    // What the host refuses for good is tried again now and then: somebody may mend the host.
    if matches!(error.class(), Class::Invalid | Class::Permanent) {
        return pass.failed(end.outcome);
    }
    end
}

fn recorded<'a>(pass: &'a Pass<'_>) -> &'a [SeedMedium] {
    pass.status.cloud_init.as_ref().map_or(&[], |told| &told.media)
}

fn recorded_mut<'a>(pass: &'a mut Pass<'_>) -> &'a mut Vec<SeedMedium> {
    let told = pass
        .status
        .cloud_init
        .get_or_insert_with(CloudInitStatus::default);
    &mut told.media
}

fn in_use(config: Option<&GuestConfig>, desired: &Desired) -> BTreeSet<VolumeId> {
    let of_machine = config
        .into_iter()
        .flat_map(|config| media(&config.current).chain(media(&config.next)));
    let of_spec = wanted(desired).filter(|_| config.is_some()).map(Seed::volume);
    of_machine.chain(of_spec).cloned().collect()
}

/// Whether no medium is left over.
pub(super) fn is_tidy(pass: &Pass<'_>, config: &GuestConfig, desired: &Desired) -> bool {
    to_look_at(recorded(pass), &in_use(Some(config), desired)).is_empty()
}

/// Removes a medium that the machine has no use for any more. `config` is what the machine has now; nothing once it is
/// gone. The pass ends with what this returns.
pub(super) async fn tidy(
    pass: &mut Pass<'_>,
    site: &Site,
    at: &GuestAddress,
    config: Option<&GuestConfig>,
    desired: &Desired,
) -> Flow<Option<End>> {
    let in_use = in_use(config, desired);
    for storage in to_look_at(recorded(pass), &in_use) {
        // What a token does not show, or another node has, is not gone.
        if site.snapshot.storage(at.node.as_str(), &storage).is_none() {
            continue;
        }
        let driver = site.cluster.driver();
        let listed = driver.volumes(&at.node, &storage, Some("iso"), None).await;
        let listed = listed.map_err(|e| pass.trouble(&e))?;
        let disused = sort_out(recorded_mut(pass), &storage, &listed, &in_use);
        for medium in disused {
            if let Some(end) = remove(pass, site, at, &medium).await? {
                return Ok(Some(end));
            }
        }
    }
    let declared = desired.cloud_init.as_ref().map(|told| &told.source);
    let declared = matches!(declared, Some(Datasource::Seed(_)));
    if let Some(told) = &mut pass.status.cloud_init {
        // One that is declared no longer, and gone, may be declared anew.
        told.drive = told.drive.take().filter(|_| declared || !told.media.is_empty());
        if *told == CloudInitStatus::default() {
            pass.status.cloud_init = None;
        }
    }
    Ok(None)
}

async fn remove(pass: &mut Pass<'_>, site: &Site, at: &GuestAddress, medium: &Disused) -> Flow<Option<End>> {
    let volume = medium.volume();
    match site.cluster.driver().remove_medium(&at.node, medium).await {
        Ok(Progress::Running(upid)) => Ok(Some(task::begin(
            pass,
            site,
            at.id,
            Act::RemoveMedium,
            &upid,
            None,
        ))),
        Ok(Progress::Done) => {
            pass.ctx.runtime.metrics.action(Act::RemoveMedium.label(), Ok(()));
            recorded_mut(pass).retain(|known| known.volume != volume.to_string());
            let told = format!("removed {volume}, whose user data no machine needs any more");
            pass.entries.push(Entry::normal(reason::MEDIUM_REMOVED, told));
            Ok(None)
        }
        Err(error) if error.class() == Class::Denied => {
            recorded_mut(pass).retain(|known| known.volume != volume.to_string());
            let told = format!(
                "{volume} holds user data that no machine needs any more, and stays: {error}. Remove it on the host; with \
                 Datastore.Allocate on /storage/{} Drover does so itself",
                volume.storage()
            );
            pass.entries.push(Entry::warning(reason::MEDIUM_STAYS, told));
            Ok(None)
        }
        Err(error) => Err(failed(pass, Act::RemoveMedium, &error).into()),
    }
}

/// Removes all media of a machine that is gone.
pub(super) async fn remove_all(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Flow<Option<End>> {
    if recorded(pass).is_empty() {
        return Ok(None);
    }
    let node = pass.status.node.as_ref().and_then(|name| name.parse().ok());
    let node: NodeName = node.unwrap_or_else(|| site.node.clone());
    let at = GuestAddress { node, id };
    if let Some(end) = tidy(pass, site, &at, None, &Desired::default()).await? {
        return Ok(Some(end));
    }
    // Of what can't be seen any more, a person is told: the resource would else never go.
    for medium in std::mem::take(recorded_mut(pass)) {
        let told = format!(
            "{} holds user data that no machine needs any more, and its storage is not shown on node {}: if it is there, remove it",
            medium.volume, at.node
        );
        pass.entries.push(Entry::warning(reason::MEDIUM_STAYS, told));
    }
    Ok(None)
}
