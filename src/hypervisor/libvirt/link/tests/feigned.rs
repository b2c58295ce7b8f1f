//! libvirt's test driver in this process: no daemon, and one feigned host for all tests.

use super::*;

const HERE: &str = "test:///default";

#[tokio::test]
async fn what_happens_to_a_domain_comes_as_events_in_order() {
    let (link, mut events) = open(HERE).await;
    let uuid = Uuid::new_v4();
    define(&link, uuid).await;
    link.run("a life", move |conn| {
        let domain = conn.lookup_domain_by_uuid(uuid)?;
        domain.create()?;
        domain.suspend()?;
        domain.resume()?;
        domain.destroy()?;
        Ok(domain.undefine()?)
    })
    .await
    .unwrap();
    for expected in [
        Lifecycle::Defined,
        Lifecycle::Started,
        Lifecycle::Suspended,
        Lifecycle::Resumed,
        Lifecycle::Stopped,
        Lifecycle::Undefined,
    ] {
        assert_eq!(change(&event_of(&mut events, uuid).await), expected);
    }
}

#[tokio::test]
async fn a_link_that_is_closed_ends_its_events_and_its_threads() {
    let (link, mut events) = open(HERE).await;
    assert_eq!((link.driver(), link.lost()), ("TEST", None));
    assert!(link.close(LONG).await);
    let ended = async { while events.next().await.is_some() {} };
    tokio::time::timeout(LONG, ended).await.unwrap();
}

#[tokio::test]
async fn libvirt_gives_back_all_that_a_subscription_gave_it() {
    event_loop::start().unwrap();
    let conn = virt::connect::Connect::open(Some(HERE)).unwrap();
    let (feed, mut events, _closed) = events::feed(8);
    let feed = std::sync::Arc::new(feed);
    let left = std::sync::Arc::downgrade(&feed);
    let subscription = native::Subscription::new(&conn, &feed, false).unwrap();
    drop(feed);
    let domain = conn.define_domain_xml(&definition(Uuid::new_v4())).unwrap();
    assert!(events.next().await.is_some());
    domain.undefine().unwrap();
    drop((domain, subscription));
    // The event loop frees what it is done with, and with the last count the sender goes.
    let ended = async { while events.next().await.is_some() {} };
    tokio::time::timeout(LONG, ended).await.unwrap();
    assert_eq!(left.strong_count(), 0);
}

#[tokio::test]
async fn a_domain_that_is_not_there_is_refused_as_missing() {
    let (link, _events) = open(HERE).await;
    let error = link
        .run("look", |conn| {
            Ok(conn.lookup_domain_by_uuid(Uuid::nil()).map(drop)?)
        })
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::GuestMissing), "{error}");
}

#[tokio::test]
async fn a_name_that_another_domain_has_is_refused_as_taken() {
    let (link, _events) = open(HERE).await;
    let (uuid, other) = (Uuid::new_v4(), Uuid::new_v4());
    define(&link, uuid).await;
    let again = definition(uuid).replace(&format!("<uuid>{uuid}"), &format!("<uuid>{other}"));
    let error = link
        .run("define", move |conn| {
            Ok(conn.define_domain_xml(&again).map(drop)?)
        })
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::GuestExists), "{error}");
}

#[tokio::test]
async fn what_the_state_of_a_domain_does_not_allow_is_told() {
    let (link, _events) = open(HERE).await;
    let uuid = Uuid::new_v4();
    define(&link, uuid).await;
    let refusals = link
        .run("twice", move |conn| {
            let domain = conn.lookup_domain_by_uuid(uuid)?;
            let early = domain.destroy().unwrap_err();
            domain.create()?;
            let late = domain.create().unwrap_err();
            Ok([early, late])
        })
        .await
        .unwrap()
        .map(|complaint| failure::of_call("twice", complaint.into()));
    assert_eq!(
        refusals[0].refusal(),
        Some(&Refusal::GuestNotRunning),
        "{}",
        refusals[0]
    );
    assert_eq!(
        refusals[1].refusal(),
        Some(&Refusal::GuestRunning),
        "{}",
        refusals[1]
    );
}

#[tokio::test]
async fn bad_xml_is_refused_for_its_parameters_and_what_the_driver_lacks_for_good() {
    let (link, _events) = open(HERE).await;
    let bad = link
        .run("define", |conn| {
            Ok(conn.define_domain_xml("<domain").map(drop)?)
        })
        .await
        .unwrap_err();
    assert_eq!(bad.refusal(), Some(&Refusal::Parameters), "{bad}");
    let lacking = link
        .run("capabilities", |conn| {
            Ok(conn.domain_capabilities(None, None, None, None, 0).map(drop)?)
        })
        .await
        .unwrap_err();
    assert_eq!(lacking.class(), crate::runtime::Class::Permanent, "{lacking}");
}

#[tokio::test]
async fn figures_are_read_by_name_and_type() {
    let (link, _events) = open(HERE).await;
    let uuid = Uuid::new_v4();
    define(&link, uuid).await;
    let all = link
        .run("figures", |conn| Ok(all_domain_stats(conn, StatGroups::STATE)?))
        .await
        .unwrap();
    let own = all.iter().find(|stats| stats.domain == uuid).unwrap();
    assert_eq!(own.name, format!("d-{uuid}"));
    // VIR_DOMAIN_SHUTOFF
    assert_eq!(own.number("state.state"), Some(5));
}

#[tokio::test]
async fn events_go_on_after_the_event_loop_was_stopped_and_a_link_opened() {
    let (_first, _) = open(HERE).await;
    stop_event_loop();
    let (link, mut events) = open(HERE).await;
    let uuid = Uuid::new_v4();
    define(&link, uuid).await;
    assert_eq!(change(&event_of(&mut events, uuid).await), Lifecycle::Defined);
}

#[tokio::test]
async fn credentials_that_do_not_fit_are_said_before_anything_is_tried() {
    let target = target("qemu+tls://localhost:1/system");
    let error = Link::open(&target, LONG).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Unbuildable { .. }), "{error}");
}
