//! A hypervisor in memory, for the fleet's tests: it counts what is asked of it and does what it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::locked;
use super::options::{Budget, Poll};
use super::{Fleet, FleetEvents, FleetOptions, HostSpec};
use crate::hypervisor::{Answer, Error, Hypervisor, StopMode, TaskFilter};
use crate::model::{
    Capabilities, Change, CloneGuest, ClusterId, ClusterStatus, CreateGuest, GuestAddress, GuestConfig,
    GuestId, GuestIp, GuestKind, GuestRow, HaSetting, Hardware, HostVersion, Member, Migration,
    MigrationConditions, NodeName, NodeRow, NumberBounds, NumberState, Overview, Permissions, Power,
    PowerReading, Progress, RestoreGuest, StorageRow, TaskExit, TaskRecord, TaskState, Upid, Volume,
    VolumeId,
};
use crate::plan::identity::Ownership;
use crate::plan::seed::Seed;
use crate::plan::seed::record::Disused;

pub(super) fn vmid(number: u32) -> GuestId {
    number.try_into().unwrap()
}

pub(super) fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

pub(super) fn cluster_id(digit: char) -> ClusterId {
    ClusterId::from_fingerprint(&digit.to_string().repeat(64)).unwrap()
}

pub(super) fn upid(kind: &str, number: u32, started: i64) -> Upid {
    format!("UPID:pve1:00000001:00000001:{started:08X}:{kind}:{number}:drover@pve!t:")
        .parse()
        .unwrap()
}

pub(super) fn row(number: u32, power: Power) -> GuestRow {
    GuestRow {
        id: vmid(number),
        kind: GuestKind::VirtualMachine,
        node: node("pve1"),
        name: Some(format!("vm{number}")),
        power,
        template: false,
        lock: None,
        cpus: 1,
        memory: 1 << 30,
        uptime: if power == Power::Running { 100 } else { 0 },
        tags: std::collections::BTreeSet::new(),
        pool: None,
        ha_state: None,
    }
}

pub(super) fn storage_row(storage: &str, on: &NodeName, capacity: u64) -> StorageRow {
    StorageRow {
        storage: storage.into(),
        node: on.clone(),
        plugin: "zfspool".into(),
        content: vec!["images".into()],
        shared: false,
        available: true,
        capacity,
    }
}

pub(super) fn overview(rows: &[GuestRow]) -> Overview {
    Overview {
        guests: rows.to_vec(),
        nodes: vec![NodeRow {
            name: node("pve1"),
            online: true,
            cpus: 8,
            memory: 1 << 34,
            root_disk: 1 << 36,
        }],
        storages: vec![storage_row("local", &node("pve1"), 1 << 40)],
    }
}

pub(super) fn status(members: &[&str], local: &str) -> ClusterStatus {
    ClusterStatus {
        name: Some("lab".into()),
        quorate: true,
        members: members
            .iter()
            .map(|name| Member {
                name: node(name),
                online: true,
                local: *name == local,
            })
            .collect(),
    }
}

/// How the host answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// Refuses connections.
    Dead,
    /// Takes the request, and nothing comes for so long.
    Hangs(Duration),
    Unauthorized,
}

/// What the host is and does; tests change it while the fleet runs.
pub(super) struct World {
    pub(super) mood: Mood,
    pub(super) id: ClusterId,
    pub(super) status: ClusterStatus,
    pub(super) overview: Overview,
    pub(super) live: BTreeMap<GuestId, PowerReading>,
    pub(super) configs: BTreeMap<GuestId, GuestConfig>,
    pub(super) addresses: BTreeMap<GuestId, Vec<GuestIp>>,
    pub(super) tasks: BTreeMap<Upid, TaskState>,
    pub(super) recent: Vec<TaskRecord>,
    /// How long each agent takes before it fails.
    pub(super) agents_hang: Option<Duration>,
    pub(super) number: NumberState,
    /// Answers of `cluster_status` to come before the usual one: with or without a majority.
    pub(super) quorum_to_come: Vec<bool>,
    pub(super) calls: BTreeMap<&'static str, usize>,
}

