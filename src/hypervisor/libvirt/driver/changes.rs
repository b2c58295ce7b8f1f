//! What changes something on the host, and what libvirt has nothing for. How it is done stands in `changing`; here it is
//! given the connection of the moment, the host's abilities, and the tasks, which outlast connections.

use std::sync::Arc;

use virt::connect::Connect;

use super::changing::{Changer, Tasks};
use super::{Libvirt, unsupported};
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::libvirt::xml::capabilities;
use crate::hypervisor::libvirt::xml::domain::Host;
use crate::hypervisor::{Error, StopMode, TaskFilter};
use crate::model::{
    Change, CloneGuest, CreateGuest, GuestConfig, NodeName, Progress, TaskRecord, TaskState, Upid,
};
use crate::plan::identity::Ownership;
use crate::plan::seed::Seed;
use crate::plan::seed::record::Disused;

/// The board of machines that name none.
const BOARD: &str = "q35";

fn abilities(conn: &Connect) -> Result<Host, Trouble> {
    let text = conn.domain_capabilities(None, None, None, None, 0)?;
    Ok(
        capabilities::read_domain(&text, BOARD).map_err(|error| Error::Decode {
            operation: "read what the host can do".to_owned(),
            reason: error.to_string(),
        })?,
    )
}

impl Libvirt {
    async fn changer(&self) -> Result<(Changer, &Tasks), Error> {
        let facts = self.facts().await?;
        let connected = self.connected().await?;
        let read = async || {
            let found = connected.link.run("read what the host can do", abilities).await?;
            Ok::<_, Error>(Arc::new(found))
        };
        let host = connected.abilities.get_or_try_init(read).await?.clone();
        let tasks = || async { Tasks::new(facts.node.clone(), self.settings.clock.clone()) };
        let tasks = self.tasks.get_or_init(tasks).await;
        let changer = Changer {
            link: connected.link.clone(),
            fence: self.settings.fence.clone(),
            host,
        };
        Ok((changer, tasks))
    }

    pub(super) async fn create(&self, guest: &CreateGuest) -> Result<Progress, Error> {
        self.is_node("create", &guest.at.node).await?;
        let (hands, tasks) = self.changer().await?;
        hands.create(tasks, guest).await
    }

    pub(super) async fn clone_guest(&self, guest: &CloneGuest) -> Result<Progress, Error> {
        self.is_node("clone", &guest.at.node).await?;
        let (hands, tasks) = self.changer().await?;
        hands.clone_guest(tasks, guest).await
    }

    pub(super) async fn configure(
        &self,
        own: &Ownership,
        base: &GuestConfig,
        changes: &[Change],
    ) -> Result<Progress, Error> {
        let (hands, tasks) = self.changer().await?;
        hands.configure(tasks, own, base, changes).await
    }

    pub(super) async fn grow_disk(&self, own: &Ownership, slot: &str, bytes: u64) -> Result<Progress, Error> {
        let (hands, tasks) = self.changer().await?;
        hands.grow_disk(tasks, own, slot, bytes).await
    }

    pub(super) async fn start(&self, own: &Ownership) -> Result<Progress, Error> {
        let (hands, tasks) = self.changer().await?;
        hands.start(tasks, own).await
    }

    pub(super) async fn pause(&self, own: &Ownership) -> Result<Progress, Error> {
        let (hands, tasks) = self.changer().await?;
        hands.pause(tasks, own).await
    }

    pub(super) async fn resume(&self, own: &Ownership) -> Result<Progress, Error> {
        let (hands, tasks) = self.changer().await?;
        hands.resume(tasks, own).await
    }

    pub(super) async fn suspend(&self, own: &Ownership) -> Result<Progress, Error> {
        let (hands, tasks) = self.changer().await?;
        hands.suspend(tasks, own).await
    }

    pub(super) async fn reboot(&self, own: &Ownership, grace_seconds: u32) -> Result<Progress, Error> {
        let (hands, tasks) = self.changer().await?;
        hands.reboot(tasks, own, grace_seconds).await
    }

    pub(super) async fn stop(&self, own: &Ownership, mode: StopMode) -> Result<Progress, Error> {
        let (hands, tasks) = self.changer().await?;
        hands.stop(tasks, own, mode).await
    }

    pub(super) async fn destroy(&self, own: &Ownership) -> Result<Progress, Error> {
        let (hands, tasks) = self.changer().await?;
        hands.destroy(tasks, own).await
    }

    pub(super) async fn upload_seed(&self, node: &NodeName, seed: &Seed) -> Result<Progress, Error> {
        self.is_node("upload", node).await?;
        let (hands, _) = self.changer().await?;
        hands.upload_seed(seed).await
    }

    pub(super) async fn remove_medium(&self, node: &NodeName, medium: &Disused) -> Result<Progress, Error> {
        self.is_node("remove a medium", node).await?;
        let (hands, _) = self.changer().await?;
        hands.remove_medium(medium).await
    }

    /// The tasks of this process: libvirt keeps no list of what was done.
    pub(super) fn recent_tasks(&self) -> Vec<TaskRecord> {
        let tasks = self.tasks.get();
        tasks
            .map(|tasks| tasks.list(&TaskFilter::default()))
            .unwrap_or_default()
    }

    pub(super) async fn node_tasks(
        &self,
        node: &NodeName,
        filter: &TaskFilter,
    ) -> Result<Vec<TaskRecord>, Error> {
        self.is_node("list tasks", node).await?;
        let tasks = self.tasks.get();
        Ok(tasks.map(|tasks| tasks.list(filter)).unwrap_or_default())
    }

    pub(super) fn task(&self, upid: &Upid) -> TaskState {
        let tasks = self.tasks.get();
        tasks.map_or(TaskState::Forgotten, |tasks| tasks.task(upid))
    }

    /// What libvirt has nothing for. The planner leaves it out, by the driver's capabilities.
    pub(super) fn has_none<T>(operation: &str) -> Result<T, Error> {
        Err(unsupported(operation))
    }
}
