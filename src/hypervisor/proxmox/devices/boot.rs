//! The order in which a virtual machine tries its devices: `boot` (qemu-server, `QemuServer.pm`,
//! `pve-qm-boot`).

use std::fmt;

use crate::hypervisor::proxmox::property::{Reason, Text, Value, property_string, words};

words! {
    /// Classes of devices, the way of before 6.2: letters out of `a`, `c`, `d`, `n`.
    LegacyOrder: "one to four letters out of a, c, d, n",
        |text| text.len() <= 4 && text.chars().all(|c| "acdn".contains(c)),
        "[acdn]{1,4}";
    /// A device that can be booted from: `scsi0`, `net1`, `hostpci0`, `usb2`.
    BootDevice: "a device to boot from (scsi0, net0, hostpci0, usb0)",
        |text| {
            let class = text.trim_end_matches(|c: char| c.is_ascii_digit());
            class.len() < text.len()
                && ["ide", "sata", "scsi", "virtio", "net", "hostpci", "usb"].contains(&class)
        },
        "(ide|sata|scsi|virtio|net|hostpci|usb)[0-9]";
}

/// Devices, the first one to be tried first, separated by `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootOrder(Vec<BootDevice>);

impl BootOrder {
    /// The devices.
    #[must_use]
    pub fn devices(&self) -> &[BootDevice] {
        &self.0
    }
}

impl TryFrom<Vec<BootDevice>> for BootOrder {
    type Error = Reason;

    fn try_from(devices: Vec<BootDevice>) -> Result<Self, Reason> {
        if devices.is_empty() {
            return Err(Reason::Missing);
        }
        Ok(Self(devices))
    }
}

impl fmt::Display for BootOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(BootDevice::as_str).collect();
        f.write_str(&names.join(";"))
    }
}

impl Value for BootOrder {
    fn read(text: &str) -> Result<Self, Reason> {
        // `PVE::Tools::split_list` takes blanks for separators as well.
        let devices = text.split([';', ' ']).filter(|name| !name.is_empty());
        Self::try_from(devices.map(str::parse).collect::<Result<Vec<_>, _>>()?)
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

property_string! {
    /// What is booted from. A machine without any such device has a blank text.
    Boot, "legacy" {
        /// The way of before 6.2.
        legacy: LegacyOrder = "legacy";
        /// The devices; they outrank the letters.
        order: BootOrder = "order";
    }
}

#[cfg(test)]
impl crate::hypervisor::proxmox::property::sample::Sample for BootOrder {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        proptest::collection::vec(BootDevice::sample(), 1..5)
            .prop_map(Self)
            .boxed()
    }
}
