//! The bulk list: all guests by one call, the host, its storage pools.

use super::{Libvirt, unsupported};
use crate::hypervisor::Error;
use crate::model::Overview;

#[allow(
    clippy::unused_async,
    clippy::unused_self,
    reason = "not everything is there yet"
)]
impl Libvirt {
    pub(super) async fn overview(&self) -> Result<Overview, Error> {
        Err(unsupported("overview"))
    }
}
