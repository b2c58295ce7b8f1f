//! What goes wrong on purpose: for the next requests of a kind, or for the next tasks of a type.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::matcher::Matcher;
use crate::shared::locked;

/// Names a fault, to clear it again.
pub type FaultId = u64;

/// One thing that goes wrong, for whom, and how often.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Fault {
    /// The requests that are hit; of a task, the request that starts it.
    #[serde(flatten)]
    pub matcher: Matcher,
    /// What happens to them.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How many matching requests (or tasks) pass unharmed first.
    pub skip: u32,
    /// How many are hit; all until it is cleared, when absent.
    pub times: Option<u32>,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum FaultKind {
    /// The request waits before anything is done about it (not divided by the time scale).
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection is reset before anything is done.
    Refuse,
    /// The request is carried out, and the connection reset before the answer.
    LostAnswer,
    /// Answered with a status and its sentence, nothing done. 401 and 59x have an empty body, as in Proxmox.
    Status {
        /// The status, as 500 or 595; from 200 to 599, as a server can't end a request with less.
        status: u16,
        /// The reason phrase, and the body's `message`.
        message: String,
    },
    /// The task is started and ends with an exit status. `WARNINGS: 1` does the work first; anything else undoes it.
    TaskError {
        /// A type as `qmclone`; any when absent.
        #[serde(default)]
        task: Option<String>,
        /// The exit status.
        exit: String,
    },
    /// The task is started and never ends, until it is aborted.
    TaskHang {
        /// A type as `qmclone`; any when absent.
        #[serde(default)]
        task: Option<String>,
    },
}

impl Fault {
    /// A fault that hits every matching request until cleared.
    #[must_use]
    pub fn new(matcher: Matcher, kind: FaultKind) -> Self {
        Self {
            matcher,
            kind,
            skip: 0,
            times: None,
        }
    }

    /// See [`FaultKind::Delay`].
    #[must_use]
    pub fn delay(matcher: Matcher, delay: Duration) -> Self {
        let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        Self::new(matcher, FaultKind::Delay { ms })
    }

    /// See [`FaultKind::Refuse`].
    #[must_use]
    pub fn refuse(matcher: Matcher) -> Self {
        Self::new(matcher, FaultKind::Refuse)
    }

    /// See [`FaultKind::LostAnswer`].
    #[must_use]
    pub fn lost_answer(matcher: Matcher) -> Self {
        Self::new(matcher, FaultKind::LostAnswer)
    }

    /// See [`FaultKind::Status`].
    #[must_use]
    pub fn status(matcher: Matcher, status: u16, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(matcher, FaultKind::Status { status, message })
    }

    /// Tasks of a type end with `exit`; see [`FaultKind::TaskError`].
    #[must_use]
    pub fn task_error(task: impl Into<String>, exit: impl Into<String>) -> Self {
        let kind = FaultKind::TaskError {
            task: Some(task.into()),
            exit: exit.into(),
        };
        Self::new(Matcher::any(), kind)
    }

    /// Tasks of a type never end; see [`FaultKind::TaskHang`].
    #[must_use]
    pub fn task_hang(task: impl Into<String>) -> Self {
        let task = Some(task.into());
        Self::new(Matcher::any(), FaultKind::TaskHang { task })
    }

    /// Only this many are hit.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// This many pass first.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Limits the fault to requests (of a task: to tasks started by requests) that match.
    #[must_use]
    pub fn on(mut self, matcher: Matcher) -> Self {
        self.matcher = matcher;
        self
    }
}

/// What a request has to suffer, of all faults that hit it.
#[derive(Debug, Default)]
pub(crate) struct RequestTrouble {
    pub(crate) delay: Duration,
    pub(crate) refuse: bool,
    pub(crate) lost_answer: bool,
    pub(crate) status: Option<(u16, String)>,
}

/// What a task has to suffer.
#[derive(Debug)]
pub(crate) enum TaskTrouble {
    Error(String),
    Hang,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Never given out twice: who clears a fault of his means no later one.
    last_id: AtomicU64,
    list: Mutex<Vec<Armed>>,
}

#[derive(Debug)]
struct Armed {
    id: FaultId,
    fault: Fault,
    seen: u32,
    hit: u32,
}

impl Armed {
    /// Counts a match, and says whether it is hit.
    fn strike(&mut self) -> bool {
        self.seen += 1;
        if self.seen <= self.fault.skip || self.fault.times.is_some_and(|n| self.hit >= n) {
            return false;
        }
        self.hit += 1;
        true
    }
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) -> FaultId {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        locked(&self.list).push(Armed {
            id,
            fault,
            seen: 0,
            hit: 0,
        });
        id
    }

    pub(crate) fn clear(&self, id: FaultId) -> bool {
        let mut list = locked(&self.list);
        let before = list.len();
        list.retain(|a| a.id != id);
        list.len() != before
    }

    pub(crate) fn clear_all(&self) {
        locked(&self.list).clear();
    }

    /// Every fault with how often it has hit.
    pub(crate) fn list(&self) -> Vec<(FaultId, Fault, u32)> {
        locked(&self.list)
            .iter()
            .map(|a| (a.id, a.fault.clone(), a.hit))
            .collect()
    }

    pub(crate) fn for_request(&self, method: &str, path: &str) -> RequestTrouble {
        let mut trouble = RequestTrouble::default();
        for armed in locked(&self.list).iter_mut() {
            if !armed.fault.matcher.matches(method, path) || armed.fault.kind.is_of_task() || !armed.strike()
            {
                continue;
            }
            match &armed.fault.kind {
                FaultKind::Delay { ms } => trouble.delay += Duration::from_millis(*ms),
                FaultKind::Refuse => trouble.refuse = true,
                FaultKind::LostAnswer => trouble.lost_answer = true,
                FaultKind::Status { status, message } => {
                    trouble.status.get_or_insert((*status, message.clone()));
                }
                FaultKind::TaskError { .. } | FaultKind::TaskHang { .. } => {}
            }
        }
        trouble
    }

    /// The first fault that hits a task of `kind`, started by the given request.
    pub(crate) fn for_task(&self, kind: &str, method: &str, path: &str) -> Option<TaskTrouble> {
        for armed in locked(&self.list).iter_mut() {
            let (task, trouble) = match &armed.fault.kind {
                FaultKind::TaskError { task, exit } => (task, TaskTrouble::Error(exit.clone())),
                FaultKind::TaskHang { task } => (task, TaskTrouble::Hang),
                _ => continue,
            };
            if task.as_ref().is_none_or(|t| t == kind)
                && armed.fault.matcher.matches(method, path)
                && armed.strike()
            {
                return Some(trouble);
            }
        }
        None
    }
}

impl FaultKind {
    fn is_of_task(&self) -> bool {
        matches!(self, Self::TaskError { .. } | Self::TaskHang { .. })
    }
}
