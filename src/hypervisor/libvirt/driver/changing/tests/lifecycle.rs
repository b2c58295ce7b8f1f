//! Power.

use super::*;
use crate::hypervisor::{Refusal, StopMode, TaskFilter};
use crate::model::GuestId;

const GRACE: StopMode = StopMode::Graceful {
    grace_seconds: 1,
    force: false,
};

#[tokio::test]
async fn a_guest_is_started_paused_saved_and_stopped() {
    let Some(bench) = Bench::start().await else { return };
    let (uuid, changer, tasks) = (Uuid::new_v4(), &bench.changer, &bench.tasks);
    bench.made(uuid, "web").await;
    assert_eq!(
        bench
            .end(changer.start(tasks, &bench.own(uuid).await).await)
            .await,
        ""
    );
    assert_eq!(bench.state("web"), "running");
    changer.pause(tasks, &bench.own(uuid).await).await.unwrap();
    assert_eq!(bench.state("web"), "paused");
    changer.resume(tasks, &bench.own(uuid).await).await.unwrap();
    assert_eq!(bench.state("web"), "running");
    assert_eq!(
        bench
            .end(changer.suspend(tasks, &bench.own(uuid).await).await)
            .await,
        ""
    );
    assert_eq!(bench.state("web"), "shut off");
    let restored = changer.start(tasks, &bench.own(uuid).await).await;
    assert!(matches!(restored, Ok(Progress::Running(_))), "{restored:?}");
    assert_eq!(bench.end(restored).await, "");
    assert!(bench.virsh(&["domstate", "--reason", "web"]).contains("restored"));

    // Without a system in it nobody heeds the power button.
    let stopped = changer.stop(tasks, &bench.own(uuid).await, GRACE).await;
    assert_eq!(
        bench.end(stopped).await,
        "the machine did not shut down within 1 s"
    );
    assert_eq!(bench.state("web"), "running");
    let forced = StopMode::Graceful {
        grace_seconds: 0,
        force: true,
    };
    let stopped = changer.stop(tasks, &bench.own(uuid).await, forced).await;
    assert_eq!(bench.end(stopped).await, "");
    assert_eq!(bench.state("web"), "shut off");
    let kinds: Vec<String> = tasks
        .list(&TaskFilter {
            guest: Some(GuestId::Domain(uuid)),
            ..TaskFilter::default()
        })
        .iter()
        .map(|record| record.upid.kind().to_owned())
        .collect();
    assert_eq!(
        kinds,
        ["qmshutdown", "qmshutdown", "qmstart", "qmsuspend", "qmcreate"]
    );
}

#[tokio::test]
async fn while_a_task_runs_on_a_domain_only_power_off_is_taken() {
    let Some(bench) = Bench::start().await else { return };
    let (uuid, changer, tasks) = (Uuid::new_v4(), &bench.changer, &bench.tasks);
    bench.made(uuid, "web").await;
    bench.virsh(&["start", "web"]);
    let long = StopMode::Graceful {
        grace_seconds: 600,
        force: false,
    };
    let waiting = changer.stop(tasks, &bench.own(uuid).await, long).await;
    let error = changer.pause(tasks, &bench.own(uuid).await).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::Locked("shutdown".to_owned())));
    changer
        .stop(tasks, &bench.own(uuid).await, StopMode::Hard)
        .await
        .unwrap();
    assert_eq!(bench.end(waiting).await, "");
    assert_eq!(bench.state("web"), "shut off");
}

#[tokio::test]
async fn a_stale_proof_a_changed_domain_and_a_closed_fence_send_nothing() {
    let Some(bench) = Bench::start().await else { return };
    let (uuid, tasks) = (Uuid::new_v4(), &bench.tasks);
    bench.made(uuid, "web").await;
    let (own, config) = bench.judged(uuid).await;
    let before = bench.virsh(&["dumpxml", "--inactive", "web"]);

    let old = Ownership::aged_for_tests(at(uuid), &config.digest, LONG);
    let error = bench.changer.start(tasks, &old).await.unwrap_err();
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    let error = bench.changer.destroy(tasks, &old).await.unwrap_err();
    assert!(matches!(error, Error::Stale { .. }), "{error}");

    let closed = Changer {
        fence: Fence::closed(Clock::default()),
        ..bench.changer.clone()
    };
    let change = [Change::MemoryMib(64)];
    for error in [
        closed.start(tasks, &own).await.unwrap_err(),
        closed.destroy(tasks, &own).await.unwrap_err(),
        closed.configure(tasks, &own, &config, &change).await.unwrap_err(),
        closed
            .create(tasks, &blank(Uuid::new_v4(), "new"))
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotLeading { .. }), "{error}");
    }
    assert_eq!(bench.virsh(&["dumpxml", "--inactive", "web"]), before);
    assert_eq!(bench.virsh(&["list", "--all", "--name"]).trim(), "web");
    assert_eq!(bench.state("web"), "shut off");

    bench.virsh(&["desc", "web", "--config", "somebody's words"]);
    for error in [
        bench
            .changer
            .configure(tasks, &own, &config, &change)
            .await
            .unwrap_err(),
        bench.changer.destroy(tasks, &own).await.unwrap_err(),
    ] {
        assert_eq!(error.refusal(), Some(&Refusal::DigestMismatch), "{error}");
    }
    assert_eq!(bench.volumes(), [volume(uuid, "scsi0")]);
}
