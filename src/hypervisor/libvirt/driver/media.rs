//! Media for cloud-init in a storage pool.

use super::{Libvirt, unsupported};
use crate::hypervisor::Error;
use crate::model::{NodeName, Progress};
use crate::plan::seed::Seed;
use crate::plan::seed::record::Disused;

#[allow(
    clippy::unused_async,
    clippy::unused_self,
    reason = "not everything is there yet"
)]
impl Libvirt {
    pub(super) async fn upload_seed(&self, _node: &NodeName, _seed: &Seed) -> Result<Progress, Error> {
        Err(unsupported("upload_seed"))
    }

    pub(super) async fn remove_medium(&self, _node: &NodeName, _medium: &Disused) -> Result<Progress, Error> {
        Err(unsupported("remove_medium"))
    }
}
