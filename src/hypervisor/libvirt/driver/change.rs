//! Changing the configuration of a guest.

use super::{Libvirt, unsupported};
use crate::hypervisor::Error;
use crate::model::{Change, GuestConfig, HaSetting, Migration, Progress};
use crate::plan::identity::Ownership;

#[allow(
    clippy::unused_async,
    clippy::unused_self,
    reason = "not everything is there yet"
)]
impl Libvirt {
    pub(super) async fn configure(
        &self,
        _own: &Ownership,
        _base: &GuestConfig,
        _changes: &[Change],
    ) -> Result<Progress, Error> {
        Err(unsupported("configure"))
    }

    pub(super) async fn grow_disk(
        &self,
        _own: &Ownership,
        _slot: &str,
        _bytes: u64,
    ) -> Result<Progress, Error> {
        Err(unsupported("grow_disk"))
    }

    pub(super) async fn move_disk(
        &self,
        _own: &Ownership,
        _slot: &str,
        _storage: &str,
    ) -> Result<Progress, Error> {
        Err(unsupported("move_disk"))
    }

    pub(super) async fn join_pool(
        &self,
        _own: &Ownership,
        _pool: &str,
        _from: Option<&str>,
    ) -> Result<Progress, Error> {
        Err(unsupported("join_pool"))
    }

    pub(super) async fn set_high_availability(
        &self,
        _own: &Ownership,
        _setting: &HaSetting,
        _new: bool,
    ) -> Result<Progress, Error> {
        Err(unsupported("set_high_availability"))
    }

    pub(super) async fn migrate(&self, _own: &Ownership, _migration: &Migration) -> Result<Progress, Error> {
        Err(unsupported("migrate"))
    }

    pub(super) async fn back_up(&self, _own: &Ownership, _storage: &str) -> Result<Progress, Error> {
        Err(unsupported("back_up"))
    }
}
