//! One program kept running: started, logged to a file, started again with growing pauses when it dies,
//! asked to end when its supervisor shuts down.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    sync::watch,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::process::Record;
use crate::runtime::Supervisor;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A program that ran this long had a good start: the next pause is the first again.
const STEADY: Duration = Duration::from_mins(1);

/// What is run, and how.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) directory: PathBuf,
    pub(super) log: PathBuf,
    pub(super) record: PathBuf,
    /// End it with the thread that starts it.
    pub(super) die_with_parent: bool,
    /// How long it may take to end after SIGTERM.
    pub(super) grace: Duration,
}

/// A program that is kept running.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) name: &'static str,
    pub(super) log: PathBuf,
    supervisor: Supervisor,
    state: watch::Receiver<State>,
    grace: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    pid: Option<u32>,
    /// How often it ended, or could not be started.
    ended: u32,
}

impl Kept {
    /// Starts it; `owner` joins the task that looks after it.
    pub(super) fn start(program: Program, owner: &Supervisor) -> Self {
        rotate(&program.log);
        let supervisor = owner.child();
        let (sender, state) = watch::channel(State::default());
        let kept = Self {
            name: program.name,
            log: program.log.clone(),
            grace: program.grace,
            supervisor,
            state,
        };
        let token = kept.supervisor.token();
        kept.supervisor
            .spawn(program.name, keep_running(program, token, sender));
        kept
    }

    /// Its process, while there is one.
    pub(super) fn pid(&self) -> Option<u32> {
        self.state.borrow().pid
    }

    /// Waits until it has ended so many times.
    pub(super) async fn ended_times(&self, times: u32) {
        let mut state = self.state.clone();
        // An error means that it is no longer kept, which whoever ended it knows.
        if state.wait_for(|state| state.ended >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends it and waits until it has.
    pub(super) async fn stop(&self) {
        let allowance = self.grace + Duration::from_secs(5);
        if let Err(unfinished) = self.supervisor.shutdown(allowance).await {
            tracing::warn!(program = self.name, error = %unfinished, "the program did not end in order");
        }
    }

    /// The last lines it wrote, for a message to a person.
    pub(super) fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(3)..].join("\n")
    }
}

async fn keep_running(program: Program, token: CancellationToken, state: watch::Sender<State>) {
    let mut pause = FIRST_PAUSE;
    while !token.is_cancelled() {
        let began = Instant::now();
        let end = match program.spawn() {
            Ok(mut child) => {
                state.send_modify(|state| state.pid = child.id());
                program.note(child.id());
                tokio::select! {
                    status = child.wait() => match status {
                        Ok(status) => status.to_string(),
                        Err(error) => error.to_string(),
                    },
                    () = token.cancelled() => {
                        program.end(&mut child).await;
                        break;
                    }
                }
            }
            Err(error) => format!("can't start {}: {error}", program.path.display()),
        };
        state.send_modify(|state| {
            state.pid = None;
            state.ended += 1;
        });
        if began.elapsed() >= STEADY {
            pause = FIRST_PAUSE;
        }
        tracing::warn!(
            program = program.name, end, log = %program.log.display(), pause_ms = pause.as_millis(),
            "a program ended by itself and will be started again"
        );
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = token.cancelled() => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    state.send_modify(|state| state.pid = None);
    if let Err(error) = fs::remove_file(&program.record)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(program = program.name, %error, "can't remove the record of a process");
    }
}

impl Program {
    fn spawn(&self) -> io::Result<Child> {
        self.command()?.kill_on_drop(true).spawn()
    }

    /// Starts it without keeping it: it goes on when Drover ends, in whatever way.
    pub(super) fn spawn_detached(&self) -> io::Result<Child> {
        self.command()?.spawn()
    }

    fn command(&self) -> io::Result<Command> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.log)?;
        let mut command = if self.die_with_parent {
            let mut setpriv = Command::new("setpriv");
            setpriv.args(["--pdeathsig", "KILL", "--"]).arg(&self.path);
            setpriv
        } else {
            Command::new(&self.path)
        };
        command
            .args(&self.args)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A group of its own: Ctrl-C in a terminal goes to Drover alone, which ends the others in order.
            .process_group(0);
        Ok(command)
    }

    fn note(&self, pid: Option<u32>) {
        let noted = pid
            .and_then(|pid| Record::of(self.name, pid))
            .map_or(Ok(()), |record| record.write(&self.record));
        if let Err(error) = noted {
            tracing::warn!(program = self.name, %error, "can't note a process; killed, it would be left over");
        }
    }

    async fn end(&self, child: &mut Child) {
        // The process is not collected before `wait`, so its number is still its own.
        let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            // An error means that it has just ended.
            let _ = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(self.grace, child.wait()).await.is_err() {
            tracing::warn!(program = self.name, "a program did not end in time and is killed");
            if let Err(error) = child.kill().await {
                tracing::warn!(program = self.name, %error, "can't kill a program");
            }
        }
    }
}

/// Keeps the log of the last run beside a fresh one, so that what a crash left can be read.
pub(super) fn rotate(log: &Path) {
    let old = log.with_extension("log.1");
    if let Err(error) = fs::rename(log, old)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(log = %log.display(), %error, "can't rotate a log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, directory: &Path) -> Program {
        Program {
            name: "etcd",
            path: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            directory: directory.to_owned(),
            log: directory.join("etcd.log"),
            record: directory.join("etcd.json"),
            die_with_parent: true,
            grace: Duration::from_secs(10),
        }
    }

    async fn within<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), future)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn program_that_dies_is_started_again_and_its_words_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new();
        let kept = Kept::start(shell("echo no room; exit 3", directory.path()), &supervisor);
        within(kept.ended_times(2)).await;
        assert!(kept.last_words().starts_with("no room\n"));
        within(kept.stop()).await;
        assert_eq!(kept.pid(), None);
    }

    #[tokio::test]
    async fn stop_waits_for_an_orderly_end_and_leaves_no_record() {
        let directory = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new();
        let script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done";
        let program = shell(script, directory.path());
        let kept = Kept::start(program.clone(), &supervisor);
        within(async {
            while kept.last_words() != "up" {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        let record = Record::read(&program.record).unwrap();
        assert_eq!(record.open().map(|process| process.pid), kept.pid());
        within(kept.stop()).await;
        assert_eq!(kept.last_words(), "up\nbye");
        assert!(!program.record.exists());
        assert!(record.open().is_none());
    }

    #[test]
    fn last_run_stays_readable() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("etcd.log");
        fs::write(&log, "one").unwrap();
        rotate(&log);
        fs::write(&log, "two").unwrap();
        rotate(&log);
        assert!(!log.exists());
        assert_eq!(fs::read_to_string(log.with_extension("log.1")).unwrap(), "two");
    }
}
