//! Makes the first state out of a seed, and guests out of descriptions.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::access::Access;
use super::config::{is_disk, is_net};
use super::container::{is_mount, stored_option};
use super::guest::{Guest, GuestKind};
use super::moment::Moment;
use super::node::{Node, Settings, System};
use super::property::{drive_property, drive_volume, parse_size, with_mac};
use super::resources::ResourceCache;
use super::storage::{Storage, Volume};
use super::task::Tasks;
use super::world::World;
use crate::clock;
use crate::release::Release;
use crate::seed::{Seed, SeedGuest, SeedToken};
use crate::tls::CertificateInfo;

/// The version of QEMU that `meta` names.
pub(crate) const QEMU_VERSION: &str = "10.1.2";

/// The board that `pc` is with it.
pub(crate) const MACHINE_TYPE: &str = "pc-i440fx-10.1+pve0";

/// An ISO image's size: that of a network installer.
const ISO_SIZE: u64 = 659_554_304;

impl World {
    /// The state that a seed describes. `certificates` has one list a node.
    pub(crate) fn from_seed(seed: &Seed, secret: &str, certificates: Vec<Vec<CertificateInfo>>) -> Self {
        let begun = clock::now() - i64::from(seed.machine.age);
        let nodes = certificates
            .into_iter()
            .zip(seed.addresses())
            .map(|(certificates, (name, address))| {
                let ip = address.to_string();
                Node {
                    settings: Settings::of(&name, &ip, &seed.machine),
                    name,
                    online: true,
                    proxy: super::node::NodeProxy::default(),
                    since: Moment::now(),
                    cpus: seed.node_cpus,
                    memory: seed.node_memory,
                    ip,
                    age: u64::from(seed.machine.age),
                    measured_since: begun,
                    rootfs: (seed.machine.rootfs_size, seed.machine.rootfs_size / 8),
                    certificates,
                    version: None,
                }
            })
            .collect();
        let mut world = Self {
            release: seed.release,
            cluster_name: seed.cluster_name.clone(),
            quorate: true,
            nodes,
            guests: BTreeMap::new(),
            storages: seed.storages().into_iter().map(Storage::from).collect(),
            volumes: BTreeMap::new(),
            files: BTreeMap::new(),
            console_ports: BTreeMap::new(),
            outside: super::outside::Outside::from_seed(seed),
            bridges: seed.bridges.clone(),
            firewalls: BTreeMap::new(),
            tasks: Tasks::default(),
            access: Access::new(seed.release),
            cache: ResourceCache::default(),
            statistics_at: None,
            replications: BTreeMap::new(),
            system: System {
                machine: seed.machine.clone(),
            },
            options: bounds_of_vmids(seed).into_iter().collect(),
            description: String::new(),
            ha: super::ha::Ha::default(),
            backup_jobs: BTreeMap::new(),
            jobs_planned: None,
        };
        let root = world.access.users.get_mut("root@pam");
        if let Some(root) = root {
            root.password.clone_from(&seed.root_password);
        }
        for user in &seed.users {
            world.access.add_user(user.clone());
        }
        for pool in &seed.pools {
            world.access.add_pool(pool.clone());
        }
        world.access.add(SeedToken::full(&seed.token_id, secret));
        for token in &seed.tokens {
            world.access.add(token.clone());
        }
        let names: Vec<String> = world.nodes.iter().map(|n| n.name.clone()).collect();
        for (node, iso) in names.iter().flat_map(|n| seed.isos.iter().map(move |i| (n, i))) {
            world.add_volume(Volume::iso(node, "local", iso, ISO_SIZE));
        }
        for (node, file) in names.iter().flat_map(|n| seed.files.iter().map(move |f| (n, f))) {
            world.add_volume(Volume::file(node, file.volid.clone(), file.size));
        }
        for guest in first_guests(seed, &names) {
            world.place(guest);
        }
        for guest in world.guests.values_mut() {
            guest.stood_since(begun);
        }
        if let Some(first) = names.first() {
            world.tasks.remember(first, &seed.tasks);
        }
        if !seed.machine.just_booted {
            world.refresh_resources();
        }
        world
    }

