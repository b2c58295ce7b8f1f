//! Tasks of the hypervisor: what a long call returns, and how it ended.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::ids::{NodeName, ParseId, Vmid};

/// The identifier of a task (pve-common, `PVE/UPID.pm`):
/// `UPID:{node}:{pid}:{pstart}:{starttime}:{type}:{id}:{user}:`, the numbers in hexadecimal, eight digits each;
/// `pstart` gets a ninth on a host that is up for more than 497 days.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Upid {
    text: String,
    node: NodeName,
    pid: u32,
    pstart: u64,
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

    /// Its process.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// When that process began, in hundredths of a second since the host did: with the process's number it tells
    /// one that runs from another one that got the number later.
    #[must_use]
    pub const fn process_start(&self) -> u64 {
        self.pstart
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

    /// What it works on: mostly a guest's number, for a clone the source's; or a volume and its storage
    /// (`100@local`), a file, a storage, two disks (`113-scsi0>114-scsi1`); nothing for several guests.
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
        let digits = |text: &str, most: usize| {
            let fits = (8..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
            fits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
        };
        let pid = digits(pid, 8).and_then(|pid| u32::try_from(pid).ok());
        let started = digits(started, 8).and_then(|started| i64::try_from(started).ok());
        let blank = |text: &str| text.contains(char::is_whitespace);
        if kind.is_empty() || user.is_empty() || [kind, id, user].into_iter().any(|part| blank(part)) {
            return Err(error());
        }
        Ok(Self {
            text: text.to_owned(),
            node: node.parse().map_err(|_| error())?,
            pid: pid.ok_or_else(error)?,
            pstart: digits(pstart, 9).ok_or_else(error)?,
            started: started.ok_or_else(error)?,
            kind: (*kind).to_owned(),
            id: (*id).to_owned(),
            user: (*user).to_owned(),
        })
    }
}

impl TryFrom<String> for Upid {
    type Error = ParseId;

    fn try_from(text: String) -> Result<Self, ParseId> {
        text.parse()
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
    use proptest::prelude::*;

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
    fn a_host_that_is_up_for_years_has_a_ninth_digit() {
        let upid: Upid = "UPID:pve:00000245:10A2E2B00:6B0262AA:qmstart:112:root@pam:"
            .parse()
            .unwrap();
        assert_eq!((upid.pid(), upid.process_start()), (0x245, 0x1_0A2E_2B00));
    }

    #[test]
    fn not_every_id_is_a_guest() {
        for id in ["", "220@local", "dl.iso", "113-scsi0>114-scsi1", "local", "99"] {
            let text = format!("UPID:pve:00000245:000A2E2B:6B0262AA:imgdel:{id}:root@pam!op:");
            let upid: Upid = text.parse().unwrap();
            assert_eq!((upid.id(), upid.vmid()), (id, None));
        }
    }

    #[test]
    fn malformed_upids_are_refused() {
        for text in [
            "",
            "UPID:",
            "UPID:pve:x:0:0:qmstart:1:root@pam:",
            "UPID:pve:0:0:0:qmstart:1:root@pam:",
            "UPID:pve:00000245:000A2E2B:6B0262AA:qmstart:1:root@pam",
            "UPID:pve:00000245:000A2E2B:6B0262AA:qmstart:1:root@pam:/status",
            "UPID:pve:00000245:000A2E2B:6B0262AA:qmstart:1:root@pam::",
            "UPID:pve:00000245:000A2E2B:6B0262AA:qmstart:1::",
            "UPID:pve:00000245:000A2E2B:6B0262AA::1:root@pam:",
            "UPID:pve:00000245:000A2E2B:6B0262AA:qm start:1:root@pam:",
            "UPID:pve:+0000245:000A2E2B:6B0262AA:qmstart:1:root@pam:",
            "UPID:pve:00000245:000A2E2BFF:6B0262AA:qmstart:1:root@pam:",
            "UPID:pve:00000245:000A2E2B:16B0262AA:qmstart:1:root@pam:",
            "UPID:-pve:00000245:000A2E2B:6B0262AA:qmstart:1:root@pam:",
        ] {
            assert!(text.parse::<Upid>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_upid_shows_the_parts_that_it_was_made_of(
            node in "[a-zA-Z0-9]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?",
            (pid, pstart, started) in (any::<u32>(), 0..0x10_0000_0000_u64, any::<u32>()),
            kind in "[a-z]{1,12}",
            id in "[!-9;-~]{0,20}",
            user in "[a-z]{1,8}@[a-z]{2,5}(![a-z0-9-]{2,8})?",
        ) {
            let text = format!("UPID:{node}:{pid:08X}:{pstart:08X}:{started:08X}:{kind}:{id}:{user}:");
            let upid: Upid = text.parse().unwrap();
            prop_assert_eq!(upid.to_string(), text);
            prop_assert_eq!((upid.node().as_str(), upid.pid()), (node.as_str(), pid));
            prop_assert_eq!((upid.process_start(), upid.started()), (pstart, i64::from(started)));
            prop_assert_eq!((upid.kind(), upid.id(), upid.user()), (&*kind, &*id, &*user));
        }

        #[test]
        fn any_text_is_a_upid_or_none(text in "(UPID)?[0-9A-F:a-z@! ]{0,80}") {
            if let Ok(upid) = text.parse::<Upid>() {
                prop_assert_eq!(upid.as_str(), text);
            }
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
