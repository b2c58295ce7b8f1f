//! What a simulator starts with: nodes, storages, guests, tokens.

mod machine;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use machine::{Disk, PciDevice, SeedMachine, SeedTask};

use crate::release::Release;
use crate::state::GuestKind;
use crate::timing::Timing;

/// The description of a cluster, written by hand or read from a file. The default is one node `pve1` with the storages
/// `local` (directory: iso, vztmpl, backup, import) and `local-lvm` (thin pool: images, rootdir), the bridges `vmbr0`
/// and `vmbr1`, the ISO `local:iso/debian-12.iso`, the template 9000 and the token `root@pam!drover`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// The release of Proxmox VE that is simulated.
    pub release: Release,
    /// How many nodes, `pve1` on. More than one makes a cluster with quorum.
    pub nodes: u32,
    /// The nodes' names, when they are to be others; then their number counts, not that of `nodes`.
    pub node_names: Vec<String>,
    /// The cluster's name.
    pub cluster_name: String,
    /// How many guests of other people stand on the nodes, 100 on, named `guest-NNN`, every second one running.
    pub foreign_vms: u32,
    /// Whether the template 9000 (`debian-12-template`, one disk of 8 GiB, agent enabled) stands on `pve1`.
    pub template: bool,
    /// Further guests.
    pub guests: Vec<SeedGuest>,
    /// File names below `local:iso/`, on every node.
    pub isos: Vec<String>,
    /// Further files on storages, on every node: templates, images to import.
    pub files: Vec<SeedFile>,
    /// Servers of network file systems and backups that answer, by name or address: storages can be added on them.
    pub servers: Vec<String>,
    /// What lies at URLs. Besides them only what a server on the loopback has can be
    /// downloaded: the simulator doesn't reach out.
    pub downloads: BTreeMap<String, SeedDownload>,
    /// The storages, when they are to be others than `local` and `local-lvm`.
    pub storages: Option<Vec<SeedStorage>>,
    /// Bytes in `local`, on each node.
    pub local_size: u64,
    /// Bytes in `local-lvm`, on each node.
    pub local_lvm_size: u64,
    /// Processors of each node.
    pub node_cpus: u32,
    /// The bridges of every node, the first of which has the node's address.
    pub bridges: Vec<String>,
    /// Bytes of memory of each node.
    pub node_memory: u64,
    /// What the nodes are besides: hardware, system, age.
    pub machine: SeedMachine,
    /// Tasks of the past, the oldest first.
    pub tasks: Vec<SeedTask>,
    /// Full id of the first token, all rights.
    pub token_id: String,
    /// Its secret; random when absent.
    pub token_secret: Option<String>,
    /// Further tokens.
    pub tokens: Vec<SeedToken>,
    /// The password of `root@pam`; without one nobody can log in as root.
    pub root_password: Option<String>,
    /// Further users.
    pub users: Vec<SeedUser>,
    /// Pools of guests and storages.
    pub pools: Vec<SeedPool>,
    /// Lower bound of `/cluster/nextid` in the datacenter's options.
    pub next_id_lower: Option<u32>,
    /// Upper bound (exclusive), likewise.
    pub next_id_upper: Option<u32>,
    /// How long things take.
    pub timing: Timing,
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the admin API listens, on loopback.
    pub admin: SocketAddr,
}

impl Default for Seed {
    fn default() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            release: Release::default(),
            nodes: 1,
            node_names: Vec::new(),
            cluster_name: "sim".to_owned(),
            foreign_vms: 0,
            template: true,
            guests: Vec::new(),
            isos: vec!["debian-12.iso".to_owned()],
            files: Vec::new(),
            servers: Vec::new(),
            downloads: BTreeMap::new(),
            storages: None,
            local_size: 100 * GIB,
            local_lvm_size: 2048 * GIB,
            node_cpus: 16,
            bridges: vec!["vmbr0".to_owned(), "vmbr1".to_owned()],
            node_memory: 128 * GIB,
            machine: SeedMachine::default(),
            tasks: Vec::new(),
            token_id: "root@pam!drover".to_owned(),
            token_secret: None,
            tokens: Vec::new(),
            root_password: None,
            users: Vec::new(),
            pools: Vec::new(),
            next_id_lower: None,
            next_id_upper: None,
            timing: Timing::default(),
            listen: loopback,
            admin: loopback,
        }
    }
}

