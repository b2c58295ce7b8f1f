//! Several hosts of one cluster.

use super::super::HostState;
use super::super::fake::{FakeHost, Mood, fleet_of, row, status};
use super::pass;
use crate::model::Power;

const BOTH: [&str; 2] = ["pve1", "pve2"];

#[tokio::test(start_paused = true)]
async fn members_share_a_watcher_and_the_other_takes_over() {
    let first = FakeHost::new(&BOTH, "pve1", &[row(100, Power::Stopped)]);
    let second = FakeHost::new(&BOTH, "pve2", &[row(100, Power::Stopped)]);
    let (fleet, _events, cluster) = fleet_of(&first).await;
    fleet.declare("b", second.spec());
    pass(60).await;
    let other = fleet.host("b").unwrap();
    assert_eq!(other.state, HostState::Usable);
    assert_eq!(other.node.unwrap().as_str(), "pve2");
    second.with(|world| assert_eq!((world.total(), world.count("overview")), (4, 0), "one watcher"));

    first.with(|world| world.mood = Mood::Dead);
    pass(5).await;
    assert_eq!(cluster.reachable(), Ok(()));
    second.with(|world| {
        assert_eq!(world.count("cluster_id"), 2, "verified again before it is used");
        assert!(world.count("overview") > 0);
    });
    assert!(matches!(
        fleet.host("a").unwrap().state,
        HostState::Unreachable { .. }
    ));
    assert_eq!(fleet.host("b").unwrap().state, HostState::Usable);

    first.with(|world| {
        world.mood = Mood::Well;
        world.calls.clear();
    });
    pass(60).await;
    assert_eq!(fleet.host("a").unwrap().state, HostState::Usable);
    first.with(|world| assert_eq!(world.count("overview"), 0, "the second one stays in use"));
}

#[tokio::test(start_paused = true)]
async fn standby_that_became_another_cluster_does_not_take_over() {
    let first = FakeHost::new(&BOTH, "pve1", &[row(100, Power::Stopped)]);
    let second = FakeHost::new(&BOTH, "pve2", &[]);
    let (fleet, _events, cluster) = fleet_of(&first).await;
    fleet.declare("b", second.spec());
    pass(10).await;
    second.with(|world| world.id = super::super::fake::cluster_id('b'));
    first.with(|world| world.mood = Mood::Dead);
    pass(60).await;
    assert!(cluster.reachable().is_err());
    assert!(matches!(
        fleet.host("b").unwrap().state,
        HostState::ClusterChanged { .. }
    ));
    second.with(|world| assert_eq!(world.count("overview"), 0));
}

#[tokio::test(start_paused = true)]
async fn separated_node_with_the_same_identity_is_not_a_member() {
    let first = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let separated = FakeHost::new(&["pve2"], "pve2", &[]);
    let (fleet, _events, cluster) = fleet_of(&first).await;
    fleet.declare("b", separated.spec());
    pass(60).await;
    assert_eq!(
        fleet.host("b").unwrap().state,
        HostState::NotMember { of: "a".into() }
    );
    assert_eq!(fleet.host("a").unwrap().state, HostState::Usable);
    separated.with(|world| assert_eq!(world.count("overview"), 0));

    // Nor during an outage of the other, when its empty list would look like guests that are gone.
    first.with(|world| world.mood = Mood::Dead);
    pass(120).await;
    assert!(cluster.reachable().is_err());
    separated.with(|world| assert_eq!(world.count("overview"), 0));

    fleet.forget("a");
    pass(35).await;
    assert_eq!(
        fleet.host("b").unwrap().state,
        HostState::Usable,
        "a person decided"
    );
}

#[tokio::test(start_paused = true)]
async fn node_that_joined_later_is_accepted() {
    let first = FakeHost::new(&["pve1"], "pve1", &[]);
    let second = FakeHost::new(&BOTH, "pve2", &[]);
    let (fleet, _events, _cluster) = fleet_of(&first).await;
    first.with(|world| world.status = status(&BOTH, "pve1"));
    fleet.declare("b", second.spec());
    pass(5).await;
    assert_eq!(fleet.host("b").unwrap().state, HostState::Usable);
}
