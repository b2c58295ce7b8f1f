//! How calls are run: at most so many at once, each with a deadline, none twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use super::*;
use crate::runtime::Class;

const HERE: &str = "test:///default";
const SHORT: Duration = Duration::from_millis(50);

/// Occupies all workers of a link until the senders are dropped.
async fn occupied(link: &Arc<Link>) -> (Vec<Sender<()>>, Vec<tokio::task::JoinHandle<Result<(), Error>>>) {
    let (mut hands, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..work::WORKERS {
        let (hand, held) = channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let link = link.clone();
        #[allow(clippy::disallowed_methods, reason = "joined by the test")]
        calls.push(tokio::spawn(async move {
            link.run("hold", move |_| {
                let _ = begun.send(());
                let _ = held.recv();
                Ok(())
            })
            .await
        }));
        begins.await.unwrap();
        hands.push(hand);
    }
    (hands, calls)
}

#[tokio::test]
async fn a_call_that_outlasts_its_deadline_has_lost_its_answer() {
    let (link, _events) = open(HERE).await;
    let (hand, held) = channel::<()>();
    let error = link
        .run_within(SHORT, "hold", move |_| {
            let _ = held.recv();
            Ok(())
        })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::AnswerLost { .. }), "{error}");
    drop(hand);
}

#[tokio::test]
async fn a_call_that_found_no_worker_in_time_is_held_back_and_never_made() {
    let (link, _events) = open(HERE).await;
    let link = Arc::new(link);
    let (hands, calls) = occupied(&link).await;
    let made = Arc::new(AtomicUsize::new(0));
    let count = {
        let made = made.clone();
        move |_: &virt::connect::Connect| {
            made.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let error = link.run_within(SHORT, "count", count.clone()).await.unwrap_err();
    assert_eq!(error.class(), Class::Busy, "{error}");
    drop(hands);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    // The workers have taken up, and passed over, what was called off before this one.
    link.run("count", count).await.unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_call_whose_caller_went_away_is_not_made() {
    let (link, _events) = open(HERE).await;
    let link = Arc::new(link);
    let (hands, calls) = occupied(&link).await;
    let made = Arc::new(AtomicUsize::new(0));
    {
        let made = made.clone();
        let call = link.run("count", move |_| {
            made.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        // Polled once, so that it waits, and dropped.
        assert!(tokio::time::timeout(Duration::ZERO, call).await.is_err());
    }
    drop(hands);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    link.run("after", |_| Ok(())).await.unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_call_that_breaks_off_takes_no_worker_with_it() {
    let (link, _events) = open(HERE).await;
    for _ in 0..2 * work::WORKERS {
        let error = link
            .run("break", |_| -> Result<(), Trouble> {
                panic!("as the crate does on some texts")
            })
            .await
            .unwrap_err();
        assert!(matches!(error, Error::AnswerLost { .. }), "{error}");
    }
    assert!(names(&link).await.is_ok());
}
