//! Volumes that belong to a guest without being used by it: `unused[n]`, of virtual machines and containers. A
//! disk that is taken out goes there, and stays until it is deleted there (pve-guest-common,
//! `AbstractConfig.pm`).

use crate::hypervisor::proxmox::property::{Reason, Text, Value, property_string};
use crate::model::VolumeId;

property_string! {
    /// A volume that a guest does not use.
    Unused, "file" {
        /// The volume; containers call the key `volume`.
        file: VolumeId = "file" or "volume", required;
    }
}

impl Value for VolumeId {
    fn read(text: &str) -> Result<Self, Reason> {
        text.parse()
            .map_err(|_| Reason::not(text, "a volume (storage:volume)"))
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

#[cfg(test)]
impl crate::hypervisor::proxmox::property::sample::Sample for VolumeId {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        "[a-z][a-z0-9-]{1,8}:([0-9]{3}/)?vm-[0-9]{3}-disk-[0-9](\\.raw|\\.qcow2)?"
            .prop_map(|text| text.parse().unwrap())
            .boxed()
    }
}
