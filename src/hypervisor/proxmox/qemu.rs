//! Virtual machines: reading one, making one, changing one.

use std::net::IpAddr;

use super::answers;
use super::api::List;
use super::api::agent::{AgentInterfaces, AgentSystem};
use super::api::backup::{BackupOptions, StartBackup};
use super::api::guest::{
    Destroy, GuestPending, GuestStatus, MakeTemplate, Reboot, Resize, Resume, Shutdown, Start, Stop, Suspend,
};
use super::api::ha::{CreateHaResource, HaResources, HaSettings, HaState, UpdateHaResource};
use super::api::pools::{UpdatePool, UpdatePoolByPath};
use super::api::qemu::{CloneVirtualMachine, MoveDisk, SuspendToDisk};
use super::api::{BackupMode, Compression, Kind, Request as _, guarded};
use super::call::{Call, Method};
use super::client::{Client, progress};
use super::number;
use super::{changes, config, size};
use crate::hypervisor::{Error, StopMode};
use crate::model::{
    Change, CloneGuest, CreateGuest, GuestAddress, GuestConfig, GuestIp, HaSetting, Lock, Power,
    PowerReading, Progress,
};
use crate::plan::identity::Ownership;

/// The tag on what Drover makes: a hint for people, evidence for nothing.
const TAG: &str = "drover";

impl Client {
    pub(super) async fn guest_config(&self, at: &GuestAddress) -> Result<GuestConfig, Error> {
        let call = GuestPending::new(Kind::Qemu, at.node.clone(), number(at)?).call();
        let rows = self.read_as(&call, answers::data).await?;
        config::read(rows).map_err(|reason| call.unreadable(reason))
    }

    pub(super) async fn guest_power(&self, at: &GuestAddress) -> Result<PowerReading, Error> {
        let status = GuestStatus::new(Kind::Qemu, at.node.clone(), number(at)?);
        let figures = self.ask(&status).await?;
        Ok(PowerReading {
            power: power(&figures.status),
            paused: figures.qmpstatus.as_deref() == Some("paused"),
            lock: figures.lock.filter(|l| !l.is_empty()).map(Lock),
        })
    }

    pub(super) async fn guest_addresses(&self, at: &GuestAddress) -> Result<Vec<GuestIp>, Error> {
        let interfaces = self
            .ask(&AgentInterfaces::new(at.node.clone(), number(at)?))
            .await?;
        let shown = interfaces.result.into_iter().filter_map(|i| i.ip_addresses);
        let mut addresses = Vec::new();
        for address in shown.flatten() {
            match outer_address(&address.ip_address) {
                Some(address) if !addresses.contains(&address) => addresses.push(address),
                _ => {}
            }
        }
        Ok(addresses)
    }

    pub(super) async fn guest_system(&self, at: &GuestAddress) -> Result<Option<String>, Error> {
        let told = self
            .ask(&AgentSystem::new(at.node.clone(), number(at)?))
            .await?
            .result;
        let name = told.pretty_name.or(told.name).or(told.id);
        Ok(name.map(|name| shown(&name)).filter(|name| !name.is_empty()))
    }

    pub(super) async fn create(&self, guest: &CreateGuest) -> Result<Progress, Error> {
        let task = self.change_as(&create(guest)?, None, answers::lenient).await?;
        Ok(progress(task))
    }

    pub(super) async fn clone_guest(&self, guest: &CloneGuest) -> Result<Progress, Error> {
        self.ask(&clone_guest(guest)?).await.map(progress)
    }

    pub(super) async fn configure(
        &self,
        own: &Ownership,
        base: &GuestConfig,
        changes: &[Change],
    ) -> Result<Progress, Error> {
        if changes.is_empty() {
            return Ok(Progress::Done);
        }
        let at = own.address();
        // What makes volumes may take longer than an answer: the host does it as a task.
        let method = if changes.iter().any(|change| change.storage().is_some()) {
            Method::Post
        } else {
            Method::Put
        };
        let mut call = Call::new(
            method,
            "/nodes/{node}/qemu/{vmid}/config",
            &[&at.node, &number(at)?],
        );
        // The changes were worked out on another configuration than the one that was judged.
        if base.digest != own.digest() {
            return Err(Error::Stale {
                operation: call.operation(),
            });
        }
        let parameters =
            changes::parameters(&base.raw, changes).map_err(|e| call.unbuildable(e.to_string()))?;
        for (name, value) in parameters {
            call = call.with(&name, value);
        }
        let call = guarded(call, own)?;
        self.change_as(&call, None, answers::lenient).await.map(progress)
    }

