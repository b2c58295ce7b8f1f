//! Changes of guests, made by others.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::fake::{ENDED, FakeHost, config, fleet_of, row, upid, vmid};
use super::super::{FleetEvent, Interest};
use super::{announced, pass};
use crate::model::{GuestConfig, GuestRow, Lock, Power, PowerReading, TaskRecord};

const AGENT: Interest = Interest {
    seek_system: true,
    agent: true,
    seek_addresses: false,
};

#[tokio::test(start_paused = true)]
async fn power_change_by_somebody_else_is_seen_within_a_task_poll() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Running)]);
    let (_fleet, mut events, cluster) = fleet_of(&host).await;
    cluster.watch_guest(vmid(100), Interest::default());
    pass(5).await;
    announced(&mut events);
    // The list keeps showing it running: it lags.
    host.with(|world| {
        let upid = upid("qmstop", 100, 7);
        world.recent = vec![TaskRecord { upid, state: ENDED }];
        let reading = PowerReading {
            power: Power::Stopped,
            paused: false,
            lock: None,
        };
        world.live.insert(vmid(100), reading);
    });
    tokio::time::sleep(Duration::from_millis(3200)).await;
    assert_eq!(announced(&mut events), [100]);
    assert_eq!(cluster.snapshot().guest(vmid(100)).unwrap().power, Power::Stopped);
}

#[tokio::test(start_paused = true)]
async fn change_in_the_list_is_announced_once() {
    let host = FakeHost::new(
        &["pve1"],
        "pve1",
        &[row(100, Power::Running), row(101, Power::Running)],
    );
    let (_fleet, mut events, _cluster) = fleet_of(&host).await;
    events.take_waiting();
    host.with(|world| world.overview.guests[1].power = Power::Stopped);
    pass(60).await;
    assert_eq!(announced(&mut events), [101]);
}

#[tokio::test(start_paused = true)]
async fn quorum_and_nodes_are_announced_for_every_host_of_the_cluster() {
    let host = FakeHost::new(&["pve1"], "pve1", &[]);
    let (fleet, mut events, cluster) = fleet_of(&host).await;
    fleet.declare("b", host.spec());
    pass(60).await;
    events.take_waiting();
    host.with(|world| world.status.quorate = false);
    pass(35).await;
    let both = ["a", "b"].map(|name| FleetEvent::Host(name.into()));
    assert_eq!(events.take_waiting(), both);
    assert!(!cluster.snapshot().status.quorate);
    host.with(|world| world.overview.nodes[0].online = false);
    pass(15).await;
    assert_eq!(events.take_waiting(), both);
}

#[tokio::test(start_paused = true)]
async fn addresses_are_sought_after_a_start_and_void_after_a_stop() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let (_fleet, mut events, cluster) = fleet_of(&host).await;
    cluster.watch_guest(vmid(100), AGENT);
    host.with(|world| world.overview.guests[0] = row(100, Power::Running));
    pass(20).await;
    assert!(host.with(|world| world.count("guest_addresses")) >= 2);
    host.with(|world| {
        world
            .addresses
            .insert(vmid(100), vec!["10.0.0.5".parse().unwrap()])
    });
    announced(&mut events);
    pass(65).await;
    assert_eq!(announced(&mut events), [100]);
    let addresses = cluster.agent(vmid(100)).unwrap();
    assert_eq!(
        (addresses.ips, addresses.connected),
        (BTreeSet::from(["10.0.0.5".parse().unwrap()]), true)
    );
    let asked = host.with(|world| world.count("guest_addresses"));
    pass(120).await;
    assert_eq!(
        host.with(|world| world.count("guest_addresses")),
        asked,
        "found: not asked again"
    );
    host.with(|world| world.overview.guests[0] = row(100, Power::Stopped));
    pass(15).await;
    assert_eq!(cluster.agent(vmid(100)), None);
}

#[tokio::test(start_paused = true)]
async fn guest_that_left_the_list_is_unread_when_it_appears_again() {
    let guest = row(100, Power::Stopped);
    let host = FakeHost::new(&["pve1"], "pve1", std::slice::from_ref(&guest));
    let (_fleet, mut events, cluster) = fleet_of(&host).await;
    let unread = cluster.unread_guests();
    assert_eq!(unread.len(), 1);
    assert_eq!(cluster.read_unread(&unread, 10).await.left, 0);
    assert!(cluster.unread_guests().is_empty());
    announced(&mut events);

    host.with(|world| world.overview.guests.clear());
    pass(15).await;
    assert_eq!(announced(&mut events), [100]);
    assert!(cluster.last_config(vmid(100)).is_none());
    host.with(|world| world.overview.guests.push(guest));
    pass(15).await;
    assert_eq!(cluster.unread_guests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn guest_in_the_making_or_without_a_name_stays_unread() {
    let unnamed = GuestRow {
        name: None,
        ..row(101, Power::Unknown)
    };
    let host = FakeHost::new(
        &["pve1"],
        "pve1",
        &[row(100, Power::Stopped), unnamed, row(102, Power::Stopped)],
    );
    let (_fleet, _events, cluster) = fleet_of(&host).await;
    let locked = GuestConfig {
        lock: Some(Lock("clone".into())),
        ..config("one")
    };
    host.with(|world| world.configs.insert(vmid(100), locked));
    cluster.watch_guest(vmid(102), Interest::default());
    let unread = cluster.unread_guests();
    assert_eq!(unread.len(), 2, "a watched guest has an owner");
    let left = cluster.read_unread(&unread, 10).await;
    assert_eq!((left.left, left.failed.len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn foreign_destroy_task_makes_the_number_unread_though_the_list_never_lacked_it() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let (_fleet, _events, cluster) = fleet_of(&host).await;
    let unread = cluster.unread_guests();
    cluster.read_unread(&unread, 10).await;
    pass(5).await;
    host.with(|world| {
        world.recent = [("qmdestroy", 8), ("qmcreate", 9)]
            .map(|(kind, started)| TaskRecord {
                upid: upid(kind, 100, started),
                state: ENDED,
            })
            .to_vec();
    });
    pass(4).await;
    assert_eq!(cluster.unread_guests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn configuration_changed_by_hand_is_found_by_the_sweep() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let (_fleet, mut events, cluster) = fleet_of(&host).await;
    cluster.watch_guest(vmid(100), Interest::default());
    let digest = || cluster.last_config(vmid(100)).unwrap().config.digest.clone();
    pass(3700).await;
    assert_eq!(digest(), "one");
    announced(&mut events);
    host.with(|world| world.configs.insert(vmid(100), config("two")));
    pass(3700).await;
    assert_eq!((announced(&mut events), digest()), (vec![100], "two".into()));
}

#[tokio::test(start_paused = true)]
async fn configuration_changed_by_a_task_is_read_at_once() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let (_fleet, mut events, cluster) = fleet_of(&host).await;
    cluster.watch_guest(vmid(100), Interest::default());
    pass(5).await;
    announced(&mut events);
    host.with(|world| {
        let upid = upid("qmconfig", 100, 7);
        world.recent = vec![TaskRecord { upid, state: ENDED }];
    });
    pass(4).await;
    assert_eq!(announced(&mut events), [100]);
    assert!(cluster.last_config(vmid(100)).is_some());
}
