//! The driver against libvirt itself: daemons of the tests' own. libvirt's test driver tells no host's UUID.

mod reads;
mod whole;

use std::time::Duration;

use super::{Libvirt, Settings};
use crate::hypervisor::libvirt::link::{Credentials, KeepAlive, Target};
use crate::model::{GuestAddress, GuestId};
use crate::runtime::{Clock, Fence};

/// A driver of the host that a URI names.
fn driver(uri: &str) -> Libvirt {
    Libvirt::new(Settings {
        target: Target::new(uri.parse().unwrap(), Credentials::None, KeepAlive::default()),
        // Time enough on a machine that does much else.
        timeout: Duration::from_mins(1),
        fence: Fence::open(),
        clock: Clock::default(),
    })
}

async fn at(driver: &Libvirt, uuid: uuid::Uuid) -> GuestAddress {
    GuestAddress {
        node: driver.facts().await.unwrap().node.clone(),
        id: GuestId::Domain(uuid),
    }
}
