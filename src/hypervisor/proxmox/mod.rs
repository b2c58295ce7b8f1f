//! The driver for Proxmox VE, from 7.4 on, over its HTTPS API.
//!
//! One subject a file: how to reach a host (`connection`, `tls`, `member`, `members`, `wire`), as whom (`auth`,
//! `login`, `ticket`, `client`), how a request is written (`call`, `encode`) and an answer read (`verdict`,
//! `failure`, `answers`, `lenient`, `sentences`), how things are spelt (`property`, `devices`, `options`, `size`,
//! `config`, `changes`), in which version (`versions`), and what is asked: by the floors above (`cluster`, `qemu`,
//! `storage`, `archive`, `media`, `tasks`), and in full (`api`, `transfer`, `follow`).

mod answers;
pub mod api;
mod archive;
mod auth;
mod call;
mod changes;
mod client;
mod cloud_init;
mod cluster;
mod config;
mod connection;
pub mod devices;
mod drives;
mod encode;
mod failure;
mod follow;
mod inspect;
mod lenient;
mod login;
mod media;
mod member;
mod members;
mod migration;
mod observe;
pub mod options;
pub mod property;
mod pulse;
mod qemu;
mod sentences;
mod settings;
pub mod size;
mod storage;
mod tasks;
mod ticket;
mod tls;
mod transfer;
mod verdict;
pub mod versions;
mod wire;

#[cfg(test)]
mod tests;

pub use auth::Credentials;
pub use call::{Call, Method};
pub use connection::{Connection, Endpoint};
pub use follow::{Ending, Pace};
pub use observe::{CallRecord, Observer};
pub use sentences::meaning;
pub use tls::{Fingerprint, Trust};
pub use transfer::Upload;
pub use verdict::decode_answer;

use super::{Answer, Error, Hypervisor, StopMode, TaskFilter};
use crate::model::{
    Capabilities, Change, CloneGuest, ClusterId, ClusterStatus, CreateGuest, GuestAddress, GuestConfig,
    GuestId, GuestIp, HaSetting, HostVersion, Migration, MigrationConditions, NodeName, NumberBounds,
    NumberState, Overview, Permissions, PowerReading, Progress, RestoreGuest, TaskRecord, TaskState, Upid,
    Vmid, Volume, VolumeId,
};
use crate::plan::identity::Ownership;
use crate::plan::seed::Seed;
use crate::plan::seed::record::Disused;

/// A member of a Proxmox VE cluster.
pub struct Proxmox {
    client: client::Client,
}

impl Hypervisor for Proxmox {
    fn user(&self) -> &str {
        self.client.user()
    }

    fn capabilities(&self, version: Option<&HostVersion>) -> Capabilities {
        Capabilities::proxmox(version.map(|version| version.major))
    }

