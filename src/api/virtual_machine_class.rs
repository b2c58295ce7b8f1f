//! `VirtualMachineClass`: a named shape of virtual machines.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::size::Size;
use super::virtual_machine::{Boot, Cpu, Memory};

/// What a machine of this class gets where it does not say otherwise.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "VirtualMachineClass",
    plural = "virtualmachineclasses",
    shortname = "dvmclass",
    category = "drover",
    derive = "PartialEq",
    doc = "A named shape of virtual machines. A machine takes it at creation; a later change of the class changes the machines whose classPolicy is Follow.",
    printcolumn(name = "Cores", type_ = "integer", json_path = ".spec.cpu.cores"),
    printcolumn(name = "Memory", type_ = "string", json_path = ".spec.memory.size"),
    printcolumn(name = "Disk", type_ = "string", json_path = ".spec.disk.size"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineClassSpec {
    /// CPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// The first disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<ClassDisk>,
    /// The first network interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<ClassNetwork>,
    /// When machines are started with their host, and what they boot from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,
}

/// The first disk of a machine of a class.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassDisk {
    /// Its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Its storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub storage: Option<String>,
}

/// The first network interface of a machine of a class.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassNetwork {
    /// Its bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15))]
    pub bridge: Option<String>,
}
