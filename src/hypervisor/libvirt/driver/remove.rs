//! Removing guests with what is theirs.

use super::{Libvirt, unsupported};
use crate::hypervisor::Error;
use crate::model::Progress;
use crate::plan::identity::Ownership;

#[allow(
    clippy::unused_async,
    clippy::unused_self,
    reason = "not everything is there yet"
)]
impl Libvirt {
    pub(super) async fn destroy(&self, _own: &Ownership) -> Result<Progress, Error> {
        Err(unsupported("destroy"))
    }
}