impl World {
    pub(super) fn count(&self, operation: &str) -> usize {
        self.calls.get(operation).copied().unwrap_or(0)
    }

    pub(super) fn total(&self) -> usize {
        self.calls.values().sum()
    }
}

/// One host.
#[derive(Clone)]
pub(super) struct FakeHost(pub(super) Arc<Mutex<World>>);

impl FakeHost {
    /// A member `local` of a cluster of `members` with these guests.
    pub(super) fn new(members: &[&str], local: &str, rows: &[GuestRow]) -> Self {
        Self(Arc::new(Mutex::new(World {
            mood: Mood::Well,
            id: cluster_id('a'),
            status: status(members, local),
            overview: overview(rows),
            live: BTreeMap::new(),
            configs: BTreeMap::new(),
            addresses: BTreeMap::new(),
            tasks: BTreeMap::new(),
            recent: Vec::new(),
            agents_hang: None,
            number: NumberState::Free,
            quorum_to_come: Vec::new(),
            calls: BTreeMap::new(),
        })))
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&mut World) -> T) -> T {
        f(&mut locked(&self.0))
    }

    pub(super) fn spec(&self) -> HostSpec {
        HostSpec {
            driver: Arc::new(self.clone()),
            fingerprint: 1,
            node_name: None,
            expected_cluster: None,
            poll: Poll::default(),
            budget: Budget::default(),
        }
    }

    async fn answer<T>(&self, operation: &'static str, f: impl FnOnce(&mut World) -> T) -> Result<T, Error> {
        let mood = self.with(|world| {
            *world.calls.entry(operation).or_default() += 1;
            world.mood
        });
        match mood {
            Mood::Well => {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Ok(self.with(f))
            }
            Mood::Dead => Err(Error::Connect {
                address: "pve1:8006".into(),
                reason: "connection refused".into(),
            }),
            Mood::Hangs(time) => {
                tokio::time::sleep(time).await;
                Err(Error::AnswerLost {
                    operation: operation.into(),
                    reason: "timed out".into(),
                })
            }
            Mood::Unauthorized => {
                tokio::time::sleep(Duration::from_secs(3)).await;
                Err(Error::Unauthorized {
                    message: "invalid token value!".into(),
                })
            }
        }
    }
}

pub(super) fn config(digest: &str) -> GuestConfig {
    GuestConfig {
        digest: digest.into(),
        lock: None,
        template: false,
        protection: false,
        name: None,
        description: String::new(),
        uuid: None,
        current: Hardware::default(),
        next: Hardware::default(),
        pending: Vec::new(),
        raw: BTreeMap::new(),
    }
}

/// A fleet with one declared host, connected and with its first list.
pub(super) async fn fleet_of(host: &FakeHost) -> (Fleet, FleetEvents, super::Cluster) {
    let (fleet, events) = Fleet::new(
        FleetOptions::default(),
        tokio_util::sync::CancellationToken::new(),
    );
    fleet.declare("a", host.spec());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let cluster = fleet.host("a").unwrap().cluster.unwrap();
    assert!(cluster.snapshot().taken.is_some());
    (fleet, events, cluster)
}

