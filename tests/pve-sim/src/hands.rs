//! What other people do to the same hosts, and what a test may see of them without asking the API.
//!
//! Everything here happens at once, without a task and without a line in the request log: it stands for somebody at the
//! host's own shell.

use std::collections::BTreeMap;
use std::sync::MutexGuard;

use serde::Serialize;
use thiserror::Error;

use crate::happening::Happening;
use crate::seed::{Rights, SeedGuest, SeedToken, Shutdown};
use crate::simulator::{Core, Simulator};
use crate::state::{Guest, NodeProxy, Task, Volume, World};

/// Why a hand could not do it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HandsError {
    /// No guest has the number.
    #[error("no guest {0}")]
    NoGuest(u32),
    /// The number is taken.
    #[error("guest {0} exists")]
    GuestExists(u32),
    /// No node has the name.
    #[error("no node '{0}'")]
    NoNode(String),
    /// No token has the id.
    #[error("no token '{0}'")]
    NoToken(String),
    /// No token can have the id.
    #[error("'{0}' isn't a token's id, like user@realm!name")]
    TokenId(String),
    /// No backup job has the id.
    #[error("no backup job '{0}'")]
    NoJob(String),
    /// A volume can't be copied.
    #[error("{0}")]
    Copy(String),
    /// No storage has the name.
    #[error("no storage '{0}'")]
    NoStorage(String),
    /// No volume has the id on the node.
    #[error("no volume '{0}'")]
    NoVolume(String),
}

/// A guest as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GuestView {
    /// Its number.
    pub vmid: u32,
    /// Where it stands.
    pub node: String,
    /// Its `name`, if it has one.
    pub name: Option<String>,
    /// Whether it runs.
    pub running: bool,
    /// Whether it is a template.
    pub template: bool,
    /// The `uuid` of its `smbios1`.
    pub uuid: Option<String>,
    /// Its `lock`.
    pub lock: Option<String>,
    /// Its active configuration, without the digest.
    pub config: BTreeMap<String, String>,
    /// Changes that wait for the next start; `None` is a deletion.
    pub pending: BTreeMap<String, Option<String>>,
    /// How often it was started since the simulator stands.
    pub starts: u32,
}

/// A task as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskView {
    /// Its id.
    pub upid: String,
    /// Its type, as `qmclone`.
    pub kind: String,
    /// What it is about: a guest's number, of a clone the source's.
    pub id: String,
    /// Who started it.
    pub user: String,
    /// How it ended; absent while it runs.
    pub exit: Option<String>,
}

impl Simulator {
    /// A guest as it is.
    #[must_use]
    pub fn guest(&self, vmid: u32) -> Option<GuestView> {
        self.core.world().guests.get(&vmid).map(Guest::view)
    }

    /// All guests, by number.
    #[must_use]
    pub fn guests(&self) -> Vec<GuestView> {
        self.core.world().guests.values().map(Guest::view).collect()
    }

