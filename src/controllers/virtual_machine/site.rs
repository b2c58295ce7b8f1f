//! The host of a machine: which it is, whether the machine's namespace may use it, and whether it can be used now.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ClusterResourceScope;
use kube::api::ListParams;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::pass::{Again, End, Flow, Pass, Stop};
use crate::api::conditions::{self, reason};
use crate::api::{Host, HostKind, LibvirtHost, ProxmoxNode};
use crate::fleet::{Cluster, HostState, Snapshot};
use crate::model::{ClusterId, NodeName};
use crate::plan::placing;
use crate::plan::tenancy::{Allowed, Refused};

/// The host of a machine, usable now.
pub(super) struct Site {
    pub(super) host: Arc<Host>,
    pub(super) cluster: Cluster,
    /// The node that the host is.
    pub(super) node: NodeName,
    pub(super) snapshot: Arc<Snapshot>,
}

impl From<Refused> for End {
    fn from(refused: Refused) -> Self {
        Self::waiting(refused.into())
    }
}

/// Why the cache does not have a host.
enum Missed {
    /// It is another Drover's.
    Others,
    /// It was only just made.
    New,
}

impl Site {
    /// What the host's owner lets namespaces reach.
    pub(super) fn allowed(&self) -> Allowed<'_> {
        Allowed::new(self.host.spec.tenancy.as_ref(), self.host.spec.defaults.as_ref())
    }
}

