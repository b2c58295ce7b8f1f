//! One guest as it is.

use std::collections::BTreeMap;

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::{Domain, DomainInfo};
use virt::sys;

use super::overview::{power_of, suspended};
use super::storage::located;
use super::{Libvirt, unsupported};
use crate::hypervisor::Error;
use crate::hypervisor::libvirt::link::{DomainStats, StatValue, Trouble, disk_size};
use crate::hypervisor::libvirt::xml::domain::{self, Around};
use crate::model::{
    GuestAddress, GuestConfig, GuestId, GuestIp, HaSetting, MigrationConditions, NumberState, Power,
    PowerReading,
};

/// Of more disks than these the sizes are not read: each opens a file on the host.
const SIZES: usize = 64;

/// The UUID by which a domain is looked up.
pub(super) fn uuid_of(operation: &str, id: GuestId) -> Result<Uuid, Error> {
    id.domain().ok_or_else(|| Error::Unbuildable {
        operation: operation.to_owned(),
        reason: format!("'{id}' is a number, and libvirt knows domains by their UUIDs"),
    })
}

/// What libvirt tells of a single domain, in the shape of its figures.
pub(super) fn figures_of(domain: Uuid, name: String, info: &DomainInfo) -> DomainStats {
    let figure = |name: &str, value: u64| (name.to_owned(), StatValue::UInt(value));
    DomainStats {
        domain,
        name,
        values: BTreeMap::from([
            figure("state.state", info.state.to_raw().into()),
            figure("balloon.current", info.memory),
            figure("vcpu.current", info.nr_virt_cpu.into()),
        ]),
    }
}

/// The XML by which a domain is started next, and that of the running one.
fn texts(domain: &Domain) -> Result<(String, Option<String>), Trouble> {
    let inactive = domain.xml_desc(sys::VIR_DOMAIN_XML_INACTIVE | sys::VIR_DOMAIN_XML_SECURE)?;
    // One that stops in between is read as it is then, which is how it will be started next.
    let live = if domain.is_active()? {
        Some(domain.xml_desc(sys::VIR_DOMAIN_XML_SECURE)?)
    } else {
        None
    };
    Ok((inactive, live))
}

/// The sizes of its disks, of those that can be read.
fn sizes(domain: &Domain, inactive: &str, live: Option<&str>) -> BTreeMap<String, u64> {
    let mut paths = domain::sources(inactive).unwrap_or_default();
    paths.extend(
        live.and_then(|live| domain::sources(live).ok())
            .unwrap_or_default(),
    );
    let own = paths.into_iter().filter(|path| path.starts_with('/')).take(SIZES);
    own.filter_map(|path| {
        let size = disk_size(domain, &path).ok()??;
        Some((path, size))
    })
    .collect()
}

fn power(conn: &Connect, uuid: Uuid) -> Result<PowerReading, Trouble> {
    let domain = conn.lookup_domain_by_uuid(uuid)?;
    let state = domain.info()?.state.to_raw();
    let power = power_of(Some(state.into()));
    // Of a running one no memory waits on a disk.
    let saved = power == Power::Stopped && domain.has_managed_save(0).unwrap_or_default();
    Ok(PowerReading {
        power,
        paused: state == sys::VIR_DOMAIN_PAUSED,
        lock: saved.then(suspended),
    })
}

impl Libvirt {
    pub(super) async fn guest_config(&self, at: &GuestAddress) -> Result<GuestConfig, Error> {
        let operation = "read a domain";
        let uuid = uuid_of(operation, at.id)?;
        let pools = located(&self.pools().await?);
        self.read(operation, move |conn| {
            let domain = conn.lookup_domain_by_uuid(uuid)?;
            let (inactive, live) = texts(&domain)?;
            let around = Around {
                pools: &pools,
                sizes: &sizes(&domain, &inactive, live.as_deref()),
                on_boot: domain.autostart()?,
            };
            let config =
                domain::read(&inactive, live.as_deref(), &around).map_err(|error| Error::Decode {
                    operation: operation.to_owned(),
                    reason: error.to_string(),
                })?;
            let saved = live.is_none() && domain.has_managed_save(0).unwrap_or_default();
            Ok(GuestConfig {
                lock: saved.then(suspended),
                ..config
            })
        })
        .await
    }

    pub(super) async fn guest_power(&self, at: &GuestAddress) -> Result<PowerReading, Error> {
        let operation = "read the state of a domain";
        let uuid = uuid_of(operation, at.id)?;
        self.read(operation, move |conn| power(conn, uuid)).await
    }

    #[allow(clippy::unused_async, clippy::unused_self, reason = "as the others")]
    pub(super) async fn guest_addresses(&self, _at: &GuestAddress) -> Result<Vec<GuestIp>, Error> {
        Err(unsupported("read addresses"))
    }

    #[allow(clippy::unused_async, clippy::unused_self, reason = "as the others")]
    pub(super) async fn guest_system(&self, _at: &GuestAddress) -> Result<Option<String>, Error> {
        Err(unsupported("read the system inside"))
    }

    pub(super) async fn number_state(&self, id: GuestId) -> Result<NumberState, Error> {
        let operation = "look up a domain";
        let uuid = uuid_of(operation, id)?;
        // That another host has no such domain says nothing.
        self.facts().await?;
        let found = self
            .read(operation, move |conn| {
                Ok(conn.lookup_domain_by_uuid(uuid).map(drop)?)
            })
            .await;
        match found {
            Ok(()) => Ok(NumberState::Taken),
            Err(error) if error.refusal() == Some(&crate::hypervisor::Refusal::GuestMissing) => {
                Ok(NumberState::Free)
            }
            Err(error) => Err(error),
        }
    }

    /// There is none.
    #[allow(clippy::unused_async, clippy::unused_self, reason = "as the others")]
    pub(super) async fn high_availability(&self, _at: &GuestAddress) -> Result<Option<HaSetting>, Error> {
        Ok(None)
    }

    /// There is nowhere to move it to.
    #[allow(clippy::unused_async, clippy::unused_self, reason = "as the others")]
    pub(super) async fn migration_conditions(
        &self,
        _at: &GuestAddress,
    ) -> Result<MigrationConditions, Error> {
        Ok(MigrationConditions::default())
    }
}
