//! What a namespace may reach on a host (`docs/identity.md`): what the host's owner listed, and nothing else. A
//! namespace that may use a host is not trusted with all that the host's token can do.

use std::fmt::Write as _;

use crate::api::conditions::reason;
use crate::api::{Defaults, Tenancy, TenancyMode};
use crate::model::Vmid;
use crate::model::{GuestRow, VolumeId};
use crate::plan::desired::Desired;
use crate::plan::seed;
use crate::plan::status::Outcome;

/// A wish that the host's owner did not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl From<Refused> for Outcome {
    fn from(refused: Refused) -> Self {
        Self::stalled(reason::NOT_ALLOWED_BY_TENANCY, refused.to_string())
    }
}

/// What the host's owner allows.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'a> {
    tenancy: Option<&'a Tenancy>,
    defaults: Option<&'a Defaults>,
}

impl<'a> Allowed<'a> {
    /// By the spec of a host.
    #[must_use]
    pub const fn new(tenancy: Option<&'a Tenancy>, defaults: Option<&'a Defaults>) -> Self {
        Self { tenancy, defaults }
    }

    fn is_all(&self) -> bool {
        self.tenancy.and_then(|t| t.mode) == Some(TenancyMode::Trusted)
    }

    /// Checks storages, bridges and VLANs.
    ///
    /// # Errors
    ///
    /// The field, what it names, and what would be allowed.
    pub fn check(&self, desired: &Desired) -> Result<(), Refused> {
        if self.is_all() {
            return Ok(());
        }
        let empty = Tenancy::default();
        let tenancy = self.tenancy.unwrap_or(&empty);
        let none = Defaults::default();
        let defaults = self.defaults.unwrap_or(&none);
        let storages = with(&tenancy.storages, [&defaults.storage]);
        for disk in &desired.disks {
            one_of(
                &disk.field("storage"),
                disk.storage.as_deref(),
                &storages,
                "storages",
            )?;
        }
        if let Some(iso) = desired.iso() {
            let storages = with(&tenancy.storages, [&defaults.storage, &defaults.iso_storage]);
            one_of("cdrom.iso", Some(iso.storage()), &storages, "storages")?;
        }
        Self::check_extras(desired, tenancy)?;
        let bridges = with(&tenancy.bridges, [&defaults.bridge]);
        let networks = with(&tenancy.bridges, [&defaults.network]);
        for nic in &desired.nics {
            one_of(&nic.field("bridge"), nic.bridge.as_deref(), &bridges, "bridges")?;
            one_of(
                &nic.field("network"),
                nic.network.as_deref(),
                &networks,
                "bridges",
            )?;
            let vlan = nic.vlan.filter(|vlan| *vlan != 0);
            let allowed = |vlan: u16| tenancy.vlans.iter().any(|r| (r.from..=r.to).contains(&vlan));
            if let Some(vlan) = vlan.filter(|vlan| !allowed(*vlan)) {
                let ranges: Vec<String> = tenancy
                    .vlans
                    .iter()
                    .map(|r| format!("{} to {}", r.from, r.to))
                    .collect();
                let mut text = format!(
                    "spec.{}: VLAN {vlan} is not one that this host's owner allows",
                    nic.field("vlan")
                );
                say_allowed(&mut text, &ranges, "vlans");
                return Err(Refused(text));
            }
        }
        Ok(())
    }

    /// Pools, options without a field, devices of the host, and volumes that exist.
    fn check_extras(desired: &Desired, tenancy: &Tenancy) -> Result<(), Refused> {
        let pools: Vec<&str> = tenancy.pools.iter().map(String::as_str).collect();
        one_of("pool", desired.pool.as_deref(), &pools, "pools")?;
        let keys: Vec<&str> = tenancy.extra_config_keys.iter().map(String::as_str).collect();
        for key in desired.settings.extra.keys() {
            one_of("extraConfig", Some(key), &keys, "extraConfigKeys")?;
        }
        if !desired.settings.devices.is_empty() {
            one_of("hostDevices", Some("hostDevices"), &keys, "extraConfigKeys")?;
        }
        let sources = desired
            .disks
            .iter()
            .filter_map(|disk| Some((disk.field("source"), disk.copy_of.as_ref()?)));
        let iso = desired.iso().map(|iso| ("cdrom.iso".to_owned(), iso));
        // What a Secret holds would else be had by who can't read the Secret.
        if let Some((field, volume)) = sources.chain(iso).find(|(_, volume)| seed::is_seed(volume)) {
            return Err(Refused(format!(
                "spec.{field}: {volume} holds a machine's user data, and is that machine's alone"
            )));
        }
        let copied = desired.disks.iter().find(|disk| disk.copy_of.is_some());
        if let Some(disk) = copied.filter(|_| tenancy.existing_volumes != Some(true)) {
            return Err(Refused(format!(
                "spec.{}: volumes that exist are out of reach here unless this host's owner says otherwise \
                 (spec.tenancy.existingVolumes of the ProxmoxNode)",
                disk.field("source")
            )));
        }
        Ok(())
    }