const GIB: u64 = 1024 * 1024 * 1024;

impl Seed {
    /// The default with so many nodes.
    #[must_use]
    pub fn nodes(count: u32) -> Self {
        Self {
            nodes: count,
            ..Self::default()
        }
    }

    /// The nodes' names.
    pub(crate) fn names(&self) -> Vec<String> {
        if self.node_names.is_empty() {
            (1..=self.nodes).map(|n| format!("pve{n}")).collect()
        } else {
            self.node_names.clone()
        }
    }

    /// The nodes' names and addresses.
    pub(crate) fn addresses(&self) -> Vec<(String, Ipv4Addr)> {
        let addresses = (self.machine.address.to_bits()..=u32::MAX).map(Ipv4Addr::from_bits);
        self.names().into_iter().zip(addresses).collect()
    }

    /// The storages: those that are described, else `local` and `local-lvm`.
    pub(crate) fn storages(&self) -> Vec<SeedStorage> {
        self.storages.clone().unwrap_or_else(|| {
            vec![
                SeedStorage::new("local", "dir", &["iso", "vztmpl", "backup", "import"])
                    .sized(self.local_size),
                SeedStorage::new("local-lvm", "lvmthin", &["images", "rootdir"]).sized(self.local_lvm_size),
            ]
        })
    }

    /// As another release.
    #[must_use]
    pub fn with_release(mut self, release: Release) -> Self {
        self.release = release;
        self
    }

    /// With so many guests of other people.
    #[must_use]
    pub fn with_foreign_vms(mut self, count: u32) -> Self {
        self.foreign_vms = count;
        self
    }

    /// With other durations.
    #[must_use]
    pub fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// With one more guest.
    #[must_use]
    pub fn with_guest(mut self, guest: SeedGuest) -> Self {
        self.guests.push(guest);
        self
    }

    /// With one more token.
    #[must_use]
    pub fn with_token(mut self, token: SeedToken) -> Self {
        self.tokens.push(token);
        self
    }

    /// With a password for `root@pam`.
    #[must_use]
    pub fn with_root_password(mut self, password: impl Into<String>) -> Self {
        self.root_password = Some(password.into());
        self
    }

    /// With one more user.
    #[must_use]
    pub fn with_user(mut self, user: SeedUser) -> Self {
        self.users.push(user);
        self
    }

    /// With one more pool.
    #[must_use]
    pub fn with_pool(mut self, pool: SeedPool) -> Self {
        self.pools.push(pool);
        self
    }

    /// With one more ISO on every node, by file name.
    #[must_use]
    pub fn with_iso(mut self, name: impl Into<String>) -> Self {
        self.isos.push(name.into());
        self
    }
}

/// A file on a storage.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedFile {
    /// As `local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz`.
    pub volid: String,
    /// Bytes.
    #[serde(default = "megabyte")]
    pub size: u64,
}

fn megabyte() -> u64 {
    1 << 20
}

impl SeedFile {
    /// A file of so many bytes.
    #[must_use]
    pub fn new(volid: impl Into<String>, size: u64) -> Self {
        Self {
            volid: volid.into(),
            size,
        }
    }
}

/// A file that lies at a URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedDownload {
    /// Bytes.
    pub size: u64,
    /// As the server says; by the name's ending when absent.
    #[serde(default)]
    pub mimetype: Option<String>,
    /// Its checksums, by algorithm (`sha256`). One that isn't given is that of the URL.
    #[serde(default)]
    pub checksums: BTreeMap<String, String>,
}

