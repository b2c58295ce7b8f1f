//! Tasks: how far one is, and lists of them.

use std::collections::BTreeSet;

use super::api::Request as _;
use super::api::cluster::ClusterTasks;
use super::api::tasks::{TaskSource, TaskStatus, Tasks};
use super::client::Client;
use super::failure::shortened;
use crate::hypervisor::{Error, TaskFilter};
use crate::model::{NodeName, TaskExit, TaskRecord, TaskState, Upid};

/// Rows a page of a node's list.
const PAGE: u32 = 500;
/// Pages that are read of it.
const PAGES: u32 = 20;

/// Running tasks have no `endtime`, and for `status` nothing or `RUNNING`.
fn record(upid: Upid, endtime: Option<i64>, status: Option<&str>) -> TaskRecord {
    let state = match (endtime, status) {
        (None, None | Some("RUNNING")) => TaskState::Running,
        (_, status) => ended(status),
    };
    TaskRecord { upid, state }
}

/// A task that was cut off leaves no word; Proxmox VE itself calls that so (`PVE/Tools.pm`, `upid_read_status`).
fn ended(status: Option<&str>) -> TaskState {
    TaskState::Ended(TaskExit::parse(&shortened(status.unwrap_or("unexpected status"))))
}

impl Client {
    /// The cluster's list; rows that can't be read are left out, as it is a hint only.
    pub(super) async fn recent_tasks(&self) -> Result<Vec<TaskRecord>, Error> {
        let rows = self.ask(&ClusterTasks::new()).await?;
        let known = rows.into_iter().filter_map(|row| {
            let upid = row.upid.parse().ok()?;
            Some(record(upid, row.endtime, row.status.as_deref()))
        });
        Ok(known.collect())
    }

    /// A node's list, as many calls as it has pages. It may serve as evidence of what did not happen, so it is
    /// whole or an error where a beginning is given, and else the newest 10 000.
    pub(super) async fn node_tasks(
        &self,
        node: &NodeName,
        filter: &TaskFilter,
    ) -> Result<Vec<TaskRecord>, Error> {
        let source = if filter.active_only {
            TaskSource::Active
        } else {
            TaskSource::All
        };
        let mut request = Tasks {
            source: Some(source),
            vmid: filter.guest.map(super::vmid_of).transpose()?,
            since: filter.since,
            typefilter: filter.kind.clone(),
            limit: Some(PAGE),
            ..Tasks::new(node.clone())
        };
        let mut seen = BTreeSet::new();
        let mut records = Vec::new();
        for page in 0..PAGES {
            request.start = Some(page * PAGE);
            let rows = self.ask(&request).await?;
            let last = rows.len() < PAGE as usize;
            for row in rows {
                // A task that began in between shifts the pages, and shows rows again.
                if seen.insert(row.upid.clone()) {
                    records.push(record(row.upid, row.endtime, row.status.as_deref()));
                }
            }
            if last {
                return Ok(records);
            }
        }
        match filter.since {
            Some(_) => {
                let reason = format!("it has more than {} tasks", PAGE * PAGES);
                Err(request.call().unreadable(reason))
            }
            None => Ok(records),
        }
    }

    pub(super) async fn task(&self, upid: &Upid) -> Result<TaskState, Error> {
        let request = TaskStatus::new(upid.node().clone(), upid.clone());
        let row = match self.ask(&request).await {
            Err(Error::Refused {
                status: 400,
                parameters,
                ..
            }) if parameters.get("upid").is_some_and(|c| c.contains("no such task")) => {
                return Ok(TaskState::Forgotten);
            }
            other => other?,
        };
        match row.status.as_str() {
            "running" => Ok(TaskState::Running),
            "stopped" => Ok(ended(row.exitstatus.as_deref())),
            other => Err(request
                .call()
                .unreadable(format!("'{other}' is no status of a task"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::json;

    use super::super::api::tasks::TaskRow;
    use super::super::lenient::Lenient;
    use super::*;

    #[test]
    fn rows_of_running_and_ended_tasks_are_told_apart() {
        let upid = "UPID:pve:000000B6:0009D6E7:6B0261CA:qmcreate:100:root@pam:";
        for (row, expected) in [
            (
                json!({"upid": upid, "status": "RUNNING", "saved": "0"}),
                TaskState::Running,
            ),
            (json!({"upid": upid, "saved": 0}), TaskState::Running),
            (
                json!({"upid": upid, "status": "OK", "endtime": 1, "saved": 1}),
                TaskState::Ended(TaskExit::Ok { warnings: 0 }),
            ),
            (
                json!({"upid": upid, "status": "WARNINGS: 2", "endtime": 1}),
                TaskState::Ended(TaskExit::Ok { warnings: 2 }),
            ),
            (
                json!({"upid": upid, "status": "clone failed: x", "endtime": "1"}),
                TaskState::Ended(TaskExit::Failed("clone failed: x".into())),
            ),
            (
                json!({"upid": upid, "endtime": 1}),
                TaskState::Ended(TaskExit::Failed("unexpected status".into())),
            ),
        ] {
            let row = TaskRow::deserialize(Lenient(row)).unwrap();
            let record = record(row.upid, row.endtime, row.status.as_deref());
            assert_eq!(record.state, expected);
        }
    }
}
