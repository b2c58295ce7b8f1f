//! What the crate `virt` leaves out, by libvirt's own functions: events, figures of all domains, sizes of disks. The one module with
//! unsafe code; what it gives out is safe to use, and freed when it is dropped.

#![allow(
    unsafe_code,
    reason = "libvirt's functions are C; the invariant of each block stands beside it"
)]

mod blocks;
mod detach;
mod records;
mod subscription;

pub use blocks::disk_size;
pub(in super::super) use detach::detach_device_alias;
pub(super) use records::all_domain_stats;
pub(super) use subscription::Subscription;

use std::ffi::{CStr, c_char, c_uchar};

use uuid::Uuid;
use virt::sys;

/// A copy of a C string; empty for none.
///
/// # Safety
/// `text` is null, or points to a string that ends with a NUL and is not changed during the call.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and by the caller's promise a string with an end.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The UUID of a domain.
///
/// # Safety
/// `domain` is null, or points to a domain that libvirt keeps during the call.
unsafe fn uuid(domain: sys::virDomainPtr) -> Option<Uuid> {
    if domain.is_null() {
        return None;
    }
    let mut bytes: [c_uchar; 16] = [0; 16];
    // SAFETY: the domain is valid by the caller's promise, and libvirt writes VIR_UUID_BUFLEN = 16 bytes.
    let read = unsafe { sys::virDomainGetUUID(domain, bytes.as_mut_ptr()) };
    (read == 0).then(|| Uuid::from_bytes(bytes))
}
