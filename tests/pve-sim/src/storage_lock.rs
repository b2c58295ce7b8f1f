//! The locks of storages: who makes a volume on one takes its lock for that long, and gives up when somebody else has it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;

/// The locks that somebody at the shell has, by node (none for a storage that all nodes share) and storage.
#[derive(Debug)]
pub(crate) struct StorageLocks {
    taken: watch::Sender<BTreeSet<(String, String)>>,
}

impl Default for StorageLocks {
    fn default() -> Self {
        Self {
            taken: watch::Sender::new(BTreeSet::new()),
        }
    }
}

impl StorageLocks {
    pub(crate) fn set(&self, node: &str, storage: &str, taken: bool) {
        let lock = (node.to_owned(), storage.to_owned());
        self.taken.send_modify(|all| {
            if taken {
                all.insert(lock);
            } else {
                all.remove(&lock);
            }
        });
    }

    /// Waits until nobody has it, for so long; else Proxmox's sentence (`PVE::Storage::Plugin::cluster_lock_storage`:
    /// a file of the node, or one of the cluster's locks for a shared storage).
    pub(crate) async fn wait(&self, node: &str, storage: &str, limit: Duration) -> Result<(), String> {
        let lock = (node.to_owned(), storage.to_owned());
        let mut taken = self.taken.subscribe();
        let free = taken.wait_for(|all| !all.contains(&lock));
        match tokio::time::timeout(limit, free).await {
            Ok(_) => Ok(()),
            Err(_) if node.is_empty() => Err(format!(
                "cfs-lock 'storage-{storage}' error: got lock request timeout"
            )),
            Err(_) => Err(format!(
                "can't lock file '/var/lock/pve-manager/pve-storage-{storage}' - got timeout"
            )),
        }
    }
}
