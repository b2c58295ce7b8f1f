//! Whether a verified connection to a host still stands. A breaker opens once and for good: a host that
//! comes back is verified again, and gets a new connection with a new breaker.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_util::sync::CancellationToken;

use super::host_state::HostState;
use crate::hypervisor::Error;

/// So many answers lost in a row count as a host that does not answer. One alone may be bad luck.
const LOST_IN_A_ROW: u32 = 3;

/// Whether a lost answer speaks against the host: only of reads that it answers from memory. An agent, a
/// guest's monitor, a storage or a mutation may hang while the host is well.
fn speaks_for_the_host(operation: &str) -> bool {
    matches!(
        operation,
        "version"
            | "cluster_status"
            | "cluster_id"
            | "overview"
            | "recent_tasks"
            | "number_bounds"
            | "number_state"
            | "node_tasks"
            | "task"
            | "guest_config"
    )
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    opened: CancellationToken,
    state: OnceLock<HostState>,
    lost: AtomicU32,
}

impl Breaker {
    /// Why nothing is sent any more, if so.
    pub(super) fn open_since(&self) -> Option<&HostState> {
        self.state.get()
    }

    /// Waits until it opens.
    pub(super) async fn opened(&self) {
        self.opened.cancelled().await;
    }

    /// Opens it; the first reason stays.
    pub(super) fn open(&self, state: HostState) {
        if self.state.set(state).is_ok() {
            self.opened.cancel();
        }
    }

    /// Draws the conclusion from the end of a call.
    pub(super) fn note<T>(&self, operation: &str, answer: &Result<T, Error>) {
        match answer {
            Err(error @ (Error::Connect { .. } | Error::Certificate { .. } | Error::Unauthorized { .. })) => {
                self.open(HostState::of(error));
            }
            Err(error @ Error::AnswerLost { .. }) => {
                if speaks_for_the_host(operation)
                    && self.lost.fetch_add(1, Ordering::Relaxed) + 1 >= LOST_IN_A_ROW
                {
                    self.open(HostState::of(error));
                }
            }
            // Nothing was sent: says nothing about the host.
            Err(
                Error::NotLeading { .. }
                | Error::Stale { .. }
                | Error::HeldBack { .. }
                | Error::Unbuildable { .. },
            ) => {}
            // The host answered, if only that another node can't be reached.
            Ok(_) | Err(_) => self.lost.store(0, Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Result<(), Error> {
        Err(Error::AnswerLost {
            operation: "overview".into(),
            reason: "timed out".into(),
        })
    }

    #[test]
    fn single_lost_answers_do_not_open_it() {
        let breaker = Breaker::default();
        for _ in 0..10 {
            breaker.note("overview", &lost());
            breaker.note("overview", &lost());
            breaker.note("overview", &Ok(()));
        }
        assert_eq!(breaker.open_since(), None);
        for _ in 0..3 {
            breaker.note("overview", &lost());
        }
        assert!(matches!(
            breaker.open_since(),
            Some(HostState::Unreachable { .. })
        ));
    }

    #[test]
    fn agents_that_hang_do_not_open_it() {
        let breaker = Breaker::default();
        for _ in 0..10 {
            breaker.note("guest_addresses", &lost());
        }
        assert_eq!(breaker.open_since(), None);
    }

    #[test]
    fn another_node_that_is_down_does_not_open_it() {
        let breaker = Breaker::default();
        for _ in 0..10 {
            breaker.note::<()>(
                "guest_config",
                &Err(Error::NodeUnreachable {
                    operation: "config".into(),
                    status: 595,
                    message: "No route to host".into(),
                    maybe_done: false,
                }),
            );
        }
        assert_eq!(breaker.open_since(), None);
    }

    #[test]
    fn refused_connection_or_credentials_open_it_at_once() {
        let breaker = Breaker::default();
        breaker.note::<()>(
            "overview",
            &Err(Error::Unauthorized {
                message: "invalid token value!".into(),
            }),
        );
        breaker.note::<()>(
            "overview",
            &Err(Error::Connect {
                address: "pve:8006".into(),
                reason: "refused".into(),
            }),
        );
        assert!(matches!(breaker.open_since(), Some(HostState::Denied { .. })));
    }
}