impl Pass<'_> {
    pub(super) async fn host(&self) -> Flow<Arc<Host>> {
        let kind = self.vm.spec.host_ref.kind;
        let is_there = |name: &str| self.ctx.host(kind, name).is_some();
        let name = placing::host_name(&self.vm, &self.status, is_there);
        if let Some(host) = self.ctx.host(kind, name) {
            return if self.ctx.is_others(&host) {
                Err(Stop::Silent)
            } else {
                Ok(host)
            };
        }
        if self
            .ctx
            .others
            .has(&kind.key(name), self.ctx.runtime.clock.instant())
        {
            return Err(Stop::Silent);
        }
        let missed = match kind {
            HostKind::ProxmoxNode => self.missed::<ProxmoxNode>(name).await?,
            HostKind::LibvirtHost => self.missed::<LibvirtHost>(name).await?,
        };
        match missed {
            Some(Missed::Others) => {
                self.ctx
                    .others
                    .note(&kind.key(name), self.ctx.runtime.clock.instant());
                Err(Stop::Silent)
            }
            // So new that the cache shows it only in a moment.
            Some(Missed::New) => Err(Stop::Later(Duration::from_millis(200))),
            None => Err(End::waiting(placing::host_not_found(kind, name, self.deleting)).into()),
        }
    }

    /// Why the cache does not have a host that the API server has.
    async fn missed<K>(&self, name: &str) -> Flow<Option<Missed>>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let api: kube::Api<K> = kube::Api::all(self.ctx.client.clone());
        if api.get_metadata_opt(name).await?.is_none() {
            return Ok(None);
        }
        let mut ours = ListParams::default().fields(&format!("metadata.name={name}"));
        ours.label_selector.clone_from(&self.ctx.settings.host_selector);
        let selected = !api.list_metadata(&ours).await?.items.is_empty();
        Ok(Some(if selected { Missed::New } else { Missed::Others }))
    }

    pub(super) fn allowed(&self, host: &Host) -> Flow<()> {
        placing::allow(&self.vm, host, || self.labels()).map_err(|outcome| End::waiting(outcome).into())
    }

    /// Whether the host's owner lets the machine's namespace in.
    pub(super) fn is_allowed(&self, host: &Host) -> bool {
        placing::is_allowed(&self.vm, host, || self.labels())
    }

    fn labels(&self) -> Option<BTreeMap<String, String>> {
        let namespace = self.vm.namespace().unwrap_or_default();
        self.ctx.namespace_labels(&namespace)
    }

    /// The host as it can be used now, or why it can't.
    pub(super) fn site(&self, host: Arc<Host>) -> Flow<Site> {
        let (name, key) = (host.title(), host.key());
        let Some(view) = self.ctx.fleet.host(&key) else {
            return Err(self.undeclared(&host));
        };
        let not_usable = |reason, why: &str| {
            // The host's return wakes its machines.
            Stop::from(End::waiting(placing::not_usable(&name, reason, why)))
        };
        match &view.state {
            HostState::Usable => {}
            HostState::Connecting => return Err(self.early(&name, "it is being connected to")),
            HostState::Unreachable { reason } => match self.by_another_member(&host) {
                Some(site) => return Ok(site),
                None => return Err(not_usable(reason::HOST_UNREACHABLE, reason)),
            },
            HostState::Denied { reason } => return Err(not_usable(reason::CREDENTIALS_REFUSED, reason)),
            HostState::Untrusted { reason, .. } => {
                return Err(not_usable(reason::CERTIFICATE_NOT_TRUSTED, reason));
            }
            HostState::ClusterChanged { expected, found } => {
                let why = format!("its address now answers as cluster {found}, not {expected}");
                return Err(not_usable(reason::CLUSTER_CHANGED, &why));
            }
            HostState::NodeUnknown { .. } => {
                return Err(not_usable(reason::NODE_NOT_FOUND, "its cluster has no such node"));
            }
            HostState::NotMember { of } => {
                let why = format!("it is not a member of the cluster of '{of}'");
                return Err(not_usable(reason::CLUSTER_CHANGED, &why));
            }
            HostState::Failed { reason } => return Err(not_usable(reason::HOST_NOT_READY, reason)),
        }
        let (Some(cluster), Some(node)) = (view.cluster, view.node) else {
            return Err(self.early(&name, "it was not looked at yet"));
        };
        if !self.ctx.claims.is_clear(&key) {
            return Err(self.early(&name, "whether another Drover has its cluster is being looked at"));
        }
        if let Err(why) = cluster.reachable() {
            return Err(not_usable(reason::HOST_UNREACHABLE, &why));
        }
        if host.kind() == HostKind::LibvirtHost {
            return Err(End::waiting(placing::not_on_libvirt_yet()).into());
        }
        placing::same_cluster(&self.status, &host, cluster.id()).map_err(End::waiting)?;
        let snapshot = cluster.snapshot();
        if snapshot.taken.is_none() {
            return Err(self.early(&name, "its guests are being listed"));
        }
        Ok(Site {
            host,
            cluster,
            node,
            snapshot,
        })
    }

    /// The host's cluster, where its own address does not answer and another member's does.
    fn by_another_member(&self, host: &Arc<Host>) -> Option<Site> {
        let status = host.status.as_ref()?;
        let id = status.cluster.as_ref()?.id.parse::<ClusterId>().ok()?;
        let same = self
            .status
            .cluster
            .as_ref()
            .is_none_or(|recorded| recorded == id.as_str());
        let cluster = self
            .ctx
            .fleet
            .cluster(&id)
            .filter(|cluster| same && cluster.reachable().is_ok())?;
        self.ctx.claims.is_clear(&host.key()).then_some(())?;
        let node: NodeName = status.node_name.as_ref()?.parse().ok()?;
        let snapshot = cluster.snapshot();
        let member = snapshot.status.members.iter().any(|member| member.name == node);
        (member && snapshot.taken.is_some()).then(|| Site {
            host: Arc::clone(host),
            cluster,
            node,
            snapshot,
        })
    }

    /// The fleet does not know the host: its declaration has a mistake, or was not looked at yet.
    fn undeclared(&self, host: &Host) -> Stop {
        let name = host.title();
        let said = host
            .status
            .as_ref()
            .filter(|s| s.observed_generation == host.metadata.generation);
        let ready = said.and_then(|s| conditions::find(&s.conditions, conditions::READY));
        let mistake = ready.filter(|c| c.status == "False").and_then(|c| {
            let known = reason::ALL.iter().find(|known| **known == c.reason);
            known.map(|reason| (*reason, &c.message))
        });
        match mistake {
            Some((reason, why)) => {
                let message = format!("{name} can't be used: {why}");
                End::unknown(reason, message).into()
            }
            None => self.early(&name, "it is being connected to"),
        }
    }

    /// The host was not looked at yet, as just after a start: no reason to take back what was said before.
    pub(super) fn early(&self, host: &str, why: &str) -> Stop {
        // A connection takes a moment; that its first list came wakes nobody.
        let soon = self.ctx.settings.timing.requeue_task;
        let said = self.status.observed_generation == self.vm.metadata.generation
            && conditions::find(&self.status.conditions, conditions::READY).is_some();
        if said && !self.deleting {
            return Stop::Later(soon);
        }
        let message = format!("{host} can't be used yet: {why}");
        End::progressing(reason::HOST_NOT_READY, message, Again::After(soon)).into()
    }
}