    /// All tasks, oldest first.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskView> {
        let world = self.core.world();
        let mut tasks: Vec<TaskView> = world.tasks.newest().map(Task::view).collect();
        tasks.reverse();
        tasks
    }

    /// How many tasks ran at once at most, since the simulator started.
    #[must_use]
    pub fn most_tasks_at_once(&self) -> usize {
        self.core.world().tasks.most_at_once()
    }

    /// The ids of the volumes that a node sees.
    #[must_use]
    pub fn volumes(&self, node: &str) -> Vec<String> {
        let world = self.core.world();
        let on_node = world
            .volumes
            .values()
            .filter(|v| v.node == node || v.node.is_empty());
        on_node.map(|v| v.volid.clone()).collect()
    }

    /// The first 256 KiB of a file that was uploaded to a storage of a node.
    #[must_use]
    pub fn uploaded(&self, node: &str, volid: &str) -> Option<Vec<u8>> {
        let world = self.core.world();
        world.volume(node, volid).map(|volume| volume.head.clone())
    }

    /// Starts a guest; one that runs goes on.
    pub fn power_on(&self, vmid: u32) -> Result<(), HandsError> {
        self.core.happen_now(Happening::PowerOn { vmid })
    }

    /// Pulls a guest's plug.
    pub fn power_off(&self, vmid: u32) -> Result<(), HandsError> {
        self.core.happen_now(Happening::PowerOff { vmid })
    }

    /// Sets (`Some`) or removes (`None`) options in the file, as with an editor: nothing is made pending or checked.
    pub fn change_config(&self, vmid: u32, changes: &[(&str, Option<&str>)]) -> Result<(), HandsError> {
        let owned = changes
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned)));
        let config = owned.collect();
        self.core.happen_now(Happening::Reconfigure { vmid, config })
    }

    /// Gives a guest another name.
    pub fn rename(&self, vmid: u32, name: &str) -> Result<(), HandsError> {
        let name = name.to_owned();
        self.core.happen_now(Happening::Rename { vmid, name })
    }

    /// Locks a guest, as a backup that died leaves it; `None` unlocks it.
    pub fn lock(&self, vmid: u32, lock: Option<&str>) -> Result<(), HandsError> {
        let lock = lock.map(str::to_owned);
        self.core.happen_now(Happening::Lock { vmid, lock })
    }

    /// Destroys a guest, running or not, with its disks.
    pub fn destroy(&self, vmid: u32) -> Result<(), HandsError> {
        self.core.happen_now(Happening::Destroy { vmid })
    }

    /// Destroys a guest and makes a foreign one under its number on the same node; returns the new one's UUID.
    pub fn recycle(&self, vmid: u32) -> Result<String, HandsError> {
        self.core.happen_now(Happening::Recycle { vmid })?;
        let uuid = self.guest(vmid).and_then(|guest| guest.uuid);
        Ok(uuid.unwrap_or_default())
    }

    /// A full clone by hand: description and all, with MAC addresses, UUID and disks of its own.
    pub fn copy(&self, vmid: u32, new_vmid: u32, name: &str) -> Result<(), HandsError> {
        let name = name.to_owned();
        self.core.happen_now(Happening::Copy { vmid, new_vmid, name })
    }

    /// Moves a guest with its disks to another node; it keeps running or not.
    pub fn move_guest(&self, vmid: u32, node: &str) -> Result<(), HandsError> {
        let node = node.to_owned();
        self.core.happen_now(Happening::Move { vmid, node })
    }

    /// Makes a guest as described.
    pub fn add_guest(&self, guest: SeedGuest) -> Result<(), HandsError> {
        self.core.happen_now(Happening::Appear { guest })
    }

    /// Changes what a guest does when told to shut down.
    pub fn set_shutdown(&self, vmid: u32, shutdown: Shutdown) -> Result<(), HandsError> {
        let shutdown = Some(shutdown);
        self.core.happen_now(Happening::Behave {
            vmid,
            shutdown,
            agent: None,
        })
    }

    /// Installs an agent inside a guest, or removes it.
    pub fn set_agent(&self, vmid: u32, answers: bool) -> Result<(), HandsError> {
        let agent = Some(answers);
        self.core.happen_now(Happening::Behave {
            vmid,
            shutdown: None,
            agent,
        })
    }

    /// Takes a node off the network, or puts it back. Calls about it answer 595; its guests keep their last figures.
    pub fn set_node_online(&self, node: &str, online: bool) -> Result<(), HandsError> {
        let node = node.to_owned();
        self.core.happen_now(Happening::Node { node, online })
    }

    /// What the other nodes meet when they pass calls on to this one, which stays up.
    pub fn set_node_proxy(&self, node: &str, proxy: NodeProxy) -> Result<(), HandsError> {
        let node = node.to_owned();
        self.core.happen_now(Happening::Proxy { node, proxy })
    }

    /// Has a guest's volumes copied to another node again and again.
    pub fn replicate(&self, vmid: u32, target: &str) {
        let mut world = self.core.world();
        world
            .replications
            .entry(vmid)
            .or_default()
            .push(target.to_owned());
    }

    /// The nodes to which a guest's volumes are copied.
    #[must_use]
    pub fn replicas(&self, vmid: u32) -> Vec<String> {
        let world = self.core.world();
        world.replications.get(&vmid).cloned().unwrap_or_default()
    }

    /// Upgrades a node's packages, or leaves it behind the others.
    pub fn set_node_version(&self, node: &str, version: &str) {
        let mut world = self.core.world();
        for known in world.nodes.iter_mut().filter(|known| known.name == node) {
            known.version = Some(version.to_owned());
        }
    }

    /// Lets all statistics begin so many whole minutes ago, and time stand still for them. What has happened to guests
    /// counts to the minute that has just begun.
    pub fn freeze_statistics(&self, minutes: u32) {
        let mut world = self.core.world();
        let now = crate::clock::now() / 60 * 60;
        let since = now - i64::from(minutes) * 60;
        world.statistics_at = Some(now);
        for node in &mut world.nodes {
            node.measured_since = since;
        }
        for guest in world.guests.values_mut() {
            guest.measure_since(since, now + 1);
        }
    }

    /// Takes the cluster's quorum away, or gives it back.
    pub fn set_quorum(&self, quorate: bool) {
        self.core.set_quorum(quorate);
    }

    /// Runs a backup job now, on every node that has guests of it.
    pub fn run_backup_job(&self, id: &str) -> Result<(), HandsError> {
        let id = id.to_owned();
        self.core.happen_now(Happening::BackupJob { id })
    }

    /// Makes a token, or replaces the one with its id.
    pub fn add_token(&self, token: SeedToken) -> Result<(), HandsError> {
        self.core.happen_now(Happening::Grant { token })
    }

    /// Removes a token.
    pub fn revoke_token(&self, id: &str) -> Result<(), HandsError> {
        let token = id.to_owned();
        self.core.happen_now(Happening::Revoke { token })
    }

    /// Gives a token another secret.
    pub fn change_secret(&self, id: &str, secret: &str) -> Result<(), HandsError> {
        let (token, secret) = (id.to_owned(), secret.to_owned());
        self.core.happen_now(Happening::Secret { token, secret })
    }

    /// Changes what a token may; `None` is all that its user may.
    pub fn set_rights(&self, id: &str, rights: Option<Vec<Rights>>) -> Result<(), HandsError> {
        let token = id.to_owned();
        self.core.happen_now(Happening::Rights { token, rights })
    }

    /// Mount points can't be plugged into a running container any more, for this reason; `None` lets them again.
    pub fn set_mount_trouble(&self, vmid: u32, trouble: Option<&str>) -> Result<(), HandsError> {
        let trouble = trouble.map(str::to_owned);
        self.core.with_guest(vmid, |guest| guest.mount_trouble = trouble)
    }

    /// Takes a guest's lock file, as a command at the shell that works on it; calls wait for it.
    pub fn take_lock_file(&self, vmid: u32) {
        self.core.shared.take_lock_file(vmid);
    }

    /// Lets go of it.
    pub fn let_go_of_lock_file(&self, vmid: u32) {
        self.core.shared.let_go_of_lock_file(vmid);
    }

    /// Puts a file outside of all storages, by absolute path, which disks can be imported from.
    pub fn add_file(&self, node: &str, path: &str, bytes: u64) {
        let mut world = self.core.world();
        world.files.insert(format!("{node}:{path}"), bytes);
    }

    /// Puts an ISO into `local` of a node, by file name.
    pub fn add_iso(&self, node: &str, name: &str) -> Result<(), HandsError> {
        self.core.add_iso(node, name)
    }

    /// Removes a volume, whoever uses it.
    pub fn remove_volume(&self, node: &str, volid: &str) -> Result<(), HandsError> {
        let (node, volid) = (node.to_owned(), volid.to_owned());
        self.core.happen_now(Happening::RemoveVolume { node, volid })
    }
}

