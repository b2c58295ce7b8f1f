//! The custom resources: one file a kind, and the names, annotations and conditions that they share.
#![expect(
    unreachable_pub,
    clippy::duplicated_attributes,
    reason = "the derive KubeSchema repeats each struct inside a function"
)]

pub mod conditions;
pub mod host;
pub mod libvirt_host;
pub mod names;
pub mod proxmox_node;
pub mod size;
pub mod span;
pub mod virtual_machine;
pub mod virtual_machine_class;

pub use host::*;
pub use libvirt_host::*;
pub use proxmox_node::*;
pub use size::{MIB, ParseSize, Size};
pub use span::{ParseSpan, Span};
pub use virtual_machine::*;
pub use virtual_machine_class::*;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The definitions of all kinds, as `crds/` holds them.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        LibvirtHost::crd(),
        ProxmoxNode::crd(),
        VirtualMachine::crd(),
        VirtualMachineClass::crd(),
    ]
}
