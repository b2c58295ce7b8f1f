//! Daemons that end, stop answering, and come back.

use libvirt_host::{LibvirtHost, Options};

use super::*;

const SHORT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_daemon_that_is_killed_ends_the_link_at_once_and_a_new_one_works() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let (link, mut events) = open(&host.test_driver_uri()).await;
    let uuid = Uuid::new_v4();
    define(&link, uuid).await;
    assert_eq!(change(&event_of(&mut events, uuid).await), Lifecycle::Defined);

    host.kill_daemon().unwrap();
    let reason = tokio::time::timeout(LONG, link.until_lost()).await.unwrap();
    assert_eq!(reason, CloseReason::EndOfFile);
    assert_eq!(events.next().await, None);
    let error = names(&link).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    let error = Link::open(&target(&host.test_driver_uri()), LONG)
        .await
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    assert!(link.close(LONG).await);

    host.start_daemon().unwrap();
    let (link, mut events) = open(&host.test_driver_uri()).await;
    define(&link, uuid).await;
    assert_eq!(change(&event_of(&mut events, uuid).await), Lifecycle::Defined);
}

#[tokio::test]
async fn a_call_under_way_when_the_daemon_is_killed_has_lost_its_answer() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let (link, _events) = open(&host.test_driver_uri()).await;
    host.stop_daemon().unwrap();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let call = link.run("define", move |conn| {
        let _ = begun.send(());
        conn.define_domain_xml(&definition(Uuid::new_v4()))?;
        Ok(())
    });
    let (result, ()) = tokio::join!(call, async {
        begins.await.unwrap();
        host.kill_daemon().unwrap();
    });
    let error = result.unwrap_err();
    assert!(matches!(error, Error::AnswerLost { .. }), "{error}");
}

#[tokio::test]
async fn a_daemon_that_hangs_keeps_nobody_from_another_host() {
    let (Some(hung), Some(well)) = (
        LibvirtHost::start_or_say(&Options::default()),
        LibvirtHost::start_or_say(&Options::default()),
    ) else {
        return;
    };
    let (stuck, _events) = open(&hung.test_driver_uri()).await;
    let (fine, _events) = open(&well.test_driver_uri()).await;
    hung.stop_daemon().unwrap();
    let waiting = (0..2 * work::WORKERS)
        .map(|_| stuck.run_within(SHORT, "list", |conn| Ok(conn.list_all_domains(0).map(drop)?)));
    let (results, listed) = tokio::join!(futures::future::join_all(waiting), names(&fine));
    assert_eq!(listed.unwrap(), ["test"]);
    let lost = |result: &Result<(), Error>| matches!(result, Err(Error::AnswerLost { .. }));
    let held = |result: &Result<(), Error>| matches!(result, Err(Error::HeldBack { .. }));
    assert_eq!(
        results.iter().filter(|result| lost(result)).count(),
        work::WORKERS
    );
    assert_eq!(
        results.iter().filter(|result| held(result)).count(),
        work::WORKERS
    );
    // Once it goes on, so does the link.
    hung.continue_daemon().unwrap();
    assert_eq!(names(&stuck).await.unwrap(), ["test"]);
}

#[tokio::test]
async fn a_host_that_hangs_while_it_is_opened_is_tried_by_one_thread() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let target = target(&host.test_driver_uri());
    let before = host.rpc_log();
    host.stop_daemon().unwrap();
    for _ in 0..4 {
        let error = Link::open(&target, SHORT).await.map(drop).unwrap_err();
        assert!(matches!(error, Error::Connect { .. }), "{error}");
    }
    host.continue_daemon().unwrap();
    let (link, _events) = Link::open(&target, LONG).await.unwrap();
    names(&link).await.unwrap();
    // One hung, and it was its answer that was waited for, or, if that came in between, thrown away.
    let opened = host.rpc_log().since(&before)["ConnectOpen"];
    assert!((1..=2).contains(&opened), "{opened}");
}

#[tokio::test]
async fn a_host_that_stays_silent_counts_as_lost() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let soon = KeepAlive {
        interval: 1,
        count: 1,
    };
    let target = Target::new(host.test_driver_uri().parse().unwrap(), Credentials::None, soon);
    let (link, mut events) = Link::open(&target, LONG).await.unwrap();
    host.stop_daemon().unwrap();
    let error = names(&link).await.unwrap_err();
    assert!(matches!(error, Error::AnswerLost { .. }), "{error}");
    assert_eq!(link.lost(), Some(CloseReason::KeepAlive));
    assert_eq!(events.next().await, None);
    assert!(link.close(LONG).await);
}
