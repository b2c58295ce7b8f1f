//! Virtual machines: reading one, making one, changing one.

use std::net::IpAddr;

use serde::Deserialize;

use super::answers::Scalar;
use super::api::guarded;
use super::call::{Call, Method};
use super::client::{Client, unspeakable};
use super::{changes, config, size};
use crate::hypervisor::{Error, StopMode};
use crate::model::{
    Change, CloneGuest, CreateGuest, GuestAddress, GuestConfig, GuestIp, Lock, Power, PowerReading, Progress,
};
use crate::plan::identity::Ownership;

/// The tag on what Drover makes: a hint for people, evidence for nothing.
const TAG: &str = "drover";

#[derive(Deserialize)]
struct StatusRow {
    status: String,
    #[serde(default)]
    qmpstatus: Option<String>,
    #[serde(default)]
    lock: Option<String>,
}

#[derive(Deserialize)]
struct AgentAnswer {
    result: Vec<Interface>,
}

#[derive(Deserialize)]
struct Interface {
    #[serde(default, rename = "ip-addresses")]
    addresses: Option<Vec<Address>>,
}

#[derive(Deserialize)]
struct Address {
    #[serde(rename = "ip-address")]
    address: Scalar,
}

impl Client {
    pub(super) async fn guest_config(&self, at: &GuestAddress) -> Result<GuestConfig, Error> {
        let call = Call::get("/nodes/{node}/qemu/{vmid}/pending", &[&at.node, &at.vmid]);
        config::read(self.read(&call).await?).map_err(|reason| call.unreadable(reason))
    }

    pub(super) async fn guest_power(&self, at: &GuestAddress) -> Result<PowerReading, Error> {
        let call = Call::get("/nodes/{node}/qemu/{vmid}/status/current", &[&at.node, &at.vmid]);
        let row: StatusRow = self.read(&call).await?;
        Ok(PowerReading {
            power: power(&row.status),
            paused: row.qmpstatus.as_deref() == Some("paused"),
            lock: row.lock.filter(|l| !l.is_empty()).map(Lock),
        })
    }

    pub(super) async fn guest_addresses(&self, at: &GuestAddress) -> Result<Vec<GuestIp>, Error> {
        let template = "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces";
        let call = Call::get(template, &[&at.node, &at.vmid]);
        let answer: AgentAnswer = self.read(&call).await?;
        let mut addresses = Vec::new();
        for address in answer.result.into_iter().filter_map(|i| i.addresses).flatten() {
            match outer_address(&address.address.0) {
                Some(address) if !addresses.contains(&address) => addresses.push(address),
                _ => {}
            }
        }
        Ok(addresses)
    }

    pub(super) async fn create(&self, guest: &CreateGuest) -> Result<Progress, Error> {
        self.change(&create(guest)?).await
    }

