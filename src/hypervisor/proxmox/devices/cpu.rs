//! The processor that the guest sees: `cpu` (qemu-server, `QemuServer/CPUConfig.pm`, `pve-vm-cpu-conf`).

use std::fmt;

use crate::hypervisor::proxmox::property::{Reason, Text, Value, Whole, property_string, words};

words! {
    /// A model: QEMU's name of it, `host`, `max`, or `custom-` and the name of one of the cluster's own.
    CpuModel: "a processor model (letters, digits, '-', '_', '.')",
        |text| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')),
        "(host|max|kvm64|x86-64-v2-AES|EPYC-Rome|custom-[a-z]{1,6})";
    /// The vendor that Windows is told.
    HypervVendor: "one to twelve letters and digits",
        |text| text.len() <= 12 && text.chars().all(|c| c.is_ascii_alphanumeric()),
        "[a-zA-Z0-9]{1,12}";
}

/// A feature that is switched on or off: `+aes`, `-pcid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuFlag {
    /// Whether it is switched on.
    pub on: bool,
    /// Its name.
    pub name: CpuModel,
}

/// Features, separated by `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuFlags(Vec<CpuFlag>);

impl CpuFlags {
    const WANTED: &'static str = "a list of flags (+aes;-pcid)";

    /// The features.
    #[must_use]
    pub fn as_slice(&self) -> &[CpuFlag] {
        &self.0
    }
}

impl TryFrom<Vec<CpuFlag>> for CpuFlags {
    type Error = Reason;

    fn try_from(flags: Vec<CpuFlag>) -> Result<Self, Reason> {
        if flags.is_empty() {
            return Err(Reason::Missing);
        }
        Ok(Self(flags))
    }
}

impl fmt::Display for CpuFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, flag) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { ";" };
            let sign = if flag.on { '+' } else { '-' };
            write!(f, "{separator}{sign}{}", flag.name)?;
        }
        Ok(())
    }
}

impl Value for CpuFlags {
    fn read(text: &str) -> Result<Self, Reason> {
        let flag = |text: &str| {
            let (on, name) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
                (Some(name), _) => (true, name),
                (None, Some(name)) => (false, name),
                (None, None) => return None,
            };
            let name = name.parse().ok()?;
            Some(CpuFlag { on, name })
        };
        let flags: Option<Vec<_>> = text.split(';').map(flag).collect();
        flags.map(Self).ok_or_else(|| Reason::not(text, Self::WANTED))
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

/// How many bits a physical address has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhysBits {
    /// As many as the host's.
    Host,
    /// So many.
    Bits(Whole<8, 64>),
}

impl Value for PhysBits {
    fn read(text: &str) -> Result<Self, Reason> {
        match text {
            "host" => Ok(Self::Host),
            _ => Whole::read(text).map(Self::Bits),
        }
    }

    fn write(&self) -> Text {
        match self {
            Self::Host => Text::of("host"),
            Self::Bits(bits) => bits.write(),
        }
    }
}

property_string! {
    /// The processor that the guest sees.
    Cpu, "cputype" {
        /// Its model.
        cputype: CpuModel = "cputype";
        /// Features that are switched on or off.
        flags: CpuFlags = "flags";
        /// Whether KVM hides from the guest.
        hidden: bool = "hidden";
        /// The vendor that Windows is told.
        hv_vendor_id: HypervVendor = "hv-vendor-id";
        /// How many bits a physical address has.
        phys_bits: PhysBits = "phys-bits";
        /// How many of them the guest is to use, from 9.1.
        guest_phys_bits: Whole<32, 64> = "guest-phys-bits";
        /// The model that QEMU reports in place of a custom one.
        reported_model: CpuModel = "reported-model";
    }
}

#[cfg(test)]
mod samples {
    use proptest::prelude::*;

    use super::*;
    use crate::hypervisor::proxmox::property::sample::Sample;

    impl Sample for CpuFlags {
        fn sample() -> BoxedStrategy<Self> {
            let flag = (any::<bool>(), CpuModel::sample()).prop_map(|(on, name)| CpuFlag { on, name });
            proptest::collection::vec(flag, 1..5).prop_map(Self).boxed()
        }
    }

    impl Sample for PhysBits {
        fn sample() -> BoxedStrategy<Self> {
            prop_oneof![Just(Self::Host), Whole::sample().prop_map(Self::Bits)].boxed()
        }
    }
}