    /// Checks that a machine may be copied. `own`: it belongs to a resource of the same namespace.
    ///
    /// # Errors
    ///
    /// What would be allowed.
    pub fn check_source(&self, row: &GuestRow, own: bool) -> Result<(), Refused> {
        let listed = self.tenancy.is_some_and(|tenancy| {
            tenancy.templates.iter().any(|template| {
                (template.vmid.is_some() && template.vmid == row.id.number().map(Vmid::get))
                    || template
                        .tag
                        .as_ref()
                        .is_some_and(|tag| row.tags.contains(&tag.to_lowercase()))
                    || (template.pool.is_some() && template.pool == row.pool)
            })
        });
        if self.is_all() || own || listed {
            return Ok(());
        }
        Err(Refused(format!(
            "spec.source.clone: machine {} is neither this namespace's own nor one that this host's owner lets it copy \
             (spec.tenancy.templates of the ProxmoxNode, by vmid, tag or pool)",
            row.id
        )))
    }

    /// Checks that a backup may be made a machine. `own`: it is one of a machine of the same namespace.
    ///
    /// # Errors
    ///
    /// What would be allowed.
    pub fn check_archive(&self, archive: &VolumeId, own: bool) -> Result<(), Refused> {
        if self.is_all() {
            return Ok(());
        }
        let empty = Tenancy::default();
        let tenancy = self.tenancy.unwrap_or(&empty);
        if own || tenancy.existing_volumes == Some(true) {
            return Ok(());
        }
        Err(Refused(format!(
            "spec.source.backup.archive: {archive} is no backup of a machine of this namespace, and others are out of reach \
             here unless this host's owner says otherwise (spec.tenancy.existingVolumes of the ProxmoxNode)"
        )))
    }

    /// Checks that machines that exist may be adopted or looked at.
    ///
    /// # Errors
    ///
    /// What would be allowed.
    pub fn check_existing(&self) -> Result<(), Refused> {
        if self.is_all() || self.tenancy.and_then(|t| t.adopt) == Some(true) {
            return Ok(());
        }
        Err(Refused(
            "machines that exist are out of reach here unless this host's owner says otherwise (spec.tenancy.adopt of the \
             ProxmoxNode)"
                .to_owned(),
        ))
    }
}

