//! The backup that precedes the end of a machine: it is shut down, backed up, and the archive must be seen on the
//! storage before anything is destroyed.

use super::look;
use super::pass::{Again, End, Flow, Pass};
use super::site::Site;
use super::task::{self, Act};
use crate::api::FinalBackup;
use crate::api::conditions::reason;
use crate::controllers::journal::Entry;
use crate::fleet::{ConfigReading, Work};
use crate::hypervisor::StopMode;
use crate::model::{GuestAddress, GuestId, Lock, Power, Progress, Upid, Volume};
use crate::plan::desired;
use crate::plan::identity::Ownership;

/// What a storage must take to hold archives.
const CONTENT: &str = "backup";

/// Whether something is left to be done before the machine may be destroyed.
pub(super) async fn due(pass: &mut Pass<'_>, site: &Site, at: &GuestAddress, power: Power) -> Flow<bool> {
    let Some(done) = pass.status.final_backup.clone() else {
        return Ok(true);
    };
    if power != Power::Stopped {
        // Started since: what it wrote is not in the archive.
        return Ok(true);
    }
    let seen = find(pass, site, at, &done).await?;
    let Some(archive) = seen else {
        let message = format!(
            "the backup of machine {} ended well (task {}), and the storage '{}' does not show its archive: nothing is \
             destroyed. The token needs Datastore.AllocateSpace on /storage/{} and VM.Backup on /vms/{} to see it; \
             if it was removed, choose deletionPolicy Delete or Retain",
            at.id, done.task, done.storage, done.storage, at.id
        );
        return Err(End::stalled(reason::BACKUP_NOT_SEEN, message).into());
    };
    if done.archive.is_some() {
        return Ok(false);
    }
    // Recorded before it is relied upon.
    let note = format!("machine {} was backed up to {archive}", at.id);
    pass.status.final_backup = Some(FinalBackup {
        archive: Some(archive),
        ..done
    });
    pass.entries.push(Entry::normal(reason::BACKED_UP, note.clone()));
    Err(End::progressing(reason::DESTROYING, note, Again::Now).into())
}

/// The archive of a backup on its storage.
async fn find(pass: &Pass<'_>, site: &Site, at: &GuestAddress, done: &FinalBackup) -> Flow<Option<String>> {
    let driver = site.cluster.driver();
    let volumes = driver
        .volumes(&at.node, &done.storage, Some(CONTENT), Some(at.id))
        .await
        .map_err(|e| pass.trouble(&e))?;
    Ok(archive(&volumes, at.id, done))
}

/// The recorded archive, or the newest that was begun with the task or after it.
fn archive(volumes: &[Volume], id: GuestId, done: &FinalBackup) -> Option<String> {
    let of_it = |v: &&Volume| v.content == CONTENT && v.guest == Some(id);
    if let Some(known) = &done.archive {
        let there = volumes.iter().filter(of_it).any(|v| v.id.to_string() == *known);
        return there.then(|| known.clone());
    }
    let began = done.task.parse::<Upid>().ok()?.started();
    volumes
        .iter()
        .filter(of_it)
        .filter(|v| v.created.is_some_and(|created| created >= began))
        .max_by_key(|v| v.created)
        .map(|v| v.id.to_string())
}

