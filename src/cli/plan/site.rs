//! A host as it is now: what it shows, and what was read of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use futures::stream::{self, StreamExt as _};
use kube::ResourceExt;

use super::found::Held;
use super::known::Known;
use crate::api::conditions::reason;
use crate::api::{Host, VirtualMachine};
use crate::cli::{complain, reach};
use crate::controllers::virtual_machine::facts::{self, Ground};
use crate::hypervisor::{Answer, Error, Hypervisor, Refusal};
use crate::model::{
    Capabilities, ClusterId, GuestAddress, GuestConfig, GuestId, GuestKind, GuestRow, NodeName, NodeRow,
    StorageRow,
};
use crate::plan::identity::unplaced::{self, Next, Unowned};
use crate::plan::making::View;
use crate::plan::placing::{self, Names, Owners};
use crate::plan::tenancy::Allowed;

/// So many configurations are read at once.
const AT_ONCE: usize = 4;

type Reading = (Arc<GuestConfig>, Instant);

/// A host as it is now.
pub(super) struct Site {
    pub(super) host: Arc<Host>,
    pub(super) driver: Arc<dyn Hypervisor>,
    pub(super) node: NodeName,
    pub(super) cluster: ClusterId,
    /// What the host can do.
    pub(super) able: Capabilities,
    /// Whether its cluster has a majority.
    pub(super) quorate: bool,
    guests: BTreeMap<GuestId, Arc<GuestRow>>,
    nodes: Vec<NodeRow>,
    storages: Vec<StorageRow>,
    /// Configurations of machines that nobody owns.
    read: BTreeMap<GuestId, Reading>,
}

impl Site {
    /// Asks the host or, where that does not answer, another one of its cluster.
    pub(super) async fn open(known: &Known, host: &Arc<Host>) -> Result<Self, Held> {
        let name = host.title();
        let driver = reach::driver_of(&known.client, host, &known.hosts).await;
        let driver = driver.with_context(|| name.clone())?;
        let status = match driver.cluster_status().await {
            Ok(status) => status,
            Err(error) if reach::is_silent(&error) => return Self::by_another(known, host, &error).await,
            Err(error) => return Err(error.into()),
        };
        let node = reach::node_of_host(host, &status)?;
        if !status.members.iter().any(|member| member.name == node) {
            let why = "its cluster has no such node";
            return Err(placing::not_usable(&name, reason::NODE_NOT_FOUND, why).into());
        }
        let cluster = driver.cluster_id(&node).await?;
        let expected = host.status.as_ref().and_then(|s| s.cluster.as_ref());
        if let Some(expected) = expected.filter(|expected| expected.id != cluster.as_str()) {
            let why = format!(
                "its address now answers as cluster {cluster}, not {}",
                expected.id
            );
            return Err(placing::not_usable(&name, reason::CLUSTER_CHANGED, &why).into());
        }
        Self::read(host, driver, node, cluster, status.quorate).await
    }

    /// Asks the other members of its cluster. `error`: what came of asking the host itself.
    async fn by_another(known: &Known, host: &Arc<Host>, error: &Error) -> Result<Self, Held> {
        let name = host.title();
        let Some(other) = reach::another_member(&known.client, host, &known.hosts).await else {
            let unreachable = placing::not_usable(&name, reason::HOST_UNREACHABLE, &error.to_string());
            return Err(unreachable.into());
        };
        complain(&format!(
            "drover: {name} does not answer ({error}): its machines are looked at by ProxmoxNode '{}', which is \
             of the same cluster\n",
            other.name
        ));
        Self::read(host, other.driver, other.node, other.cluster, other.quorate).await
    }

    async fn read(
        host: &Arc<Host>,
        driver: Arc<dyn Hypervisor>,
        node: NodeName,
        cluster: ClusterId,
        quorate: bool,
    ) -> Result<Self, Held> {
        let version = driver.version().await?;
        let able = driver.capabilities(Some(&version));
        let overview = driver.overview().await?;
        let guests = overview.guests.into_iter().map(|row| (row.id, Arc::new(row)));
        Ok(Self {
            host: Arc::clone(host),
            driver,
            node,
            cluster,
            able,
            quorate,
            guests: guests.collect(),
            nodes: overview.nodes,
            storages: overview.storages,
            read: BTreeMap::new(),
        })
    }

