//! Writes what is said about a machine: only when it differs from what is stored, and never over somebody
//! else's write.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Resource, ResourceExt};
use serde::Serialize;

use super::controller::KIND;
use super::pass::Pass;
use crate::api::VirtualMachine;
use crate::api::conditions::{self, Finding, Truth, reason};
use crate::api::names::{GUEST_FINALIZER, MANAGER, RESERVED_UUID, RESERVED_VMID};
use crate::controllers::Error;
use crate::controllers::journal::Entry;
use crate::model::GuestId;
use crate::plan::guest_id;
use crate::plan::status::{self, Outcome, Standing};

pub(super) fn api(pass: &Pass<'_>) -> Api<VirtualMachine> {
    let namespace = pass.vm.namespace().unwrap_or_default();
    Api::namespaced(pass.ctx.client.clone(), &namespace)
}

/// Ends a pass: lays the outcome into the status, writes it, and publishes what happened.
pub(super) async fn conclude(pass: &mut Pass<'_>, outcome: &Outcome) -> Result<(), Error> {
    let before = pass.vm.status.clone().unwrap_or_default();
    let stood = conditions::find(&before.conditions, conditions::READY).map(|c| c.reason.clone());
    let now = pass.ctx.runtime.clock.now();
    status::conclude(&pass.vm, &mut pass.status, outcome, now);
    save(pass).await?;
    if stood.as_deref() != Some(outcome.reason) {
        let entry = match outcome.standing {
            Standing::Ready | Standing::Progressing => None,
            Standing::Unknown | Standing::Stalled => {
                Some(Entry::warning(outcome.reason, outcome.message.clone()))
            }
        };
        match outcome.standing {
            Standing::Ready => tracing::info!(reason = outcome.reason, "as declared"),
            Standing::Progressing => tracing::info!(reason = outcome.reason, "{}", outcome.message),
            Standing::Unknown | Standing::Stalled => {
                tracing::warn!(reason = outcome.reason, "{}", outcome.message);
            }
        }
        pass.entries.extend(entry);
    }
    let newly = |type_: &str| {
        conditions::is_true(&pass.status.conditions, type_) && !conditions::is_true(&before.conditions, type_)
    };
    for type_ in [conditions::DRIFTED, conditions::REBOOT_REQUIRED] {
        if newly(type_)
            && let Some(condition) = conditions::find(&pass.status.conditions, type_)
        {
            let reason = if type_ == conditions::DRIFTED {
                reason::CHANGED_ON_HOST
            } else {
                reason::PENDING_CHANGES
            };
            pass.entries
                .push(Entry::warning(reason, condition.message.clone()));
        }
    }
    let entries = std::mem::take(&mut pass.entries);
    pass.ctx.journal.publish(pass.vm.as_ref(), entries).await;
    Ok(())
}

/// Ends a pass over a paused machine: what was said of it stays, and that it is paused is added.
pub(super) async fn paused(pass: &mut Pass<'_>) -> Result<(), Error> {
    let now = pass.ctx.runtime.clock.now();
    let mut message =
        "the annotation drover.dev/paused stands: nothing is done until it is removed".to_owned();
    if pass.deleting {
        message.push_str(", so the deletion waits too");
    }
    let found = Finding::new(conditions::PAUSED, Truth::True, reason::PAUSED, message);
    let stored = &pass.status.conditions;
    let laid = conditions::merge(stored, vec![found], pass.vm.metadata.generation, now);
    let mut all: Vec<_> = stored
        .iter()
        .filter(|c| c.type_ != conditions::PAUSED)
        .cloned()
        .collect();
    let fresh = !conditions::is_true(stored, conditions::PAUSED);
    all.extend(laid);
    pass.status.conditions = all;
    save(pass).await?;
    if fresh {
        let entry = Entry::normal(reason::PAUSED, "paused by the annotation drover.dev/paused");
        pass.ctx.journal.publish(pass.vm.as_ref(), vec![entry]).await;
    }
    Ok(())
}

/// Writes the status if it differs from the stored one. Refused by the API server when somebody wrote in
/// between: the pass is then repeated on the newer version. Nor does a stale leader write: the number that it reserves may be
/// another resource's by now, whose version tells it nothing of that.
pub(super) async fn save(pass: &mut Pass<'_>) -> Result<(), Error> {
    if pass.vm.status.as_ref() == Some(&pass.status) {
        return Ok(());
    }
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let mut tries = 0;
    let written = loop {
        let mut object = pass.vm.as_ref().clone();
        object.status = Some(pass.status.clone());
        let name = object.name_any();
        pass.ctx.fence.check()?;
        pass.ctx.runtime.metrics.kubernetes_write(KIND, "update-status");
        match api(pass).replace_status(&name, &params, &object).await {
            Ok(written) => break written,
            Err(error) => again(pass, error, &mut tries).await?,
        }
    };
    pass.vm = pass.ctx.machines.wrote(written);
    Ok(())
}

