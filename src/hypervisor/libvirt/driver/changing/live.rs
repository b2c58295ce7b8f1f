//! Changes of a running domain. One that is refused is no failure: it waits for the next start.

use virt::domain::Domain;
use virt::error::Error as Complaint;
use virt::sys;

use crate::hypervisor::libvirt::link::{Trouble, detach_device_alias};
use crate::hypervisor::libvirt::xml::domain::Live;

/// Carries out what a running domain takes.
pub(super) fn apply(domain: &Domain, all: &[Live]) -> Result<(), Trouble> {
    if !domain.is_active()? {
        return Ok(());
    }
    for live in all {
        if let Err(complaint) = one(domain, live) {
            tracing::debug!(change = ?live, error = %complaint.message(), "waits for the next start");
        }
    }
    Ok(())
}

fn one(domain: &Domain, live: &Live) -> Result<(), Complaint> {
    const LIVE: u32 = sys::VIR_DOMAIN_AFFECT_LIVE;
    match live {
        Live::Nothing => Ok(()),
        Live::Attach(devices) => devices
            .iter()
            .try_for_each(|device| domain.attach_device_flags(device, LIVE)),
        Live::Detach {
            alias: Some(alias), ..
        } => detach_device_alias(domain, alias, LIVE),
        Live::Detach { alias: None, device } => domain.detach_device_flags(device, LIVE),
        Live::Update(device) => {
            // A guest may hold a medium fast; a host takes it out all the same.
            let force = if device.contains("device=\"cdrom\"") {
                sys::VIR_DOMAIN_DEVICE_MODIFY_FORCE
            } else {
                0
            };
            domain.update_device_flags(device, LIVE | force)
        }
        Live::Vcpus(count) => domain.set_vcpus_flags(*count, sys::VIR_DOMAIN_VCPU_LIVE),
        Live::MemoryMib(mib) => domain.set_memory_flags(mib.saturating_mul(1024), sys::VIR_DOMAIN_MEM_LIVE),
    }
}
