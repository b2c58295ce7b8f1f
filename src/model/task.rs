//! Tasks of the hypervisor: what a long call returns, and how it ended.

use std::fmt;
use std::str::FromStr;

use super::ids::{NodeName, ParseId, Vmid};

/// The identifier of a task (`PVE/UPID.pm`):
/// `UPID:{node}:{pid}:{pstart}:{starttime}:{type}:{id}:{user}:`, the numbers in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Upid {
    text: String,
    node: NodeName,
    started: i64,
    kind: String,
    id: String,
    user: String,
}

impl Upid {
    /// The whole identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The node on which it runs.
    #[must_use]
    pub const fn node(&self) -> &NodeName {
        &self.node
    }

    /// When it began, in seconds since 1970 by the node's clock.
    #[must_use]
    pub const fn started(&self) -> i64 {
        self.started
    }

    /// Its type (`qmcreate`, `qmclone`, `qmstart`).
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What it works on: mostly a guest's number, for a clone the source's; may be empty.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The guest whose number it carries.
    #[must_use]
    pub fn vmid(&self) -> Option<Vmid> {
        self.id.parse().ok()
    }

    /// Who started it: a user, or a token as `user@realm!token`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl FromStr for Upid {
    type Err = ParseId;

    fn from_str(text: &str) -> Result<Self, ParseId> {
        let error = || ParseId {
            text: text.to_owned(),
            wanted: "a task identifier (UPID:node:pid:pstart:starttime:type:id:user:)",
        };
        let rest = text.strip_prefix("UPID:").ok_or_else(error)?;
        let parts: Vec<&str> = rest.split(':').collect();
        let [node, pid, pstart, started, kind, id, user, ""] = parts.as_slice() else {
            return Err(error());
        };
        let hexadecimal = |s: &str| i64::from_str_radix(s, 16).ok();
        hexadecimal(pid).and(hexadecimal(pstart)).ok_or_else(error)?;
        if kind.is_empty() || user.is_empty() {
            return Err(error());
        }
        Ok(Self {
            text: text.to_owned(),
            node: node.parse().map_err(|_| error())?,
            started: hexadecimal(started).ok_or_else(error)?,
            kind: (*kind).to_owned(),
            id: (*id).to_owned(),
            user: (*user).to_owned(),
        })
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a mutating call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is done.
    Done,
    /// The host works on it.
    Running(Upid),
}

/// How far a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It runs.
    Running,
    /// It ended.
    Ended(TaskExit),
    /// The host does not know it (any more): how it ended must be read from what it worked on.
    Forgotten,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskExit {
    /// `OK`, or `WARNINGS: n`, which is a success too (`PVE/UPID.pm`).
    Ok {
        /// The number of warnings.
        warnings: u32,
    },
    /// Anything else: the host's sentence.
    Failed(String),
}

impl TaskExit {
    /// Reads the exit status of a task.
    #[must_use]
    pub fn parse(status: &str) -> Self {
        if status == "OK" {
            return Self::Ok { warnings: 0 };
        }
        match status.strip_prefix("WARNINGS: ").map(str::parse) {
            Some(Ok(warnings)) => Self::Ok { warnings },
            _ => Self::Failed(status.to_owned()),
        }
    }
}

/// A task in one of the host's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRecord {
    /// Its identifier.
    pub upid: Upid,
    /// How far it is.
    pub state: TaskState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upid_shows_its_parts() {
        let upid: Upid = "UPID:pve1:00000245:000A2E2B:6B0262AA:qmclone:112:root@pam!op:"
            .parse()
            .unwrap();
        assert_eq!(
            (upid.node().as_str(), upid.kind(), upid.user()),
            ("pve1", "qmclone", "root@pam!op")
        );
        assert_eq!(
            (upid.started(), upid.vmid().map(Vmid::get)),
            (0x6B02_62AA, Some(112))
        );
    }

    #[test]
    fn upid_of_several_guests_has_none() {
        let upid: Upid = "UPID:pve:00000245:000A2E2B:6B0262AA:vzdump::root@pam:"
            .parse()
            .unwrap();
        assert_eq!(upid.vmid(), None);
    }

    #[test]
    fn malformed_upids_are_refused() {
        for text in [
            "",
            "UPID:",
            "UPID:pve:x:0:0:qmstart:1:root@pam:",
            "UPID:pve:0:0:0:qmstart:1:root@pam",
        ] {
            assert!(text.parse::<Upid>().is_err(), "{text}");
        }
    }

    #[test]
    fn warnings_are_a_success() {
        assert_eq!(TaskExit::parse("WARNINGS: 2"), TaskExit::Ok { warnings: 2 });
        assert_eq!(
            TaskExit::parse("unexpected status"),
            TaskExit::Failed("unexpected status".into())
        );
    }
}
