//! Tasks: started by a call, ended by themselves, listed afterwards.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::upid::Upid;
use crate::clock;
use crate::hands::TaskView;
use crate::seed::SeedTask;

/// One task, running or ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Task {
    pub(crate) upid: String,
    pub(crate) parts: Upid,
    pub(crate) log: Vec<String>,
    /// What it says when it is interrupted, if that isn't the interruption alone.
    #[serde(default)]
    pub(crate) when_interrupted: Option<String>,
    /// When and how it ended.
    pub(crate) end: Option<(i64, String)>,
    /// Cancelled by `DELETE`.
    #[serde(skip)]
    pub(crate) abort: CancellationToken,
    /// Cancelled at its end.
    #[serde(skip)]
    pub(crate) ended: CancellationToken,
}

impl Task {
    /// `WARNINGS: n` counts as success, as in Proxmox.
    pub(crate) fn failed(&self) -> bool {
        self.end
            .as_ref()
            .is_some_and(|(_, exit)| exit != "OK" && !exit.starts_with("WARNINGS: "))
    }

    pub(crate) fn view(&self) -> TaskView {
        TaskView {
            upid: self.upid.clone(),
            kind: self.parts.kind.clone(),
            id: self.parts.id.clone(),
            user: self.parts.user.clone(),
            exit: self.end.as_ref().map(|(_, exit)| exit.clone()),
        }
    }
}

/// Something that the log of the cluster tells.
pub(crate) struct Event<'a> {
    /// Seconds since the epoch.
    pub(crate) time: i64,
    pub(crate) node: &'a str,
    pub(crate) user: &'a str,
    pub(crate) failed: bool,
    pub(crate) text: String,
}

/// All tasks of the cluster, in the order of their start.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Tasks {
    list: Vec<Task>,
    index: HashMap<String, usize>,
    next_pid: u32,
    /// How many tasks of each node have ended and are kept.
    #[serde(default)]
    ended: BTreeMap<String, usize>,
    /// The task of each node that was the last to end, until somebody reads the list again.
    #[serde(skip)]
    just_saved: BTreeMap<String, String>,
    /// How many ran at once at most.
    #[serde(skip)]
    most: usize,
}

/// How many ended tasks of a node are kept at least, with their logs; twice as many at most. Proxmox's index of them is
/// bounded too.
const KEPT: usize = 1000;

/// The first process number that is given out.
const FIRST_PID: u32 = 2000;

impl Tasks {
    /// A process number that wasn't used before.
    pub(crate) fn next_pid(&mut self) -> u32 {
        self.next_pid += 1;
        FIRST_PID + self.next_pid
    }

    /// Enters a running task.
    pub(crate) fn begin(&mut self, node: &str, kind: &str, id: &str, user: &str, uptime_ticks: u64) -> &Task {
        let parts = Upid {
            node: node.to_owned(),
            pid: self.next_pid(),
            pstart: uptime_ticks,
            starttime: clock::now(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            user: user.to_owned(),
        };
        let upid = parts.to_string();
        self.reread(node);
        self.forget_old(node);
        let at = self.list.len();
        self.index.insert(upid.clone(), at);
        let running = self.list.iter().filter(|task| task.end.is_none()).count() + 1;
        self.most = self.most.max(running);
        self.list.push(Task {
            upid,
            parts,
            log: Vec::new(),
            when_interrupted: None,
            end: None,
            abort: CancellationToken::new(),
            ended: CancellationToken::new(),
        });
        &self.list[at]
    }

    /// Enters tasks of the past, root's, a second each, the last of which has just ended.
    pub(crate) fn remember(&mut self, node: &str, past: &[SeedTask]) {
        let now = clock::now();
        for (back, task) in (1..=past.len()).rev().zip(past) {
            let back = i64::try_from(back).unwrap_or(0);
            let uptime = u64::try_from(1_000_000 - back * 100).unwrap_or(0);
            let upid = self
                .begin(
                    task.node.as_deref().unwrap_or(node),
                    &task.kind,
                    &task.id,
                    "root@pam",
                    uptime,
                )
                .upid
                .clone();
            self.end(&upid, &task.exit);
            let Some(mut entered) = self.list.pop() else {
                continue;
            };
            entered.parts.starttime = now - back;
            entered.upid = entered.parts.to_string();
            entered.end = Some((now - back + 1, task.exit.clone()));
            self.index.remove(&upid);
            self.index.insert(entered.upid.clone(), self.list.len());
            self.list.push(entered);
        }
        self.just_saved.clear();
    }

    /// How many ran at once at most.
    pub(crate) const fn most_at_once(&self) -> usize {
        self.most
    }

    pub(crate) fn get(&self, upid: &str) -> Option<&Task> {
        self.list.get(*self.index.get(upid)?)
    }

    pub(crate) fn log(&mut self, upid: &str, line: impl Into<String>) {
        if let Some(task) = self.get_mut(upid) {
            task.log.push(line.into());
        }
    }

    /// From now on an interruption is said so.
    pub(crate) fn say_when_interrupted(&mut self, upid: &str, line: &str) {
        if let Some(task) = self.get_mut(upid) {
            task.when_interrupted = Some(line.to_owned());
        }
    }

    /// Ends a task that still runs, and writes the last line of its log.
    pub(crate) fn end(&mut self, upid: &str, exit: &str) {
        let Some(task) = self.get_mut(upid).filter(|t| t.end.is_none()) else {
            return;
        };
        task.log.push(match exit {
            "OK" => "TASK OK".to_owned(),
            warnings if warnings.starts_with("WARNINGS: ") => format!("TASK {warnings}"),
            "unexpected status" => task
                .when_interrupted
                .take()
                .unwrap_or_else(|| "received interrupt".to_owned()),
            error => format!("TASK ERROR: {error}"),
        });
        task.end = Some((clock::now(), exit.to_owned()));
        task.ended.cancel();
        let node = task.parts.node.clone();
        *self.ended.entry(node.clone()).or_default() += 1;
        self.just_saved.insert(node, upid.to_owned());
    }

    /// Ends what still runs as a crash of the host would.
    pub(crate) fn bury(&mut self) {
        let running: Vec<String> = self
            .list
            .iter()
            .filter(|t| t.end.is_none())
            .map(|t| t.upid.clone())
            .collect();
        for upid in running {
            self.end(&upid, "unexpected status");
        }
    }

    /// Whether a task is just being entered among the ended ones: then `/cluster/tasks` has it with a number, and with a text
    /// once the list has been read from its file (`PVE::RPCEnvironment::active_workers`).
    pub(crate) fn is_just_saved(&self, task: &Task) -> bool {
        self.just_saved.get(&task.parts.node) == Some(&task.upid)
    }

    /// The list of a node's tasks was read from its file.
    pub(crate) fn reread(&mut self, node: &str) {
        self.just_saved.remove(node);
    }

    /// Newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &Task> {
        self.list.iter().rev()
    }

