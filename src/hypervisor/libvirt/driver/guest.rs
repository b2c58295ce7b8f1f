//! One guest as it is.

use super::{Libvirt, unsupported};
use crate::hypervisor::Error;
use crate::model::{
    GuestAddress, GuestConfig, GuestId, GuestIp, HaSetting, MigrationConditions, NumberState, PowerReading,
};

#[allow(
    clippy::unused_async,
    clippy::unused_self,
    reason = "not everything is there yet"
)]
impl Libvirt {
    pub(super) async fn guest_config(&self, _at: &GuestAddress) -> Result<GuestConfig, Error> {
        Err(unsupported("guest_config"))
    }

    pub(super) async fn guest_power(&self, _at: &GuestAddress) -> Result<PowerReading, Error> {
        Err(unsupported("guest_power"))
    }

    pub(super) async fn guest_addresses(&self, _at: &GuestAddress) -> Result<Vec<GuestIp>, Error> {
        Err(unsupported("guest_addresses"))
    }

    pub(super) async fn guest_system(&self, _at: &GuestAddress) -> Result<Option<String>, Error> {
        Err(unsupported("guest_system"))
    }

    pub(super) async fn number_state(&self, _id: GuestId) -> Result<NumberState, Error> {
        Err(unsupported("number_state"))
    }

    pub(super) async fn high_availability(&self, _at: &GuestAddress) -> Result<Option<HaSetting>, Error> {
        Err(unsupported("high_availability"))
    }

    pub(super) async fn migration_conditions(
        &self,
        _at: &GuestAddress,
    ) -> Result<MigrationConditions, Error> {
        Err(unsupported("migration_conditions"))
    }
}
