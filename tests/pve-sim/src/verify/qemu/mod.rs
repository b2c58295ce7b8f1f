//! The options of a QEMU guest: what each has to be, in which releases, and the privilege that changing it needs.

mod cloudinit;
mod devices;
mod drives;
mod formats;
mod general;
mod hardware;
mod privileges;
mod processor;

pub(crate) use cloudinit::{CLOUD_INIT_OPTIONS, is_cloud_init};
pub(crate) use devices::{DEVICE_OPTIONS, NET};
pub(crate) use drives::{DRIVE_OPTIONS, drive_properties};
pub(crate) use general::{DELETE_AND_REVERT, GENERAL_OPTIONS};
pub(crate) use hardware::{HARDWARE_OPTIONS, MACHINE, MACHINE_PATTERN};
pub(crate) use privileges::{Needs, option_privileges};

use super::Param;
use crate::release::Release;

/// Every option that create and config accept (the calls' own parameters are in their own tables).
const OPTIONS: &[&[Param]] = &[
    GENERAL_OPTIONS,
    HARDWARE_OPTIONS,
    DEVICE_OPTIONS,
    DRIVE_OPTIONS,
    CLOUD_INIT_OPTIONS,
];

fn named(option: &str) -> impl Iterator<Item = &'static Param> {
    let all = OPTIONS.iter().flat_map(|table| table.iter());
    all.filter(move |param| param.is_named(option))
}

/// Whether there is such an option, in some release.
pub(crate) fn option_is_known(option: &str) -> bool {
    named(option).next().is_some()
}

/// Whether an option is shown as a number: those declared integer or boolean are.
pub(crate) fn option_is_number(release: Release, option: &str) -> bool {
    let mut known = named(option).filter(|param| param.is_in(release));
    known
        .next()
        .is_some_and(|param| param.kind().is_shown_as_number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_options_end_where_proxmox_ends_them() {
        assert!(option_is_known("ide3") && !option_is_known("ide4"));
        assert!(option_is_known("scsi30") && !option_is_known("scsi31"));
        assert!(!option_is_known("net01"));
    }

    #[test]
    fn memory_became_a_string() {
        assert!(option_is_number(Release::V7_4, "memory"));
        assert!(!option_is_number(Release::V8_4, "memory"));
    }
}
