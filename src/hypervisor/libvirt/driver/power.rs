//! Starting guests, stopping them, and what lies between.

use super::{Libvirt, unsupported};
use crate::hypervisor::{Error, StopMode};
use crate::model::Progress;
use crate::plan::identity::Ownership;

#[allow(
    clippy::unused_async,
    clippy::unused_self,
    reason = "not everything is there yet"
)]
impl Libvirt {
    pub(super) async fn start(&self, _own: &Ownership) -> Result<Progress, Error> {
        Err(unsupported("start"))
    }

    pub(super) async fn pause(&self, _own: &Ownership) -> Result<Progress, Error> {
        Err(unsupported("pause"))
    }

    pub(super) async fn resume(&self, _own: &Ownership) -> Result<Progress, Error> {
        Err(unsupported("resume"))
    }

    pub(super) async fn suspend(&self, _own: &Ownership) -> Result<Progress, Error> {
        Err(unsupported("suspend"))
    }

    pub(super) async fn reboot(&self, _own: &Ownership, _grace_seconds: u32) -> Result<Progress, Error> {
        Err(unsupported("reboot"))
    }

    pub(super) async fn stop(&self, _own: &Ownership, _mode: StopMode) -> Result<Progress, Error> {
        Err(unsupported("stop"))
    }
}