    pub(super) async fn grow_disk(&self, own: &Ownership, slot: &str, bytes: u64) -> Result<Progress, Error> {
        let resize = Resize::new(Kind::Qemu, slot.to_owned(), size::exact(bytes));
        self.change(own, &resize).await.map(progress)
    }

    pub(super) async fn move_disk(
        &self,
        own: &Ownership,
        slot: &str,
        storage: &str,
    ) -> Result<Progress, Error> {
        let moved = MoveDisk {
            storage: Some(storage.to_owned()),
            delete: Some(true),
            ..MoveDisk::new(slot.to_owned())
        };
        self.change(own, &moved).await.map(progress)
    }

    /// In the form that all releases know, but for pools within pools. Between the two calls the guest is in no pool;
    /// whoever looks then puts it into the right one.
    pub(super) async fn join_pool(
        &self,
        own: &Ownership,
        pool: &str,
        from: Option<&str>,
    ) -> Result<Progress, Error> {
        let vms = List(vec![number(own.address())?.to_string()]);
        let moves = from
            .into_iter()
            .map(|left| (left, Some(true)))
            .chain([(pool, None)]);
        for (name, delete) in moves {
            let call = if name.contains('/') {
                let update = UpdatePool {
                    vms: vms.clone(),
                    delete,
                    ..UpdatePool::new(name.to_owned())
                };
                update.call()
            } else {
                let update = UpdatePoolByPath {
                    vms: vms.clone(),
                    delete,
                    ..UpdatePoolByPath::new(name.to_owned())
                };
                update.call()
            };
            self.change_as(&call, Some(own), answers::lenient::<Option<String>>)
                .await?;
        }
        Ok(Progress::Done)
    }

    /// From the list of all: of a guest that is not under HA the single call says no more than that something is wrong.
    pub(super) async fn high_availability(&self, at: &GuestAddress) -> Result<Option<HaSetting>, Error> {
        let sid = format!("vm:{}", number(at)?);
        let all = self.ask(&HaResources::new()).await?;
        let found = all.into_iter().find(|resource| resource.sid == sid);
        Ok(found.map(|resource| HaSetting {
            // What the configuration does not say is "started" (pve-ha-manager, `Resources.pm`); "enabled" is its old name.
            state: match resource.state.as_deref() {
                None | Some("enabled") => "started".to_owned(),
                Some(state) => state.to_owned(),
            },
            group: resource.group,
        }))
    }

    pub(super) async fn set_high_availability(
        &self,
        own: &Ownership,
        setting: &HaSetting,
        new: bool,
    ) -> Result<Progress, Error> {
        let state = match setting.state.as_str() {
            "started" => HaState::Started,
            "stopped" => HaState::Stopped,
            "disabled" => HaState::Disabled,
            _ => HaState::Ignored,
        };
        let settings = HaSettings {
            state: Some(state),
            group: setting.group.clone(),
            ..HaSettings::default()
        };
        if new {
            self.change(own, &CreateHaResource { settings }).await?;
        } else {
            let update = UpdateHaResource {
                settings,
                ..UpdateHaResource::new()
            };
            self.change(own, &update).await?;
        }
        Ok(Progress::Done)
    }

    pub(super) async fn make_template(&self, own: &Ownership) -> Result<Progress, Error> {
        self.change(own, &MakeTemplate::new(Kind::Qemu))
            .await
            .map(progress)
    }

    pub(super) async fn start(&self, own: &Ownership) -> Result<Progress, Error> {
        self.change(own, &Start::new(Kind::Qemu)).await.map(progress)
    }

    pub(super) async fn pause(&self, own: &Ownership) -> Result<Progress, Error> {
        self.change(own, &Suspend::new(Kind::Qemu)).await.map(progress)
    }

    pub(super) async fn resume(&self, own: &Ownership) -> Result<Progress, Error> {
        self.change(own, &Resume::new(Kind::Qemu)).await.map(progress)
    }

    pub(super) async fn suspend(&self, own: &Ownership) -> Result<Progress, Error> {
        let suspend = SuspendToDisk::new(true);
        self.change(own, &suspend).await.map(Progress::Running)
    }

