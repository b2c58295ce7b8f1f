//! What goes on in the background.

use super::{Libvirt, unsupported};
use crate::hypervisor::{Error, TaskFilter};
use crate::model::{NodeName, TaskRecord, TaskState, Upid};

#[allow(
    clippy::unused_async,
    clippy::unused_self,
    reason = "not everything is there yet"
)]
impl Libvirt {
    pub(super) async fn recent_tasks(&self) -> Result<Vec<TaskRecord>, Error> {
        Err(unsupported("recent_tasks"))
    }

    pub(super) async fn node_tasks(
        &self,
        _node: &NodeName,
        _filter: &TaskFilter,
    ) -> Result<Vec<TaskRecord>, Error> {
        Err(unsupported("node_tasks"))
    }

    pub(super) async fn task(&self, _upid: &Upid) -> Result<TaskState, Error> {
        Err(unsupported("task"))
    }
}
