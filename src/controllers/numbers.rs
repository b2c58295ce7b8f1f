//! Hands out numbers for new guests, each once, and knows which resource has which.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use kube::runtime::reflector::ObjectRef;
use tokio::sync::OnceCell;

use crate::api::VirtualMachine;
use crate::fleet::Cluster;
use crate::hypervisor::{Error, TaskFilter};
use crate::model::{ClusterId, Vmid};
use crate::plan::identity::numbers::{Exhausted, Numbers, next};
use crate::runtime::Class;

/// Which numbers were handed out by this process, and who has which.
#[derive(Default)]
pub(super) struct NumberBook {
    handed_out: Mutex<HashMap<ClusterId, BTreeSet<u32>>>,
    owners: Mutex<HashMap<ClusterId, BTreeMap<Vmid, ObjectRef<VirtualMachine>>>>,
    traces: Mutex<HashMap<ClusterId, Arc<OnceCell<BTreeSet<u32>>>>>,
}

impl NumberBook {
    /// Hands out the next number.
    pub(super) fn hand_out(
        &self,
        cluster: &ClusterId,
        mut numbers: Numbers,
        range: (u32, u32),
        reuse: bool,
    ) -> Result<Vmid, Exhausted> {
        let mut all = self.handed_out.lock().unwrap_or_else(PoisonError::into_inner);
        let handed_out = all.entry(cluster.clone()).or_default();
        numbers.spent.extend(handed_out.iter());
        let vmid = next(&numbers, range, reuse)?;
        handed_out.insert(vmid.get());
        Ok(vmid)
    }

    /// Notes which resource has a number.
    pub(super) fn own(&self, cluster: &ClusterId, vmid: Vmid, owner: ObjectRef<VirtualMachine>) {
        let mut all = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(cluster.clone()).or_default().insert(vmid, owner);
    }

    /// Forgets that a resource has a number.
    pub(super) fn disown(&self, cluster: &ClusterId, vmid: Vmid) {
        let mut all = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owners) = all.get_mut(cluster) {
            owners.remove(&vmid);
        }
    }

    /// The resource that has a number.
    pub(super) fn owner(&self, cluster: &ClusterId, vmid: Vmid) -> Option<ObjectRef<VirtualMachine>> {
        let all = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(cluster)?.get(&vmid).cloned()
    }

    /// Numbers of which volumes, archives or tasks are left, read once a process and cluster: what comes
    /// later is known by the guests themselves.
    pub(super) async fn traces(&self, cluster: &Cluster) -> Result<BTreeSet<u32>, Error> {
        let cell = {
            let mut all = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(cluster.id().clone()).or_default())
        };
        cell.get_or_try_init(|| read_traces(cluster)).await.cloned()
    }
}

async fn read_traces(cluster: &Cluster) -> Result<BTreeSet<u32>, Error> {
    let snapshot = cluster.snapshot();
    let driver = cluster.driver();
    let mut traces = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for row in snapshot.storages.iter().filter(|row| row.available) {
        let holds = row
            .content
            .iter()
            .any(|c| matches!(c.as_str(), "images" | "rootdir" | "backup"));
        let first = !row.shared || seen.insert(row.storage.clone());
        if !holds || !first {
            continue;
        }
        match driver.volumes(&row.node, &row.storage, None, None).await {
            Ok(volumes) => traces.extend(volumes.iter().filter_map(|v| v.vmid).map(Vmid::get)),
            // What the token may not see, it may not overwrite either: the host refuses.
            Err(error) if error.class() == Class::Denied => {
                tracing::warn!(storage.name = %row.storage, node.name = %row.node, error = %error,
                    "volumes can't be listed; numbers of their guests may be given again");
            }
            Err(error) => return Err(error),
        }
    }
    for node in snapshot.nodes.iter().filter(|node| node.online) {
        let tasks = driver.node_tasks(&node.name, &TaskFilter::default()).await?;
        traces.extend(tasks.iter().filter_map(|t| t.upid.vmid()).map(Vmid::get));
    }
    Ok(traces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_handed_out_twice() {
        let book = NumberBook::default();
        let cluster = ClusterId::from_fingerprint(&"ab".repeat(32)).unwrap();
        let numbers: Vec<u32> = (0..3)
            .map(|_| {
                book.hand_out(&cluster, Numbers::default(), (100, 102), true)
                    .unwrap()
                    .get()
            })
            .collect();
        assert_eq!(numbers, [100, 101, 102]);
        assert!(
            book.hand_out(&cluster, Numbers::default(), (100, 102), true)
                .is_err()
        );
    }
}
