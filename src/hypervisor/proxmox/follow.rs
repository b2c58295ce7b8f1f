//! Following a task to its end, and what its log says then.

use std::time::{Duration, Instant};

use super::Proxmox;
use super::answers::page;
use super::api::Request as _;
use super::api::tasks::{LogLine, TaskLog};
use super::call::Call;
use super::failure::shortened;
use super::sentences::meaning;
use crate::hypervisor::{Error, Refusal};
use crate::model::{TaskExit, TaskState, Upid};
use crate::runtime::Class;

/// What a worker leaves that was cut off (pve-common, `PVE/Tools.pm`, `upid_read_status`).
const CUT_OFF: &str = "unexpected status";

/// How often a task is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The first pause; each further one is half as long again.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How long the host may be out of reach meanwhile.
    pub patience: Duration,
    /// How many of the log's last lines a failure brings along.
    pub lines: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(250),
            longest: Duration::from_secs(2),
            patience: Duration::from_mins(2),
            lines: 10,
        }
    }
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It did what it was to do.
    Succeeded {
        /// How often it warned.
        warnings: u32,
    },
    /// It did not.
    Failed {
        /// Its exit status.
        sentence: String,
        /// What that means.
        refusal: Refusal,
        /// The last lines of its log, if they could be read.
        log: Vec<String>,
    },
    /// It was aborted, or its node went down: how much of it was done is not known.
    CutOff {
        /// The last lines of its log, if they could be read.
        log: Vec<String>,
    },
    /// The host does not know it any more: how it ended must be read from what it worked on.
    Vanished,
}

impl Ending {
    /// The class of a failure, as that of an error; none of a success.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Succeeded { .. } => None,
            Self::Failed { refusal, .. } => Some(refusal.class().unwrap_or(Class::Transient)),
            Self::CutOff { .. } | Self::Vanished => Some(Class::Transient),
        }
    }
}

/// Whether looking again may help: the task runs on, whoever can be reached.
fn is_passing(error: &Error) -> bool {
    matches!(
        error,
        Error::Connect { .. }
            | Error::AnswerLost { .. }
            | Error::NodeUnreachable { .. }
            | Error::HeldBack { .. }
    )
}

impl Proxmox {
    /// Waits until a task has ended. One request is under way at a time.
    pub async fn follow(&self, upid: &Upid, pace: Pace) -> Result<Ending, Error> {
        let mut pause = pace.first;
        let mut reached = Instant::now();
        loop {
            match self.client.task(upid).await {
                Ok(TaskState::Running) => reached = Instant::now(),
                Ok(TaskState::Forgotten) => return Ok(Ending::Vanished),
                Ok(TaskState::Ended(exit)) => return Ok(self.ending(upid, exit, pace.lines).await),
                Err(error) if is_passing(&error) && reached.elapsed() < pace.patience => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause + pause / 2).min(pace.longest);
        }
    }

    async fn ending(&self, upid: &Upid, exit: TaskExit, lines: u64) -> Ending {
        let sentence = match exit {
            TaskExit::Ok { warnings } => return Ending::Succeeded { warnings },
            TaskExit::Failed(sentence) => sentence,
        };
        // Without its log a failure is still the failure that it is.
        let log = self.log_end(upid, lines).await.unwrap_or_default();
        if sentence == CUT_OFF {
            return Ending::CutOff { log };
        }
        Ending::Failed {
            refusal: meaning(&sentence),
            sentence,
            log,
        }
    }

    /// The last lines of a task's log: two calls, as the first has to tell how long it is.
    pub async fn log_end(&self, upid: &Upid, lines: u64) -> Result<Vec<String>, Error> {
        let log = |start: u64, limit: u64| -> Call {
            let request = TaskLog {
                start: Some(start),
                limit: Some(limit),
                ..TaskLog::new(upid.node().clone(), upid.clone())
            };
            request.call()
        };
        let (_, total) = self.client.read_as(&log(0, 1), page::<LogLine>).await?;
        let (rows, _) = self
            .client
            .read_as(
                &log(total.unwrap_or(0).saturating_sub(lines), lines),
                page::<LogLine>,
            )
            .await?;
        let most = usize::try_from(lines).unwrap_or(usize::MAX);
        let texts = rows.into_iter().filter_map(|row| row.t);
        Ok(texts.take(most).map(|text| shortened(&text)).collect())
    }
}
