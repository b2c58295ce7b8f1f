//! One QEMU guest.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::{Config, digest, is_disk};
use super::container::is_mount;
use super::inside::Inside;
use super::moment::Moment;
use super::property::{bool_of, drive_property, drive_volume, parse_size};
use crate::clock;
use crate::hands::GuestView;
use crate::seed::Shutdown;

/// What a guest is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    /// A virtual machine.
    #[default]
    Qemu,
    /// A container.
    Lxc,
}

impl GuestKind {
    /// As paths and rows have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }

    /// The folder of its configuration below `/etc/pve/nodes/…`.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Qemu => "qemu-server",
            Self::Lxc => "lxc",
        }
    }

    /// The option that names a guest.
    pub(crate) const fn name_option(self) -> &'static str {
        match self {
            Self::Qemu => "name",
            Self::Lxc => "hostname",
        }
    }

    /// `VM` or `CT`, as sentences begin.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Qemu => "VM",
            Self::Lxc => "CT",
        }
    }
}

/// Whether a guest runs.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Power {
    Stopped,
    Running {
        /// When it was started.
        since: Moment,
        /// Of its QEMU process.
        pid: u32,
        /// Whether its processors stand still.
        #[serde(default)]
        paused: bool,
    },
}

/// A guest with what its file says and how it behaves.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Guest {
    pub(crate) kind: GuestKind,
    pub(crate) vmid: u32,
    pub(crate) node: String,
    pub(crate) config: Config,
    /// Changes that wait for the next start; `None` deletes.
    pub(crate) pending: BTreeMap<String, Option<String>>,
    /// Drives among the pending deletions whose volumes are freed then, not kept as unused.
    #[serde(default)]
    pub(crate) forced: BTreeSet<String>,
    /// Its snapshots as the sections of its file: options and what says of the snapshot itself (`snaptime`, `parent`,
    /// `description`, `vmstate`, `snapstate`). The option `parent` of the configuration names the last.
    #[serde(default)]
    pub(crate) snapshots: BTreeMap<String, Config>,
    /// What its agent left inside.
    #[serde(default)]
    pub(crate) inside: Inside,
    /// The options that its cloud-init drive was last written from, while it runs.
    #[serde(default)]
    pub(crate) cloudinit: Option<Config>,
    pub(crate) power: Power,
    /// When its system was last booted, by a start or a reset.
    pub(crate) booted: Moment,
    pub(crate) shutdown: Shutdown,
    /// Why nothing can be mounted into it while it runs, if nothing can.
    #[serde(default)]
    pub(crate) mount_trouble: Option<String>,
    /// Whether an agent is installed inside.
    pub(crate) agent_inside: bool,
    pub(crate) starts: u32,
    /// Seconds since the epoch.
    pub(crate) created: i64,
    /// When it was started and stopped, the oldest first: what statistics over time are made from.
    pub(crate) power_history: Vec<(i64, bool)>,
}

impl Guest {
    /// A stopped virtual machine.
    pub(crate) fn new(vmid: u32, node: &str, config: Config) -> Self {
        Self {
            kind: GuestKind::Qemu,
            vmid,
            node: node.to_owned(),
            config,
            pending: BTreeMap::new(),
            forced: BTreeSet::new(),
            snapshots: BTreeMap::new(),
            inside: Inside::default(),
            cloudinit: None,
            power: Power::Stopped,
            booted: Moment::now(),
            shutdown: Shutdown::Obeys,
            mount_trouble: None,
            agent_inside: true,
            starts: 0,
            created: clock::now(),
            power_history: Vec::new(),
        }
    }

    pub(crate) fn digest(&self) -> String {
        digest(&self.config, &self.pending, &self.snapshots)
    }

    /// It has been as it is now since a moment of the past.
    pub(crate) fn stood_since(&mut self, moment: i64) {
        self.created = moment;
        self.power_history = vec![(moment, self.is_running())];
    }

    /// It began at one moment, and what has happened since happened at another.
    pub(crate) fn measure_since(&mut self, begun: i64, now: i64) {
        self.created = begun;
        for (at, (when, _)) in self.power_history.iter_mut().enumerate() {
            *when = if at == 0 { begun } else { now };
        }
    }