    pub(super) async fn reboot(&self, own: &Ownership, grace_seconds: u32) -> Result<Progress, Error> {
        let reboot = Reboot {
            timeout: Some(grace_seconds),
            ..Reboot::new(Kind::Qemu)
        };
        self.change(own, &reboot).await.map(progress)
    }

    pub(super) async fn stop(&self, own: &Ownership, mode: StopMode) -> Result<Progress, Error> {
        let task = match mode {
            StopMode::Hard => self.change(own, &Stop::new(Kind::Qemu)).await?,
            StopMode::Graceful { grace_seconds, force } => {
                let shutdown = Shutdown {
                    timeout: Some(grace_seconds),
                    force_stop: Some(force),
                    ..Shutdown::new(Kind::Qemu)
                };
                self.change(own, &shutdown).await?
            }
        };
        Ok(progress(task))
    }

    /// Older archives stay: pruning (`remove`) is on unless it is switched off.
    pub(super) async fn back_up(&self, own: &Ownership, storage: &str) -> Result<Progress, Error> {
        let options = BackupOptions {
            storage: Some(storage.to_owned()),
            mode: Some(BackupMode::Snapshot),
            compress: Some(Compression::Zstd),
            remove: Some(false),
            ..BackupOptions::default()
        };
        self.change(own, &StartBackup { options })
            .await
            .map(Progress::Running)
    }

    /// `purge` takes the guest out of backup jobs, replication and HA. Volumes that bear its number without belonging
    /// to it stay: `destroy-unreferenced-disks` is never sent.
    pub(super) async fn destroy(&self, own: &Ownership) -> Result<Progress, Error> {
        let destroy = Destroy {
            purge: Some(true),
            ..Destroy::new(Kind::Qemu)
        };
        self.change(own, &destroy).await.map(progress)
    }
}

fn create(guest: &CreateGuest) -> Result<Call, Error> {
    let parameters = changes::parameters(&config::Options::new(), &guest.changes);
    let mut call = Call::new(Method::Post, "/nodes/{node}/qemu", &[&guest.at.node])
        .with("vmid", number(&guest.at)?)
        .with("name", &guest.name)
        .with("description", &guest.description)
        .with("smbios1", changes::new_smbios(guest.uuid))
        .with("ostype", "l26");
    let parameters = parameters.map_err(|e| call.unbuildable(e.to_string()))?;
    if let Some(pool) = &guest.pool {
        call = call.with("pool", pool);
    }
    let named = |name: &str| parameters.contains_key(name);
    if !named("tags") {
        call = call.with("tags", TAG);
    }
    if parameters.keys().any(|key| key.starts_with("scsi")) && !named("scsihw") {
        call = call.with("scsihw", "virtio-scsi-single");
    }
    for (name, value) in parameters {
        call = call.with(&name, value);
    }
    Ok(call)
}

fn clone_guest(guest: &CloneGuest) -> Result<CloneVirtualMachine, Error> {
    let CloneGuest { source, at, .. } = guest;
    Ok(CloneVirtualMachine {
        name: Some(guest.name.clone()),
        description: Some(guest.description.clone()),
        full: Some(!guest.linked),
        snapname: guest.snapshot.clone(),
        storage: guest.storage.clone(),
        pool: guest.pool.clone(),
        target: (source.node != at.node).then(|| at.node.clone()),
        ..CloneVirtualMachine::new(source.node.clone(), number(source)?, number(at)?)
    })
}

/// What `status` says in the list and of a single guest.
pub(super) fn power(status: &str) -> Power {
    match status {
        "running" => Power::Running,
        "stopped" => Power::Stopped,
        _ => Power::Unknown,
    }
}

/// What a guest says of itself, as a status may hold it: one line, not longer than a name.
fn shown(text: &str) -> String {
    const MOST: usize = 128;
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(MOST).collect::<String>().trim().to_owned()
}

