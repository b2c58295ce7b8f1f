//! The connection against libvirt itself: its test driver in this process, and daemons of the tests' own.

mod calls;
mod feigned;
mod lost;
mod remote;

use std::time::Duration;

use uuid::Uuid;
use virt::domain::Domain;

use super::*;
use crate::hypervisor::{Error, Refusal};

/// Time enough on a machine that does much else.
const LONG: Duration = Duration::from_mins(1);

fn target(uri: &str) -> Target {
    Target::new(uri.parse().unwrap(), Credentials::None, KeepAlive::default())
}

async fn open(uri: &str) -> (Link, Events) {
    Link::open(&target(uri), LONG).await.unwrap()
}

/// A domain of libvirt's test driver.
fn definition(uuid: Uuid) -> String {
    format!(
        "<domain type='test'><name>d-{uuid}</name><uuid>{uuid}</uuid><memory unit='MiB'>8</memory>\
         <os><type>hvm</type></os></domain>"
    )
}

async fn define(link: &Link, uuid: Uuid) {
    link.run("define", move |conn| {
        conn.define_domain_xml(&definition(uuid))?;
        Ok(())
    })
    .await
    .unwrap();
}

/// The next event of a domain; others' are passed over.
async fn event_of(events: &mut Events, uuid: Uuid) -> What {
    let waiting = async {
        loop {
            match events.next().await {
                Some(Notice::Event(event)) if event.domain == uuid => return event.what,
                Some(_) => {}
                None => panic!("the connection was lost"),
            }
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("an event")
}

/// Asserts what it was, and tells it otherwise.
#[track_caller]
fn change(what: &What) -> Lifecycle {
    match what {
        What::Lifecycle { change, .. } => *change,
        other => panic!("{other:?}"),
    }
}

async fn names(link: &Link) -> Result<Vec<String>, Error> {
    link.run("list", |conn| {
        let domains = conn.list_all_domains(0)?;
        Ok(domains.iter().map(Domain::name).collect::<Result<_, _>>()?)
    })
    .await
}
