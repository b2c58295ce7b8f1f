//! One pass over a machine: who it is, which host has it, what is under way, and then whichever step is due.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use uuid::Uuid;

use super::site::Site;
use super::{look, observe, record, task, trouble};
use crate::api::conditions::reason;
use crate::api::names::{FORCE_RELEASE, GUEST_FINALIZER};
use crate::api::{
    ClassPolicy, DeletionPolicy, EffectivePolicies, GuestOrigin, VirtualMachine, VirtualMachineClassSpec,
    VirtualMachineStatus,
};
use crate::controllers::journal::Entry;
use crate::controllers::{Context, Error};
use crate::fleet::Interest;
use crate::model::GuestId;
use crate::plan::desired::{self, Desired};
use crate::plan::guest_id;
use crate::plan::identity::{Mark, numbers};
use crate::plan::placing;
use crate::plan::removal;
use crate::plan::status::{self, Outcome};
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

    /// A person or another resource must do something.
    pub(super) const fn waiting(outcome: Outcome) -> Self {
        Self::new(outcome, Again::Waiting)
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
        // By the shard of its host; also where there is no such host any more.
        match pass.host().await {
            Err(Stop::Silent) => return Ok(Action::await_change()),
            Err(Stop::Later(wait)) => return Ok(Action::requeue(wait)),
            Err(Stop::Error(error)) => return Err(error),
            Ok(_) | Err(Stop::End(_)) => {}
        }
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
    for (cluster, id) in ctx.numbers.unobserve(&ObjectRef::from_obj(vm)) {
        if let Some(cluster) = ctx.fleet.cluster(&cluster) {
            cluster.unwatch_guest(id);
        }
    }
    let status = vm.status.as_ref();
    let cluster = status.and_then(|s| s.cluster.as_deref());
    let cluster = cluster.and_then(|id| id.parse::<crate::model::ClusterId>().ok());
    let id = status.and_then(guest_id::current);
    if let (Some(cluster), Some(id)) = (cluster, id) {
        ctx.numbers.disown(&cluster, id, &ObjectRef::from_obj(vm));
        if let Some(cluster) = ctx.fleet.cluster(&cluster) {
            cluster.unwatch_guest(id);
        }
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
        let id = guest_id::current(&self.status);
        let Some(id) = id else {
            return self.place(&site).await;
        };
        let owner = ObjectRef::from_obj(self.vm.as_ref());
        self.ctx.numbers.own(site.cluster.id(), id, owner);
        self.status.effective = Some(EffectivePolicies {
            deletion_policy: Some(self.deletion_policy(id)),
            reboot_policy: Some(self.vm.spec.reboot_policy.unwrap_or_default()),
        });
        look::look_and_act(self, &site, id).await
    }

    /// Whether the machine is only looked at.
    pub(super) fn observes(&self) -> bool {
        placing::observes(&self.vm)
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
        let machine = guest_id::current(&self.status).map_or_else(
            || "no machine is known of it".to_owned(),
            |id| format!("machine {id} stays as it is, if it exists, marked and owned by nobody"),
        );
        let note =
            format!("let go without asking the host, as the annotation {FORCE_RELEASE} says: {machine}");
        tracing::warn!("{note}");
        let entry = Entry::warning(reason::FORCE_RELEASED, note);
        self.ctx
            .journal
            .publish(self.vm.as_ref(), vec![entry.clone()])
            .await;
        if let Some(host) = self
            .ctx
            .host(self.vm.spec.host_ref.kind, &self.vm.spec.host_ref.name)
        {
            let (namespace, name) = (self.vm.namespace().unwrap_or_default(), self.vm.name_any());
            let note = format!("VirtualMachine {namespace}/{name} was {}", entry.note);
            let entry = Entry { note, ..entry };
            self.ctx.journal.publish_on_host(&host, vec![entry]).await;
        }
        record::remove_finalizer(self).await
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
        let version = self
            .ctx
            .fleet
            .host(&site.host.key())
            .and_then(|view| view.version);
        let machine_of = |name: &str| self.machine_of(site, name);
        let able = site.cluster.driver().capabilities(version.as_ref());
        placing::declared(&self.vm, class.as_ref(), &site.host, machine_of, &able)
            .map_err(|outcome| End::waiting(outcome).into())
    }

    /// Number and identity of the machine of another resource of the namespace.
    fn machine_of(&self, site: &Site, name: &str) -> Option<(GuestId, Uuid)> {
        let namespace = self.vm.namespace().unwrap_or_default();
        let named = self
            .ctx
            .stores
            .machines
            .get(&ObjectRef::new(name).within(&namespace))?;
        placing::made_on(&named, site.cluster.id().as_str())
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
            None => Err(End::waiting(placing::class_not_found(&named.name)).into()),
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
    pub(super) fn deletion_policy(&self, id: GuestId) -> DeletionPolicy {
        let made = match self.status.origin {
            Some(origin) => origin == GuestOrigin::Made,
            None => removal::made_by_drover(self.recorded(), self.identity(id)),
        };
        removal::policy(self.vm.spec.deletion_policy, made && !self.observes())
    }

    /// The identity that a guest made for this resource under a number has.
    pub(super) fn identity(&self, id: GuestId) -> Uuid {
        numbers::identity(&self.ctx.cluster_uid, &self.uid, id)
    }

    /// The mark for a number, not sealed.
    pub(super) fn mark(&self, id: GuestId) -> Mark {
        let adopted = self.status.origin == Some(GuestOrigin::Adopted);
        placing::mark(&self.vm, &self.uid, &self.ctx.cluster_uid, id, adopted)
    }

    /// What an agent reported counts no longer.
    pub(super) fn forget_agent(&mut self) {
        self.status.agent = None;
        self.status.addresses.clear();
    }

    /// Tells the fleet to follow this guest.
    pub(super) fn watch(&self, site: &Site, id: GuestId, agent: bool) {
        let seek_addresses = agent && self.status.addresses.is_empty();
        let known = self.status.agent.as_ref().and_then(|agent| agent.os.as_ref());
        let interest = Interest {
            agent,
            seek_addresses,
            seek_system: agent && known.is_none(),
        };
        site.cluster.watch_guest(id, interest);
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
