//! The size of a disk as its property string tells it.

use crate::hypervisor::proxmox::property::{Reason, Text, Value};
use crate::hypervisor::proxmox::size;

/// A size in bytes, spelt `32G` (pve-common, `JSONSchema.pm`, `disk-size`). Proxmox VE sets it itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskSize {
    /// The number of bytes.
    pub bytes: u64,
}

impl Value for DiskSize {
    fn read(text: &str) -> Result<Self, Reason> {
        let bytes =
            size::parse(text).ok_or_else(|| Reason::not(text, "a size (a number with K, M, G or T)"))?;
        Ok(Self { bytes })
    }

    fn write(&self) -> Text {
        Text::of(size::spelt(self.bytes))
    }
}

#[cfg(test)]
impl crate::hypervisor::proxmox::property::sample::Sample for DiskSize {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        (0..1_u64 << 20, 0..4_u32)
            .prop_map(|(number, unit)| Self {
                bytes: number << (10 * unit),
            })
            .boxed()
    }
}
