//! What every changing call goes through: the lease and the proof of ownership are asked on the thread that sends it,
//! right before it is sent, and the domain is found by its UUID.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::ErrorNumber;
use virt::sys;

use crate::hypervisor::libvirt::link::{Link, Trouble};
use crate::hypervisor::libvirt::xml::domain::{self, Host, Unfit};
use crate::hypervisor::{Error, Refusal};
use crate::model::GuestId;
use crate::plan::identity::Ownership;
use crate::runtime::Fence;

/// How long a change may take that copies and saves nothing.
pub(super) const CHANGE_DEADLINE: Duration = Duration::from_mins(1);
/// How long something may take that copies or saves much.
pub(super) const LONG_DEADLINE: Duration = Duration::from_hours(12);

/// A connection with all that changes need. Cheap to clone.
#[derive(Clone)]
pub(in super::super) struct Changer {
    pub(in super::super) link: Arc<Link>,
    pub(in super::super) fence: Fence,
    pub(in super::super) host: Arc<Host>,
}

impl Changer {
    /// Runs a change; with `own`, only while the proof holds.
    pub(super) async fn change<T, F>(
        &self,
        deadline: Duration,
        operation: &'static str,
        own: Option<&Ownership>,
        call: F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connect) -> Result<T, Trouble> + Send + 'static,
    {
        let (fence, own) = (self.fence.clone(), own.cloned());
        let guarded = move |conn: &Connect| {
            let operation = operation.to_owned();
            if fence.check().is_err() {
                return Err(Error::NotLeading { operation }.into());
            }
            if own.is_some_and(|own| own.is_stale(Instant::now())) {
                return Err(Error::Stale { operation }.into());
            }
            call(conn)
        };
        self.link.run_within(deadline, operation, guarded).await
    }
}

/// The UUID of a domain.
pub(super) fn uuid_of(operation: &str, id: GuestId) -> Result<Uuid, Error> {
    id.domain().ok_or_else(|| Error::Unbuildable {
        operation: operation.to_owned(),
        reason: format!("{id} is no domain of libvirt"),
    })
}

/// A refusal of the driver's own.
pub(super) fn refused(operation: &str, refusal: Refusal, message: impl Into<String>) -> Trouble {
    let status = match refusal {
        Refusal::StorageMissing | Refusal::VolumeMissing | Refusal::GuestMissing => 404,
        Refusal::GuestRunning | Refusal::GuestNotRunning => 500,
        _ => 409,
    };
    Trouble::Driver(Error::Refused {
        operation: operation.to_owned(),
        status,
        message: message.into(),
        parameters: BTreeMap::new(),
        refusal,
    })
}

/// A change that the domain's XML can't take.
pub(super) fn unfit(operation: &str, unfit: &Unfit) -> Trouble {
    Trouble::Driver(Error::Unbuildable {
        operation: operation.to_owned(),
        reason: unfit.to_string(),
    })
}

/// What libvirt said can't be read.
pub(super) fn unreadable(operation: &str, reason: &dyn std::fmt::Display) -> Trouble {
    Trouble::Driver(Error::Decode {
        operation: operation.to_owned(),
        reason: reason.to_string(),
    })
}

/// Whether a call failed because there is no such thing.
pub(super) fn found<T>(
    result: Result<T, virt::error::Error>,
    none: ErrorNumber,
) -> Result<Option<T>, Trouble> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(complaint) if complaint.code().is_known_and(|code| code == none) => Ok(None),
        Err(complaint) => Err(complaint.into()),
    }
}

/// The XML by which a domain is started next.
pub(super) fn inactive(domain: &Domain) -> Result<String, Trouble> {
    Ok(domain.xml_desc(sys::VIR_DOMAIN_XML_INACTIVE | sys::VIR_DOMAIN_XML_SECURE)?)
}

/// The XML of a domain that runs.
pub(super) fn live(domain: &Domain) -> Result<Option<String>, Trouble> {
    if !domain.is_active()? {
        return Ok(None);
    }
    Ok(Some(domain.xml_desc(0)?))
}

/// The digest of a domain as it is now.
pub(super) fn digest(domain: &Domain) -> Result<String, Trouble> {
    let live = live(domain)?;
    Ok(domain::digest(&inactive(domain)?, live.as_deref()))
}

/// A domain whose configuration is still the one that was judged.
pub(super) fn judged(
    conn: &Connect,
    operation: &str,
    uuid: Uuid,
    own: &Ownership,
) -> Result<Domain, Trouble> {
    let domain = conn.lookup_domain_by_uuid(uuid)?;
    if digest(&domain)? != own.digest() {
        let message = "the domain was changed since it was read";
        return Err(refused(operation, Refusal::DigestMismatch, message));
    }
    Ok(domain)
}

/// A domain that still bears the mark it bore when the work on it began, and its XML.
pub(super) fn marked(
    conn: &Connect,
    operation: &str,
    uuid: Uuid,
    mark: &str,
) -> Result<(Domain, String), Trouble> {
    let domain = conn.lookup_domain_by_uuid(uuid)?;
    let xml = inactive(&domain)?;
    if mark_of(operation, &xml)? != mark {
        let message = "the domain bears another mark than when the work on it began";
        return Err(refused(operation, Refusal::DigestMismatch, message));
    }
    Ok((domain, xml))
}

/// The mark in a domain's XML.
pub(super) fn mark_of(operation: &str, xml: &str) -> Result<String, Trouble> {
    domain::mark(xml).map_err(|error| unreadable(operation, &error))
}

/// That a domain does not run.
pub(super) fn must_be_off(operation: &str, domain: &Domain) -> Result<(), Trouble> {
    if domain.is_active()? {
        return Err(refused(operation, Refusal::GuestRunning, "the domain is running"));
    }
    Ok(())
}
