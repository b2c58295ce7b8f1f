//! Marks at which a request stops and waits, so that a test can act at a known instant.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::matcher::Matcher;
use crate::shared::locked;

/// Where a held request stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Wholly received, nothing done. When it is released it acts, whether or not its client still listens.
    BeforeAct,
    /// Done, not answered.
    AfterAct,
    /// Answered: the whole answer has been handed to the network. Nothing stops here; it is only known.
    AfterAnswer,
}

/// One ordered stop. Dropping it releases the request.
#[derive(Debug)]
pub struct Hold {
    pub(crate) order: Arc<Order>,
}

impl Hold {
    /// Waits until a request stands at the mark.
    pub async fn reached(&self) {
        self.order.reached().await;
    }

    /// Whether a request stands, or stood, at the mark.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        *self.order.reached.borrow()
    }

    /// Lets the request go on; a request that comes later isn't held any more.
    pub fn release(&self) {
        self.order.released.cancel();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}

#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) matcher: Matcher,
    pub(crate) mark: Mark,
    skip: AtomicU64,
    reached: watch::Sender<bool>,
    released: CancellationToken,
}

impl Order {
    pub(crate) async fn reached(&self) {
        // The sender lives in `self`, so waiting can't fail.
        let _ = self.reached.subscribe().wait_for(|reached| *reached).await;
    }

    pub(crate) fn is_reached(&self) -> bool {
        *self.reached.borrow()
    }

    pub(crate) fn release(&self) {
        self.released.cancel();
    }
}

/// The orders in force.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    next_id: AtomicU64,
    orders: Mutex<Vec<Arc<Order>>>,
}

impl Holds {
    /// Orders a stop of the request after `skip` matching ones.
    pub(crate) fn add(&self, matcher: Matcher, mark: Mark, skip: u64) -> Arc<Order> {
        let order = Arc::new(Order {
            id: self.next_id.fetch_add(1, Ordering::Relaxed) + 1,
            matcher,
            mark,
            skip: AtomicU64::new(skip),
            reached: watch::Sender::new(false),
            released: CancellationToken::new(),
        });
        locked(&self.orders).push(Arc::clone(&order));
        order
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Order>> {
        locked(&self.orders).iter().find(|o| o.id == id).cloned()
    }

    pub(crate) fn list(&self) -> Vec<Arc<Order>> {
        locked(&self.orders).clone()
    }

    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut orders = locked(&self.orders);
        let Some(at) = orders.iter().position(|o| o.id == id) else {
            return false;
        };
        orders.remove(at).release();
        true
    }

    /// Takes note of a request that can't be stopped any more.
    pub(crate) fn note(&self, mark: Mark, method: &str, path: &str) {
        self.catch(mark, method, path);
    }

    /// Stops here while an order says so.
    pub(crate) async fn pass(&self, mark: Mark, method: &str, path: &str) {
        let caught = self.catch(mark, method, path);
        if let Some(order) = caught {
            order.released.cancelled().await;
        }
    }

    fn catch(&self, mark: Mark, method: &str, path: &str) -> Option<Arc<Order>> {
        let mut orders = locked(&self.orders);
        orders.retain(|o| !o.released.is_cancelled());
        for order in orders.iter() {
            if order.mark != mark || order.is_reached() || !order.matcher.matches(method, path) {
                continue;
            }
            let skipped = order
                .skip
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            if skipped.is_err() {
                order.reached.send_replace(true);
                return Some(Arc::clone(order));
            }
        }
        None
    }
}
