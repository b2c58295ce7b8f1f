//! Figures of all domains of a host, by one call.

use std::collections::BTreeMap;

use uuid::Uuid;
use virt::connect::Connect;
use virt::error::Error;
use virt::sys;

use super::native;

/// Which figures to ask for; each is work for the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StatGroups(u32);

impl StatGroups {
    /// State and its reason. All drivers that have figures have these.
    pub const STATE: Self = Self(sys::VIR_DOMAIN_STATS_STATE);
    /// Processor time.
    pub const CPU: Self = Self(sys::VIR_DOMAIN_STATS_CPU_TOTAL);
    /// Memory.
    pub const BALLOON: Self = Self(sys::VIR_DOMAIN_STATS_BALLOON);
    /// Each virtual processor.
    pub const VCPU: Self = Self(sys::VIR_DOMAIN_STATS_VCPU);
    /// Network interfaces.
    pub const INTERFACE: Self = Self(sys::VIR_DOMAIN_STATS_INTERFACE);
    /// Disks.
    pub const BLOCK: Self = Self(sys::VIR_DOMAIN_STATS_BLOCK);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub enum StatValue {
    /// A number with a sign.
    Int(i64),
    /// A number without.
    UInt(u64),
    /// A fraction.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// Words.
    Text(String),
}

impl StatValue {
    /// The number, if it is one that is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            Self::UInt(value) => Some(*value),
            Self::Double(_) | Self::Bool(_) | Self::Text(_) => None,
        }
    }
}

/// The figures of one domain, by the names that libvirt gives them (`cpu.time`, `block.0.rd.bytes`).
#[derive(Clone, Debug, PartialEq)]
pub struct DomainStats {
    /// The domain's UUID.
    pub domain: Uuid,
    /// Its name.
    pub name: String,
    /// Its figures. A domain that does not run has fewer.
    pub values: BTreeMap<String, StatValue>,
}

impl DomainStats {
    /// A figure that is a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.values.get(name)?.as_u64()
    }
}

/// The figures of all domains, running and not, by one call. LXC's driver has none (`NoSupport`).
///
/// QEMU's driver is told not to wait for a domain that is busy with something else: that one comes with fewer figures.
pub fn all_domain_stats(conn: &Connect, groups: StatGroups) -> Result<Vec<DomainStats>, Error> {
    let flags = if conn.driver_type()? == "QEMU" {
        sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    } else {
        0
    };
    native::all_domain_stats(conn, groups.0, flags)
}
