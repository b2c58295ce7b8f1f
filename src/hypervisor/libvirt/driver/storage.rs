//! Storage pools and their volumes.

use super::{Libvirt, unsupported};
use crate::hypervisor::Error;
use crate::model::{GuestConfig, GuestId, NodeName, Volume, VolumeId};

#[allow(
    clippy::unused_async,
    clippy::unused_self,
    reason = "not everything is there yet"
)]
impl Libvirt {
    pub(super) async fn volumes(
        &self,
        _node: &NodeName,
        _storage: &str,
        _content: Option<&str>,
        _guest: Option<GuestId>,
    ) -> Result<Vec<Volume>, Error> {
        Err(unsupported("volumes"))
    }

    pub(super) async fn archived(&self, _node: &NodeName, _archive: &VolumeId) -> Result<GuestConfig, Error> {
        Err(unsupported("archived"))
    }
}
