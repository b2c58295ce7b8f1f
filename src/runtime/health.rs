//! Whether Drover is ready, as named checks that the parts set themselves.
//!
//! Liveness is not here: a process that answers is alive. Restarting it would mend neither a lost API server
//! nor a host that is down.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The checks; clones share them. Without any check it is ready.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, Check>>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Check {
    Ready,
    NotReady(String),
}

impl Health {
    /// No checks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A check holds from now on.
    pub fn set_ready(&self, check: &str) {
        self.set(check, Check::Ready);
    }

    /// A check does not hold; `reason` is a sentence for people.
    pub fn set_not_ready(&self, check: &str, reason: impl Into<String>) {
        self.set(check, Check::NotReady(reason.into()));
    }

    /// Forgets a check, such as that of a part that was taken away.
    pub fn remove(&self, check: &str) {
        self.lock().remove(check);
    }

    /// Whether all checks hold.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(|check| *check == Check::Ready)
    }

    /// One line a check, in the form of the Kubernetes components:
    /// `[+]caches ok`, `[-]hosts failed: none answered yet`.
    #[must_use]
    pub fn report(&self) -> String {
        let mut lines = String::new();
        for (name, check) in &*self.lock() {
            // Writing to a String can't fail.
            let _ = match check {
                Check::Ready => writeln!(lines, "[+]{name} ok"),
                Check::NotReady(reason) => writeln!(lines, "[-]{name} failed: {reason}"),
            };
        }
        lines
    }

    fn set(&self, name: &str, check: Check) {
        let before = self.lock().insert(name.to_owned(), check.clone());
        if before.as_ref() == Some(&check) {
            return;
        }
        match check {
            Check::Ready => tracing::info!(check = name, "check is ready"),
            Check::NotReady(reason) => tracing::info!(check = name, reason, "check is not ready"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Check>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_check_suffices() {
        let health = Health::new();
        health.set_ready("caches");
        health.set_not_ready("hosts", "none answered yet");
        assert!(!health.is_ready());
        assert_eq!(
            health.report(),
            "[+]caches ok\n[-]hosts failed: none answered yet\n"
        );
        health.set_ready("hosts");
        assert!(health.is_ready());
    }

    #[test]
    fn removed_check_no_longer_counts() {
        let health = Health::new();
        health.set_not_ready("host pve1", "down");
        health.remove("host pve1");
        assert!(health.is_ready());
    }
}
