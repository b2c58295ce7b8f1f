//! Runs the passes over machines: what triggers one, and when a failed one is repeated.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::pass;
use crate::api::{LibvirtHost, ProxmoxNode, VirtualMachine, VirtualMachineClass};
use crate::controllers::{Context, Error};
use crate::runtime::Class;

/// The label of metrics, and the kind that marks name.
pub(super) use crate::plan::placing::KIND;

/// Bursts of changes of one resource make one pass.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// Runs the controller until the token is cancelled and the passes under way have ended.
pub async fn run(
    controller: Controller<VirtualMachine>,
    context: Arc<Context>,
    wakes: impl Stream<Item = ObjectRef<VirtualMachine>> + Send + 'static,
    host_watch: kube::runtime::watcher::Config,
    token: CancellationToken,
) {
    let client = context.client.clone();
    let of_host = {
        let context = Arc::clone(&context);
        move |node: ProxmoxNode| {
            let host = node.into();
            names_of(&context, |m| Context::concerns(&host, m))
        }
    };
    let of_libvirt = {
        let context = Arc::clone(&context);
        move |libvirt: LibvirtHost| {
            let host = libvirt.into();
            names_of(&context, |m| Context::concerns(&host, m))
        }
    };
    let of_class = {
        let context = Arc::clone(&context);
        move |class: VirtualMachineClass| {
            let name = class.name_any();
            names_of(&context, |m| {
                m.spec.class_ref.as_ref().is_some_and(|c| c.name == name)
            })
        }
    };
    controller
        .with_config(
            Config::default()
                .debounce(DEBOUNCE)
                .concurrency(context.settings.workers),
        )
        .watches(
            kube::Api::<ProxmoxNode>::all(client.clone()),
            host_watch.clone(),
            of_host,
        )
        .watches(
            kube::Api::<LibvirtHost>::all(client.clone()),
            host_watch,
            of_libvirt,
        )
        .watches(
            kube::Api::<VirtualMachineClass>::all(client),
            kube::runtime::watcher::Config::default(),
            of_class,
        )
        .reconcile_on(wakes)
        .graceful_shutdown_on(token.cancelled_owned())
        .run(reconcile, on_error, context)
        .for_each(|result| async move {
            if let Err(kube::runtime::controller::Error::QueueError(error)) = result {
                tracing::warn!(error = %error, "the watch of machines failed and is tried again");
            }
        })
        .await;
}

fn names_of(
    context: &Context,
    concerned: impl Fn(&VirtualMachine) -> bool,
) -> Vec<ObjectRef<VirtualMachine>> {
    let machines = context.stores.machines.state();
    machines
        .iter()
        .filter(|machine| concerned(machine))
        .map(|machine| ObjectRef::from_obj(machine.as_ref()))
        .collect()
}

async fn reconcile(machine: Arc<VirtualMachine>, context: Arc<Context>) -> Result<Action, Error> {
    let machine = context.machines.newest(machine);
    let span = tracing::info_span!(
        "machine",
        machine.namespace = machine.namespace().unwrap_or_default(),
        machine.name = machine.name_any()
    );
    let started = context.runtime.clock.instant();
    let result = pass::run(&context, machine).instrument(span).await;
    let took = context.runtime.clock.instant().duration_since(started);
    let outcome = result.as_ref().map(|_| ()).map_err(Error::class);
    context.runtime.metrics.reconciled(KIND, outcome, took);
    result
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the controller wants this signature"
)]
fn on_error(machine: Arc<VirtualMachine>, error: &Error, context: Arc<Context>) -> Action {
    let timing = &context.settings.timing;
    match error.class() {
        // Somebody wrote in between: the next pass sees it.
        Class::Conflict | Class::NotFound => Action::requeue(timing.requeue_error_min),
        _ => {
            tracing::warn!(machine = %machine.object_ref(&()).name.unwrap_or_default(), error = %error,
                "a pass failed and is tried again");
            Action::requeue(timing.requeue_error_min.saturating_mul(5))
        }
    }
}
