//! Tasks: how far one is, and lists of them.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::call::Call;
use super::client::Client;
use crate::hypervisor::{Error, TaskFilter};
use crate::model::{NodeName, TaskExit, TaskRecord, TaskState, Upid};

/// Rows a page of a node's list.
const PAGE: usize = 500;
/// Pages that are read of it.
const PAGES: usize = 20;

#[derive(Deserialize)]
struct StatusRow {
    status: String,
    #[serde(default)]
    exitstatus: Option<String>,
}

#[derive(Deserialize)]
struct ListRow {
    upid: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    endtime: Option<Value>,
}

impl ListRow {
    /// Running tasks have no `endtime`, and for `status` nothing or `RUNNING`.
    fn record(self) -> Result<TaskRecord, String> {
        let upid: Upid = self.upid.parse().map_err(|e| format!("{e}"))?;
        let state = match (self.endtime, self.status) {
            (None | Some(Value::Null), status) if status.as_deref().is_none_or(|s| s == "RUNNING") => {
                TaskState::Running
            }
            (_, status) => ended(status.as_deref()),
        };
        Ok(TaskRecord { upid, state })
    }
}

/// A task that was cut off leaves no word; Proxmox VE itself calls that so (`PVE/Tools.pm`, `upid_read_status`).
fn ended(status: Option<&str>) -> TaskState {
    TaskState::Ended(TaskExit::parse(status.unwrap_or("unexpected status")))
}

impl Client {
    /// The cluster's list; rows that can't be read are left out, as it is a hint only.
    pub(super) async fn recent_tasks(&self) -> Result<Vec<TaskRecord>, Error> {
        let rows: Vec<ListRow> = self.read(&Call::get("/cluster/tasks", &[])).await?;
        Ok(rows.into_iter().filter_map(|row| row.record().ok()).collect())
    }

    /// A node's list, as many calls as it has pages. It may serve as evidence of what did not happen, so it is
    /// whole or an error where a beginning is given, and else the newest 10 000.
    pub(super) async fn node_tasks(
        &self,
        node: &NodeName,
        filter: &TaskFilter,
    ) -> Result<Vec<TaskRecord>, Error> {
        let call = Call::get("/nodes/{node}/tasks", &[node])
            .with("source", if filter.active_only { "active" } else { "all" })
            .with_some("vmid", filter.vmid)
            .with_some("since", filter.since)
            .with_some("typefilter", filter.kind.as_ref());
        let mut seen = BTreeSet::new();
        let mut records = Vec::new();
        for page in 0..PAGES {
            let call = call.clone().with("limit", PAGE).with("start", page * PAGE);
            let rows: Vec<ListRow> = self.read(&call).await?;
            let last = rows.len() < PAGE;
            for row in rows {
                let record = row.record().map_err(|reason| call.unreadable(reason))?;
                // A task that began in between shifts the pages, and shows rows again.
                if seen.insert(record.upid.clone()) {
                    records.push(record);
                }
            }
            if last {
                return Ok(records);
            }
        }
        match filter.since {
            Some(_) => Err(call.unreadable(format!("it has more than {} tasks", PAGE * PAGES))),
            None => Ok(records),
        }
    }

    pub(super) async fn task(&self, upid: &Upid) -> Result<TaskState, Error> {
        let call = Call::get("/nodes/{node}/tasks/{upid}/status", &[upid.node(), upid]);
        let row: StatusRow = match self.read(&call).await {
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
            other => Err(call.unreadable(format!("'{other}' is no status of a task"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
            let row: ListRow = serde_json::from_value(row).unwrap();
            assert_eq!(row.record().unwrap().state, expected);
        }
    }
}