/// Takes the next step towards the archive: down, or the backup itself.
pub(super) async fn take(
    pass: &mut Pass<'_>,
    site: &Site,
    own: Ownership,
    reading: &ConfigReading,
    power: Power,
) -> Flow<End> {
    let at = own.address().clone();
    let storage = storage(site)?;
    if reading.config.lock.as_ref().is_some_and(Lock::is_suspended) {
        let message = format!(
            "machine {} is suspended to disk and can't be backed up so: start it, or choose deletionPolicy Delete or Retain",
            at.id
        );
        return Ok(End::stalled(reason::LOCKED, message));
    }
    pass.status.final_backup = None;
    let work = Work {
        id: at.id,
        storages: [storage.clone()].into(),
        clone_source: None,
    };
    let permit = match site.cluster.admit(work) {
        Ok(permit) => permit,
        Err(held) => return Ok(End::progressing(reason::QUEUED, held.reason, Again::Waiting)),
    };
    let own = look::judge_again(pass, site, own).await?;
    let driver = site.cluster.driver();
    let (act, sent) = match power {
        Power::Running => {
            // What it holds in memory belongs into the archive, so it is asked first.
            let (grace_seconds, force) = desired::shutdown(&pass.vm).unwrap_or(desired::SHUTDOWN);
            let mode = StopMode::Graceful { grace_seconds, force };
            (Act::ShutDown, driver.stop(&own, mode).await)
        }
        Power::Stopped => (Act::BackUp, driver.back_up(&own, &storage).await),
        Power::Unknown => {
            let message = format!("whether machine {} runs can't be told now", at.id);
            return Ok(End::unknown(reason::PRESENCE_UNKNOWN, message));
        }
    };
    match sent {
        Ok(Progress::Running(upid)) => {
            if act == Act::BackUp {
                pass.status.final_backup = Some(FinalBackup {
                    task: upid.to_string(),
                    storage,
                    archive: None,
                });
            }
            Ok(task::begin(pass, site, at.id, act, &upid, Some(permit)))
        }
        Ok(Progress::Done) => Ok(End::progressing(
            reason::BACKING_UP,
            format!("machine {} is being backed up", at.id),
            Again::Now,
        )),
        Err(error) => {
            pass.ctx.runtime.metrics.action(act.label(), Err(error.class()));
            Ok(pass.trouble(&error))
        }
    }
}

/// The storage of the host's owner for such archives.
fn storage(site: &Site) -> Flow<String> {
    let named = site
        .host
        .spec
        .defaults
        .as_ref()
        .and_then(|d| d.backup_storage.clone());
    let host = site.host.name_any();
    let Some(storage) = named else {
        let message = format!(
            "deletionPolicy is BackupAndDelete, and ProxmoxNode '{host}' names no storage for backups \
             (spec.defaults.backupStorage): name one there, or choose deletionPolicy Delete or Retain"
        );
        return Err(End::stalled(reason::STORAGE_NOT_FOUND, message).into());
    };
    let there = site.snapshot.storages.iter().any(|row| {
        row.node == site.node && row.storage == storage && row.content.iter().any(|c| c == CONTENT)
    });
    if there {
        return Ok(storage);
    }
    let message = format!(
        "node {} has no storage '{storage}' that takes backups (spec.defaults.backupStorage of ProxmoxNode '{host}')",
        site.node
    );
    Err(End::stalled(reason::STORAGE_NOT_FOUND, message).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(id: &str, content: &str, vmid: u32, created: i64) -> Volume {
        Volume {
            id: id.parse().unwrap(),
            content: content.to_owned(),
            size: 1,
            guest: GuestId::try_from(vmid).ok(),
            created: Some(created),
        }
    }

    #[test]
    fn only_an_archive_of_the_machine_from_the_task_on_counts() {
        let id = GuestId::try_from(105).unwrap();
        let mut done = FinalBackup {
            task: "UPID:pve1:000ABCDE:00ABCDEF:00000064:vzdump:105:root@pam!drover:".to_owned(),
            storage: "local".to_owned(),
            archive: None,
        };
        let volumes = [
            volume("local:backup/old", "backup", 105, 99),
            volume("local:backup/other", "backup", 106, 101),
            volume("local:105/disk", "images", 105, 101),
        ];
        assert_eq!(archive(&volumes, id, &done), None);
        let mut with = volumes.to_vec();
        with.push(volume("local:backup/new", "backup", 105, 100));
        let found = archive(&with, id, &done);
        assert_eq!(found.as_deref(), Some("local:backup/new"));
        done.archive = found;
        assert_eq!(archive(&with, id, &done), done.archive);
        assert_eq!(archive(&volumes, id, &done), None, "it was removed again");
    }
}
