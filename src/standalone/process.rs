//! Processes that may not be our children: told apart by number, start time and boot, followed and signalled
//! through a pidfd, so that a number used again is never mistaken for them.

use std::{fs, os::fd::OwnedFd, path::Path, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use serde::{Deserialize, Serialize};

use super::{Error, data_dir::write_private};

/// How long a process may take to end after SIGKILL.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// Which process was started, in a file of `run/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    program: String,
    pid: u32,
    /// Clock ticks since boot, field 22 of `/proc/PID/stat`.
    started: u64,
    /// `/proc/sys/kernel/random/boot_id`: ticks since boot mean nothing after another boot.
    boot: String,
}

impl Record {
    /// Describes a process that runs now.
    pub(super) fn of(program: &str, pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(Self {
            program: program.to_owned(),
            pid,
            started: start_time(&stat)?,
            boot: boot.trim().to_owned(),
        })
    }

    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        write_private(path, &serde_json::to_string(self)?)
    }

    /// The process itself, if it is the recorded one and still runs.
    pub(super) fn open(&self) -> Option<Process> {
        let pid = Pid::from_raw(i32::try_from(self.pid).ok()?)?;
        // First the handle, then the comparison: what the handle holds can't change any more.
        let handle = pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?;
        let process = Process {
            pid: self.pid,
            handle,
        };
        (Self::of(&self.program, self.pid)? == *self && !process.has_ended()).then_some(process)
    }
}

/// A running process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    handle: OwnedFd,
}

impl Process {
    /// Waits until it has ended. Asked twenty times a second: to be woken by a foreign descriptor would
    /// take unsafe code.
    pub(super) async fn ended(&self) {
        let mut interval = tokio::time::interval(Duration::from_millis(50));
        while !self.has_ended() {
            interval.tick().await;
        }
    }

    /// A pidfd is readable when its process has ended.
    fn has_ended(&self) -> bool {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let mut handles = [PollFd::new(&self.handle, PollFlags::IN)];
        poll(&mut handles, Some(&now)).is_ok_and(|ready| ready > 0)
    }

    /// Asks it to end, and after `grace` makes it end. False if it is there even then.
    pub(super) async fn end(&self, grace: Duration) -> bool {
        for (signal, grace) in [(Signal::TERM, grace), (Signal::KILL, KILL_GRACE)] {
            // An error means that it has just ended, which the wait sees.
            let _ = pidfd_send_signal(&self.handle, signal);
            if tokio::time::timeout(grace, self.ended()).await.is_ok() {
                return true;
            }
        }
        false
    }
}

/// Ends what a Drover that was killed left behind; `keep` names those to leave alone.
pub(super) async fn end_leftovers(directory: &Path, keep: &[&str], grace: Duration) -> Result<(), Error> {
    let entries = fs::read_dir(directory).map_err(|source| Error::file(directory, source))?;
    let mut left = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match Record::read(&path) {
            Some(record) if keep.contains(&record.program.as_str()) => {}
            record => left.push((path, record)),
        }
    }
    // The API server before its store.
    left.sort_by_key(|(_, record)| record.as_ref().map(|r| r.program == "etcd"));
    for (path, record) in left {
        if let Some((record, process)) = record.and_then(|r| r.open().map(|p| (r, p))) {
            tracing::info!(
                program = record.program,
                pid = process.pid,
                "ending a leftover process"
            );
            if !process.end(grace).await {
                return Err(Error::Leftover {
                    program: record.program,
                    pid: process.pid,
                });
            }
        }
        fs::remove_file(&path).map_err(|source| Error::file(&path, source))?;
    }
    Ok(())
}

/// Field 22. The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
fn start_time(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").spawn().unwrap()
    }

    #[test]
    fn start_time_is_found_behind_an_awkward_name() {
        let stat = "12 (a) b) S 1 12 12 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 10 11";
        assert_eq!(start_time(stat), Some(987_654));
        assert_eq!(start_time("12 (cut off"), None);
    }

    #[tokio::test]
    async fn leftover_is_ended_and_its_record_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = sleeper();
        let path = directory.path().join("etcd.json");
        Record::of("etcd", child.id()).unwrap().write(&path).unwrap();
        end_leftovers(directory.path(), &[], Duration::from_secs(10))
            .await
            .unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn number_used_again_by_another_process_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = sleeper();
        let mut record = Record::of("etcd", child.id()).unwrap();
        record.started -= 1;
        let path = directory.path().join("etcd.json");
        record.write(&path).unwrap();
        end_leftovers(directory.path(), &[], Duration::from_secs(10))
            .await
            .unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        assert!(!path.exists());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn process_of_an_earlier_boot_is_left_alone() {
        let mut record = Record::of("etcd", std::process::id()).unwrap();
        assert!(record.open().is_some());
        record.boot = "another".to_owned();
        assert!(record.open().is_none());
    }

    #[tokio::test]
    async fn what_is_to_be_kept_keeps_its_record() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pve-sim.json");
        Record::of("pve-sim", std::process::id())
            .unwrap()
            .write(&path)
            .unwrap();
        end_leftovers(directory.path(), &["pve-sim"], Duration::ZERO)
            .await
            .unwrap();
        assert!(path.exists());
    }
}
