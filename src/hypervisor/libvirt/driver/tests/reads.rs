//! What is read of a host and its domains.

use std::fmt::Write as _;

use libvirt_host::{LibvirtHost, Options, RpcLog};
use uuid::Uuid;

use super::*;
use crate::hypervisor::{Error, Refusal};
use crate::model::{ClusterId, NodeName, NumberState, Power};

/// A machine without a system, of 32 MiB.
fn machine(uuid: Uuid, devices: &str) -> String {
    format!(
        "<domain type='qemu'><name>d-{uuid}</name><uuid>{uuid}</uuid><description>of a person</description>\
         <memory unit='MiB'>32</memory><vcpu>2</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>\
         <devices>{devices}<memballoon model='none'/></devices></domain>"
    )
}

async fn define(driver: &Libvirt, xml: String) {
    driver
        .read("define", move |conn| {
            Ok(conn.define_domain_xml(&xml).map(drop)?)
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_host_is_one_node_that_is_its_own_cluster() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let driver = driver(&host.uri());
    let facts = driver.facts().await.unwrap();
    let status = driver.cluster_status().await.unwrap();
    assert!(status.quorate);
    let members: Vec<&NodeName> = status.members.iter().map(|member| &member.name).collect();
    assert_eq!(members, [&facts.node]);
    assert!(driver.version().await.unwrap().major >= 6);
    let stranger: NodeName = "another".parse().unwrap();
    let error = driver.cluster_id(&stranger).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::NodeMissing));
}

#[tokio::test]
async fn a_domain_is_shown_as_it_was_defined_and_as_it_runs() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let driver = driver(&host.uri());
    let uuid = Uuid::new_v4();
    host.virsh(&["vol-create-as", "default", "a.qcow2", "64M", "--format", "qcow2"])
        .unwrap();
    let pools = driver.pools().await.unwrap();
    let folder = pools[0].pool.target.clone().unwrap();
    let disk = format!(
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{folder}/a.qcow2'/>\
         <target dev='vda' bus='virtio'/></disk>"
    );
    define(&driver, machine(uuid, &disk)).await;

    let at = at(&driver, uuid).await;
    let id = driver.cluster_id(&at.node).await.unwrap();
    assert_eq!(id, ClusterId::from(host.uuid()));
    let config = driver.guest_config(&at).await.unwrap();
    assert_eq!(config.uuid, Some(uuid));
    assert_eq!(config.description, "of a person");
    assert_eq!((config.next.memory_mib, config.pending.len()), (32, 0));
    let (slot, disk) = config.next.disks.first_key_value().unwrap();
    assert_eq!(
        (slot.as_str(), disk.volume.to_string()),
        ("virtio0", "default:a.qcow2".to_owned())
    );
    assert_eq!(disk.size, Some(64 << 20));
    let volumes = driver
        .volumes(&at.node, "default", Some("images"), None)
        .await
        .unwrap();
    assert_eq!(volumes.len(), 1);
    assert_eq!(
        (volumes[0].id.to_string(), volumes[0].size),
        ("default:a.qcow2".to_owned(), 64 << 20)
    );

    assert_eq!(driver.guest_power(&at).await.unwrap().power, Power::Stopped);
    host.virsh(&["start", &uuid.to_string()]).unwrap();
    host.virsh(&["suspend", &uuid.to_string()]).unwrap();
    let power = driver.guest_power(&at).await.unwrap();
    assert_eq!((power.power, power.paused), (Power::Running, true));
    host.virsh(&["setmaxmem", &uuid.to_string(), "65536", "--config"])
        .unwrap();
    let config = driver.guest_config(&at).await.unwrap();
    assert_eq!((config.current.memory_mib, config.next.memory_mib), (32, 64));
    assert_eq!(config.pending, ["memory"]);
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_its_uuid_is_free() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let driver = driver(&host.uri());
    let at = at(&driver, Uuid::new_v4()).await;
    assert_eq!(driver.number_state(at.id).await.unwrap(), NumberState::Free);
    for error in [
        driver.guest_config(&at).await.unwrap_err(),
        driver.guest_power(&at).await.unwrap_err(),
    ] {
        assert_eq!(error.refusal(), Some(&Refusal::GuestMissing), "{error}");
    }
    let uuid = Uuid::new_v4();
    define(&driver, machine(uuid, "")).await;
    assert_eq!(
        driver.number_state(uuid.into()).await.unwrap(),
        NumberState::Taken
    );
    let number = GuestId::try_from(100).unwrap();
    let error = driver.number_state(number).await.unwrap_err();
    assert!(matches!(error, Error::Unbuildable { .. }), "{error}");
}

#[tokio::test]
async fn the_bulk_list_takes_as_many_calls_for_200_domains_as_for_none() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let driver = driver(&host.uri());
    assert!(driver.overview().await.unwrap().guests.is_empty());
    let before = host.rpc_log();
    driver.overview().await.unwrap();
    // Storage pools are read every now and then.
    let asked = |before: &RpcLog| {
        let mut calls = host.rpc_log().since(before);
        calls.retain(|procedure, _| !procedure.contains("StoragePool"));
        calls
    };
    let empty = asked(&before);
    assert_eq!(empty["ConnectGetAllDomainStats"], 1);

    let mut names = String::new();
    for _ in 0..200 {
        let uuid = Uuid::new_v4();
        writeln!(names, "{uuid}").unwrap();
        define(&driver, machine(uuid, "")).await;
    }
    let before = host.rpc_log();
    let overview = driver.overview().await.unwrap();
    assert_eq!(asked(&before), empty);
    assert_eq!(overview.guests.len(), 200);
    for row in &overview.guests {
        assert!(names.contains(&row.id.to_string()));
        assert_eq!((row.power, row.memory, row.cpus), (Power::Stopped, 32 << 20, 2));
    }
    assert_eq!(overview.nodes.len(), 1);
    assert_eq!(overview.storages[0].storage, "default");
    assert!(overview.storages[0].available);
}

#[tokio::test]
async fn a_host_that_was_lost_is_connected_to_anew_and_known_again() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let driver = driver(&host.uri());
    let link = driver.link().await.unwrap();
    let node = driver.facts().await.unwrap().node.clone();
    host.kill_daemon().unwrap();
    link.until_lost().await;
    assert!(driver.cluster_status().await.is_err());
    host.start_daemon().unwrap();
    let id = driver.cluster_id(&node).await.unwrap();
    assert_eq!(id, ClusterId::from(host.uuid()));
    let error = driver.is_host(Uuid::new_v4()).unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
}
