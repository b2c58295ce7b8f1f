//! The recordings, and how each is replayed.

mod auth;
mod cluster1;
mod cluster2;
mod cluster3;
mod lxc;
mod misc2;
mod params;
mod rrd;
mod storage;
mod t1;
mod t2;
mod vm2;
mod vm3;
mod wire;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use pve_sim::{Disk, PciDevice, Release, Seed, SeedDownload, SeedFile, SeedGuest, SeedMachine, SeedStorage};
use sha2::{Digest, Sha256};

use super::script::Script;

/// A recording.
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) script: fn(Release) -> Script,
    /// Of which it was made.
    pub(crate) releases: &'static [Release],
}

/// All recordings.
pub(crate) const FILES: &[File] = &[
    auth::FILE,
    cluster1::FILE,
    cluster2::FILE,
    cluster3::FILE,
    lxc::FILE,
    misc2::FILE,
    params::FILE,
    rrd::FILE,
    storage::FILE,
    t1::FILE,
    t2::FILE,
    vm2::FILE,
    vm3::FILE,
    wire::FILE,
];

/// The machine on which most files were recorded: the node `pve` alone, the storage `local`, nothing else.
fn machine(release: Release) -> Seed {
    Seed {
        release,
        node_names: vec!["pve".to_owned()],
        storages: Some(vec![local(6 << 30)]),
        template: false,
        isos: Vec::new(),
        node_cpus: 2,
        node_memory: 25_276_510_208,
        bridges: vec!["vmbr0".to_owned()],
        machine: recorded_machine(),
        ..Seed::default()
    }
}

/// A paravirtual device.
fn virtio(id: &str, class: &str, device: &str) -> PciDevice {
    PciDevice {
        id: id.to_owned(),
        class: class.to_owned(),
        vendor: "0x1af4".to_owned(),
        device: device.to_owned(),
    }
}

/// Its storage, of so many bytes.
fn local(size: u64) -> SeedStorage {
    let content = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets"];
    // Nobody had written a storage.cfg: this is what Proxmox VE takes for granted then.
    SeedStorage::new("local", "dir", &content)
        .sized(size)
        .set("priority", "0")
        .set("prune-backups", "keep-all=1")
}

/// What was under it: a container of its own, without services, name servers or Proxmox's own programs for HA.
fn recorded_machine() -> SeedMachine {
    SeedMachine {
        address: Ipv4Addr::new(192, 0, 2, 10),
        rootfs_size: 6 << 30,
        services: Vec::new(),
        pci: vec![
            virtio("0000:00:01.0", "0xffff00", "0x1045"),
            virtio("0000:00:02.0", "0x018000", "0x1042"),
            virtio("0000:00:03.0", "0x020000", "0x1041"),
            virtio("0000:00:04.0", "0xffff00", "0x1053"),
            virtio("0000:00:05.0", "0xffff00", "0x1044"),
        ],
        disks: vec![Disk {
            path: "/dev/vda".to_owned(),
            size: 256 << 30,
            model: "unknown".to_owned(),
            serial: "unknown".to_owned(),
        }],
        name_server: "10.255.255.53".to_owned(),
        resolver: false,
        age: 120,
        ..SeedMachine::default()
    }
}

/// Of the image that the recorder had on a server of his.
const TINY_ISO: &str = "d865ff982d932c3bae4449f35f67dbb99e09d70c9cd6890b50fe61a9f6312d10";

/// The machine with the template that its containers were made of, as large as such templates are, and with the image
/// that the recorder had put there.
fn container_machine(release: Release) -> Seed {
    let template = "local:vztmpl/alpine-3.22-default_20250617_amd64.tar.gz";
    Seed {
        files: vec![
            SeedFile::new(template, 3 << 20),
            SeedFile::new("local:iso/tiny.iso", 358_400),
        ],
        downloads: BTreeMap::from([(
            "http://192.0.2.10:8099/tiny.iso".to_owned(),
            SeedDownload::new(358_400).checksum("sha256", TINY_ISO),
        )]),
        ..machine(release)
    }
}

/// The two nodes of a cluster, on which the others were recorded.
fn pair(release: Release) -> Seed {
    Seed {
        node_names: vec!["pve1".to_owned(), "pve2".to_owned()],
        cluster_name: "truth".to_owned(),
        storages: Some(vec![local(4 << 30)]),
        machine: SeedMachine {
            address: Ipv4Addr::new(192, 0, 2, 11),
            rootfs_size: 4 << 30,
            ..recorded_machine()
        },
        ..machine(release)
    }
}

/// What stands for the image that the recorder uploaded and downloaded: as long, but not the same.
fn image() -> Vec<u8> {
    vec![0; 358_400]
}

/// A checksum as an upload is given it.
fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The guest that `t2` made, and that later files found there.
fn web1(release: Release) -> SeedGuest {
    // Tags that were given when a guest was made are kept as they came before 9.
    let tags = if release >= Release::V9_2 { "a;b" } else { "b;a" };
    let config = [
        ("name", "web1"),
        ("description", "hello"),
        ("tags", tags),
        ("memory", "64"),
        ("cores", "1"),
        ("scsihw", "virtio-scsi-single"),
        ("scsi0", "local:100/vm-100-disk-0.raw,size=1G"),
        ("net0", "virtio,bridge=vmbr0"),
        ("boot", "order=scsi0;net0"),
        ("agent", "1"),
        ("ostype", "l26"),
    ];
    SeedGuest {
        config: config.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        agent: false,
        ..SeedGuest::new(100, "web1")
    }
}