/// Adds the finalizer and names the number that is about to be reserved; this precedes everything that is done
/// on a host.
pub(super) async fn claim(pass: &mut Pass<'_>, id: GuestId) -> Result<(), Error> {
    let mut finalizers = pass.vm.finalizers().to_vec();
    let annotation = guest_id::reserving_annotation(id);
    let named = pass.vm.annotations().get(annotation);
    if finalizers.iter().any(|f| f == GUEST_FINALIZER) {
        if named.is_some_and(|n| *n == id.to_string()) {
            return Ok(());
        }
    } else {
        finalizers.push(GUEST_FINALIZER.to_owned());
    }
    let metadata = serde_json::json!({
        "finalizers": finalizers,
        "annotations": { annotation: id.to_string() },
    });
    let vm = patch_metadata(pass, metadata).await?;
    pass.vm = pass.ctx.machines.wrote(vm);
    Ok(())
}

/// Takes back that a number was about to be reserved: it is somebody else's.
pub(super) async fn disclaim(pass: &mut Pass<'_>) -> Result<(), Error> {
    let vm = patch_metadata(
        pass,
        serde_json::json!({ "annotations": { RESERVED_VMID: null, RESERVED_UUID: null } }),
    )
    .await?;
    pass.vm = pass.ctx.machines.wrote(vm);
    Ok(())
}

/// Takes the finalizer off; the API server then lets the resource go.
pub(super) async fn remove_finalizer(pass: &mut Pass<'_>) -> Result<(), Error> {
    let mut finalizers = pass.vm.finalizers().to_vec();
    finalizers.retain(|f| f != GUEST_FINALIZER);
    match patch_metadata(pass, serde_json::json!({ "finalizers": finalizers })).await {
        Ok(vm) => {
            pass.vm = Arc::new(vm);
            Ok(())
        }
        Err(Error::Kubernetes(error)) if matches!(error.as_ref(), kube::Error::Api(s) if s.is_not_found()) => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Changes metadata, unless somebody wrote in between.
async fn patch_metadata(
    pass: &mut Pass<'_>,
    mut metadata: serde_json::Value,
) -> Result<VirtualMachine, Error> {
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let mut tries = 0;
    loop {
        metadata["resourceVersion"] = pass.vm.meta().resource_version.clone().into();
        let patch = Patch::Merge(serde_json::json!({ "metadata": metadata }));
        let name = pass.vm.name_any();
        pass.ctx.fence.check()?;
        pass.ctx.runtime.metrics.kubernetes_write(KIND, "patch");
        match api(pass).patch(&name, &params, &patch).await {
            Ok(written) => return Ok(written),
            Err(error) => again(pass, error, &mut tries).await?,
        }
    }
}

/// Whether a write that failed may be sent again: somebody else wrote in between, and nothing that a pass goes by.
async fn again(pass: &mut Pass<'_>, error: kube::Error, tries: &mut u32) -> Result<(), Error> {
    *tries += 1;
    if *tries < TRIES && is_conflict(&error) && caught_up(pass).await? {
        return Ok(());
    }
    // The version that was written against is not the newest: let the cache decide.
    pass.ctx.machines.forget(&pass.uid);
    Err(error.into())
}

/// How often a write is tried that met somebody else's.
const TRIES: u32 = 5;

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict())
}

/// Takes the newest version up after a conflict, if what was written in between is nothing that a pass goes by: whoever writes
/// other people's annotations all the time would else keep every pass from its end.
async fn caught_up(pass: &mut Pass<'_>) -> Result<bool, Error> {
    let Some(newest) = api(pass).get_opt(&pass.vm.name_any()).await? else {
        return Ok(false);
    };
    let same = goes_by(&newest) == goes_by(&pass.vm);
    if same {
        pass.vm = Arc::new(newest);
    }
    Ok(same)
}

/// Tells versions of a machine apart by what a pass goes by. Other people's annotations trigger none: written often enough, they
/// would put each off for ever.
#[must_use]
pub fn version(vm: &VirtualMachine) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(&goes_by(vm)).ok()?.hash(&mut hasher);
    Some(hasher.finish())
}

/// All that a pass goes by.
fn goes_by(vm: &VirtualMachine) -> impl PartialEq + Serialize + '_ {
    let meta = &vm.metadata;
    let own = meta.annotations.iter().flatten();
    let own: Vec<_> = own.filter(|(key, _)| key.starts_with("drover.dev/")).collect();
    (
        (&meta.uid, meta.generation, &meta.deletion_timestamp),
        (&meta.finalizers, &meta.labels, own),
        &vm.status,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{VirtualMachineSpec, VirtualMachineStatus};

    #[test]
    fn only_what_a_pass_does_not_go_by_may_change_in_between() {
        let vm = VirtualMachine::new("web", VirtualMachineSpec::default());
        let mut other = vm.clone();
        let noted = |key: &str| Some([(key.to_owned(), "1".to_owned())].into());
        other.metadata.annotations = noted("example.com/round");
        other.metadata.resource_version = Some("7".into());
        assert!(goes_by(&vm) == goes_by(&other) && version(&vm) == version(&other));
        let alterations: [fn(&mut VirtualMachine); 5] = [
            |vm| vm.metadata.generation = Some(2),
            |vm| vm.metadata.finalizers = Some(vec!["example.com/x".into()]),
            |vm| vm.status = Some(VirtualMachineStatus::default()),
            |vm| vm.metadata.uid = Some("other".into()),
            |vm| vm.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into()),
        ];
        for alter in alterations {
            let mut changed = vm.clone();
            alter(&mut changed);
            assert!(goes_by(&vm) != goes_by(&changed) && version(&vm) != version(&changed));
        }
        other.metadata.annotations = noted(RESERVED_VMID);
        assert!(goes_by(&vm) != goes_by(&other));
    }
}
