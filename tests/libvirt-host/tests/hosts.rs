//! Hosts start, answer, take faults, and leave nothing. Skipped, and said so, where a machine can have none.

#![allow(
    clippy::unwrap_used,
    reason = "a test says by a panic what is wrong, also in its helpers"
)]

use std::path::Path;

use libvirt_host::{LibvirtHost, Options};

/// Processes whose command line names this path.
fn processes(path: &Path) -> Vec<String> {
    let needle = path.display().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("cmdline")).ok())
        .filter(|line| line.contains(&needle))
        .collect()
}

const GUEST: &str = "<domain type='qemu'><name>small</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>\
    <os><type arch='x86_64' machine='q35'>hvm</type></os>\
    <devices><memballoon model='none'/></devices></domain>";

#[test]
fn a_host_has_its_own_pool_uuid_and_name_and_leaves_nothing() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default().host_name("ha")) else {
        return;
    };
    assert!(host.virsh(&["pool-list"]).unwrap().contains("default"));
    assert_eq!(host.virsh(&["hostname"]).unwrap(), "ha");
    let capabilities = host.virsh(&["capabilities"]).unwrap();
    assert!(capabilities.contains(&host.uuid().to_string()));
    host.virsh(&["vol-create-as", "default", "v.qcow2", "1M", "--format", "qcow2"])
        .unwrap();
    assert!(host.images().join("v.qcow2").is_file());

    let directory = host.images().parent().unwrap().parent().unwrap().to_owned();
    assert!(!processes(&directory).is_empty());
    drop(host);
    assert!(!directory.exists());
    assert_eq!(processes(&directory), Vec::<String>::new());
}

#[test]
fn a_guest_outlives_the_daemon_and_ends_with_the_host() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default().nat_network()) else {
        return;
    };
    assert!(host.virsh(&["net-list"]).unwrap().contains("default"));
    let file = host.images().join("guest.xml");
    std::fs::write(&file, GUEST).unwrap();
    host.virsh(&["create", file.to_str().unwrap()]).unwrap();
    let id = host.virsh(&["domid", "small"]).unwrap();

    host.restart_daemon().unwrap();

    assert_eq!(host.virsh(&["domid", "small"]).unwrap(), id);
    let directory = host.images().parent().unwrap().parent().unwrap().to_owned();
    drop(host);
    assert_eq!(processes(&directory), Vec::<String>::new());
}

#[test]
fn many_hosts_run_side_by_side_and_count_their_own_calls() {
    let hosts: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| LibvirtHost::start_or_say(&Options::default())))
            .collect();
        starting
            .into_iter()
            .filter_map(|thread| thread.join().unwrap())
            .collect()
    });
    let Some(first) = hosts.first() else { return };
    assert_eq!(hosts.len(), 4);
    let before: Vec<_> = hosts.iter().map(LibvirtHost::rpc_log).collect();
    first.virsh_test(&["list", "--all"]).unwrap();
    let asked = first.rpc_log().since(&before[0]);
    assert_eq!(asked.get("ConnectListAllDomains"), Some(&1));
    assert!(
        hosts[1..]
            .iter()
            .zip(&before[1..])
            .all(|(host, before)| host.rpc_log() == *before)
    );
}
