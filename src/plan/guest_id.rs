//! Which guest a resource speaks of: the number or UUID in its spec, its status and its annotations.

use kube::ResourceExt as _;

use crate::api::names::{RESERVED_UUID, RESERVED_VMID};
use crate::api::{HostKind, Reservation, VirtualMachine, VirtualMachineSpec, VirtualMachineStatus};
use crate::model::{GuestId, Vmid};

/// The guest that the spec names, for adoption, observation, or to be made under that number.
#[must_use]
pub fn pinned(spec: &VirtualMachineSpec) -> Option<GuestId> {
    of(spec.vmid, spec.uuid)
}

/// The resource's guest, from its reservation on.
#[must_use]
pub fn current(status: &VirtualMachineStatus) -> Option<GuestId> {
    of(status.vmid, status.uuid)
}

/// The guest that was reserved, and not seen yet.
#[must_use]
pub fn reserved(reservation: &Reservation) -> Option<GuestId> {
    of(reservation.vmid, reservation.uuid)
}

/// The guest that was reserved last, as the annotation that outlives a lost status tells.
#[must_use]
pub fn reserved_before(vm: &VirtualMachine) -> Option<GuestId> {
    let annotations = vm.annotations();
    match vm.spec.host_ref.kind {
        HostKind::ProxmoxNode => {
            let vmid = annotations.get(RESERVED_VMID)?;
            vmid.parse::<Vmid>().ok().map(GuestId::Number)
        }
        HostKind::LibvirtHost => {
            let uuid = annotations.get(RESERVED_UUID)?;
            uuid.parse().ok().map(GuestId::Domain)
        }
    }
}

/// The annotation that [`reserved_before`] reads.
#[must_use]
pub const fn reserving_annotation(id: GuestId) -> &'static str {
    match id {
        GuestId::Number(_) => RESERVED_VMID,
        GuestId::Domain(_) => RESERVED_UUID,
    }
}

/// Notes the resource's guest, or that it has none.
pub fn record(status: &mut VirtualMachineStatus, id: Option<GuestId>) {
    (status.vmid, status.uuid) = parts(id);
}

/// A reservation of a guest that is made from now on.
#[must_use]
pub fn reservation(id: GuestId, since: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time) -> Reservation {
    let (vmid, uuid) = parts(Some(id));
    Reservation { vmid, uuid, since }
}

fn of(vmid: Option<u32>, uuid: Option<uuid::Uuid>) -> Option<GuestId> {
    match (vmid, uuid) {
        (Some(number), _) => GuestId::try_from(number).ok(),
        (None, uuid) => uuid.map(GuestId::Domain),
    }
}

fn parts(id: Option<GuestId>) -> (Option<u32>, Option<uuid::Uuid>) {
    let number = id.and_then(GuestId::number).map(Vmid::get);
    (number, id.and_then(GuestId::domain))
}
