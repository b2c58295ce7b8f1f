//! Storages, what lies on them, and backups.

use std::time::Duration;

use super::super::super::api::{Timeframe, backup, lxc, storage, volumes};
use super::{CT, Round, VM, node, number, text, volume};

pub(super) async fn of_storages(round: &mut Round) {
    let local = || text("local");
    round.ask(storage::StorageConfigs::new()).await;
    round.ask(storage::StorageConfigInfo::new(local())).await;
    let content = Some(text("backup"));
    round
        .ask(storage::NodeStorages {
            content,
            ..storage::NodeStorages::new(node())
        })
        .await;
    round.ask(storage::StorageStatus::new(node(), local())).await;
    round
        .ask(storage::StorageStatistics::new(node(), local(), Timeframe::Day))
        .await;
    round
        .ask(storage::Content {
            vmid: Some(number(VM)),
            ..storage::Content::new(node(), text("local-lvm"))
        })
        .await;
    let iso = || volume("local:iso/debian-12.iso");
    round.ask(storage::VolumeInfo::new(node(), local(), iso())).await;
    round
        .ask(storage::UpdateVolume {
            notes: Some(text("n; m")),
            ..storage::UpdateVolume::new(node(), local(), iso())
        })
        .await;
    let allocate = storage::AllocateVolume::new(
        node(),
        text("local-lvm"),
        number(VM),
        text("vm-150-disk-7"),
        text("1G"),
    );
    round.ask(allocate).await;
    let delete = volumes::DeleteGuestVolume {
        volume: volume("local-lvm:vm-150-disk-7"),
        delay: Some(5),
    };
    round.change(VM, delete).await;
    let stored = volumes::StoredFile::try_from(volume("local:iso/nosuch.iso")).unwrap();
    round
        .ask(volumes::DeleteVolume::new(node(), local(), stored))
        .await;
    let iso = storage::FileContent::Iso;
    round
        .ask(storage::DownloadUrl::new(
            node(),
            local(),
            text("https://127.0.0.1:1/x.iso"),
            iso,
            text("x.iso"),
        ))
        .await;
    let archive = volume("pbs:backup/vm/150/2026-01-01T00:00:00Z");
    round
        .ask(storage::FilesInBackup::new(
            node(),
            text("pbs"),
            archive,
            text("/"),
        ))
        .await;
    let options = backup::BackupOptions {
        storage: Some(local()),
        ..backup::BackupOptions::default()
    };
    round.change(CT, backup::StartBackup { options }).await;
    assert!(round.sim.idle(Duration::from_secs(10)).await);
    let keep = Some(text("keep-last=1"));
    round
        .ask(backup::PrunePreview {
            prune_backups: keep.clone(),
            ..backup::PrunePreview::new(node(), local())
        })
        .await;
    round
        .ask(backup::Prune {
            prune_backups: keep,
            ..backup::Prune::new(node(), local())
        })
        .await;
    let made = round.sim.volumes("pve1");
    if let Some(archive) = made.iter().find(|name| name.contains("vzdump-lxc")) {
        round
            .ask(backup::ExtractConfig::new(node(), volume(archive)))
            .await;
        let restore = lxc::RestoreContainer {
            storage: Some(text("local-lvm")),
            ..lxc::RestoreContainer::new(node(), number(163), archive.clone(), true)
        };
        round.ask(restore).await;
    }
}
