//! Unplugging a device by its alias (`virDomainDetachDeviceAlias`).

use std::ffi::CString;

use virt::domain::Domain;
use virt::error::Error;
use virt::sys;

/// Asks for a device to be unplugged; it is gone when the guest lets it go.
pub(in super::super::super) fn detach_device_alias(
    domain: &Domain,
    alias: &str,
    flags: u32,
) -> Result<(), Error> {
    // Ours hold no NUL; libvirt's own words for one that does.
    let alias = CString::new(alias)?;
    // SAFETY: the domain is valid while `domain` lives, and the alias ends with a NUL and outlives the call.
    let detached = unsafe { sys::virDomainDetachDeviceAlias(domain.as_ptr(), alias.as_ptr(), flags) };
    if detached < 0 {
        Err(Error::last_error())
    } else {
        Ok(())
    }
}