/// An address by which others could reach the guest.
fn outer_address(text: &str) -> Option<IpAddr> {
    let (address, _zone) = text.split_once('%').unwrap_or((text, ""));
    let address: IpAddr = address.trim().parse().ok()?;
    let inner = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    (!inner && !address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NewDisk, NicSettings};

    #[test]
    fn what_a_guest_says_of_itself_fits_a_status() {
        assert_eq!(shown(" Debian\n12\u{7} "), "Debian12");
        assert_eq!(shown(&"x".repeat(1000)).len(), 128);
    }

    fn at(node: &str, vmid: u32) -> GuestAddress {
        GuestAddress {
            node: node.parse().unwrap(),
            id: vmid.try_into().unwrap(),
        }
    }

    fn disk(storage: &str) -> Change {
        Change::AddDisk(NewDisk {
            slot: "scsi0".into(),
            storage: storage.into(),
            size: 10 << 30,
            ..NewDisk::default()
        })
    }

    fn nic(bridge: &str) -> Change {
        Change::AddNic {
            slot: "net0".into(),
            settings: NicSettings {
                model: Some("virtio".into()),
                bridge: Some(bridge.into()),
                ..NicSettings::default()
            },
        }
    }

    fn new_guest() -> CreateGuest {
        CreateGuest {
            at: at("pve1", 120),
            name: "web1".into(),
            description: "a; b".into(),
            uuid: "33cf2a23-9802-4505-9954-f6aae3116abb".parse().unwrap(),
            pool: None,
            changes: vec![
                Change::Cores(2),
                Change::MemoryMib(2048),
                Change::Agent(true),
                disk("local-lvm"),
                nic("vmbr0"),
                Change::Cdrom {
                    slot: "ide2".into(),
                    volume: Some("local:iso/debian-12.iso".parse().unwrap()),
                },
            ],
        }
    }

    #[test]
    fn a_new_guest_is_spelt_as_proxmox_wants_it() {
        let call = create(&new_guest()).unwrap();
        assert_eq!(call.operation(), "POST /nodes/pve1/qemu");
        assert_eq!(
            call.body().unwrap(),
            "vmid=120&name=web1&description=a%3B%20b&smbios1=uuid%3D33cf2a23-9802-4505-9954-f6aae3116abb\
             &ostype=l26&tags=drover&scsihw=virtio-scsi-single&agent=1&cores=2\
             &ide2=local%3Aiso%2Fdebian-12.iso%2Cmedia%3Dcdrom&memory=2048&net0=virtio%2Cbridge%3Dvmbr0\
             &scsi0=local-lvm%3A10"
        );
    }

    #[test]
    fn a_bridge_can_not_smuggle_in_options() {
        let mut guest = new_guest();
        guest.changes = vec![nic("vmbr0,firewall=0")];
        assert!(matches!(create(&guest), Err(Error::Unbuildable { .. })));
        let mut guest = new_guest();
        guest.changes = vec![disk("local:0,import-from=/etc/shadow,x")];
        assert!(matches!(create(&guest), Err(Error::Unbuildable { .. })));
    }

    #[test]
    fn a_clone_names_a_target_only_if_it_is_another_node() {
        let mut guest = CloneGuest {
            source: at("pve1", 9000),
            at: at("pve1", 120),
            name: "web1".into(),
            description: "d".into(),
            storage: None,
            pool: None,
            linked: false,
            snapshot: None,
        };
        assert_eq!(
            clone_guest(&guest).unwrap().call().body().unwrap(),
            "newid=120&name=web1&description=d&full=1"
        );
        guest.at = at("pve2", 120);
        guest.storage = Some("ceph".into());
        let call = clone_guest(&guest).unwrap().call();
        assert_eq!(call.operation(), "POST /nodes/pve1/qemu/9000/clone");
        assert_eq!(
            call.body().unwrap(),
            "newid=120&name=web1&description=d&full=1&storage=ceph&target=pve2"
        );
        guest.storage = None;
        guest.linked = true;
        guest.snapshot = Some("clean".into());
        assert_eq!(
            clone_guest(&guest).unwrap().call().body().unwrap(),
            "newid=120&name=web1&description=d&full=0&target=pve2&snapname=clean"
        );
    }

    #[test]
    fn inner_addresses_are_left_out() {
        for text in [
            "127.0.0.1",
            "::1",
            "169.254.3.4",
            "fe80::1%eth0",
            "fe80::1",
            "0.0.0.0",
            "x",
            "",
        ] {
            assert_eq!(outer_address(text), None, "{text}");
        }
        for text in ["192.0.2.5", "2001:db8::5", "fd00::1"] {
            assert_eq!(outer_address(text), text.parse().ok());
        }
    }
}