    /// Puts a guest there as it is described, with the volumes that it names.
    pub(crate) fn place(&mut self, seed: SeedGuest) {
        let node = seed
            .node
            .clone()
            .or_else(|| self.nodes.first().map(|n| n.name.clone()))
            .unwrap_or_default();
        let mut guest = Guest::new(seed.vmid, &node, seed.config);
        guest.kind = seed.kind;
        guest.shutdown = seed.shutdown;
        guest.agent_inside = seed.agent;
        match seed.kind {
            GuestKind::Qemu => {
                // Before 9 a guest keeps its tags as they were given when it was made.
                let tags = guest.config.get("tags").cloned();
                complete(self.release, &mut guest.config);
                let tags = tags.filter(|_| self.release < Release::V9_2);
                guest.config.extend(tags.map(|tags| ("tags".to_owned(), tags)));
            }
            GuestKind::Lxc => {
                for (key, value) in &mut guest.config {
                    *value = stored_option(key, value);
                }
            }
        }
        let drives: Vec<String> = guest
            .config
            .iter()
            .filter(|(key, _)| is_disk(key) || is_mount(key) || key.starts_with("unused"))
            .map(|(_, value)| value.clone())
            .collect();
        for value in drives {
            let volid = drive_volume(&value);
            if volid.contains(':') && !volid.contains(":iso/") && self.volume(&node, volid).is_none() {
                let size = drive_property(&value, "size")
                    .and_then(parse_size)
                    .unwrap_or(1 << 30);
                let format = volid.rsplit_once('.').map_or("raw", |(_, extension)| extension);
                let mut volume = Volume::disk(&node, volid.to_owned(), format, size, seed.vmid);
                if seed.kind == GuestKind::Lxc {
                    "rootdir".clone_into(&mut volume.content);
                }
                self.add_volume(volume);
            }
        }
        self.guests.insert(seed.vmid, guest);
        if seed.running {
            self.power_on(seed.vmid);
        }
    }
}

/// Adds what Proxmox adds to every new guest: `smbios1`, `vmgenid`, `meta`, MAC addresses.
pub(crate) fn complete(release: Release, config: &mut super::Config) {
    let has_uuid = config
        .get("smbios1")
        .is_some_and(|s| drive_property(s, "uuid").is_some());
    if !has_uuid {
        let rest = config.get("smbios1").map(|s| format!(",{s}")).unwrap_or_default();
        config.insert("smbios1".to_owned(), format!("uuid={}{rest}", Uuid::new_v4()));
    }
    if config.get("vmgenid").is_none_or(|v| v == "1") {
        config.insert("vmgenid".to_owned(), Uuid::new_v4().to_string());
    }
    config
        .entry("meta".to_owned())
        .or_insert_with(|| format!("creation-qemu={QEMU_VERSION},ctime={}", clock::now()));
    for (key, value) in config.iter_mut() {
        if is_net(key) {
            *value = with_mac(release, value, false);
        }
    }
}

/// The option of the datacenter that bounds the numbers of guests.
fn bounds_of_vmids(seed: &Seed) -> Option<(String, String)> {
    let bounds = [("lower", seed.next_id_lower), ("upper", seed.next_id_upper)];
    let parts: Vec<String> = bounds
        .into_iter()
        .filter_map(|(key, bound)| Some(format!("{key}={}", bound?)))
        .collect();
    (!parts.is_empty()).then(|| ("next-id".to_owned(), parts.join(",")))
}

fn first_guests(seed: &Seed, nodes: &[String]) -> Vec<SeedGuest> {
    let mut guests = Vec::new();
    if seed.template {
        let template = SeedGuest::new(9000, "debian-12-template")
            .set("scsi0", "local-lvm:base-9000-disk-0,size=8G")
            .set("memory", "2048")
            .set("template", "1");
        guests.push(template);
    }
    let taken: BTreeSet<u32> = seed.guests.iter().map(|g| g.vmid).chain([9000]).collect();
    let numbers = (100..).filter(|id| !taken.contains(id));
    let foreign = numbers.zip(nodes.iter().cycle()).zip(0..seed.foreign_vms);
    for ((vmid, node), at) in foreign {
        let mut guest = SeedGuest::new(vmid, format!("guest-{vmid}")).on(node);
        guest.running = at % 2 == 0;
        guests.push(guest);
    }
    guests.extend(seed.guests.iter().cloned());
    guests
}
