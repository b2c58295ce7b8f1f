//! Declaring, declaring again, forgetting.

use tokio_util::sync::CancellationToken;

use super::super::fake::{FakeHost, Mood, cluster_id, fleet_of, node, row, upid, vmid};
use super::super::{Fleet, FleetOptions, HostSpec, HostState};
use super::pass;
use crate::model::{Power, TaskState};

#[tokio::test(start_paused = true)]
async fn recorded_cluster_that_is_another_one_is_not_touched() {
    let host = FakeHost::new(&["pve1"], "pve1", &[]);
    let (fleet, _events) = Fleet::new(FleetOptions::default(), CancellationToken::new());
    let spec = HostSpec {
        expected_cluster: Some(cluster_id('b')),
        ..host.spec()
    };
    fleet.declare("a", spec);
    pass(1).await;
    let changed = HostState::ClusterChanged {
        expected: cluster_id('b'),
        found: cluster_id('a'),
    };
    assert_eq!(fleet.host("a").unwrap().state, changed);
    host.with(|world| assert_eq!(world.count("number_bounds") + world.count("overview"), 0));

    fleet.declare("a", host.spec());
    pass(1).await;
    assert_eq!(
        fleet.host("a").unwrap().state,
        HostState::Usable,
        "the record was cleared"
    );
}

#[tokio::test(start_paused = true)]
async fn node_that_is_no_member_is_named_with_the_members() {
    let host = FakeHost::new(&["pve1", "pve2"], "pve1", &[]);
    let (fleet, _events) = Fleet::new(FleetOptions::default(), CancellationToken::new());
    let spec = HostSpec {
        node_name: Some(node("pve9")),
        ..host.spec()
    };
    fleet.declare("a", spec);
    pass(1).await;
    let unknown = HostState::NodeUnknown {
        name: Some(node("pve9")),
        members: vec![node("pve1"), node("pve2")],
    };
    assert_eq!(fleet.host("a").unwrap().state, unknown);
}

#[tokio::test(start_paused = true)]
async fn equal_declaration_costs_nothing_and_another_one_keeps_what_is_tracked() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let (fleet, _events, cluster) = fleet_of(&host).await;
    let task = upid("qmclone", 100, 1);
    host.with(|world| world.tasks.insert(task.clone(), TaskState::Running));
    cluster.track(task.clone(), vmid(100), None);

    let spec = HostSpec {
        expected_cluster: Some(cluster_id('a')),
        ..host.spec()
    };
    fleet.declare("a", spec);
    pass(1).await;
    assert_eq!(host.with(|world| world.count("version")), 1);

    let renewed = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    renewed.with(|world| world.tasks.insert(task.clone(), TaskState::Running));
    let spec = HostSpec {
        fingerprint: 2,
        ..renewed.spec()
    };
    fleet.declare("a", spec);
    pass(5).await;
    assert_eq!(fleet.host("a").unwrap().state, HostState::Usable);
    assert_eq!(cluster.task(&task), Some(TaskState::Running));
    assert!(renewed.with(|world| world.count("task")) > 0);
    let before = host.with(|world| world.total());
    pass(60).await;
    assert_eq!(
        host.with(|world| world.total()),
        before,
        "the old connection is not used any more"
    );
}

#[tokio::test(start_paused = true)]
async fn forgotten_host_is_asked_nothing_more() {
    let host = FakeHost::new(&["pve1"], "pve1", &[]);
    let (fleet, _events, cluster) = fleet_of(&host).await;
    fleet.forget("a");
    assert!(fleet.host("a").is_none() && fleet.cluster(&cluster_id('a')).is_none());
    let before = host.with(|world| world.total());
    pass(600).await;
    assert_eq!(host.with(|world| world.total()), before);
    assert!(cluster.reachable().is_err());
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_all_tasks_whatever_they_wait_for() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Running)]);
    let (fleet, mut events, cluster) = fleet_of(&host).await;
    cluster.track(upid("qmstart", 100, 1), vmid(100), None);
    host.with(|world| world.mood = Mood::Hangs(std::time::Duration::from_hours(1)));
    pass(5).await;
    let began = tokio::time::Instant::now();
    fleet.shutdown().await;
    assert!(began.elapsed().as_secs() < 1);
    while events.recv().await.is_some() {}
}