    pub(super) async fn clone_guest(&self, guest: &CloneGuest) -> Result<Progress, Error> {
        self.change(&clone_guest(guest)).await
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
        let mut call = Call::new(
            Method::Put,
            "/nodes/{node}/qemu/{vmid}/config",
            &[&at.node, &at.vmid],
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
        self.change(&guarded(call, own)?).await
    }

    pub(super) async fn grow_disk(&self, own: &Ownership, slot: &str, bytes: u64) -> Result<Progress, Error> {
        let at = own.address();
        let call = Call::new(
            Method::Put,
            "/nodes/{node}/qemu/{vmid}/resize",
            &[&at.node, &at.vmid],
        )
        .with("disk", slot)
        .with("size", size::exact(bytes));
        self.change(&guarded(call, own)?).await
    }

    pub(super) async fn start(&self, own: &Ownership) -> Result<Progress, Error> {
        let at = own.address();
        let call = Call::new(
            Method::Post,
            "/nodes/{node}/qemu/{vmid}/status/start",
            &[&at.node, &at.vmid],
        );
        self.change_fresh(&call, own).await
    }

    pub(super) async fn stop(&self, own: &Ownership, mode: StopMode) -> Result<Progress, Error> {
        self.change_fresh(&stop(own.address(), mode), own).await
    }

    pub(super) async fn destroy(&self, own: &Ownership) -> Result<Progress, Error> {
        self.change_fresh(&destroy(own.address()), own).await
    }
}

fn create(guest: &CreateGuest) -> Result<Call, Error> {
    let mut call = Call::new(Method::Post, "/nodes/{node}/qemu", &[&guest.at.node])
        .with("vmid", guest.at.vmid)
        .with("name", &guest.name)
        .with("description", &guest.description)
        .with("smbios1", changes::new_smbios(guest.uuid))
        .with("sockets", guest.sockets)
        .with("cores", guest.cores)
        .with("memory", guest.memory_mib)
        .with("ostype", "l26")
        .with("tags", TAG);
    if guest.agent {
        call = call.with("agent", "enabled=1");
    }
    if guest.disks.iter().any(|disk| disk.slot.starts_with("scsi")) {
        call = call.with("scsihw", "virtio-scsi-single");
    }
    let drives = guest
        .disks
        .iter()
        .map(|d| &d.slot)
        .filter(|slot| !config::is_drive(slot));
    let nics = guest
        .nics
        .iter()
        .map(|n| &n.slot)
        .filter(|slot| !config::is_nic(slot));
    if let Some(slot) = drives.chain(nics).next() {
        return Err(call.unbuildable(format!("'{slot}' is not the slot of such a device")));
    }
    for disk in &guest.disks {
        let drive = changes::new_disk(&disk.storage, disk.size).map_err(unspeakable(&call))?;
        call = call.with(&disk.slot, drive);
    }
    for nic in &guest.nics {
        let value = changes::new_nic(nic).map_err(unspeakable(&call))?;
        call = call.with(&nic.slot, value);
    }
    if let Some(iso) = &guest.iso {
        call = call.with("ide2", changes::cdrom(iso));
    }
    Ok(call)
}

fn clone_guest(guest: &CloneGuest) -> Call {
    let CloneGuest { source, at, .. } = guest;
    Call::new(
        Method::Post,
        "/nodes/{node}/qemu/{vmid}/clone",
        &[&source.node, &source.vmid],
    )
    .with("newid", at.vmid)
    .with("name", &guest.name)
    .with("description", &guest.description)
    .with("full", 1)
    .with_some("storage", guest.storage.as_ref())
    .with_some("target", (source.node != at.node).then_some(&at.node))
}

fn stop(at: &GuestAddress, mode: StopMode) -> Call {
    match mode {
        StopMode::Hard => Call::new(
            Method::Post,
            "/nodes/{node}/qemu/{vmid}/status/stop",
            &[&at.node, &at.vmid],
        ),
        StopMode::Graceful { grace_seconds, force } => Call::new(
            Method::Post,
            "/nodes/{node}/qemu/{vmid}/status/shutdown",
            &[&at.node, &at.vmid],
        )
        .with("timeout", grace_seconds)
        .with("forceStop", u8::from(force)),
    }
}

/// `purge` takes the guest out of backup jobs, replication and HA. `destroy-unreferenced-disks` is never set: it
/// would take volumes that bear the number without belonging to the guest.
fn destroy(at: &GuestAddress) -> Call {
    Call::new(Method::Delete, "/nodes/{node}/qemu/{vmid}", &[&at.node, &at.vmid]).with("purge", 1)
}

/// What `status` says in the list and of a single guest.
pub(super) fn power(status: &str) -> Power {
    match status {
        "running" => Power::Running,
        "stopped" => Power::Stopped,
        _ => Power::Unknown,
    }
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
    use crate::model::{NewDisk, NewNic};

    fn at(node: &str, vmid: u32) -> GuestAddress {
        GuestAddress {
            node: node.parse().unwrap(),
            vmid: vmid.try_into().unwrap(),
        }
    }

    fn new_guest() -> CreateGuest {
        CreateGuest {
            at: at("pve1", 120),
            name: "web1".into(),
            description: "a; b".into(),
            uuid: "33cf2a23-9802-4505-9954-f6aae3116abb".parse().unwrap(),
            sockets: 1,
            cores: 2,
            memory_mib: 2048,
            agent: true,
            disks: vec![NewDisk {
                slot: "scsi0".into(),
                storage: "local-lvm".into(),
                size: 10 << 30,
            }],
            nics: vec![NewNic {
                slot: "net0".into(),
                model: "virtio".into(),
                bridge: "vmbr0".into(),
            }],
            iso: Some("local:iso/debian-12.iso".parse().unwrap()),
        }
    }

    #[test]
    fn a_new_guest_is_spelt_as_proxmox_wants_it() {
        let call = create(&new_guest()).unwrap();
        assert_eq!(call.operation(), "POST /nodes/pve1/qemu");
        assert_eq!(
            call.body().unwrap(),
            "vmid=120&name=web1&description=a%3B%20b&smbios1=uuid%3D33cf2a23-9802-4505-9954-f6aae3116abb\
             &sockets=1&cores=2&memory=2048&ostype=l26&tags=drover&agent=enabled%3D1&scsihw=virtio-scsi-single\
             &scsi0=local-lvm%3A10&net0=virtio%2Cbridge%3Dvmbr0&ide2=local%3Aiso%2Fdebian-12.iso%2Cmedia%3Dcdrom"
        );
    }

    #[test]
    fn a_bridge_can_not_smuggle_in_options() {
        let mut guest = new_guest();
        guest.nics[0].bridge = "vmbr0,firewall=0".into();
        assert!(matches!(create(&guest), Err(Error::Unbuildable { .. })));
        let mut guest = new_guest();
        guest.disks[0].storage = "local:0,import-from=/etc/shadow,x".into();
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
        };
        assert_eq!(
            clone_guest(&guest).body().unwrap(),
            "newid=120&name=web1&description=d&full=1"
        );
        guest.at = at("pve2", 120);
        guest.storage = Some("ceph".into());
        let call = clone_guest(&guest);
        assert_eq!(call.operation(), "POST /nodes/pve1/qemu/9000/clone");
        assert_eq!(
            call.body().unwrap(),
            "newid=120&name=web1&description=d&full=1&storage=ceph&target=pve2"
        );
    }

    #[test]
    fn destroying_spares_volumes_that_the_guest_does_not_name() {
        let call = destroy(&at("pve1", 120));
        assert_eq!(call.path_and_query(), "/nodes/pve1/qemu/120?purge=1");
    }

    #[test]
    fn both_ways_of_stopping() {
        assert_eq!(
            stop(&at("p", 120), StopMode::Hard).operation(),
            "POST /nodes/p/qemu/120/status/stop"
        );
        let graceful = StopMode::Graceful {
            grace_seconds: 60,
            force: true,
        };
        let call = stop(&at("p", 120), graceful);
        assert_eq!(call.operation(), "POST /nodes/p/qemu/120/status/shutdown");
        assert_eq!(call.body().unwrap(), "timeout=60&forceStop=1");
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
