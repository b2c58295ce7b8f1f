//! Tasks: lists, status, log, and aborting.

use super::parameter::words;
use super::request::{answers, requests, wire_name};
use crate::model::{NodeName, Upid, Vmid};

words! {
    /// Which of a node's tasks.
    TaskSource {
        /// Those that ended.
        Archive = "archive",
        /// Those that run.
        Active = "active",
        /// Both.
        All = "all",
    }
}

requests! {
    /// The tasks of a node, newest first. Without `Sys.Audit` the caller's own.
    Get "/nodes/{node}/tasks" Tasks (node: NodeName) {
        /// Which.
        source: Option<TaskSource>,
        /// Of this guest.
        vmid: Option<Vmid>,
        /// Of this type.
        typefilter: Option<String>,
        /// Of users whose name contains this.
        userfilter: Option<String>,
        /// With these ends: `ok,warning,error,unknown`.
        statusfilter: Option<String>,
        /// Only failed ones.
        errors: Option<bool>,
        /// Begun from then on, in seconds since 1970.
        since: Option<i64>,
        /// Begun until then.
        until: Option<i64>,
        /// How many rows; 50 when absent.
        limit: Option<u32>,
        /// The first row.
        start: Option<u32>,
    } -> Vec<TaskRow>;

    /// How far a task is.
    Get "/nodes/{node}/tasks/{upid}/status" TaskStatus (node: NodeName, upid: Upid) {} -> TaskProgress;

    /// Lines of a task's log.
    Get "/nodes/{node}/tasks/{upid}/log" TaskLog (node: NodeName, upid: Upid) {
        /// The first line, from 0.
        start: Option<u64>,
        /// How many lines; 50 when absent.
        limit: Option<u64>,
    } -> Vec<LogLine>;

    /// A task's whole log as plain text; for [`Proxmox::download`](crate::hypervisor::proxmox::Proxmox::download).
    Get "/nodes/{node}/tasks/{upid}/log" TaskLogFile (node: NodeName, upid: Upid;
        /// Must be true.
        download: bool
    ) {} -> serde_json::Value;

    /// Aborts a task. One that has ended stays as it is.
    Delete "/nodes/{node}/tasks/{upid}" AbortTask (node: NodeName, upid: Upid) {} -> ();
}

answers! {
    /// A task in a node's list. When it began, what it is and whose, its identifier tells.
    TaskRow {
        /// Its identifier.
        upid: Upid,
        /// How it ended; `RUNNING` or absent while it runs.
        status: Option<String>,
        /// When it ended, in seconds since 1970; absent while it runs.
        endtime: Option<i64>,
    }

    /// How far a task is.
    TaskProgress {
        /// `running` or `stopped`.
        status: String,
        /// How it ended.
        exitstatus: Option<String>,
    }

    /// A line of a log.
    LogLine {
        /// Its number, from 1.
        n: u64,
        /// Its text.
        t: Option<String>,
    }
}
