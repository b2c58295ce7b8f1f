//! Whether a number is free beyond doubt.

use super::super::fake::{FakeHost, Mood, cluster_id, fleet_of, vmid};
use super::super::{HostState, NumberPresence};
use crate::model::NumberState;

#[tokio::test(start_paused = true)]
async fn free_counts_only_between_two_majorities() {
    let host = FakeHost::new(&["pve1"], "pve1", &[]);
    let (_fleet, _events, cluster) = fleet_of(&host).await;
    for (quorum, expected) in [
        ([true, true].as_slice(), NumberPresence::Free),
        (&[true, false], NumberPresence::NotQuorate),
        (&[false], NumberPresence::NotQuorate),
    ] {
        host.with(|world| world.quorum_to_come = quorum.to_vec());
        assert_eq!(
            cluster.confirm_gone(vmid(100)).await.unwrap(),
            expected,
            "{quorum:?}"
        );
    }
    assert_eq!(host.with(|world| world.count("number_state")), 2);
    host.with(|world| world.number = NumberState::Taken);
    assert_eq!(
        cluster.confirm_gone(vmid(100)).await.unwrap(),
        NumberPresence::Taken
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_gone_when_the_cluster_is_another_or_silent() {
    let host = FakeHost::new(&["pve1"], "pve1", &[]);
    let (fleet, _events, cluster) = fleet_of(&host).await;
    host.with(|world| world.id = cluster_id('b'));
    assert!(cluster.confirm_gone(vmid(100)).await.is_err());
    super::pass(5).await;
    assert!(matches!(
        fleet.host("a").unwrap().state,
        HostState::ClusterChanged { .. }
    ));
    assert_eq!(host.with(|world| world.count("number_state")), 0);

    let host = FakeHost::new(&["pve1"], "pve1", &[]);
    let (_fleet, _events, cluster) = fleet_of(&host).await;
    host.with(|world| world.mood = Mood::Dead);
    assert!(cluster.confirm_gone(vmid(100)).await.is_err());
}