impl SeedDownload {
    /// A file of so many bytes.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self {
            size,
            mimetype: None,
            checksums: BTreeMap::new(),
        }
    }

    /// With a checksum.
    #[must_use]
    pub fn checksum(mut self, algorithm: impl Into<String>, checksum: impl Into<String>) -> Self {
        self.checksums.insert(algorithm.into(), checksum.into());
        self
    }

    /// The type that its server gives it.
    pub(crate) fn mimetype(&self, url: &str) -> &str {
        let by_name = match url.rsplit('.').next().unwrap_or("") {
            "iso" => "application/x-iso9660-image",
            "gz" => "application/gzip",
            "xz" => "application/x-xz",
            _ => "application/octet-stream",
        };
        self.mimetype.as_deref().unwrap_or(by_name)
    }
}

/// A storage that the cluster has; each node has one of its own under the name, unless it is shared.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedStorage {
    /// As `local`.
    pub name: String,
    /// As `dir` or `lvmthin`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What may lie there: `images`, `rootdir`, `iso`, `vztmpl`, `backup`, `snippets`, `import`.
    pub content: Vec<String>,
    /// Whether all nodes see the same.
    #[serde(default)]
    pub shared: bool,
    /// Bytes, on each node.
    #[serde(default = "hundred_gib")]
    pub size: u64,
    /// What else its section of `storage.cfg` says: `path`, `nodes`, `prune-backups`, ….
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

fn hundred_gib() -> u64 {
    100 * GIB
}

impl SeedStorage {
    /// A storage of 100 GiB on each node.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: impl Into<String>, content: &[&str]) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            content: content.iter().map(|&c| c.to_owned()).collect(),
            shared: false,
            size: hundred_gib(),
            options: BTreeMap::new(),
        }
    }

    /// With an option of its section of `storage.cfg`.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(key.into(), value.into());
        self
    }

    /// With so many bytes.
    #[must_use]
    pub fn sized(mut self, size: u64) -> Self {
        self.size = size;
        self
    }
}

/// A guest that stands there from the beginning, or that somebody makes behind everyone's back.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedGuest {
    /// Its number.
    pub vmid: u32,
    /// `qemu` or `lxc`.
    #[serde(default, rename = "type")]
    pub kind: GuestKind,
    /// Its node; `pve1` when absent.
    #[serde(default)]
    pub node: Option<String>,
    /// Its configuration as in the file. Disks are named by their volumes with a size; missing volumes are made.
    /// `smbios1`, `vmgenid`, `meta` and MAC addresses are added as Proxmox would.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Whether it runs.
    #[serde(default)]
    pub running: bool,
    /// What it does when told to shut down.
    #[serde(default)]
    pub shutdown: Shutdown,
    /// Whether an agent answers inside it once it runs, if its configuration enables one.
    #[serde(default = "yes")]
    pub agent: bool,
}

fn yes() -> bool {
    true
}

impl SeedGuest {
    /// A stopped guest with one core, 1 GiB of memory, a network card on `vmbr0` and a disk of 8 GiB.
    #[must_use]
    pub fn new(vmid: u32, name: impl Into<String>) -> Self {
        let config = [
            ("name", name.into()),
            ("cores", "1".to_owned()),
            ("memory", "1024".to_owned()),
            ("net0", "virtio,bridge=vmbr0".to_owned()),
            ("scsihw", "virtio-scsi-single".to_owned()),
            ("scsi0", format!("local-lvm:vm-{vmid}-disk-0,size=8G")),
            ("boot", "order=scsi0;net0".to_owned()),
            ("ostype", "l26".to_owned()),
            ("agent", "1".to_owned()),
        ];
        Self {
            vmid,
            kind: GuestKind::Qemu,
            node: None,
            config: config.map(|(k, v)| (k.to_owned(), v)).into(),
            running: false,
            shutdown: Shutdown::default(),
            agent: true,
        }
    }

    /// A stopped container with one core, 512 MiB of memory, a network card on `vmbr0` and a root file system of 8 GiB.
    #[must_use]
    pub fn container(vmid: u32, hostname: impl Into<String>) -> Self {
        let config = [
            ("hostname", hostname.into()),
            ("arch", "amd64".to_owned()),
            ("ostype", "debian".to_owned()),
            ("cores", "1".to_owned()),
            ("memory", "512".to_owned()),
            ("swap", "512".to_owned()),
            ("net0", "name=eth0,bridge=vmbr0,ip=dhcp".to_owned()),
            ("rootfs", format!("local-lvm:vm-{vmid}-disk-0,size=8G")),
            ("unprivileged", "1".to_owned()),
        ];
        Self {
            kind: GuestKind::Lxc,
            config: config.map(|(k, v)| (k.to_owned(), v)).into(),
            ..Self::new(vmid, "")
        }
    }