    /// What pvedaemon logs of them, the oldest first.
    pub(crate) fn events(&self) -> Vec<Event<'_>> {
        let mut events = Vec::with_capacity(self.list.len() * 2);
        for task in &self.list {
            let event = |time: i64, failed: bool, text: String| Event {
                time,
                node: &task.parts.node,
                user: &task.parts.user,
                failed,
                text,
            };
            events.push(event(
                task.parts.starttime,
                false,
                format!("starting task {}", task.upid),
            ));
            if let Some((ended, exit)) = &task.end {
                let failed = exit != "OK";
                events.push(event(*ended, failed, format!("end task {} {exit}", task.upid)));
            }
        }
        events.sort_by_key(|event| event.time);
        events
    }

    /// Forgets the oldest tasks of a node when they have become too many.
    fn forget_old(&mut self, node: &str) {
        let ended = self.ended.entry(node.to_owned()).or_default();
        if *ended < 2 * KEPT {
            return;
        }
        let mut excess = *ended - KEPT;
        *ended = KEPT;
        self.list.retain(|task| {
            let goes = excess > 0 && task.end.is_some() && task.parts.node == node;
            excess -= usize::from(goes);
            !goes
        });
        let upids = self.list.iter().map(|task| task.upid.clone());
        self.index = upids.zip(0..).collect();
    }

    fn get_mut(&mut self, upid: &str) -> Option<&mut Task> {
        self.list.get_mut(*self.index.get(upid)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_tasks_of_a_node_are_forgotten_and_its_running_ones_kept() {
        let mut tasks = Tasks::default();
        let begin = |tasks: &mut Tasks, node: &str, id: usize| {
            let task = tasks.begin(node, "qmstart", &id.to_string(), "root@pam", 0);
            task.upid.clone()
        };
        let running = begin(&mut tasks, "pve1", 0);
        let other = begin(&mut tasks, "pve2", 0);
        tasks.end(&other, "OK");
        let mut last = String::new();
        for id in 1..=3 * KEPT {
            last = begin(&mut tasks, "pve1", id);
            tasks.end(&last, "OK");
            assert!(tasks.list.len() <= 2 * KEPT + 2);
        }
        assert!(tasks.list.len() >= KEPT);
        assert_eq!(tasks.get(&last).unwrap().parts.id, (3 * KEPT).to_string());
        assert!(tasks.get(&running).unwrap().end.is_none());
        assert!(tasks.get(&other).is_some());
        let oldest = tasks.newest().filter(|task| task.parts.node == "pve1").nth(KEPT);
        assert_eq!(
            tasks.get(&oldest.unwrap().upid).unwrap().upid,
            oldest.unwrap().upid
        );
    }
}
