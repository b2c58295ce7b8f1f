//! Network interfaces as they are to be.

use crate::api::{HostDefaults, NetworkSpec, VirtualMachineClassSpec, VirtualMachineSpec};

/// The slot of the interface of a machine that names none and gets one.
const DEFAULT_SLOT: &str = "net0";

/// A network interface as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredNic {
    /// Its slot.
    pub slot: String,
    /// Its bridge.
    pub bridge: Option<String>,
    /// The card of a new one.
    pub model: &'static str,
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
    defaults: &HostDefaults,
    blank: bool,
) -> Vec<DesiredNic> {
    let of_class = class.network.as_ref().and_then(|n| n.bridge.as_ref());
    let default = NetworkSpec {
        name: DEFAULT_SLOT.to_owned(),
        bridge: None,
        model: None,
    };
    // A new machine gets an interface as soon as somebody names a bridge; a clone keeps the source's.
    let given = of_class.is_some() || (blank && defaults.bridge.is_some());
    let named = if spec.networks.is_empty() && given {
        std::slice::from_ref(&default)
    } else {
        &spec.networks
    };
    let nic = |(index, nic): (usize, &NetworkSpec)| {
        let of_class = of_class.filter(|_| index == 0);
        DesiredNic {
            slot: nic.name.clone(),
            bridge: nic
                .bridge
                .as_ref()
                .or(of_class)
                .or(defaults.bridge.as_ref())
                .cloned(),
            model: nic.model.unwrap_or_default().as_str(),
        }
    };
    named.iter().enumerate().map(nic).collect()
}
