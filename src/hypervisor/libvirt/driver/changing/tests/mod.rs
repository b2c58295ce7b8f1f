//! The changing calls against a real libvirt of the test's own.

mod disks;
mod lifecycle;
mod removal;

use std::sync::Arc;
use std::time::Duration;

use libvirt_host::{LibvirtHost, Options};
use uuid::Uuid;

use super::changer::{self, Changer};
use super::tasks::Tasks;
use crate::hypervisor::Error;
use crate::hypervisor::libvirt::link::{Credentials, KeepAlive, Link, Target};
use crate::hypervisor::libvirt::xml::domain::{Around, DomainType, Host, Pools, read};
use crate::model::{Change, CreateGuest, GuestAddress, GuestConfig, NewDisk, Progress, TaskExit, TaskState};
use crate::plan::identity::Ownership;
use crate::runtime::{Clock, Fence};

const LONG: Duration = Duration::from_mins(1);
const MIB: u64 = 1 << 20;

/// A host, and the driver on it.
struct Bench {
    host: LibvirtHost,
    changer: Changer,
    tasks: Tasks,
}

impl Bench {
    async fn start() -> Option<Self> {
        let host = LibvirtHost::start_or_say(&Options::default())?;
        let target = Target::new(
            host.uri().parse().unwrap(),
            Credentials::None,
            KeepAlive::default(),
        );
        let (link, _events) = Link::open(&target, LONG).await.unwrap();
        let changer = Changer {
            link: Arc::new(link),
            fence: Fence::open(),
            host: Arc::new(Host {
                domain_type: DomainType::Qemu,
                arch: "x86_64".to_owned(),
                emulator: None,
                machine: "q35".to_owned(),
                efi: false,
                secure_boot: false,
                tpm: false,
            }),
        };
        let tasks = Tasks::new("kvm-a".parse().unwrap(), Clock::default());
        Some(Self { host, changer, tasks })
    }

    fn virsh(&self, arguments: &[&str]) -> String {
        self.host.virsh(arguments).unwrap()
    }

    /// The end of a task; empty for a good one.
    async fn end(&self, progress: Result<Progress, Error>) -> String {
        let upid = match progress.unwrap() {
            Progress::Done => return String::new(),
            Progress::Running(upid) => upid,
        };
        let ended = async {
            loop {
                match self.tasks.task(&upid) {
                    TaskState::Running => tokio::task::yield_now().await,
                    TaskState::Ended(TaskExit::Ok { .. }) => return String::new(),
                    TaskState::Ended(TaskExit::Failed(sentence)) => return sentence,
                    TaskState::Forgotten => panic!("{upid} is forgotten"),
                }
            }
        };
        tokio::time::timeout(LONG, ended)
            .await
            .expect("an end of the task")
    }

    async fn made(&self, uuid: Uuid, name: &str) {
        assert_eq!(
            self.end(self.changer.create(&self.tasks, &blank(uuid, name)).await)
                .await,
            ""
        );
    }

    /// The configuration and a fresh proof.
    async fn judged(&self, uuid: Uuid) -> (Ownership, GuestConfig) {
        let config = self.config(uuid).await;
        (Ownership::for_tests(at(uuid), &config.digest), config)
    }

    async fn own(&self, uuid: Uuid) -> Ownership {
        self.judged(uuid).await.0
    }

    async fn config(&self, uuid: Uuid) -> GuestConfig {
        let texts = self.changer.link.run("read", move |conn| {
            let domain = conn.lookup_domain_by_uuid(uuid)?;
            Ok((changer::inactive(&domain)?, changer::live(&domain)?))
        });
        let (inactive, live) = texts.await.unwrap();
        let pools = Pools(vec![("default".to_owned(), "/var/lib/libvirt/images".to_owned())]);
        let around = Around {
            pools: &pools,
            sizes: &std::collections::BTreeMap::new(),
            on_boot: false,
        };
        read(&inactive, live.as_deref(), &around).unwrap()
    }

    async fn configured(&self, uuid: Uuid, changes: &[Change]) -> String {
        let (own, config) = self.judged(uuid).await;
        self.end(self.changer.configure(&self.tasks, &own, &config, changes).await)
            .await
    }

    fn volumes(&self) -> Vec<String> {
        let listed = self.virsh(&["vol-list", "default", "--details"]);
        let names = listed.lines().filter_map(|line| line.split_whitespace().next());
        names.map(str::to_owned).collect()
    }

    fn capacity(&self, volume: &str) -> u64 {
        let text = self.virsh(&["vol-info", "--pool", "default", "--bytes", volume]);
        let line = text.lines().find(|line| line.starts_with("Capacity")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn state(&self, name: &str) -> String {
        self.virsh(&["domstate", name]).trim().to_owned()
    }
}

fn at(uuid: Uuid) -> GuestAddress {
    GuestAddress {
        node: "kvm-a".parse().unwrap(),
        id: crate::model::GuestId::Domain(uuid),
    }
}

fn mark(uuid: Uuid, sealed: bool) -> String {
    let seal = if sealed {
        format!(" uuid={uuid}")
    } else {
        String::new()
    };
    format!("<!-- drover/v1 cluster=c kind=VirtualMachine namespace=n name=web uid=u id={uuid}{seal} -->")
}

fn disk(slot: &str) -> NewDisk {
    NewDisk {
        slot: slot.to_owned(),
        storage: "default".to_owned(),
        size: 16 * MIB,
        ..NewDisk::default()
    }
}

fn blank(uuid: Uuid, name: &str) -> CreateGuest {
    CreateGuest {
        at: at(uuid),
        name: name.to_owned(),
        description: format!("people's words\n{}", mark(uuid, true)),
        uuid,
        pool: None,
        changes: vec![
            Change::MemoryMib(32),
            Change::AddDisk(disk("scsi0")),
            Change::BootDevices(vec!["scsi0".to_owned()]),
            Change::Cdrom {
                slot: "ide2".to_owned(),
                volume: None,
            },
        ],
    }
}

fn volume(uuid: Uuid, slot: &str) -> String {
    format!("drover-{uuid}-{slot}.qcow2")
}
