//! What of a running domain will be otherwise after its next start.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Hardware;

/// Names of what differs, as options of the same matter are called on Proxmox VE, sorted.
///
/// Which medium lies in a CD drive is not among them: the guest itself may put it out, and another is put in without
/// a start.
pub(super) fn names(current: &Hardware, next: &Hardware) -> Vec<String> {
    let mut names: BTreeSet<String> = [
        ("sockets", current.sockets != next.sockets),
        ("cores", current.cores != next.cores),
        ("memory", current.memory_mib != next.memory_mib),
        ("agent", current.agent != next.agent),
        ("cpu", current.cpu_type != next.cpu_type),
        ("boot", current.boot_devices != next.boot_devices),
        (
            "cpulimit",
            current.cpu_limit.to_bits() != next.cpu_limit.to_bits(),
        ),
        ("cpuunits", current.cpu_units != next.cpu_units),
        ("bios", current.bios != next.bios),
        ("machine", current.machine != next.machine),
        ("efidisk0", secure(current) != secure(next)),
        ("tpmstate0", current.tpm.is_some() != next.tpm.is_some()),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(name, _)| name.to_owned())
    .collect();
    differing(&current.disks, &next.disks, &mut names);
    let slots = |hardware: &Hardware| hardware.cdroms.keys().cloned().collect::<BTreeSet<String>>();
    names.extend(slots(current).symmetric_difference(&slots(next)).cloned());
    differing(&current.devices, &next.devices, &mut names);
    let mut nics = current.nics.clone();
    for (slot, nic) in &mut nics {
        // A network gives the greatest packet to what names none.
        if next.nics.get(slot).is_some_and(|next| next.mtu.is_none()) {
            nic.mtu = None;
        }
    }
    differing(&nics, &next.nics, &mut names);
    names.into_iter().collect()
}

fn secure(hardware: &Hardware) -> Option<bool> {
    hardware.efi_disk.as_ref().map(|(_, secure)| *secure)
}

fn differing<T: PartialEq>(
    current: &BTreeMap<String, T>,
    next: &BTreeMap<String, T>,
    names: &mut BTreeSet<String>,
) {
    let slots = current.keys().chain(next.keys());
    names.extend(
        slots
            .filter(|slot| current.get(*slot) != next.get(*slot))
            .cloned(),
    );
}