    pub(super) fn row(&self, id: GuestId) -> Option<Arc<GuestRow>> {
        self.guests.get(&id).map(Arc::clone)
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            guests: &self.guests,
            nodes: &self.nodes,
            storages: &self.storages,
        }
    }

    pub(super) fn allowed(&self) -> Allowed<'_> {
        Allowed::new(self.host.spec.tenancy.as_ref(), self.host.spec.defaults.as_ref())
    }

    pub(super) fn ground(&self) -> Ground<'_> {
        Ground {
            driver: self.driver.as_ref(),
            node: &self.node,
            view: self.view(),
            allowed: self.allowed(),
        }
    }

    pub(super) fn owners<'a>(&'a self, known: &'a Known) -> Owners<'a> {
        Owners::new(&known.machines, self.cluster.as_str())
    }

    /// Numbers that other resources have, or are to have.
    pub(super) fn claimed(&self, known: &Known, uid: &str) -> BTreeSet<GuestId> {
        let mut claimed = self.owners(known).claimed(uid);
        claimed.extend(known.promised(&self.cluster));
        claimed
    }

    pub(super) fn storages(&self) -> &[StorageRow] {
        &self.storages
    }

    /// What stands there already of a machine without a number, or in its way.
    pub(super) async fn seek(&mut self, known: &Known, machine: &VirtualMachine) -> Result<Next, Held> {
        let uid = machine.uid().unwrap_or_default();
        let claimed = self.claimed(known, &uid);
        self.read_unowned(&claimed).await?;
        let rows = self.guests.values();
        let unowned: Vec<Unowned<'_>> = rows
            .filter(|row| is_unowned(row, &claimed))
            .map(|row| Unowned {
                id: row.id,
                name: row.name.as_deref(),
                config: self.read.get(&row.id).map(|(config, at)| (config.as_ref(), *at)),
            })
            .collect();
        let names = Names::of(machine, &known.machines, &known.hosts, self.cluster.as_str());
        let seeker = names.seeker(machine, &uid, &known.uid, &known.recover_from);
        Ok(unplaced::decide(&seeker, &unowned))
    }

    async fn read_unowned(&mut self, claimed: &BTreeSet<GuestId>) -> Result<(), Held> {
        let unread = self.guests.values().filter(|row| is_unowned(row, claimed));
        let unread: Vec<GuestAddress> = unread
            .filter(|row| !self.read.contains_key(&row.id))
            .map(|row| row.address())
            .collect();
        let driver = &self.driver;
        let answers: Vec<_> = stream::iter(unread)
            .map(|at| async move {
                let now = Instant::now();
                let answer = driver.guest_config(&at).await;
                (at, answer.map(|config| (Arc::new(config), now)))
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (at, answer) in answers {
            match answer {
                Ok(reading) => {
                    self.read.insert(at.id, reading);
                }
                // One that is gone meanwhile is no obstacle.
                Err(error) if error.refusal() == Some(&Refusal::GuestMissing) => {
                    self.guests.remove(&at.id);
                }
                Err(error) => {
                    return Err(placing::unreadable(at.id, &at.node, &error.to_string()).into());
                }
            }
        }
        Ok(())
    }
}

fn is_unowned(row: &GuestRow, claimed: &BTreeSet<GuestId>) -> bool {
    row.kind == GuestKind::VirtualMachine && !claimed.contains(&row.id)
}

/// A machine among all others, for the making of it.
pub(super) struct Among<'a> {
    pub(super) known: &'a Known,
    pub(super) site: &'a Site,
    pub(super) namespace: Option<&'a str>,
}

impl facts::Known for Among<'_> {
    fn is_own(&self, id: GuestId, config: &GuestConfig) -> bool {
        let owners = self.site.owners(self.known);
        owners.is_of_namespace(self.namespace, id, config)
    }

    fn was_own(&self, id: Option<GuestId>, archived: &GuestConfig) -> bool {
        placing::recovers(self.namespace, id, archived, |cluster| {
            *cluster == self.known.uid || self.known.recover_from.contains(cluster)
        })
    }

    fn config<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Arc<GuestConfig>> {
        Box::pin(async move {
            match self.site.read.get(&at.id) {
                Some((config, _)) => Ok(Arc::clone(config)),
                None => self.site.driver.guest_config(at).await.map(Arc::new),
            }
        })
    }
}