    fn version(&self) -> Answer<'_, HostVersion> {
        Box::pin(self.client.version())
    }

    fn node_version<'a>(&'a self, node: &'a NodeName) -> Answer<'a, HostVersion> {
        Box::pin(self.client.node_version(node))
    }

    fn cluster_status(&self) -> Answer<'_, ClusterStatus> {
        Box::pin(self.client.cluster_status())
    }

    fn cluster_id<'a>(&'a self, node: &'a NodeName) -> Answer<'a, ClusterId> {
        Box::pin(self.client.cluster_id(node))
    }

    fn overview(&self) -> Answer<'_, Overview> {
        Box::pin(self.client.overview())
    }

    fn recent_tasks(&self) -> Answer<'_, Vec<TaskRecord>> {
        Box::pin(self.client.recent_tasks())
    }

    fn number_bounds(&self) -> Answer<'_, NumberBounds> {
        Box::pin(self.client.number_bounds())
    }

    fn number_state(&self, id: GuestId) -> Answer<'_, NumberState> {
        Box::pin(async move { self.client.number_state(vmid_of(id)?).await })
    }

    fn volumes<'a>(
        &'a self,
        node: &'a NodeName,
        storage: &'a str,
        content: Option<&'a str>,
        guest: Option<GuestId>,
    ) -> Answer<'a, Vec<Volume>> {
        Box::pin(async move {
            let vmid = guest.map(vmid_of).transpose()?;
            self.client.volumes(node, storage, content, vmid).await
        })
    }

    fn archived<'a>(&'a self, node: &'a NodeName, archive: &'a VolumeId) -> Answer<'a, GuestConfig> {
        Box::pin(self.client.archived(node, archive))
    }

    fn permissions(&self) -> Answer<'_, Permissions> {
        Box::pin(self.client.permissions())
    }

    fn clock<'a>(&'a self, node: &'a NodeName) -> Answer<'a, i64> {
        Box::pin(self.client.clock(node))
    }

    fn bridges<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>> {
        Box::pin(self.client.bridges(node))
    }

    fn node_tasks<'a>(&'a self, node: &'a NodeName, filter: &'a TaskFilter) -> Answer<'a, Vec<TaskRecord>> {
        Box::pin(self.client.node_tasks(node, filter))
    }

    fn task<'a>(&'a self, upid: &'a Upid) -> Answer<'a, TaskState> {
        Box::pin(self.client.task(upid))
    }

    fn guest_config<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, GuestConfig> {
        Box::pin(self.client.guest_config(at))
    }

    fn guest_power<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, PowerReading> {
        Box::pin(self.client.guest_power(at))
    }

    fn guest_addresses<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Vec<GuestIp>> {
        Box::pin(self.client.guest_addresses(at))
    }

    fn guest_system<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Option<String>> {
        Box::pin(self.client.guest_system(at))
    }

    fn upload_seed<'a>(&'a self, node: &'a NodeName, seed: &'a Seed) -> Answer<'a, Progress> {
        Box::pin(self.bring_seed(node, seed))
    }

    fn remove_medium<'a>(&'a self, node: &'a NodeName, medium: &'a Disused) -> Answer<'a, Progress> {
        Box::pin(self.remove_disused(node, medium))
    }

    fn create<'a>(&'a self, guest: &'a CreateGuest) -> Answer<'a, Progress> {
        Box::pin(self.client.create(guest))
    }

    fn clone_guest<'a>(&'a self, guest: &'a CloneGuest) -> Answer<'a, Progress> {
        Box::pin(self.client.clone_guest(guest))
    }

    fn restore<'a>(&'a self, guest: &'a RestoreGuest) -> Answer<'a, Progress> {
        Box::pin(self.client.restore(guest))
    }

    fn configure<'a>(
        &'a self,
        own: &'a Ownership,
        base: &'a GuestConfig,
        changes: &'a [Change],
    ) -> Answer<'a, Progress> {
        Box::pin(self.client.configure(own, base, changes))
    }

    fn grow_disk<'a>(&'a self, own: &'a Ownership, slot: &'a str, bytes: u64) -> Answer<'a, Progress> {
        Box::pin(self.client.grow_disk(own, slot, bytes))
    }

    fn move_disk<'a>(&'a self, own: &'a Ownership, slot: &'a str, storage: &'a str) -> Answer<'a, Progress> {
        Box::pin(self.client.move_disk(own, slot, storage))
    }

    fn join_pool<'a>(
        &'a self,
        own: &'a Ownership,
        pool: &'a str,
        from: Option<&'a str>,
    ) -> Answer<'a, Progress> {
        Box::pin(self.client.join_pool(own, pool, from))
    }

    fn high_availability<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Option<HaSetting>> {
        Box::pin(self.client.high_availability(at))
    }

    fn set_high_availability<'a>(
        &'a self,
        own: &'a Ownership,
        setting: &'a HaSetting,
        new: bool,
    ) -> Answer<'a, Progress> {
        Box::pin(self.client.set_high_availability(own, setting, new))
    }

    fn make_template<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.client.make_template(own))
    }

    fn start<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.client.start(own))
    }

    fn pause<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.client.pause(own))
    }

    fn resume<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.client.resume(own))
    }

    fn suspend<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.client.suspend(own))
    }

    fn reboot<'a>(&'a self, own: &'a Ownership, grace_seconds: u32) -> Answer<'a, Progress> {
        Box::pin(self.client.reboot(own, grace_seconds))
    }

    fn stop<'a>(&'a self, own: &'a Ownership, mode: StopMode) -> Answer<'a, Progress> {
        Box::pin(self.client.stop(own, mode))
    }

    fn migration_conditions<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, MigrationConditions> {
        Box::pin(self.client.migration_conditions(at))
    }

    fn migrate<'a>(&'a self, own: &'a Ownership, migration: &'a Migration) -> Answer<'a, Progress> {
        Box::pin(self.client.migrate(own, migration))
    }

    fn back_up<'a>(&'a self, own: &'a Ownership, storage: &'a str) -> Answer<'a, Progress> {
        Box::pin(self.client.back_up(own, storage))
    }

    fn destroy<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.client.destroy(own))
    }
}

/// The number of a guest, by which alone Proxmox VE knows it.
fn number(at: &GuestAddress) -> Result<Vmid, Error> {
    vmid_of(at.id)
}

fn vmid_of(id: GuestId) -> Result<Vmid, Error> {
    id.number().ok_or_else(|| Error::Unbuildable {
        operation: "find the guest".to_owned(),
        reason: format!("'{id}' is no number, and Proxmox VE knows guests by their numbers"),
    })
}
