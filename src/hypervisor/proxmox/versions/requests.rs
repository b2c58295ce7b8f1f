//! Whole requests against the tables: what in them a host of some release would refuse.

use super::release::Release;
use crate::hypervisor::proxmox::Call;
use crate::hypervisor::proxmox::devices::GuestKind;
use crate::hypervisor::proxmox::property::Properties;

/// What a request holds that a host does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// The call itself.
    #[error("Proxmox VE {release} does not know the call {operation}")]
    Call {
        /// The release.
        release: Release,
        /// Method and path.
        operation: String,
    },
    /// A parameter.
    #[error("Proxmox VE {release} does not know the parameter {parameter} of {operation}")]
    Parameter {
        /// The release.
        release: Release,
        /// Method and path.
        operation: String,
        /// The parameter.
        parameter: String,
    },
    /// A key in a parameter.
    #[error("Proxmox VE {release} does not know the key {key} of {parameter}")]
    Key {
        /// The release.
        release: Release,
        /// The parameter.
        parameter: String,
        /// The key.
        key: String,
    },
}

impl Release {
    /// The first thing in a request that a host of this release would refuse; none if it knows all of it.
    #[must_use]
    pub fn unknown_in(self, call: &Call) -> Option<Unknown> {
        let (method, path) = (call.method().as_str(), call.path());
        if !self.knows_call(method, path) {
            return Some(Unknown::Call {
                release: self,
                operation: call.operation(),
            });
        }
        let mut parameters = call.parameters().iter();
        parameters.find_map(|(name, value)| {
            if !self.knows_parameter(method, path, name) {
                return Some(Unknown::Parameter {
                    release: self,
                    operation: call.operation(),
                    parameter: name.clone(),
                });
            }
            let kind = kind(path)?;
            // What stands bare has no key that could be unknown.
            let properties = Properties::parse(value, "");
            let mut keys = properties.iter().map(|(key, _)| key);
            let key = keys.find(|key| !self.knows_key(kind, name, key))?;
            Some(Unknown::Key {
                release: self,
                parameter: name.clone(),
                key: key.to_owned(),
            })
        })
    }
}

/// The sort of guest whose options a path takes.
fn kind(path: &str) -> Option<GuestKind> {
    let mut segments = path.split('/').skip(1);
    match (segments.next()?, segments.nth(1)?) {
        ("nodes", "qemu") => Some(GuestKind::Qemu),
        ("nodes", "lxc") => Some(GuestKind::Lxc),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::proxmox::Method;

    fn told(release: &str, call: &Call) -> Option<String> {
        let release: Release = release.parse().unwrap();
        release.unknown_in(call).map(|unknown| unknown.to_string())
    }

    #[test]
    fn a_request_is_refused_for_what_is_too_new_in_it() {
        let stop = "/nodes/{node}/qemu/{vmid}/status/stop";
        let stop = Call::new(Method::Post, stop, &[&"pve", &100]).with("overrule-shutdown", 1);
        assert_eq!(
            told("7.4-17", &stop).as_deref(),
            Some(
                "Proxmox VE 7.4 does not know the parameter overrule-shutdown of POST /nodes/pve/qemu/100/status/stop"
            )
        );
        assert_eq!(told("8.4.1", &stop), None);
        let rules = Call::get("/cluster/ha/rules", &[]);
        assert_eq!(
            told("8.4.1", &rules).as_deref(),
            Some("Proxmox VE 8.4 does not know the call GET /cluster/ha/rules")
        );
    }

    #[test]
    fn keys_count_where_they_are_spelt_out() {
        let with = |name: &str, value: &str| {
            Call::new(Method::Post, "/nodes/{node}/qemu", &[&"pve"]).with(name, value)
        };
        assert_eq!(
            told("7.4", &with("vga", "std,clipboard=vnc")).as_deref(),
            Some("Proxmox VE 7.4 does not know the key clipboard of vga")
        );
        assert_eq!(told("7.4", &with("machine", "q35")), None);
        assert_eq!(told("7.4", &with("memory", "2048")), None);
        assert!(told("7.4", &with("machine", "type=q35")).is_some());
        assert_eq!(told("9.2", &with("vga", "std,clipboard=vnc")), None);
    }
}
