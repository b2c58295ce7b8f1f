//! What unchanged guests cost.

use super::super::Interest;
use super::super::fake::{FakeHost, fleet_of, row, vmid};
use super::pass;
use crate::model::{GuestRow, Power};

const HOUR: u64 = 3600;

#[tokio::test(start_paused = true)]
async fn two_hundred_unchanged_guests_cost_what_the_budget_says_and_no_event() {
    let numbers = 100..300;
    let rows: Vec<GuestRow> = numbers.clone().map(|n| row(n, Power::Running)).collect();
    let host = FakeHost::new(&["pve1"], "pve1", &rows);
    let (_fleet, mut events, cluster) = fleet_of(&host).await;
    for number in numbers.clone() {
        let interest = Interest {
            seek_system: true,
            agent: true,
            seek_addresses: false,
        };
        cluster.watch_guest(vmid(number), interest);
    }
    // The first sweep reads everything once, and says so.
    pass(HOUR + 120).await;
    events.take_waiting();
    host.with(|world| world.calls.clear());

    pass(HOUR).await;

    host.with(|world| {
        assert!(world.total() <= 28 * 60 + 3 * 200, "{:?}", world.calls);
        assert!(world.count("recent_tasks") > 1150, "{:?}", world.calls);
        for operation in ["guest_config", "guest_power", "guest_addresses"] {
            assert!((190..=200).contains(&world.count(operation)), "{:?}", world.calls);
        }
    });
    assert!(events.take_waiting().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_minute_costs_more_than_its_share() {
    let rows: Vec<GuestRow> = (100..300).map(|n| row(n, Power::Stopped)).collect();
    let host = FakeHost::new(&["pve1"], "pve1", &rows);
    let (_fleet, _events, _cluster) = fleet_of(&host).await;
    for _ in 0..30 {
        host.with(|world| world.calls.clear());
        pass(60).await;
        // A window may hold one more of each poll than its length says.
        host.with(|world| assert!(world.total() <= 28 + 200 / 60 + 4, "{:?}", world.calls));
    }
}

#[tokio::test(start_paused = true)]
async fn unwatched_guests_are_only_read_and_containers_not_at_all() {
    let container = GuestRow {
        kind: crate::model::GuestKind::Container,
        ..row(101, Power::Running)
    };
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Running), container]);
    let (_fleet, _events, cluster) = fleet_of(&host).await;
    pass(HOUR + 120).await;
    host.with(|world| {
        assert_eq!(world.count("guest_config"), 1);
        assert_eq!(world.count("guest_power") + world.count("guest_addresses"), 0);
    });
    assert!(cluster.last_config(vmid(100)).is_some());
}