impl Hypervisor for FakeHost {
    fn user(&self) -> &'static str {
        "drover@pve!t"
    }

    fn capabilities(&self, version: Option<&HostVersion>) -> Capabilities {
        Capabilities::proxmox(version.map(|version| version.major))
    }

    fn version(&self) -> Answer<'_, HostVersion> {
        Box::pin(self.answer("version", |_| HostVersion {
            text: "9.2.11".into(),
            major: 9,
        }))
    }

    fn node_version<'a>(&'a self, _node: &'a NodeName) -> Answer<'a, HostVersion> {
        self.version()
    }

    fn cluster_status(&self) -> Answer<'_, ClusterStatus> {
        Box::pin(self.answer("cluster_status", |world| {
            let quorate = if world.quorum_to_come.is_empty() {
                world.status.quorate
            } else {
                world.quorum_to_come.remove(0)
            };
            ClusterStatus {
                quorate,
                ..world.status.clone()
            }
        }))
    }

    fn cluster_id<'a>(&'a self, _node: &'a NodeName) -> Answer<'a, ClusterId> {
        Box::pin(self.answer("cluster_id", |world| world.id.clone()))
    }

    fn overview(&self) -> Answer<'_, Overview> {
        Box::pin(self.answer("overview", |world| world.overview.clone()))
    }

    fn recent_tasks(&self) -> Answer<'_, Vec<TaskRecord>> {
        Box::pin(self.answer("recent_tasks", |world| world.recent.clone()))
    }

    fn number_bounds(&self) -> Answer<'_, NumberBounds> {
        Box::pin(self.answer("number_bounds", |_| NumberBounds::default()))
    }

    fn number_state(&self, _vmid: GuestId) -> Answer<'_, NumberState> {
        Box::pin(self.answer("number_state", |world| world.number))
    }

    fn volumes<'a>(
        &'a self,
        _node: &'a NodeName,
        _storage: &'a str,
        _content: Option<&'a str>,
        _vmid: Option<GuestId>,
    ) -> Answer<'a, Vec<Volume>> {
        Box::pin(self.answer("volumes", |_| Vec::new()))
    }

    fn archived<'a>(&'a self, _node: &'a NodeName, _archive: &'a VolumeId) -> Answer<'a, GuestConfig> {
        Box::pin(self.answer("archived", |_| config("archived")))
    }

    fn permissions(&self) -> Answer<'_, Permissions> {
        Box::pin(self.answer("permissions", |_| Permissions::default()))
    }

    fn clock<'a>(&'a self, _node: &'a NodeName) -> Answer<'a, i64> {
        Box::pin(self.answer("clock", |_| 0))
    }

    fn bridges<'a>(&'a self, _node: &'a NodeName) -> Answer<'a, Vec<String>> {
        Box::pin(self.answer("bridges", |_| Vec::new()))
    }

    fn node_tasks<'a>(&'a self, _node: &'a NodeName, _filter: &'a TaskFilter) -> Answer<'a, Vec<TaskRecord>> {
        Box::pin(self.answer("node_tasks", |_| Vec::new()))
    }

    fn task<'a>(&'a self, upid: &'a Upid) -> Answer<'a, TaskState> {
        Box::pin(self.answer("task", |world| {
            world.tasks.get(upid).cloned().unwrap_or(TaskState::Forgotten)
        }))
    }

    fn guest_config<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, GuestConfig> {
        Box::pin(self.answer("guest_config", |world| {
            world
                .configs
                .get(&at.id)
                .cloned()
                .unwrap_or_else(|| config("one"))
        }))
    }

    fn guest_power<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, PowerReading> {
        Box::pin(self.answer("guest_power", |world| {
            let listed = world.overview.guests.iter().find(|row| row.id == at.id);
            world.live.get(&at.id).cloned().unwrap_or_else(|| PowerReading {
                power: listed.map_or(Power::Unknown, |row| row.power),
                paused: false,
                lock: None,
            })
        }))
    }

    fn guest_addresses<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Vec<GuestIp>> {
        Box::pin(async move {
            let addresses = self
                .answer("guest_addresses", |world| {
                    world.addresses.get(&at.id).cloned().unwrap_or_default()
                })
                .await?;
            let Some(time) = self.with(|world| world.agents_hang) else {
                return Ok(addresses);
            };
            tokio::time::sleep(time).await;
            Err(Error::AnswerLost {
                operation: "guest_addresses".into(),
                reason: "timed out".into(),
            })
        })
    }

    fn guest_system<'a>(&'a self, _at: &'a GuestAddress) -> Answer<'a, Option<String>> {
        Box::pin(self.answer("guest_system", |_| Some("Debian GNU/Linux".to_owned())))
    }

    fn upload_seed<'a>(&'a self, _node: &'a NodeName, _seed: &'a Seed) -> Answer<'a, Progress> {
        Box::pin(self.answer("upload_seed", |_| Progress::Done))
    }

    fn remove_medium<'a>(&'a self, _node: &'a NodeName, _medium: &'a Disused) -> Answer<'a, Progress> {
        Box::pin(self.answer("remove_medium", |_| Progress::Done))
    }

    fn create<'a>(&'a self, _guest: &'a CreateGuest) -> Answer<'a, Progress> {
        Box::pin(self.answer("create", |_| Progress::Done))
    }

    fn clone_guest<'a>(&'a self, _guest: &'a CloneGuest) -> Answer<'a, Progress> {
        Box::pin(self.answer("clone_guest", |_| Progress::Done))
    }

    fn restore<'a>(&'a self, _guest: &'a RestoreGuest) -> Answer<'a, Progress> {
        Box::pin(self.answer("restore", |_| Progress::Done))
    }

    fn configure<'a>(
        &'a self,
        _own: &'a Ownership,
        _base: &'a GuestConfig,
        _changes: &'a [Change],
    ) -> Answer<'a, Progress> {
        Box::pin(self.answer("configure", |_| Progress::Done))
    }

    fn grow_disk<'a>(&'a self, _own: &'a Ownership, _slot: &'a str, _bytes: u64) -> Answer<'a, Progress> {
        Box::pin(self.answer("grow_disk", |_| Progress::Done))
    }

    fn move_disk<'a>(
        &'a self,
        _own: &'a Ownership,
        _slot: &'a str,
        _storage: &'a str,
    ) -> Answer<'a, Progress> {
        Box::pin(self.answer("move_disk", |_| Progress::Done))
    }

    fn join_pool<'a>(
        &'a self,
        _own: &'a Ownership,
        _pool: &'a str,
        _from: Option<&'a str>,
    ) -> Answer<'a, Progress> {
        Box::pin(self.answer("join_pool", |_| Progress::Done))
    }

    fn high_availability<'a>(&'a self, _at: &'a GuestAddress) -> Answer<'a, Option<HaSetting>> {
        Box::pin(self.answer("high_availability", |_| None))
    }

    fn set_high_availability<'a>(
        &'a self,
        _own: &'a Ownership,
        _setting: &'a HaSetting,
        _new: bool,
    ) -> Answer<'a, Progress> {
        Box::pin(self.answer("set_high_availability", |_| Progress::Done))
    }

    fn make_template<'a>(&'a self, _own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.answer("make_template", |_| Progress::Done))
    }

    fn start<'a>(&'a self, _own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.answer("start", |_| Progress::Done))
    }

    fn pause<'a>(&'a self, _own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.answer("pause", |_| Progress::Done))
    }

    fn resume<'a>(&'a self, _own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.answer("resume", |_| Progress::Done))
    }

    fn suspend<'a>(&'a self, _own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.answer("suspend", |_| Progress::Done))
    }

    fn reboot<'a>(&'a self, _own: &'a Ownership, _grace_seconds: u32) -> Answer<'a, Progress> {
        Box::pin(self.answer("reboot", |_| Progress::Done))
    }

    fn stop<'a>(&'a self, _own: &'a Ownership, _mode: StopMode) -> Answer<'a, Progress> {
        Box::pin(self.answer("stop", |_| Progress::Done))
    }

    fn migration_conditions<'a>(&'a self, _at: &'a GuestAddress) -> Answer<'a, MigrationConditions> {
        Box::pin(self.answer("migration_conditions", |_| MigrationConditions::default()))
    }

    fn migrate<'a>(&'a self, _own: &'a Ownership, _migration: &'a Migration) -> Answer<'a, Progress> {
        Box::pin(self.answer("migrate", |_| Progress::Done))
    }

    fn back_up<'a>(&'a self, _own: &'a Ownership, _storage: &'a str) -> Answer<'a, Progress> {
        Box::pin(self.answer("back_up", |_| Progress::Done))
    }

    fn destroy<'a>(&'a self, _own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.answer("destroy", |_| Progress::Done))
    }
}

/// The state of a task that ended well.
pub(super) const ENDED: TaskState = TaskState::Ended(TaskExit::Ok { warnings: 0 });
