//! One pass over a machine: who it is, which host has it, what is under way, and then whichever step is due.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::api::ListParams;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use uuid::Uuid;

use super::{look, observe, record, task, trouble};
use crate::api::conditions::{self, reason};
use crate::api::names::{FORCE_RELEASE, GUEST_FINALIZER};
use crate::api::{
    ClassPolicy, DeletionPolicy, EffectivePolicies, GuestOrigin, HostDefaults, ManagementPolicy,
    NamespacesFrom, ProxmoxNode, VirtualMachine, VirtualMachineClassSpec, VirtualMachineStatus,
};
use crate::controllers::journal::Entry;
use crate::controllers::{Context, Error};
use crate::fleet::{Cluster, HostState, Interest, Snapshot};
use crate::model::{ClusterId, NodeName, Vmid};
use crate::plan::desired::{self, Desired, Origin};
use crate::plan::discovery;
use crate::plan::identity::{Mark, numbers};
use crate::plan::removal;
use crate::plan::status::{self, Outcome};
use crate::plan::tenancy::{Allowed, Refused};
use crate::runtime::Timing;

/// When the machine is looked at again, if nothing wakes it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// At once: a step was done, the next is due.
    Now,
    /// A task runs.
    Task,
    /// The guest or its host is occupied.
    Busy,
    /// A person or another resource must do something.
    Waiting,
    /// Nothing is due.
    Idle,
    /// After this time.
    After(Duration),
}

/// How a pass ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) again: Again,
}

impl End {
    pub(super) const fn new(outcome: Outcome, again: Again) -> Self {
        Self { outcome, again }
    }

    pub(super) fn stalled(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Outcome::stalled(reason, message), Again::Waiting)
    }

    pub(super) fn unknown(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Outcome::unknown(reason, message), Again::Busy)
    }

    pub(super) fn progressing(reason: &'static str, message: impl Into<String>, again: Again) -> Self {
        Self::new(Outcome::progressing(reason, message), again)
    }
}

/// A step ends the pass, or lets it go on with something.
pub(super) type Flow<T> = Result<T, Stop>;

/// Why a pass goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    /// It has something to say.
    End(End),
    /// The resource is gone or another shard's: nothing is said.
    Silent,
    /// Nothing can be said before this time is over.
    Later(Duration),
    /// The Kubernetes API failed.
    Error(Error),
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<kube::Error> for Stop {
    fn from(error: kube::Error) -> Self {
        Self::Error(error.into())
    }
}

/// The state of one pass.
pub(super) struct Pass<'a> {
    pub(super) ctx: &'a Context,
    /// The resource in its newest version.
    pub(super) vm: Arc<VirtualMachine>,
    /// The status as this pass leaves it.
    pub(super) status: VirtualMachineStatus,
    /// Events to publish once the status is written.
    pub(super) entries: Vec<Entry>,
    pub(super) uid: String,
    pub(super) deleting: bool,
}

/// The host of a machine, usable now.
pub(super) struct Site {
    pub(super) host: Arc<ProxmoxNode>,
    pub(super) cluster: Cluster,
    /// The node that the host is.
    pub(super) node: NodeName,
    pub(super) snapshot: Arc<Snapshot>,
}

/// Runs one pass.
pub(super) async fn run(ctx: &Context, vm: Arc<VirtualMachine>) -> Result<Action, Error> {
    let Some(uid) = vm.uid() else {
        return Ok(Action::await_change());
    };
    let deleting = vm.metadata.deletion_timestamp.is_some();
    if deleting && !holds_finalizer(&vm) {
        forget(ctx, &vm);
        return Ok(Action::await_change());
    }
    let mut pass = Pass {
        ctx,
        status: vm.status.clone().unwrap_or_default(),
        vm,
        entries: Vec::new(),
        uid,
        deleting,
    };
    if deleting && pass.is_forced() {
        pass.force_release().await?;
        return Ok(Action::await_change());
    }
    if status::is_paused(&pass.vm) {
        record::paused(&mut pass).await?;
        return Ok(Action::await_change());
    }
    match pass.steps().await {
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::Silent) => Ok(Action::await_change()),
        Err(Stop::Later(wait)) => Ok(Action::requeue(wait)),
        Ok(end) | Err(Stop::End(end)) => {
            record::conclude(&mut pass, &end.outcome).await?;
            Ok(action(end.again, &ctx.settings.timing))
        }
    }
}