impl Core {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    fn with_guest<T>(&self, vmid: u32, act: impl FnOnce(&mut Guest) -> T) -> Result<T, HandsError> {
        let mut world = self.world();
        world
            .guests
            .get_mut(&vmid)
            .map(act)
            .ok_or(HandsError::NoGuest(vmid))
    }

    pub(crate) fn power(&self, vmid: u32, on: bool) -> Result<(), HandsError> {
        let mut world = self.world();
        let guest = world.guests.get(&vmid).ok_or(HandsError::NoGuest(vmid))?;
        match (guest.is_running(), on) {
            (false, true) => world.power_on(vmid),
            (true, false) => world.power_off(vmid),
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn behave(
        &self,
        vmid: u32,
        shutdown: Option<Shutdown>,
        agent: Option<bool>,
    ) -> Result<(), HandsError> {
        self.with_guest(vmid, |guest| {
            guest.shutdown = shutdown.unwrap_or(guest.shutdown);
            guest.agent_inside = agent.unwrap_or(guest.agent_inside);
        })
    }

    pub(crate) fn change_config(
        &self,
        vmid: u32,
        changes: BTreeMap<String, Option<String>>,
    ) -> Result<(), HandsError> {
        self.with_guest(vmid, |guest| {
            for (key, value) in changes {
                match value {
                    Some(value) => guest.config.insert(key, value),
                    None => guest.config.remove(&key),
                };
            }
        })
    }

    pub(crate) fn destroy(&self, vmid: u32) -> Result<(), HandsError> {
        let removed = self.world().remove_guest(vmid);
        removed.map(drop).ok_or(HandsError::NoGuest(vmid))
    }

    pub(crate) fn recycle(&self, vmid: u32) -> Result<(), HandsError> {
        let mut world = self.world();
        let gone = world.remove_guest(vmid).ok_or(HandsError::NoGuest(vmid))?;
        world.place(SeedGuest::new(vmid, format!("recycled-{vmid}")).on(gone.node));
        Ok(())
    }

    pub(crate) fn move_guest(&self, vmid: u32, node: &str) -> Result<(), HandsError> {
        let mut world = self.world();
        if world.node(node).is_none() {
            return Err(HandsError::NoNode(node.to_owned()));
        }
        if !world.guests.contains_key(&vmid) {
            return Err(HandsError::NoGuest(vmid));
        }
        world.relocate(vmid, node);
        Ok(())
    }

    pub(crate) fn add_guest(&self, guest: SeedGuest) -> Result<(), HandsError> {
        let mut world = self.world();
        if world.guests.contains_key(&guest.vmid) {
            return Err(HandsError::GuestExists(guest.vmid));
        }
        if let Some(node) = guest.node.as_deref().filter(|n| world.node(n).is_none()) {
            return Err(HandsError::NoNode(node.to_owned()));
        }
        world.place(guest);
        Ok(())
    }

    pub(crate) fn set_node_proxy(&self, node: &str, proxy: NodeProxy) -> Result<(), HandsError> {
        let mut world = self.world();
        let found = world.nodes.iter_mut().find(|n| n.name == node);
        found.ok_or_else(|| HandsError::NoNode(node.to_owned()))?.proxy = proxy;
        Ok(())
    }

    pub(crate) fn set_node_online(&self, node: &str, online: bool) -> Result<(), HandsError> {
        let mut world = self.world();
        let found = world.nodes.iter_mut().find(|n| n.name == node);
        found.ok_or_else(|| HandsError::NoNode(node.to_owned()))?.online = online;
        Ok(())
    }

    pub(crate) fn run_backup_job(&self, id: &str) -> Result<(), HandsError> {
        let job = self.world().backup_jobs.get(id).cloned();
        let job = job.ok_or_else(|| HandsError::NoJob(id.to_owned()))?;
        crate::api::run_backup_job(&self.shared, id, &job);
        Ok(())
    }

    pub(crate) fn lock_storage(
        &self,
        node: Option<String>,
        storage: &str,
        taken: bool,
    ) -> Result<(), HandsError> {
        let world = self.world();
        let no_storage = || HandsError::NoStorage(storage.to_owned());
        let shared = world.storage(storage).ok_or_else(no_storage)?.shared;
        let first = || world.nodes.first().map(|n| n.name.clone()).unwrap_or_default();
        let node = node.unwrap_or_else(first);
        if world.node(&node).is_none() {
            return Err(HandsError::NoNode(node));
        }
        let locks = &self.shared.storage_locks;
        locks.set(if shared { "" } else { &node }, storage, taken);
        Ok(())
    }

    pub(crate) fn set_quorum(&self, quorate: bool) {
        self.world().quorate = quorate;
        self.shared.events.tell(Happening::Quorum { quorate }.to_string());
    }

    pub(crate) fn add_iso(&self, node: &str, name: &str) -> Result<(), HandsError> {
        let mut world = self.world();
        if world.node(node).is_none() {
            return Err(HandsError::NoNode(node.to_owned()));
        }
        world.add_volume(Volume::iso(node, "local", name, 1 << 30));
        Ok(())
    }
}
