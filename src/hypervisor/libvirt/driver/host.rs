//! The host itself: who it is, its version, its clock, what guests are plugged into.

use super::{Libvirt, unsupported};
use crate::hypervisor::Error;
use crate::model::{ClusterId, ClusterStatus, HostVersion, NodeName, NumberBounds, Permissions};

#[allow(
    clippy::unused_async,
    clippy::unused_self,
    reason = "not everything is there yet"
)]
impl Libvirt {
    pub(super) async fn version(&self) -> Result<HostVersion, Error> {
        let number = self
            .read("read the version", |conn| Ok(conn.lib_version()?))
            .await?;
        let (major, minor, release) = (number / 1_000_000, number / 1000 % 1000, number % 1000);
        Ok(HostVersion {
            text: format!("{major}.{minor}.{release}"),
            major,
        })
    }

    pub(super) async fn node_version(&self, _node: &NodeName) -> Result<HostVersion, Error> {
        Err(unsupported("node_version"))
    }

    pub(super) async fn cluster_status(&self) -> Result<ClusterStatus, Error> {
        Err(unsupported("cluster_status"))
    }

    pub(super) async fn cluster_id(&self, _node: &NodeName) -> Result<ClusterId, Error> {
        Err(unsupported("cluster_id"))
    }

    pub(super) async fn permissions(&self) -> Result<Permissions, Error> {
        Err(unsupported("permissions"))
    }

    pub(super) async fn clock(&self, _node: &NodeName) -> Result<i64, Error> {
        Err(unsupported("clock"))
    }

    pub(super) async fn bridges(&self, _node: &NodeName) -> Result<Vec<String>, Error> {
        Err(unsupported("bridges"))
    }

    pub(super) async fn number_bounds(&self) -> Result<NumberBounds, Error> {
        Err(unsupported("number_bounds"))
    }
}
