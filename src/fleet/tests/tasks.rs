//! Tracked tasks and the budget that they take.

use std::time::Duration;

use super::super::Work;
use super::super::fake::{ENDED, FakeHost, Mood, fleet_of, row, upid, vmid};
use super::{announced, pass};
use crate::model::{Power, PowerReading, TaskState};

#[tokio::test(start_paused = true)]
async fn end_of_a_task_wakes_its_guest_with_a_true_picture_and_gives_the_permit_back() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let (_fleet, mut events, cluster) = fleet_of(&host).await;
    let task = upid("qmstart", 100, 1);
    host.with(|world| world.tasks.insert(task.clone(), TaskState::Running));
    let mut permits: Vec<_> = (0..4)
        .map(|n| cluster.admit(Work::plain(vmid(100 + n))).unwrap())
        .collect();
    assert!(cluster.admit(Work::plain(vmid(200))).is_err());
    cluster.track(task.clone(), vmid(100), permits.pop());
    cluster.track(task.clone(), vmid(100), None);
    pass(10).await;
    assert_eq!(cluster.task(&task), Some(TaskState::Running));
    assert_eq!(cluster.task(&upid("qmstart", 100, 2)), None);
    announced(&mut events);

    // The guest runs; the list will not know for ten seconds.
    host.with(|world| {
        world.tasks.insert(task.clone(), ENDED);
        let power = Power::Running;
        let reading = PowerReading {
            power,
            paused: false,
            lock: None,
        };
        world.live.insert(vmid(100), reading);
    });
    let lists = host.with(|world| world.count("overview"));
    pass(3).await;
    let mut woken = announced(&mut events);
    woken.sort_unstable();
    assert_eq!(woken, [100, 200]);
    assert_eq!(cluster.task(&task), Some(ENDED));
    assert_eq!(cluster.snapshot().guest(vmid(100)).unwrap().power, Power::Running);
    assert!(host.with(|world| world.count("overview")) > lists);
    let _room = cluster.admit(Work::plain(vmid(200))).unwrap();
    pass(8).await;
    assert_eq!(cluster.snapshot().guest(vmid(100)).unwrap().power, Power::Running);
    assert!(announced(&mut events).is_empty(), "the lag is no change");
}

#[tokio::test(start_paused = true)]
async fn task_outlives_an_outage() {
    let host = FakeHost::new(&["pve1"], "pve1", &[row(100, Power::Stopped)]);
    let (_fleet, _events, cluster) = fleet_of(&host).await;
    let task = upid("qmclone", 100, 1);
    host.with(|world| {
        world.tasks.insert(task.clone(), TaskState::Running);
        world.mood = Mood::Dead;
    });
    cluster.track(task.clone(), vmid(100), None);
    pass(600).await;
    assert_eq!(cluster.task(&task), Some(TaskState::Running));
    host.with(|world| {
        world.mood = Mood::Well;
        world.tasks.insert(task.clone(), ENDED);
    });
    pass(60).await;
    assert_eq!(cluster.task(&task), Some(ENDED));
}

#[tokio::test(start_paused = true)]
async fn thousand_tracked_tasks_ask_a_few_at_a_time() {
    let host = FakeHost::new(&["pve1"], "pve1", &[]);
    let (_fleet, _events, cluster) = fleet_of(&host).await;
    for number in 0..1000 {
        let task = upid("qmclone", 100, number);
        host.with(|world| world.tasks.insert(task.clone(), ENDED));
        cluster.track(task, vmid(100), None);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Ten milliseconds a call and four at once: four hundred in the second after the first.
    let asked = host.with(|world| world.count("task"));
    assert!((300..=420).contains(&asked), "{asked}");
}
