//! Making guests.

use super::{Libvirt, unsupported};
use crate::hypervisor::Error;
use crate::model::{CloneGuest, CreateGuest, Progress, RestoreGuest};
use crate::plan::identity::Ownership;

#[allow(
    clippy::unused_async,
    clippy::unused_self,
    reason = "not everything is there yet"
)]
impl Libvirt {
    pub(super) async fn create(&self, _guest: &CreateGuest) -> Result<Progress, Error> {
        Err(unsupported("create"))
    }

    pub(super) async fn clone_guest(&self, _guest: &CloneGuest) -> Result<Progress, Error> {
        Err(unsupported("clone_guest"))
    }

    pub(super) async fn restore(&self, _guest: &RestoreGuest) -> Result<Progress, Error> {
        Err(unsupported("restore"))
    }

    pub(super) async fn make_template(&self, _own: &Ownership) -> Result<Progress, Error> {
        Err(unsupported("make_template"))
    }
}