fn with<'a, const N: usize>(listed: &'a [String], defaults: [&'a Option<String>; N]) -> Vec<&'a str> {
    let defaults = defaults.into_iter().flatten();
    let mut all: Vec<&str> = listed.iter().chain(defaults).map(String::as_str).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn one_of(field: &str, value: Option<&str>, allowed: &[&str], list: &str) -> Result<(), Refused> {
    let Some(value) = value.filter(|value| !allowed.contains(value)) else {
        return Ok(());
    };
    let mut text = format!("spec.{field}: '{value}' is not one that this host's owner allows");
    let allowed: Vec<String> = allowed.iter().map(|s| (*s).to_owned()).collect();
    say_allowed(&mut text, &allowed, list);
    Err(Refused(text))
}

fn say_allowed(text: &mut String, allowed: &[String], list: &str) {
    let those = if allowed.is_empty() {
        "none".to_owned()
    } else {
        allowed.join(", ")
    };
    // Writing to a String can't fail.
    let _ = write!(
        text,
        " (spec.tenancy.{list} of the ProxmoxNode); allowed: {those}"
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::{TemplateRef, VirtualMachine, VlanRange};
    use crate::model::{GuestKind, Power};
    use crate::plan::desired;

    fn defaults() -> Defaults {
        Defaults {
            storage: Some("fast".into()),
            bridge: Some("vmbr0".into()),
            iso_storage: Some("isos".into()),
            ..Defaults::default()
        }
    }

    fn desired(spec: &str) -> Desired {
        let vm: VirtualMachine = serde_yaml::from_str(&format!(
            "{{apiVersion: drover.dev/v1alpha1, kind: VirtualMachine, metadata: {{name: web}}, spec: {{hostRef: {{kind: \
             ProxmoxNode, name: pve}}, {spec}}}}}"
        ))
        .unwrap();
        desired::resolve(&vm, None, &defaults()).unwrap()
    }

    fn refused(tenancy: Option<&Tenancy>, spec: &str) -> Option<String> {
        let defaults = defaults();
        let checked = Allowed::new(tenancy, Some(&defaults)).check(&desired(spec));
        checked.err().map(|e| e.to_string())
    }

    #[test]
    fn virtual_networks_are_reached_as_bridges_are() {
        let listed = Tenancy {
            bridges: vec!["team".into()],
            ..Tenancy::default()
        };
        let defaults = Defaults {
            network: Some("default".into()),
            ..Defaults::default()
        };
        let spec = |network: &str| {
            let vm: VirtualMachine = serde_yaml::from_str(&format!(
                "{{apiVersion: drover.dev/v1alpha1, kind: VirtualMachine, metadata: {{name: web}}, spec: {{hostRef: {{kind: \
                 LibvirtHost, name: kvm}}, networks: [{{name: net0{network}}}]}}}}"
            ))
            .unwrap();
            desired::resolve(&vm, None, &defaults).unwrap()
        };
        let refused = |network: &str| {
            let checked = Allowed::new(Some(&listed), Some(&defaults)).check(&spec(network));
            checked.err().map(|e| e.to_string())
        };
        assert_eq!(refused(""), None, "the host's own");
        assert_eq!(refused(", network: team"), None);
        let why = refused(", network: other").unwrap();
        assert!(
            why.contains("networks[net0].network: 'other'") && why.contains("default, team"),
            "{why}"
        );
        let why = refused(", bridge: br0").unwrap();
        assert!(why.contains("networks[net0].bridge: 'br0'"), "{why}");
    }

    #[test]
    fn defaults_of_the_host_are_allowed_and_what_is_listed() {
        let listed = Tenancy {
            storages: vec!["slow".into()],
            bridges: vec!["vmbr1".into()],
            vlans: vec![VlanRange { from: 100, to: 199 }],
            ..Tenancy::default()
        };
        for (spec, unlisted, with_list) in [
            ("disks: [{name: scsi0, size: 1Gi}]", None, None),
            (
                "disks: [{name: scsi0, size: 1Gi, storage: slow}]",
                Some("allowed: fast"),
                None,
            ),
            (
                "disks: [{name: scsi0, size: 1Gi, storage: ceph}]",
                Some("disks[scsi0].storage: 'ceph'"),
                Some("allowed: fast, slow"),
            ),
            ("networks: [{name: net0}]", None, None),
            (
                "networks: [{name: net0, bridge: vmbr1}]",
                Some("allowed: vmbr0"),
                None,
            ),
            (
                "networks: [{name: net0, bridge: vmbr9}]",
                Some("vmbr9"),
                Some("allowed: vmbr0, vmbr1"),
            ),
            ("networks: [{name: net0, vlan: 150}]", Some("allowed: none"), None),
            (
                "networks: [{name: net0, vlan: 200}]",
                Some("VLAN 200"),
                Some("allowed: 100 to 199"),
            ),
            ("cdrom: {iso: 'isos:iso/debian.iso'}", None, None),
            (
                "cdrom: {iso: 'isos:iso/drover-0b7e0a64-0f2c-4b1e-9d3f-1c2d3e4f5a6b-0123456789abcdef.iso'}",
                Some("is that machine's alone"),
                Some("is that machine's alone"),
            ),
            (
                "cdrom: {iso: 'slow:iso/debian.iso'}",
                Some("cdrom.iso: 'slow'"),
                None,
            ),
        ] {
            for (tenancy, expected) in [(None, unlisted), (Some(&listed), with_list)] {
                match (refused(tenancy, spec), expected) {
                    (None, None) => {}
                    (Some(text), Some(part)) => assert!(text.contains(part), "{spec}: {text}"),
                    (got, expected) => panic!("{spec}: {got:?} instead of {expected:?}"),
                }
            }
            let trusted = Tenancy {
                mode: Some(TenancyMode::Trusted),
                ..Tenancy::default()
            };
            assert_eq!(refused(Some(&trusted), spec), None);
        }
    }

    #[test]
    fn copies_are_of_the_namespaces_own_or_of_listed_machines() {
        let row = GuestRow {
            id: 9000.try_into().unwrap(),
            kind: GuestKind::VirtualMachine,
            node: "pve1".parse().unwrap(),
            name: None,
            power: Power::Stopped,
            template: true,
            lock: None,
            cpus: 1,
            memory: 1,
            uptime: 0,
            tags: BTreeSet::from(["golden".to_owned()]),
            pool: Some("images".into()),
            ha_state: None,
        };
        let defaults = defaults();
        let may = |tenancy: Option<&Tenancy>, own| {
            Allowed::new(tenancy, Some(&defaults))
                .check_source(&row, own)
                .is_ok()
        };
        assert!(!may(None, false) && may(None, true));
        let listing = |vmid, tag: Option<&str>, pool: Option<&str>| Tenancy {
            templates: vec![TemplateRef {
                vmid,
                tag: tag.map(Into::into),
                pool: pool.map(Into::into),
            }],
            ..Tenancy::default()
        };
        assert!(may(Some(&listing(Some(9000), None, None)), false));
        assert!(may(Some(&listing(None, Some("Golden"), None)), false));
        assert!(may(Some(&listing(None, None, Some("images"))), false));
        assert!(!may(
            Some(&listing(Some(9001), Some("other"), Some("other"))),
            false
        ));
    }
}