    /// Whether it ran at a moment.
    pub(crate) fn ran_at(&self, moment: i64) -> bool {
        let before = self.power_history.iter().rev().find(|(when, _)| *when <= moment);
        before.is_some_and(|(_, ran)| *ran)
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.power, Power::Running { .. })
    }

    pub(crate) fn is_paused(&self) -> bool {
        matches!(self.power, Power::Running { paused: true, .. })
    }

    /// Stops or continues the processors of a running guest.
    pub(crate) fn pause(&mut self, pause: bool) {
        if let Power::Running { paused, .. } = &mut self.power {
            *paused = pause;
        }
    }

    /// Its processor begins anew, in the same process.
    pub(crate) fn reset(&mut self) {
        self.booted = Moment::now();
    }

    pub(crate) fn is_template(&self) -> bool {
        self.config.get("template").is_some_and(|t| t == "1")
    }

    pub(crate) fn lock(&self) -> Option<&str> {
        self.config.get("lock").map(String::as_str)
    }

    pub(crate) fn option(&self, key: &str) -> Option<&str> {
        self.config.get(key).map(String::as_str)
    }

    /// The name in lists: `VM 100` when it has none; a container's is its host name.
    pub(crate) fn display_name(&self) -> String {
        let named = self.option(self.kind.name_option());
        named.map_or_else(
            || match self.kind {
                GuestKind::Qemu => format!("VM {}", self.vmid),
                GuestKind::Lxc => format!("CT{}", self.vmid),
            },
            str::to_owned,
        )
    }

    pub(crate) fn cpus(&self) -> u64 {
        let number = |key| self.option(key).and_then(|v| v.parse().ok()).unwrap_or(1);
        number("cores") * number("sockets")
    }

    /// Bytes; 512 MiB when the configuration says nothing.
    pub(crate) fn max_memory(&self) -> u64 {
        let text = self.option("memory").unwrap_or("512");
        let text = text.strip_prefix("current=").unwrap_or(text);
        text.parse::<u64>().unwrap_or(512) << 20
    }

    /// Bytes of the disk that it boots from, which is what Proxmox shows as `maxdisk`.
    pub(crate) fn max_disk(&self) -> u64 {
        if self.kind == GuestKind::Lxc {
            let size = self
                .option("rootfs")
                .and_then(|value| drive_property(value, "size"));
            // What Proxmox says of a directory without a quota.
            return size
                .and_then(parse_size)
                .filter(|size| *size > 0)
                .unwrap_or(4 << 30);
        }
        let first = self.boot_order().find(|key| is_disk(key) && !self.is_cdrom(key));
        let disk = first.or_else(|| {
            let mut drives = self.config.keys().map(String::as_str);
            drives.find(|key| is_disk(key) && !self.is_cdrom(key))
        });
        disk.and_then(|key| drive_property(self.option(key)?, "size"))
            .and_then(parse_size)
            .unwrap_or(0)
    }

    fn is_cdrom(&self, key: &str) -> bool {
        self.option(key).is_some_and(|v| v.contains("media=cdrom"))
    }

    pub(crate) fn boot_order(&self) -> impl Iterator<Item = &str> {
        self.option("boot")
            .and_then(|b| b.strip_prefix("order="))
            .unwrap_or("")
            .split(';')
    }

    /// Every drive that has a volume: option, volume id.
    pub(crate) fn volumes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.config.iter().filter_map(|(key, value)| {
            let volume = drive_volume(value);
            let owns = is_disk(key) || is_mount(key) || key.starts_with("unused");
            (owns && volume.contains(':')).then_some((key.as_str(), volume))
        })
    }

    /// The value that an option will have after the next start.
    pub(crate) fn wanted(&self, key: &str) -> Option<&str> {
        match self.pending.get(key) {
            Some(pending) => pending.as_deref(),
            None => self.option(key),
        }
    }

    /// The configuration after the next start: what a plain `GET config` shows.
    pub(crate) fn wanted_config(&self) -> Config {
        let mut config = self.config.clone();
        for (key, value) in &self.pending {
            match value {
                Some(value) => config.insert(key.clone(), value.clone()),
                None => config.remove(key),
            };
        }
        config
    }

    pub(crate) fn uuid(&self) -> Option<&str> {
        drive_property(self.option("smbios1")?, "uuid")
    }

    /// Whether an agent answers inside, which takes a while after a boot.
    pub(crate) fn agent_answers(&self, after: Duration) -> bool {
        let up = self.is_running() && !self.is_paused() && self.booted.elapsed() >= after;
        up && self.agent_inside
    }

    pub(crate) fn agent_enabled(&self) -> bool {
        self.option("agent").is_some_and(|a| bool_of(a, "enabled"))
    }

    /// The address of its first card: what cloud-init gives it, else one that follows from its number.
    pub(crate) fn address(&self) -> (Ipv4Addr, u8) {
        let given = self
            .option("ipconfig0")
            .and_then(|c| drive_property(c, "ip"))
            .and_then(|ip| ip.split_once('/'))
            .and_then(|(ip, prefix)| Some((ip.parse().ok()?, prefix.parse().ok()?)));
        given.unwrap_or_else(|| {
            let [_, b, c, d] = self.vmid.to_be_bytes();
            (Ipv4Addr::new(10, b, c, d), 8)
        })
    }

    pub(crate) fn view(&self) -> GuestView {
        GuestView {
            vmid: self.vmid,
            node: self.node.clone(),
            name: self.config.get(self.kind.name_option()).cloned(),
            running: self.is_running(),
            template: self.is_template(),
            uuid: self.uuid().map(str::to_owned),
            lock: self.config.get("lock").cloned(),
            config: self.config.clone(),
            pending: self.pending.clone(),
            starts: self.starts,
        }
    }
}
