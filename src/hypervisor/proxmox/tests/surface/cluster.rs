//! The cluster, its nodes, and what watches over guests.

use super::super::super::api::{
    BackupMode, Compression, Consolidation, List, Timeframe, access, backup, backup_jobs, cluster, ha, nodes,
    pools, replication, tasks,
};
use super::{Round, VM, node, number, other_node, text};

pub(super) async fn of_the_cluster(round: &mut Round) {
    round.ask(access::Permissions::new()).await;
    round.ask(access::Realms::new()).await;
    round.ask(access::Roles::new()).await;
    round.ask(access::RolePrivileges::new(text("PVEAdmin"))).await;
    round.ask(access::AccessList::new()).await;
    round
        .ask(access::Users {
            enabled: Some(true),
            full: Some(true),
        })
        .await;
    round.ask(access::Tokens::new(text("root@pam"))).await;
    round
        .ask(access::TokenInfo::new(text("root@pam"), text("drover")))
        .await;
    round.ask(cluster::Version::new()).await;
    round.ask(cluster::ClusterStatus::new()).await;
    let kind = Some(cluster::ResourceType::Guests);
    round.ask(cluster::Resources { kind }).await;
    round.ask(cluster::ClusterTasks::new()).await;
    round
        .ask(cluster::NextId {
            vmid: Some(number(199)),
        })
        .await;
    round.ask(cluster::ClusterOptions::new()).await;
    round
        .ask(pools::CreatePool {
            comment: Some(text("a; b")),
            ..pools::CreatePool::new(text("p1"))
        })
        .await;
    let members = pools::UpdatePool {
        vms: List::from_iter(["150"]),
        ..pools::UpdatePool::new(text("p1"))
    };
    round.ask(members).await;
    round.ask(pools::Pools::new()).await;
    round
        .ask(pools::Pools {
            poolid: Some(text("p1")),
        })
        .await;
    round.ask(pools::PoolInfo::new(text("p1"))).await;
    let out = pools::UpdatePoolByPath {
        vms: List::from_iter(["150"]),
        delete: Some(true),
        ..pools::UpdatePoolByPath::new(text("p1"))
    };
    round.ask(out).await;
    round.ask(pools::DeletePool::new(text("p1"))).await;
    round.ask(pools::CreatePool::new(text("p2"))).await;
    round.ask(pools::DeletePoolByPath::new(text("p2"))).await;
}

pub(super) async fn of_ha(round: &mut Round) {
    let settings = ha::HaSettings {
        state: Some(ha::HaState::Ignored),
        max_restart: Some(1),
        comment: Some(text("c")),
        ..ha::HaSettings::default()
    };
    let create = ha::CreateHaResource {
        settings: settings.clone(),
    };
    round.change(VM, create).await;
    round.ask(ha::HaResources::new()).await;
    round.ask(ha::HaResourceInfo::new(text("vm:150"))).await;
    let update = ha::UpdateHaResource {
        settings,
        delete: List::from_iter(["max_relocate"]),
        ..ha::UpdateHaResource::new()
    };
    round.change(VM, update).await;
    let rule = ha::HaRuleSettings {
        resources: Some(text("vm:150")),
        nodes: Some(text("pve1:2,pve2")),
        strict: Some(true),
        ..ha::HaRuleSettings::default()
    };
    let affinity = ha::HaRuleType::NodeAffinity;
    round
        .ask(ha::CreateHaRule {
            settings: rule.clone(),
            ..ha::CreateHaRule::new(text("r1"), affinity)
        })
        .await;
    round.ask(ha::HaRules::new()).await;
    round.ask(ha::HaRuleInfo::new(text("r1"))).await;
    round
        .ask(ha::UpdateHaRule {
            settings: rule,
            ..ha::UpdateHaRule::new(text("r1"), affinity)
        })
        .await;
    round.ask(ha::DeleteHaRule::new(text("r1"))).await;
    round.ask(ha::HaStatus::new()).await;
    round.change(VM, ha::DeleteHaResource::new()).await;
}