fn action(again: Again, timing: &Timing) -> Action {
    Action::requeue(match again {
        Again::Now => Duration::from_millis(10),
        Again::Task => timing.requeue_task,
        Again::Busy => timing.requeue_busy,
        Again::Waiting => timing.requeue_waiting,
        Again::Idle => timing.requeue_idle,
        Again::After(wait) => wait,
    })
}

fn holds_finalizer(vm: &VirtualMachine) -> bool {
    vm.finalizers().iter().any(|f| f == GUEST_FINALIZER)
}

/// Forgets a machine whose resource is gone.
pub fn forget(ctx: &Context, vm: &VirtualMachine) {
    let Some(uid) = vm.uid() else { return };
    ctx.memory.forget(&uid);
    ctx.machines.forget(&uid);
    for (cluster, vmid) in ctx.numbers.unobserve(&ObjectRef::from_obj(vm)) {
        if let Some(cluster) = ctx.fleet.cluster(&cluster) {
            cluster.unwatch_guest(vmid);
        }
    }
    let status = vm.status.as_ref();
    let cluster = status.and_then(|s| s.cluster.as_deref());
    let cluster = cluster.and_then(|id| crate::model::ClusterId::from_fingerprint(id).ok());
    let vmid = status.and_then(|s| s.vmid).and_then(|n| Vmid::try_from(n).ok());
    if let (Some(cluster), Some(vmid)) = (cluster, vmid) {
        ctx.numbers.disown(&cluster, vmid, &ObjectRef::from_obj(vm));
        if let Some(cluster) = ctx.fleet.cluster(&cluster) {
            cluster.unwatch_guest(vmid);
        }
    }
}

impl From<Refused> for End {
    fn from(refused: Refused) -> Self {
        Self::stalled(reason::NOT_ALLOWED_BY_TENANCY, refused.to_string())
    }
}

impl Site {
    /// What the host's owner lets namespaces reach.
    pub(super) fn allowed(&self) -> Allowed<'_> {
        Allowed::new(self.host.spec.tenancy.as_ref(), self.host.spec.defaults.as_ref())
    }
}