    /// On another node than the first.
    #[must_use]
    pub fn on(mut self, node: impl Into<String>) -> Self {
        self.node = Some(node.into());
        self
    }

    /// Running.
    #[must_use]
    pub fn running(mut self) -> Self {
        self.running = true;
        self
    }

    /// With an option set.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.insert(key.into(), value.into());
        self
    }

    /// That behaves so when told to shut down.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Without an agent inside.
    #[must_use]
    pub fn without_agent(mut self) -> Self {
        self.agent = false;
        self
    }
}

/// What a guest does when told to shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shutdown {
    /// Shuts down.
    #[default]
    Obeys,
    /// Goes on running, until the time is out.
    Ignores,
}

/// An API token.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedToken {
    /// Full id, as `root@pam!reader`. Its user is made when missing, and has all rights.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// What it may do. Absent: all that its user may (`privsep=0`). Empty: nothing (`privsep=1` without an ACL).
    #[serde(default)]
    pub rights: Option<Vec<Rights>>,
}

impl SeedToken {
    /// A token with all the rights of its user.
    #[must_use]
    pub fn full(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: secret.into(),
            rights: None,
        }
    }

    /// A token with privilege separation, and only these rights.
    #[must_use]
    pub fn limited(id: impl Into<String>, secret: impl Into<String>, rights: Vec<Rights>) -> Self {
        Self {
            rights: Some(rights),
            ..Self::full(id, secret)
        }
    }
}

/// A user.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedUser {
    /// With the realm, as `alice@pve`.
    pub id: String,
    /// Without one nobody can log in as this user.
    #[serde(default)]
    pub password: Option<String>,
    /// Made when missing.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Whether the user may log in at all.
    #[serde(default = "yes")]
    pub enable: bool,
    /// Until when, in seconds since the epoch; 0 is for ever.
    #[serde(default)]
    pub expire: i64,
    /// A remark.
    #[serde(default)]
    pub comment: Option<String>,
    /// The code that completes a login (`totp:…`), always the same. Absent: no second factor.
    #[serde(default)]
    pub totp: Option<String>,
    /// What the user may do.
    #[serde(default)]
    pub rights: Vec<Rights>,
}

impl SeedUser {
    /// A user without rights and without a password.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            password: None,
            groups: Vec::new(),
            enable: true,
            expire: 0,
            comment: None,
            totp: None,
            rights: Vec::new(),
        }
    }

    /// Who can log in.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Who may something.
    #[must_use]
    pub fn with_rights(mut self, rights: Vec<Rights>) -> Self {
        self.rights = rights;
        self
    }
}

/// A pool.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedPool {
    /// Its name.
    pub id: String,
    /// A remark.
    #[serde(default)]
    pub comment: Option<String>,
    /// The numbers of the guests in it.
    #[serde(default)]
    pub guests: Vec<u32>,
    /// The storages in it.
    #[serde(default)]
    pub storages: Vec<String>,
}

/// An entry of the access control list: privileges on a path. The longest path that applies decides.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rights {
    /// As `/vms` or `/storage/local`.
    pub path: String,
    /// As `VM.Audit`; `*` stands for all.
    pub privileges: Vec<String>,
    /// Whether they hold below the path too.
    #[serde(default = "yes")]
    pub propagate: bool,
}

impl Rights {
    /// Privileges on a path and all below it.
    #[must_use]
    pub fn new(path: impl Into<String>, privileges: &[&str]) -> Self {
        Self {
            path: path.into(),
            privileges: privileges.iter().map(|&p| p.to_owned()).collect(),
            propagate: true,
        }
    }

    /// Every privilege on a path and all below it.
    #[must_use]
    pub fn all(path: impl Into<String>) -> Self {
        Self::new(path, &["*"])
    }
}
