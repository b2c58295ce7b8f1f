//! Hosts that do not answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::super::fake::{FakeHost, Mood, fleet_of, node, row, vmid};
use super::super::{CallReport, Fleet, FleetEvent, FleetOptions, HostState, Interest, locked};
use super::pass;
use crate::hypervisor::Error;
use crate::model::{GuestAddress, Power};
use crate::runtime::Class;

fn at(number: u32) -> GuestAddress {
    GuestAddress {
        node: node("pve1"),
        id: vmid(number),
    }
}

#[tokio::test(start_paused = true)]
async fn dead_host_with_a_thousand_calls_costs_one_probe_a_back_off() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let (_fleet, _events, cluster) = fleet_of(&host).await;
    host.with(|world| {
        world.mood = Mood::Hangs(Duration::from_secs(10));
        world.calls.clear();
    });
    let mut calls = JoinSet::new();
    for number in 0..1000 {
        let cluster = cluster.clone();
        calls.spawn(async move { cluster.read_config(&at(100 + number)).await });
    }
    let began = tokio::time::Instant::now();
    let answers = calls.join_all().await;
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert!(answers.iter().all(Result::is_err));
    let sent = host.with(|world| world.count("guest_config"));
    assert!(sent <= 16, "{sent}");

    pass(300).await;
    assert!(matches!(
        cluster.read_config(&at(100)).await,
        Err(Error::HeldBack { .. })
    ));
    host.with(|world| {
        assert_eq!(world.count("guest_config"), sent);
        // Each probe takes ten seconds to fail; the waits are 1, 2, 4, 8, 16, 30, 30 … s.
        assert!((8..=16).contains(&world.count("version")), "{:?}", world.calls);
        assert!(
            world.count("overview") + world.count("recent_tasks") <= 3,
            "{:?}",
            world.calls
        );
    });
}

#[tokio::test(start_paused = true)]
async fn host_that_comes_back_is_verified_and_used_again() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let (fleet, mut events, cluster) = fleet_of(&host).await;
    host.with(|world| world.mood = Mood::Dead);
    pass(60).await;
    assert!(cluster.reachable().unwrap_err().contains("refused"));
    let view = fleet.host("a").unwrap();
    assert!(matches!(view.state, HostState::Unreachable { .. }));
    assert_eq!(
        view.cluster.unwrap().snapshot().guests.len(),
        1,
        "the last picture stays"
    );
    assert!(events.take_waiting().contains(&FleetEvent::Host("a".into())));

    let identified = host.with(|world| {
        world.mood = Mood::Well;
        world.count("cluster_id")
    });
    pass(35).await;
    assert_eq!(fleet.host("a").unwrap().state, HostState::Usable);
    assert_eq!(cluster.reachable(), Ok(()));
    assert_eq!(host.with(|world| world.count("cluster_id")), identified + 1);
    assert!(events.take_waiting().contains(&FleetEvent::Host("a".into())));
    assert!(cluster.read_config(&at(100)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_not_tried_often() {
    let host = FakeHost::new(&["pve1"], "pve1", &[]);
    let (fleet, _events, _cluster) = fleet_of(&host).await;
    host.with(|world| {
        world.mood = Mood::Unauthorized;
        world.calls.clear();
    });
    pass(33).await;
    assert!(matches!(fleet.host("a").unwrap().state, HostState::Denied { .. }));
    // The poll that failed, and one look each fifteen seconds.
    host.with(|world| assert!(world.total() <= 3, "{:?}", world.calls));
}

#[tokio::test(start_paused = true)]
async fn other_cluster_behind_the_address_is_left_alone() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let (fleet, _events, cluster) = fleet_of(&host).await;
    host.with(|world| world.mood = Mood::Dead);
    pass(10).await;
    host.with(|world| {
        world.mood = Mood::Well;
        world.id = super::super::fake::cluster_id('b');
        world.overview.guests.clear();
        world.calls.clear();
    });
    pass(120).await;
    let state = fleet.host("a").unwrap().state;
    assert!(matches!(state, HostState::ClusterChanged { .. }), "{state:?}");
    assert!(matches!(
        cluster.read_config(&at(100)).await,
        Err(Error::HeldBack { .. })
    ));
    assert_eq!(
        cluster.snapshot().guests.len(),
        1,
        "an empty list of another cluster says nothing"
    );
    host.with(|world| {
        let asked: Vec<&str> = world.calls.keys().copied().collect();
        assert_eq!(asked, ["cluster_id", "cluster_status", "version"]);
    });
}

#[tokio::test(start_paused = true)]
async fn agents_that_hang_slow_nobody_down() {
    let numbers = 100..300;
    let rows: Vec<_> = numbers.clone().map(|n| row(n, Power::Running)).collect();
    let host = FakeHost::new(&["pve1"], "pve1", &rows);
    let (_fleet, _events, cluster) = fleet_of(&host).await;
    host.with(|world| world.agents_hang = Some(Duration::from_mins(1)));
    for number in numbers {
        let interest = Interest {
            seek_system: true,
            agent: true,
            seek_addresses: true,
        };
        cluster.watch_guest(vmid(number), interest);
    }
    pass(30).await;
    host.with(|world| world.calls.clear());
    for _ in 0..60 {
        let began = tokio::time::Instant::now();
        cluster.read_config(&at(100)).await.unwrap();
        assert!(
            began.elapsed() < Duration::from_millis(100),
            "{:?}",
            began.elapsed()
        );
        pass(1).await;
    }
    assert_eq!(cluster.reachable(), Ok(()));
    host.with(|world| {
        assert!(world.count("recent_tasks") >= 19, "{:?}", world.calls);
        assert!(world.count("guest_addresses") <= 6, "{:?}", world.calls);
    });
}

#[tokio::test(start_paused = true)]
async fn every_call_that_was_sent_is_reported_and_none_that_was_held() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&reports);
    let options = FleetOptions {
        observe: Some(Arc::new(move |report: &CallReport<'_>| {
            locked(&sink).push((report.operation, report.failure));
        })),
        ..FleetOptions::default()
    };
    let host = FakeHost::new(&["pve1"], "pve1", &[]);
    let (fleet, _events) = Fleet::new(options, CancellationToken::new());
    fleet.declare("a", host.spec());
    pass(1).await;
    host.with(|world| world.mood = Mood::Dead);
    pass(4).await;
    let cluster = fleet.host("a").unwrap().cluster.unwrap();
    assert!(cluster.read_config(&at(100)).await.is_err());
    fleet.shutdown().await;
    let reports = locked(&reports);
    assert_eq!(
        reports[..3],
        [("probe", None), ("recent_tasks", None), ("overview", None)]
    );
    assert_eq!(reports[3], ("recent_tasks", Some(Class::Unreachable)));
    assert!(
        reports[4..]
            .iter()
            .all(|report| *report == ("probe", Some(Class::Unreachable)))
    );
}