impl Pass<'_> {
    async fn steps(&mut self) -> Flow<End> {
        let host = self.host().await?;
        if !self.deleting {
            self.allowed(&host)?;
        }
        let site = self.site(host)?;
        self.settle_task(&site).await?;
        if self.observes() && !self.deleting {
            return observe::observe(self, &site).await;
        }
        self.held_back()?;
        let vmid = self.status.vmid.and_then(|n| Vmid::try_from(n).ok());
        let Some(vmid) = vmid else {
            return self.place(&site).await;
        };
        let owner = ObjectRef::from_obj(self.vm.as_ref());
        self.ctx.numbers.own(site.cluster.id(), vmid, owner);
        self.status.effective = Some(EffectivePolicies {
            deletion_policy: Some(self.deletion_policy(vmid)),
            reboot_policy: Some(self.vm.spec.reboot_policy.unwrap_or_default()),
        });
        look::look_and_act(self, &site, vmid).await
    }

    /// Whether the machine is only looked at.
    pub(super) fn observes(&self) -> bool {
        self.vm.spec.management_policy == Some(ManagementPolicy::Observe)
    }

    /// Whether a person wants the resource gone whatever becomes of the machine.
    fn is_forced(&self) -> bool {
        self.vm
            .annotations()
            .get(FORCE_RELEASE)
            .is_some_and(|v| v == "true")
    }

    /// Lets the resource go without asking its host for anything.
    async fn force_release(&mut self) -> Result<(), Error> {
        let machine = self.status.vmid.map_or_else(
            || "no machine is known of it".to_owned(),
            |vmid| format!("machine {vmid} stays as it is, if it exists, marked and owned by nobody"),
        );
        let note =
            format!("let go without asking the host, as the annotation {FORCE_RELEASE} says: {machine}");
        tracing::warn!("{note}");
        let entry = Entry::warning(reason::FORCE_RELEASED, note);
        self.ctx
            .journal
            .publish(self.vm.as_ref(), vec![entry.clone()])
            .await;
        if let Some(host) = self.ctx.host(&self.vm.spec.host_ref.name) {
            let (namespace, name) = (self.vm.namespace().unwrap_or_default(), self.vm.name_any());
            let note = format!("VirtualMachine {namespace}/{name} was {}", entry.note);
            let entry = Entry { note, ..entry };
            self.ctx.journal.publish(host.as_ref(), vec![entry]).await;
        }
        record::remove_finalizer(self).await
    }

    /// The host on which the machine is being made, or that it is taken from, whatever the spec names since; else the one
    /// of the spec.
    fn placed(&self) -> Option<&String> {
        let making = self.status.vmid.is_some() && self.status.identity.is_none();
        let placed = self.status.host.as_ref().filter(|_| making || self.deleting);
        placed.filter(|name| self.ctx.host(name).is_some())
    }

    async fn host(&self) -> Flow<Arc<ProxmoxNode>> {
        let name = self.placed().unwrap_or(&self.vm.spec.host_ref.name);
        if let Some(host) = self.ctx.host(name) {
            return if self.ctx.is_others(&host) {
                Err(Stop::Silent)
            } else {
                Ok(host)
            };
        }
        if self.ctx.others.has(name, self.ctx.runtime.clock.instant()) {
            return Err(Stop::Silent);
        }
        let api: kube::Api<ProxmoxNode> = kube::Api::all(self.ctx.client.clone());
        if api.get_opt(name).await?.is_some() {
            let mut ours = ListParams::default().fields(&format!("metadata.name={name}"));
            ours.label_selector.clone_from(&self.ctx.settings.host_selector);
            return Err(if api.list(&ours).await?.items.is_empty() {
                self.ctx.others.note(name, self.ctx.runtime.clock.instant());
                Stop::Silent
            } else {
                // So new that the cache shows it only in a moment.
                Stop::Later(Duration::from_millis(200))
            });
        }
        let what = if self.deleting {
            "the machine can't be removed without it"
        } else {
            "make it, or name another"
        };
        Err(End::stalled(
            reason::HOST_NOT_FOUND,
            format!("there is no ProxmoxNode '{name}' (spec.hostRef): {what}"),
        )
        .into())
    }

    fn allowed(&self, host: &ProxmoxNode) -> Flow<()> {
        if self.is_allowed(host) {
            return Ok(());
        }
        let (name, namespace) = (host.name_any(), self.vm.namespace().unwrap_or_default());
        Err(End::stalled(
            reason::NAMESPACE_NOT_ALLOWED,
            format!(
                "ProxmoxNode '{name}' does not allow the namespace '{namespace}': its owner must name it in \
                 spec.allowedNamespaces"
            ),
        )
        .into())
    }

    /// Whether the resource only looks on, in the namespace where the host's owner wants its machines shown.
    pub(super) fn is_shown_by(&self, host: &ProxmoxNode) -> bool {
        self.observes() && self.vm.metadata.namespace.as_deref() == discovery::namespace(host)
    }

    /// Whether the host's owner lets the machine's namespace in.
    pub(super) fn is_allowed(&self, host: &ProxmoxNode) -> bool {
        let namespace = self.vm.namespace().unwrap_or_default();
        if self.is_shown_by(host) {
            return true;
        }
        match &host.spec.allowed_namespaces {
            None => false,
            Some(allowed) => match allowed.from {
                NamespacesFrom::None => false,
                NamespacesFrom::All => true,
                NamespacesFrom::Selector => {
                    let labels = self.ctx.namespace_labels(&namespace);
                    let selector = allowed.selector.clone().unwrap_or_default();
                    let selector = kube::core::Selector::try_from(selector);
                    match (labels, selector) {
                        (Some(labels), Ok(selector)) => {
                            use kube::core::SelectorExt;
                            selector.matches(&labels)
                        }
                        _ => false,
                    }
                }
            },
        }
    }

    /// The host as it can be used now, or why it can't.
    fn site(&self, host: Arc<ProxmoxNode>) -> Flow<Site> {
        let name = host.name_any();
        let Some(view) = self.ctx.fleet.host(&name) else {
            return Err(self.undeclared(&host));
        };
        let not_usable = |reason, why: &str| {
            let message = format!(
                "ProxmoxNode '{name}' can't be used: {why}. Nothing is sent and nothing counts as gone until it \
                 can"
            );
            // The host's return wakes its machines.
            Stop::from(End::new(Outcome::unknown(reason, message), Again::Waiting))
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
        if !self.ctx.claims.is_clear(&name) {
            return Err(self.early(&name, "whether another Drover has its cluster is being looked at"));
        }
        if let Err(why) = cluster.reachable() {
            return Err(not_usable(reason::HOST_UNREACHABLE, &why));
        }
        if let Some(recorded) = &self.status.cluster
            && recorded != cluster.id().as_str()
        {
            if let Some(placed) = self.status.host.as_ref().filter(|placed| **placed != name) {
                let message = format!(
                    "ProxmoxNode '{name}' (spec.hostRef) is of another cluster than '{placed}', which has the machine: a \
                     machine is moved within its cluster alone, and nothing is sent. Name '{placed}' again, or back the machine up \
                     and make another one from that"
                );
                return Err(End::stalled(reason::MIGRATION_IMPOSSIBLE, message).into());
            }
            let message = format!(
                "the machine was made on cluster {recorded}, and ProxmoxNode '{name}' now is cluster {}: nothing is \
                 sent. Let the host's address lead to the former cluster again",
                cluster.id()
            );
            return Err(End::stalled(reason::CLUSTER_CHANGED, message).into());
        }
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
    fn by_another_member(&self, host: &Arc<ProxmoxNode>) -> Option<Site> {
        let status = host.status.as_ref()?;
        let id = ClusterId::from_fingerprint(&status.cluster.as_ref()?.id).ok()?;
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
        self.ctx.claims.is_clear(&host.name_any()).then_some(())?;
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
    fn undeclared(&self, host: &ProxmoxNode) -> Stop {
        let name = host.name_any();
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
                let message = format!("ProxmoxNode '{name}' can't be used: {why}");
                End::unknown(reason, message).into()
            }
            None => self.early(&name, "it is being connected to"),
        }
    }

    /// The host was not looked at yet, as just after a start: no reason to take back what was said before.
    fn early(&self, host: &str, why: &str) -> Stop {
        // A connection takes a moment; that its first list came wakes nobody.
        let soon = self.ctx.settings.timing.requeue_task;
        let said = self.status.observed_generation == self.vm.metadata.generation
            && conditions::find(&self.status.conditions, conditions::READY).is_some();
        if said && !self.deleting {
            return Stop::Later(soon);
        }
        let message = format!("ProxmoxNode '{host}' can't be used yet: {why}");
        End::progressing(reason::HOST_NOT_READY, message, Again::After(soon)).into()
    }

    async fn settle_task(&mut self, site: &Site) -> Flow<()> {
        task::settle(self, site).await
    }

    /// A failure holds further tries back for a while, unless the declaration changed.
    fn held_back(&self) -> Flow<()> {
        let Some(failure) = self.ctx.memory.get(&self.uid).failure else {
            return Ok(());
        };
        let now = self.ctx.runtime.clock.instant();
        let handled = self.status.last_handled_reconcile_at.as_ref() == self.asked_at().as_ref();
        if failure.generation == self.vm.metadata.generation && handled && now < failure.not_before {
            let wait = failure.not_before.duration_since(now);
            return Err(End::new(failure.outcome, Again::After(wait)).into());
        }
        Ok(())
    }

    fn asked_at(&self) -> Option<String> {
        self.vm
            .annotations()
            .get(crate::api::names::RECONCILE_AT)
            .cloned()
    }

    /// What the machine is to be like; its class as it was taken at creation.
    pub(super) fn desired(&self, site: &Site) -> Flow<Desired> {
        let class = self.class()?;
        let none = HostDefaults::default();
        let defaults = site.host.spec.defaults.as_ref().unwrap_or(&none);
        let mut desired = desired::resolve(&self.vm, class.as_ref(), defaults)
            .map_err(|invalid| End::stalled(reason::INVALID_SPEC, invalid.to_string()))?;
        if let Origin::CloneOfResource(name) = &desired.origin
            && let Some(vmid) = self.machine_of(site, name)
        {
            desired.origin = Origin::CloneOf(vmid);
        }
        site.allowed().check(&desired).map_err(End::from)?;
        let version = self
            .ctx
            .fleet
            .host(&site.host.name_any())
            .and_then(|view| view.version);
        desired::leave_out_unsupported(&mut desired, version.map(|v| v.major));
        Ok(desired)
    }

    /// The number of the machine of another resource of the namespace.
    fn machine_of(&self, site: &Site, name: &str) -> Option<Vmid> {
        let namespace = self.vm.namespace().unwrap_or_default();
        let named = self
            .ctx
            .stores
            .machines
            .get(&ObjectRef::new(name).within(&namespace))?;
        let status = named.status.as_ref()?;
        let here = status.cluster.as_deref() == Some(site.cluster.id().as_str());
        // One that is not made yet is no source.
        let made = here && status.identity.is_some();
        status.vmid.filter(|_| made).and_then(|n| Vmid::try_from(n).ok())
    }

    /// The class, pinned once the machine has a number.
    pub(super) fn class(&self) -> Flow<Option<VirtualMachineClassSpec>> {
        let Some(named) = &self.vm.spec.class_ref else {
            return Ok(None);
        };
        if let Some(pinned) = desired::pinned_class(&self.vm, &self.status) {
            return Ok(Some(pinned.spec.clone()));
        }
        match self.ctx.stores.classes.get(&ObjectRef::new(&named.name)) {
            Some(class) => Ok(Some(class.spec.clone())),
            None => Err(End::stalled(
                reason::CLASS_NOT_FOUND,
                format!(
                    "there is no VirtualMachineClass '{}' (spec.classRef): make it, or name another",
                    named.name
                ),
            )
            .into()),
        }
    }

    /// Whether the class that is followed says otherwise than before.
    pub(super) fn class_changed(&self) -> Flow<bool> {
        if self.vm.spec.class_policy != Some(ClassPolicy::Follow) {
            return Ok(false);
        }
        let now = self.class()?;
        Ok(now.as_ref() != self.status.class.as_ref().map(|c| &c.spec))
    }

    /// What becomes of the machine when the resource is deleted.
    pub(super) fn deletion_policy(&self, vmid: Vmid) -> DeletionPolicy {
        let made = match self.status.origin {
            Some(origin) => origin == GuestOrigin::Made,
            None => removal::made_by_drover(self.recorded(), self.identity(vmid)),
        };
        removal::policy(self.vm.spec.deletion_policy, made && !self.observes())
    }

    /// The identity that a guest made for this resource under a number has.
    pub(super) fn identity(&self, vmid: Vmid) -> Uuid {
        numbers::identity(&self.ctx.cluster_uid, &self.uid, vmid)
    }

    /// The mark for a number, not sealed.
    pub(super) fn mark(&self, vmid: Vmid) -> Mark {
        Mark {
            cluster: self.ctx.cluster_uid.clone(),
            kind: super::controller::KIND.to_owned(),
            namespace: self.vm.namespace().unwrap_or_default(),
            name: self.vm.name_any(),
            uid: self.uid.clone(),
            id: vmid,
            uuid: None,
            released: false,
            adopted: self.status.origin == Some(GuestOrigin::Adopted),
        }
    }

    /// What an agent reported counts no longer.
    pub(super) fn forget_agent(&mut self) {
        self.status.agent = None;
        self.status.addresses.clear();
    }

    /// Tells the fleet to follow this guest.
    pub(super) fn watch(&self, site: &Site, vmid: Vmid, agent: bool) {
        let seek_addresses = agent && self.status.addresses.is_empty();
        let known = self.status.agent.as_ref().and_then(|agent| agent.os.as_ref());
        let interest = Interest {
            agent,
            seek_addresses,
            seek_system: agent && known.is_none(),
        };
        site.cluster.watch_guest(vmid, interest);
    }

    /// A call to the host failed.
    pub(super) fn trouble(&self, error: &crate::hypervisor::Error) -> End {
        trouble::end(self, error)
    }

    /// A step failed for a reason that may pass: it is said, and tried again later and later.
    pub(super) fn failed(&self, outcome: Outcome) -> End {
        let now = self.ctx.runtime.clock.instant();
        let count = self.ctx.memory.get(&self.uid).failure.map_or(0, |f| f.count) + 1;
        let wait = self.patience(count);
        self.ctx.memory.note(&self.uid, |m| {
            m.failure = Some(crate::controllers::memory::Failure {
                count,
                outcome: outcome.clone(),
                not_before: now + wait,
                generation: self.vm.metadata.generation,
            });
        });
        End::new(outcome, Again::After(wait))
    }

    /// How long to wait after so many failures in a row.
    pub(super) fn patience(&self, failures: u32) -> Duration {
        let timing = &self.ctx.settings.timing;
        timing
            .requeue_error_min
            .saturating_mul(1 << failures.saturating_sub(1).min(16))
            .min(timing.requeue_error_max)
    }

    /// Nothing is left to do: the next failure is the first again.
    pub(super) fn succeeded(&self) {
        self.ctx.memory.note(&self.uid, |m| {
            m.failure = None;
            m.done = None;
        });
    }

    /// The identity in the status; absent while the machine was not seen whole yet.
    pub(super) fn recorded(&self) -> Option<Uuid> {
        self.status.identity.as_ref().map(|i| i.uuid)
    }
}
