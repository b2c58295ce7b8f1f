//! What may be changed while a virtual machine runs: `hotplug` (qemu-server, `QemuServer/Helpers.pm` and
//! `pve-hotplug-features`). No property string: a list of features, `0` for none, `1` for the usual ones.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::hypervisor::proxmox::property::{Reason, choices};

choices! {
    /// A sort of device.
    HotplugFeature {
        /// Network cards.
        Network = "network",
        /// Disks.
        Disk = "disk",
        /// Processors.
        Cpu = "cpu",
        /// Memory.
        Memory = "memory",
        /// USB devices.
        Usb = "usb",
        /// The medium of cloud-init.
        CloudInit = "cloudinit",
    }
}

/// What may be changed while a machine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hotplug {
    /// Network cards, disks and USB devices: `1`, and what holds where the option is absent.
    Usual,
    /// These; nothing if there are none (`0`).
    Features(BTreeSet<HotplugFeature>),
}

impl FromStr for Hotplug {
    type Err = Reason;

    fn from_str(text: &str) -> Result<Self, Reason> {
        match text.trim() {
            "1" => return Ok(Self::Usual),
            "0" => return Ok(Self::Features(BTreeSet::new())),
            _ => {}
        }
        // `PVE::Tools::split_list`: commas, semicolons and blanks.
        let names = text.split([',', ';', ' ']).filter(|name| !name.is_empty());
        let features = names.map(str::parse).collect::<Result<BTreeSet<_>, _>>()?;
        if features.is_empty() {
            return Err(Reason::Missing);
        }
        Ok(Self::Features(features))
    }
}

impl fmt::Display for Hotplug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => f.write_str("1"),
            Self::Features(features) if features.is_empty() => f.write_str("0"),
            Self::Features(features) => {
                let names: Vec<&str> = features.iter().map(|feature| feature.as_str()).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn features_are_read_as_they_were_spelt(
            features in prop::collection::btree_set(prop::sample::select(HotplugFeature::ALL), 0..6),
        ) {
            let hotplug = Hotplug::Features(features);
            prop_assert_eq!(hotplug.to_string().parse(), Ok(hotplug));
        }
    }

    #[test]
    fn one_is_the_usual_and_zero_is_nothing() {
        assert_eq!("1".parse(), Ok(Hotplug::Usual));
        assert_eq!("0".parse(), Ok(Hotplug::Features(BTreeSet::new())));
        assert_eq!(
            "disk;network".parse(),
            Ok(Hotplug::Features(
                [HotplugFeature::Disk, HotplugFeature::Network].into()
            ))
        );
        assert!("disk,sound".parse::<Hotplug>().is_err());
        assert!("".parse::<Hotplug>().is_err());
    }
}
