//! What a test waits for in its world; in vain, it shows the whole world.

use std::fmt::Write;

use drover::api::{ProxmoxNode, VirtualMachine};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use pve_sim::GuestView;
use serde_json::json;

use super::waiting::{DEADLINE, within};
use super::world::{Conditioned, World, condition};

impl World {
    /// Waits until something is there; else shows the whole world.
    pub(crate) async fn wait_until<T>(&self, what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
        match within(DEADLINE, look).await {
            Some(seen) => seen,
            None => self.fail(what).await,
        }
    }

    /// Waits until a condition of a resource has a status and a reason (`*` for any).
    pub(crate) async fn wait_for<K: Conditioned>(
        &self,
        api: &Api<K>,
        name: &str,
        type_: &str,
        status: &str,
        reason: &str,
    ) -> K {
        let what = format!("{type_}={status} ({reason}) of {name}");
        self.wait_until(&what, async || {
            let object = api.get_opt(name).await.unwrap()?;
            let fits = condition(&object, type_).is_some_and(|c| {
                (status == "*" || c.status == status)
                    && (reason == "*" || c.reason == reason)
                    && c.observed_generation == object.meta().generation
            });
            fits.then_some(object)
        })
        .await
    }

    /// Waits until a condition of a machine has a status and a reason, for its present generation.
    pub(crate) async fn wait_vm(
        &self,
        name: &str,
        type_: &str,
        status: &str,
        reason: &str,
    ) -> VirtualMachine {
        self.wait_for(&self.vms(), name, type_, status, reason).await
    }

    /// Waits until a machine is Ready as it is declared now.
    pub(crate) async fn wait_ready(&self, name: &str) -> VirtualMachine {
        self.wait_vm(name, "Ready", "True", "*").await
    }

    /// Waits until the test's host has a condition.
    pub(crate) async fn wait_host(&self, type_: &str, status: &str, reason: &str) -> ProxmoxNode {
        self.wait_for(&self.hosts(), &self.name, type_, status, reason)
            .await
    }

    /// Waits until a machine's resource is gone.
    pub(crate) async fn wait_vm_gone(&self, name: &str) {
        self.wait_until(&format!("{name} to go"), async || {
            self.vms().get_opt(name).await.unwrap().is_none().then_some(())
        })
        .await;
    }

    /// Waits until a guest of the simulated cluster is as a predicate says.
    pub(crate) async fn wait_guest(
        &self,
        vmid: u32,
        what: &str,
        is: impl Fn(&GuestView) -> bool,
    ) -> GuestView {
        let what = format!("guest {vmid}: {what}");
        self.wait_until(&what, async || self.sim.guest(vmid).filter(|guest| is(guest)))
            .await
    }

    /// Waits until Drover has looked at the machine anew: several whole passes, by the annotation that asks
    /// for one.
    pub(crate) async fn passes(&self, name: &str, count: u32) {
        for number in 1..=count {
            let token = format!("{}-{number}", self.sim.position());
            let annotations = json!({"drover.dev/reconcile-at": token});
            self.patch_vm(name, json!({"metadata": {"annotations": annotations}}))
                .await;
            self.wait_until(&format!("pass {number} over {name}"), async || {
                let status = self.vm(name).await.status?;
                (status.last_handled_reconcile_at.as_deref() == Some(&token)).then_some(())
            })
            .await;
        }
    }

    /// The same, of the test's host.
    pub(crate) async fn passes_of_host(&self, count: u32) {
        for number in 1..=count {
            let token = format!("{}-{number}", self.sim.position());
            let annotations = json!({"drover.dev/reconcile-at": token});
            self.patch_host(&self.name, json!({"metadata": {"annotations": annotations}}))
                .await;
            self.wait_until(&format!("pass {number} over the host"), async || {
                let status = self.hosts().get(&self.name).await.unwrap().status?;
                (status.last_handled_reconcile_at.as_deref() == Some(&token)).then_some(())
            })
            .await;
        }
    }

    async fn fail(&self, what: &str) -> ! {
        let mut text = format!("waited in vain for {what}\n");
        // Writing to a String can't fail.
        if let Ok(Some(mut host)) = self.hosts().get_opt(&self.name).await {
            host.managed_fields_mut().clear();
            let _ = writeln!(text, "--- host\n{}", serde_yaml::to_string(&host).unwrap());
        }
        for mut vm in self
            .vms()
            .list(&ListParams::default())
            .await
            .map(|l| l.items)
            .unwrap_or_default()
        {
            vm.managed_fields_mut().clear();
            let _ = writeln!(text, "--- machine\n{}", serde_yaml::to_string(&vm).unwrap());
            for (type_, reason, note) in self.events(&vm.name_any()).await {
                let _ = writeln!(text, "event {type_} {reason}: {note}");
            }
        }
        for guest in self.sim.guests() {
            let _ = writeln!(text, "--- guest {guest:?}");
        }
        let requests = self.sim.requests();
        for request in requests.0.iter().rev().take(60).rev() {
            let _ = writeln!(
                text,
                "{} {} {:?} -> {:?}",
                request.method, request.path, request.params, request.status
            );
        }
        panic!("{text}");
    }
}
