//! What the cluster's list of recent tasks tells: a task that ended since the last look may have changed
//! its guest. A hint to look, never a record: the list is short, and without `Sys.Audit` shows one's own
//! tasks alone. Pure.

use std::collections::BTreeMap;

use crate::model::{GuestId, TaskRecord, TaskState, Upid};

/// What a task of some type may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Whether the guest runs, or its lock.
    Power,
    /// Its configuration.
    Config,
    /// Configuration and power (a rollback, a migration).
    Both,
    /// Whether, and as what, the guest exists.
    Existence,
    /// Something else, if anything.
    Other,
}

/// By the types of `qemu-server` and `pve-ha-manager`.
pub(super) fn effect(kind: &str) -> Effect {
    match kind {
        "qmstart" | "qmstop" | "qmshutdown" | "qmreboot" | "qmreset" | "qmsuspend" | "qmresume"
        | "qmpause" | "hastart" | "hastop" | "startall" | "stopall" | "suspendall" | "vzdump" => {
            Effect::Power
        }
        "qmconfig" | "resize" | "qmmove" | "qmtemplate" | "qmsnapshot" | "qmdelsnapshot" => Effect::Config,
        "qmrollback" | "qmigrate" | "hamigrate" => Effect::Both,
        "qmcreate" | "qmdestroy" | "qmrestore" | "qmclone" => Effect::Existence,
        _ => Effect::Other,
    }
}

/// A task that ended since the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) upid: Upid,
    /// The guest whose number it carries (for a clone the source).
    pub(super) id: Option<GuestId>,
    pub(super) effect: Effect,
}

/// The tasks that were in the list at the last look, and whether they had ended.
#[derive(Debug, Default)]
pub(super) struct RecentTasks(Option<BTreeMap<Upid, bool>>);

impl RecentTasks {
    /// Compares a new list with the last one. The first one is only remembered: what is in it ended before
    /// the bulk list was asked for.
    pub(super) fn take(&mut self, list: Vec<TaskRecord>) -> Vec<Hint> {
        let new: BTreeMap<Upid, bool> = list
            .into_iter()
            .map(|record| (record.upid, record.state != TaskState::Running))
            .collect();
        let hints = self.0.as_ref().map_or_else(Vec::new, |old| {
            new.iter()
                .filter(|(upid, ended)| **ended && !old.get(*upid).copied().unwrap_or(false))
                .map(|(upid, _)| Hint {
                    upid: upid.clone(),
                    id: upid.vmid().map(GuestId::from),
                    effect: effect(upid.kind()),
                })
                .collect()
        });
        self.0 = Some(new);
        hints
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::upid;
    use super::*;
    use crate::model::{TaskExit, Vmid};

    fn record(kind: &str, number: u32, ended: bool) -> TaskRecord {
        TaskRecord {
            upid: upid(kind, number, 1),
            state: if ended {
                TaskState::Ended(TaskExit::Ok { warnings: 0 })
            } else {
                TaskState::Running
            },
        }
    }

    #[test]
    fn only_tasks_that_ended_since_the_last_look_are_hints() {
        let mut recent = RecentTasks::default();
        assert!(recent.take(vec![record("qmstart", 100, true)]).is_empty());
        let list = vec![
            record("qmstart", 100, true),
            record("qmstop", 101, false),
            record("qmconfig", 102, true),
        ];
        let hints = recent.take(list);
        assert_eq!(hints.len(), 1);
        assert_eq!(
            (
                hints[0].effect,
                hints[0].id.and_then(GuestId::number).map(Vmid::get)
            ),
            (Effect::Config, Some(102))
        );
        let hints = recent.take(vec![record("qmstop", 101, true)]);
        assert_eq!(hints[0].effect, Effect::Power);
    }
}
