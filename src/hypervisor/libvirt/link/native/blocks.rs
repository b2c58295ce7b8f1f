//! What a disk holds (`virDomainGetBlockInfo`). The crate `virt` has this call, but overlooks when it fails.

use std::ffi::CString;
use std::mem::MaybeUninit;

use virt::domain::Domain;
use virt::error::Error;
use virt::sys;

/// The size in bytes that a domain sees of its disk at a path; nothing for a text that can't be one.
pub fn disk_size(domain: &Domain, path: &str) -> Result<Option<u64>, Error> {
    let Ok(path) = CString::new(path) else {
        return Ok(None);
    };
    let mut info = MaybeUninit::<sys::virDomainBlockInfo>::zeroed();
    // SAFETY: the domain lives while `domain` does, the path ends with a NUL, and libvirt writes one structure to `info`.
    let answer = unsafe { sys::virDomainGetBlockInfo(domain.as_ptr(), path.as_ptr(), info.as_mut_ptr(), 0) };
    if answer < 0 {
        return Err(Error::last_error());
    }
    // SAFETY: zeroes are a valid value of its numbers, over which libvirt wrote.
    Ok(Some(unsafe { info.assume_init() }.capacity))
}
