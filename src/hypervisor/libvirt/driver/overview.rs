//! The bulk list: all guests by two calls, however many there are, the host, its storage pools.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::sys;

use super::Libvirt;
use crate::hypervisor::Error;
use crate::hypervisor::libvirt::link::{DomainStats, StatGroups, Trouble, all_domain_stats};
use crate::model::{GuestId, GuestKind, GuestRow, Lock, NodeName, NodeRow, Overview, Power, StorageRow};

/// Whether a domain in a state of libvirt's (`virDomainState`) runs.
pub(super) fn power_of(state: Option<u64>) -> Power {
    let Some(state) = state.and_then(|state| u32::try_from(state).ok()) else {
        return Power::Unknown;
    };
    match state {
        sys::VIR_DOMAIN_RUNNING
        | sys::VIR_DOMAIN_BLOCKED
        | sys::VIR_DOMAIN_PAUSED
        | sys::VIR_DOMAIN_SHUTDOWN
        | sys::VIR_DOMAIN_PMSUSPENDED => Power::Running,
        sys::VIR_DOMAIN_SHUTOFF | sys::VIR_DOMAIN_CRASHED => Power::Stopped,
        _ => Power::Unknown,
    }
}

/// How a domain shows whose memory waits on a disk.
pub(super) fn suspended() -> Lock {
    Lock("suspended".to_owned())
}

/// The figures that a row is made of, also of a driver that has no figures: LXC's, each of whose domains is asked.
fn figures(conn: &Connect) -> Result<Vec<DomainStats>, Trouble> {
    if conn.driver_type()? != "LXC" {
        let groups = StatGroups::STATE.and(StatGroups::BALLOON).and(StatGroups::VCPU);
        return Ok(all_domain_stats(conn, groups)?);
    }
    let mut all = Vec::new();
    for domain in conn.list_all_domains(0)? {
        // One that is undefined meanwhile is none.
        let (Ok(info), Ok(uuid), Ok(name)) = (domain.info(), domain.uuid(), domain.name()) else {
            continue;
        };
        all.push(super::guest::figures_of(uuid, name, &info));
    }
    Ok(all)
}

fn row(stats: DomainStats, kind: GuestKind, node: &NodeName, saved: &BTreeSet<Uuid>) -> GuestRow {
    let kib = stats
        .number("balloon.current")
        .or_else(|| stats.number("balloon.maximum"));
    let cpus = stats
        .number("vcpu.current")
        .or_else(|| stats.number("vcpu.maximum"));
    GuestRow {
        id: GuestId::Domain(stats.domain),
        kind,
        node: node.clone(),
        power: power_of(stats.number("state.state")),
        template: false,
        lock: saved.contains(&stats.domain).then(suspended),
        cpus: cpus.and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or_default(),
        memory: kib.unwrap_or_default().saturating_mul(1024),
        uptime: 0,
        tags: BTreeSet::new(),
        pool: None,
        ha_state: None,
        name: Some(stats.name),
    }
}

impl Libvirt {
    pub(super) async fn overview(&self) -> Result<Overview, Error> {
        let facts = self.facts().await?;
        let pools = self.pools().await?;
        let (all, saved, containers) = self
            .read("list domains", |conn| {
                let all = figures(conn)?;
                let saved = conn.list_all_domains(sys::VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)?;
                let saved = saved.iter().filter_map(|domain: &Domain| domain.uuid().ok());
                Ok((all, saved.collect::<BTreeSet<_>>(), conn.driver_type()? == "LXC"))
            })
            .await?;
        let kind = if containers {
            GuestKind::Container
        } else {
            GuestKind::VirtualMachine
        };
        let rows = all.into_iter().map(|stats| row(stats, kind, &facts.node, &saved));
        let guests: BTreeMap<GuestId, GuestRow> = rows.map(|row| (row.id, row)).collect();
        let storages = pools.iter().map(|found| StorageRow {
            storage: found.pool.name.clone(),
            node: facts.node.clone(),
            plugin: found.pool.kind.clone(),
            content: ["images", "iso"].map(str::to_owned).to_vec(),
            shared: false,
            available: found.active,
            capacity: found.pool.capacity,
        });
        Ok(Overview {
            guests: guests.into_values().collect(),
            nodes: vec![NodeRow {
                name: facts.node.clone(),
                online: true,
                cpus: facts.cpus,
                memory: facts.memory,
                root_disk: 0,
            }],
            storages: storages.collect(),
        })
    }
}
