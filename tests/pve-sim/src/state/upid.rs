//! The id of a task: `UPID:node:pid:pstart:starttime:type:id:user:`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The parts of a task's id.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Upid {
    pub(crate) node: String,
    pub(crate) pid: u32,
    pub(crate) pstart: u64,
    pub(crate) starttime: i64,
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) user: String,
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            node,
            pid,
            pstart,
            starttime,
            kind,
            id,
            user,
        } = self;
        write!(
            f,
            "UPID:{node}:{pid:08X}:{pstart:08X}:{starttime:08X}:{kind}:{id}:{user}:"
        )
    }
}

impl Upid {
    /// Whether a text looks like a task's id at all.
    pub(crate) fn is_well_formed(text: &str) -> bool {
        let parts: Vec<&str> = text.split(':').collect();
        let hex = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
            lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit())
        };
        match parts.as_slice() {
            ["UPID", node, pid, pstart, starttime, kind, _id, user, ""] => {
                !node.is_empty()
                    && hex(pid, 8..=8)
                    && hex(pstart, 8..=9)
                    && hex(starttime, 8..=8)
                    && !kind.is_empty()
                    && !user.is_empty()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_well_formed() {
        let upid = Upid {
            node: "pve1".to_owned(),
            pid: 0x2C,
            pstart: 0x7_0AD6,
            starttime: 0x6B02_5AA1,
            kind: "qmcreate".to_owned(),
            id: "301".to_owned(),
            user: "root@pam!op".to_owned(),
        };
        assert_eq!(
            upid.to_string(),
            "UPID:pve1:0000002C:00070AD6:6B025AA1:qmcreate:301:root@pam!op:"
        );
        assert!(Upid::is_well_formed(&upid.to_string()));
        assert!(!Upid::is_well_formed("garbage"));
    }
}
