//! Network interfaces as they are to be.

use crate::api::{Defaults, NetworkSpec, NicModel, VirtualMachineClassSpec, VirtualMachineSpec};

/// The slot of the interface of a machine that names none and gets one.
const DEFAULT_SLOT: &str = "net0";

/// A network interface as it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredNic {
    /// Its slot.
    pub slot: String,
    /// Its bridge.
    pub bridge: Option<String>,
    /// Its virtual network, in place of a bridge.
    pub network: Option<String>,
    /// Its card.
    pub model: Option<&'static str>,
    /// Its hardware address, in upper case.
    pub mac: Option<String>,
    /// Its VLAN; 0 for none.
    pub vlan: Option<u16>,
    /// The greatest packet.
    pub mtu: Option<u16>,
    /// Whether the firewall's rules are applied to it.
    pub firewall: Option<bool>,
    /// Megabits a second; 0 for no limit.
    pub rate_mbps: Option<u32>,
    /// Whether the spec itself names it, so that it goes when the spec no longer does.
    pub named: bool,
}

impl DesiredNic {
    /// The name of one of its fields in the spec: `networks[net0].bridge`.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        format!("networks[{}].{name}", self.slot)
    }
}

pub(super) fn resolve(
    spec: &VirtualMachineSpec,
    class: &VirtualMachineClassSpec,
    defaults: &Defaults,
    blank: bool,
) -> Vec<DesiredNic> {
    let of_class = class.network.as_ref().and_then(|n| n.bridge.as_ref());
    let default = NetworkSpec {
        name: DEFAULT_SLOT.to_owned(),
        ..NetworkSpec::default()
    };
    // A new machine gets an interface as soon as somebody names a bridge or a network; a clone keeps the source's.
    let given = of_class.is_some() || (blank && (defaults.bridge.is_some() || defaults.network.is_some()));
    let named = if spec.networks.is_empty() && given {
        std::slice::from_ref(&default)
    } else {
        &spec.networks
    };
    let nic = |(index, nic): (usize, &NetworkSpec)| {
        let of_class = of_class.filter(|_| index == 0);
        let bridge = match (&nic.bridge, &nic.network) {
            (None, Some(_)) => None,
            (named, _) => named.as_ref().or(of_class).or(defaults.bridge.as_ref()),
        };
        let network = nic.network.as_ref().or(defaults.network.as_ref());
        DesiredNic {
            slot: nic.name.clone(),
            network: network.filter(|_| bridge.is_none()).cloned(),
            bridge: bridge.cloned(),
            model: nic.model.map(NicModel::as_str),
            mac: nic.mac.as_ref().map(|mac| mac.to_ascii_uppercase()),
            vlan: nic.vlan,
            mtu: nic.mtu,
            firewall: nic.firewall,
            rate_mbps: nic.rate_mbps,
            named: !spec.networks.is_empty(),
        }
    };
    named.iter().enumerate().map(nic).collect()
}