pub(super) async fn of_jobs(round: &mut Round) {
    let settings = backup_jobs::BackupJobSettings {
        schedule: Some(text("mon..fri 02:00")),
        enabled: Some(true),
        vmid: Some(text("150,152")),
        comment: Some(text("nightly")),
        options: backup::BackupOptions {
            storage: Some(text("local")),
            mode: Some(BackupMode::Snapshot),
            compress: Some(Compression::Zstd),
            prune_backups: Some(text("keep-last=3")),
            ..backup::BackupOptions::default()
        },
        ..backup_jobs::BackupJobSettings::default()
    };
    let create = backup_jobs::CreateBackupJob {
        settings: settings.clone(),
        ..backup_jobs::CreateBackupJob::new(text("nightly"))
    };
    round.ask(create).await;
    round.ask(backup_jobs::BackupJobs::new()).await;
    round.ask(backup_jobs::BackupJobInfo::new(text("nightly"))).await;
    let update = backup_jobs::UpdateBackupJob {
        settings,
        delete: List::from_iter(["mailto"]),
        ..backup_jobs::UpdateBackupJob::new(text("nightly"))
    };
    round.ask(update).await;
    round
        .ask(backup_jobs::BackupJobVolumes::new(text("nightly")))
        .await;
    round.ask(backup_jobs::NotBackedUp::new()).await;
    round
        .ask(backup_jobs::DeleteBackupJob::new(text("nightly")))
        .await;

    let settings = replication::ReplicationSettings {
        schedule: Some(text("*/15")),
        rate: Some(10.5),
        ..replication::ReplicationSettings::default()
    };
    let local = replication::ReplicationType::Local;
    let create = replication::CreateReplication {
        settings: settings.clone(),
        ..replication::CreateReplication::new(text("150-0"), other_node(), local)
    };
    round.ask(create).await;
    round.ask(replication::Replications::new()).await;
    round
        .ask(replication::UpdateReplication {
            settings,
            ..replication::UpdateReplication::new(text("150-0"))
        })
        .await;
    round.ask(replication::ReplicationStatus::new(node())).await;
    round
        .ask(replication::DeleteReplication::new(text("150-0")))
        .await;
}

pub(super) async fn of_nodes(round: &mut Round) {
    round.ask(nodes::Nodes::new()).await;
    round.ask(nodes::NodeStatus::new(node())).await;
    round.ask(nodes::NodeVersion::new(node())).await;
    let kind = Some(nodes::InterfaceType::AnyBridge);
    round
        .ask(nodes::NodeNetwork {
            kind,
            ..nodes::NodeNetwork::new(node())
        })
        .await;
    round.ask(nodes::NodeTime::new(node())).await;
    round.ask(nodes::NodeCertificates::new(node())).await;
    let cf = Some(Consolidation::Maximum);
    round
        .ask(nodes::NodeStatistics {
            cf,
            ..nodes::NodeStatistics::new(node(), Timeframe::Hour)
        })
        .await;
    round
        .ask(nodes::QueryUrl::new(node(), text("https://127.0.0.1:1/x.iso")))
        .await;
    let tasks = tasks::Tasks {
        source: Some(tasks::TaskSource::All),
        limit: Some(5),
        ..tasks::Tasks::new(node())
    };
    let upid = round.ask(tasks).await.unwrap()[0].upid.clone();
    round.ask(tasks::TaskStatus::new(node(), upid.clone())).await;
    round.ask(tasks::TaskLog::new(node(), upid.clone())).await;
    let mut log = Vec::new();
    let file = tasks::TaskLogFile::new(node(), upid.clone(), true);
    round.driver.download(&file, &mut log, 1 << 20).await.unwrap();
    assert!(!log.is_empty());
    round.ask(tasks::AbortTask::new(node(), upid)).await;
}
