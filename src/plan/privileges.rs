//! Which privileges Drover needs on a host and does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::api::{ProxmoxNodeSpec, TenancyMode};
use crate::model::Permissions;

/// A privilege that is missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// Where it is needed.
    pub path: String,
    /// Its name.
    pub privilege: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.privilege, self.path)
    }
}

/// A privilege that is missing and that some machines alone need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Optional {
    /// The privilege.
    pub missing: Missing,
    /// What of a machine's spec needs it.
    pub what_for: &'static str,
}

impl fmt::Display for Optional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.missing, self.what_for)
    }
}

/// On all machines.
const ON_MACHINES: [&str; 14] = [
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Migrate",
    "VM.PowerMgmt",
];

/// What is missing on a host of a release of Proxmox VE.
#[must_use]
pub fn missing(permissions: &Permissions, major: u32, spec: &ProxmoxNodeSpec) -> Vec<Missing> {
    let mut needed: Vec<(String, &'static str)> = vec![("/".to_owned(), "Sys.Audit")];
    needed.extend(ON_MACHINES.map(|privilege| ("/vms".to_owned(), privilege)));
    // Renamed with release 9, and only what the agent tells depends on it.
    let agent = if major >= 9 {
        "VM.GuestAgent.Audit"
    } else {
        "VM.Monitor"
    };
    needed.push(("/vms".to_owned(), agent));
    needed.extend(on_storages(spec));
    if major >= 8 {
        needed.extend(on_bridges(permissions, spec));
    }
    let pools = spec.tenancy.iter().flat_map(|tenancy| &tenancy.pools);
    needed.extend(pools.map(|pool| (format!("/pool/{pool}"), "Pool.Allocate")));
    let mut missing: Vec<Missing> = needed
        .into_iter()
        .filter(|(path, privilege)| !permissions.allows(path, privilege))
        .map(|(path, privilege)| Missing { path, privilege })
        .collect();
    missing.sort();
    missing.dedup();
    missing
}

/// On the storages that the host's declaration names; where it names none, on all.
fn on_storages(spec: &ProxmoxNodeSpec) -> Vec<(String, &'static str)> {
    let defaults = spec.defaults.clone().unwrap_or_default();
    let listed = spec.tenancy.iter().flat_map(|tenancy| tenancy.storages.clone());
    let iso = defaults.iso_storage;
    // One that is listed and the one of ISO images may hold no disks at all.
    let listed: Vec<String> = listed.filter(|storage| Some(storage) != iso.as_ref()).collect();
    let named = [defaults.storage, defaults.backup_storage].into_iter().flatten();
    let mut paths: Vec<String> = named
        .chain(listed)
        .map(|storage| format!("/storage/{storage}"))
        .collect();
    if paths.is_empty() {
        paths.push("/storage".to_owned());
    }
    let both = |path: String| {
        ["Datastore.AllocateSpace", "Datastore.Audit"].map(|privilege| (path.clone(), privilege))
    };
    let mut needed: Vec<_> = paths.into_iter().flat_map(both).collect();
    if let Some(storage) = iso {
        for privilege in ["Datastore.AllocateTemplate", "Datastore.Audit"] {
            needed.push((format!("/storage/{storage}"), privilege));
        }
    }
    needed
}

/// On the bridges that the host's declaration names; where it names none, on all of the node. What it calls a bridge may be
/// a virtual network, whose zone the declaration does not tell: then a right on any zone will do.
fn on_bridges(permissions: &Permissions, spec: &ProxmoxNodeSpec) -> Vec<(String, &'static str)> {
    const PRIVILEGE: &str = "SDN.Use";
    const ZONE: &str = "/sdn/zones/localnetwork";
    let default = spec
        .defaults
        .iter()
        .filter_map(|defaults| defaults.bridge.as_ref());
    let listed = spec.tenancy.iter().flat_map(|tenancy| &tenancy.bridges);
    let named: BTreeSet<&String> = default.chain(listed).collect();
    if named.is_empty() {
        return vec![(ZONE.to_owned(), PRIVILEGE)];
    }
    let zones: BTreeSet<&str> = permissions
        .0
        .keys()
        .filter_map(|path| path.strip_prefix("/sdn/zones/")?.split('/').next())
        .collect();
    let elsewhere = |bridge: &str| {
        zones
            .iter()
            .any(|zone| permissions.allows(&format!("/sdn/zones/{zone}/{bridge}"), PRIVILEGE))
    };
    named
        .into_iter()
        .filter(|bridge| !elsewhere(bridge))
        .map(|bridge| (format!("{ZONE}/{bridge}"), PRIVILEGE))
        .collect()
}

/// What is missing that some machines alone need, which a host does not know of.
#[must_use]
pub fn optional(permissions: &Permissions, major: u32, spec: &ProxmoxNodeSpec) -> Vec<Optional> {
    let tenancy = spec.tenancy.clone().unwrap_or_default();
    let trusted = tenancy.mode == Some(TenancyMode::Trusted);
    let devices = trusted || tenancy.extra_config_keys.iter().any(|key| key == "hostDevices");
    let mut asked = vec![("/".to_owned(), "Sys.Console", "highAvailability")];
    if trusted && tenancy.pools.is_empty() {
        asked.push(("/pool".to_owned(), "Pool.Allocate", "pool"));
    }
    // Before release 8 there are no mappings.
    if devices && major >= 8 {
        asked.push(("/mapping".to_owned(), "Mapping.Use", "hostDevices"));
    }
    if let Some(storage) = spec.defaults.as_ref().and_then(|d| d.iso_storage.clone()) {
        let what_for = "to take media with cloudInit.userDataRef or hostname away";
        asked.push((format!("/storage/{storage}"), "Datastore.Allocate", what_for));
    }
    // A right on one of many pools or devices is enough for the machines that are in it or have it.
    let held_below = |path: &str, privilege: &str| {
        let below = format!("{path}/");
        let held = |(at, held): (&String, &BTreeMap<String, bool>)| {
            at.starts_with(&below) && held.contains_key(privilege)
        };
        path != "/" && permissions.0.iter().any(held)
    };
    asked
        .into_iter()
        .filter(|(path, privilege, _)| !permissions.allows(path, privilege) && !held_below(path, privilege))
        .map(|(path, privilege, what_for)| Optional {
            missing: Missing { path, privilege },
            what_for,
        })
        .collect()
}

/// How many rows a status takes.
const MOST: usize = 64;

/// What is missing, as a status tells it.
#[must_use]
pub fn told(missing: &[Missing]) -> Vec<String> {
    let mut told: Vec<String> = missing.iter().map(ToString::to_string).collect();
    if told.len() > MOST {
        let more = told.len() - (MOST - 1);
        told.truncate(MOST - 1);
        told.push(format!("{more} more"));
    }
    told
}

/// The commands that grant what is missing, to be run as root on a node; one role a path.
#[must_use]
pub fn commands(missing: &[Missing], user: &str) -> Vec<String> {
    let mut paths: Vec<&str> = missing.iter().map(|m| m.path.as_str()).collect();
    paths.dedup();
    let (kind, owner) = match user.split_once('!') {
        Some((owner, _)) => ("tokens", Some(owner)),
        None => ("users", None),
    };
    let of_path = |path: &str| {
        let privileges: Vec<&str> = missing
            .iter()
            .filter(|m| m.path == path)
            .map(|m| m.privilege)
            .collect();
        let role = format!(
            "DroverMissing{}",
            path.replace(['/', '.'], "-").trim_end_matches('-')
        );
        let mut commands = vec![
            format!("pveum role add {role} --privs '{}'", privileges.join(" ")),
            format!("pveum acl modify {path} --{kind} '{user}' --roles {role}"),
        ];
        // A token never has more than its user.
        if let Some(owner) = owner.filter(|owner| *owner != "root@pam") {
            commands.push(format!(
                "pveum acl modify {path} --users '{owner}' --roles {role}"
            ));
        }
        commands
    };
    paths.into_iter().flat_map(of_path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(rows: &[(&str, &str, bool)]) -> Permissions {
        let mut all = Permissions::default();
        for (path, privilege, below) in rows {
            all.0
                .entry((*path).to_owned())
                .or_default()
                .insert((*privilege).to_owned(), *below);
        }
        all
    }

    #[test]
    fn what_is_set_nearest_counts() {
        let all = held(&[
            ("/", "Sys.Audit", true),
            ("/", "VM.Audit", false),
            ("/vms", "VM.Clone", true),
            ("/storage/local", "Datastore.Audit", false),
        ]);
        for (path, privilege, expected) in [
            ("/", "Sys.Audit", true),
            ("/nodes/pve1", "Sys.Audit", true),
            ("/", "VM.Audit", true),
            ("/pool/a", "VM.Audit", false),
            ("/vms/105", "VM.Clone", true),
            ("/vms/105", "Sys.Audit", false),
            ("/storage/local", "Datastore.Audit", true),
            ("/storage/local", "Sys.Audit", false),
        ] {
            assert_eq!(all.allows(path, privilege), expected, "{privilege} on {path}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_commands_that_grant_it() {
        let spec: ProxmoxNodeSpec =
            serde_json::from_value(serde_json::json!({"defaults": {"storage": "ssd", "bridge": "vmbr0"}}))
                .unwrap();
        let mut rows: Vec<(&str, &str, bool)> = ON_MACHINES.map(|p| ("/", p, true)).to_vec();
        rows.extend([
            ("/", "Sys.Audit", true),
            ("/", "VM.Monitor", true),
            ("/", "Datastore.Audit", true),
        ]);
        rows.extend([("/", "SDN.Use", true)]);
        let found = missing(&held(&rows), 8, &spec);
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["Datastore.AllocateSpace on /storage/ssd"]);
        assert_eq!(
            commands(&found, "drover@pve!operator"),
            [
                "pveum role add DroverMissing-storage-ssd --privs 'Datastore.AllocateSpace'",
                "pveum acl modify /storage/ssd --tokens 'drover@pve!operator' --roles DroverMissing-storage-ssd",
                "pveum acl modify /storage/ssd --users 'drover@pve' --roles DroverMissing-storage-ssd",
            ]
        );
        let nine = missing(&held(&rows), 9, &spec);
        assert!(nine.iter().any(|m| m.privilege == "VM.GuestAgent.Audit"));
    }

    fn spec(of: serde_json::Value) -> ProxmoxNodeSpec {
        serde_json::from_value(of).unwrap()
    }

    /// All that machines need on any host, and nothing on storages, bridges and pools.
    fn on_machines() -> Vec<(&'static str, &'static str, bool)> {
        let mut rows: Vec<(&str, &str, bool)> = ON_MACHINES.map(|p| ("/vms", p, true)).to_vec();
        rows.extend([("/", "Sys.Audit", true), ("/vms", "VM.GuestAgent.Audit", true)]);
        rows
    }

    #[test]
    fn what_the_hosts_owner_lists_is_needed_too() {
        let spec = spec(serde_json::json!({
            "defaults": {"storage": "ssd", "isoStorage": "iso", "bridge": "vmbr0"},
            "tenancy": {"storages": ["iso", "ssd", "tank"], "bridges": ["vmbr0", "vmbr1"], "pools": ["lab"]},
        }));
        let found = |rows: &[(&str, &str, bool)], major| told(&missing(&held(rows), major, &spec));
        assert_eq!(
            found(&on_machines(), 9),
            [
                "Pool.Allocate on /pool/lab",
                "SDN.Use on /sdn/zones/localnetwork/vmbr0",
                "SDN.Use on /sdn/zones/localnetwork/vmbr1",
                "Datastore.AllocateTemplate on /storage/iso",
                "Datastore.Audit on /storage/iso",
                "Datastore.AllocateSpace on /storage/ssd",
                "Datastore.Audit on /storage/ssd",
                "Datastore.AllocateSpace on /storage/tank",
                "Datastore.Audit on /storage/tank",
            ]
        );
        assert!(!found(&on_machines(), 7).iter().any(|told| told.contains("SDN")));
        let mut rows = on_machines();
        rows.extend([
            ("/pool/lab", "Pool.Allocate", true),
            ("/storage", "Datastore.Audit", true),
            ("/storage", "Datastore.AllocateSpace", true),
            ("/storage", "Datastore.AllocateTemplate", true),
            // A virtual network, and the zone of all bridges.
            ("/sdn/zones/campus", "SDN.Use", true),
            ("/sdn/zones/localnetwork/vmbr0", "SDN.Use", true),
        ]);
        assert!(found(&rows, 9).is_empty());
    }

    #[test]
    fn what_some_machines_alone_need_is_not_missing() {
        let open = spec(serde_json::json!({
            "defaults": {"storage": "ssd", "isoStorage": "iso", "bridge": "vmbr0"},
            "tenancy": {"extraConfigKeys": ["hostDevices"]},
        }));
        let trusted = spec(serde_json::json!({"tenancy": {"mode": "Trusted"}}));
        let found = |rows: &[(&str, &str, bool)], major, spec: &ProxmoxNodeSpec| {
            let found = optional(&held(rows), major, spec);
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            found(&[], 9, &open),
            [
                "Sys.Console on / (highAvailability)",
                "Mapping.Use on /mapping (hostDevices)",
                "Datastore.Allocate on /storage/iso (to take media with cloudInit.userDataRef or hostname away)",
            ]
        );
        assert_eq!(
            found(&[("/", "Sys.Console", true)], 9, &trusted),
            [
                "Pool.Allocate on /pool (pool)",
                "Mapping.Use on /mapping (hostDevices)"
            ]
        );
        let narrow = [
            ("/pool/lab", "Pool.Allocate", true),
            ("/mapping/pci/gpu", "Mapping.Use", true),
        ];
        assert_eq!(
            found(&narrow, 9, &trusted),
            ["Sys.Console on / (highAvailability)"]
        );
        assert_eq!(
            found(&[], 7, &open)[1..],
            [
                "Datastore.Allocate on /storage/iso (to take media with cloudInit.userDataRef or hostname away)"
            ]
        );
        let every = missing(&held(&[]), 9, &open);
        for privilege in ["Sys.Console", "Mapping.Use", "Datastore.Allocate"] {
            assert!(every.iter().all(|m| m.privilege != privilege));
        }
    }

    #[test]
    fn more_than_a_status_takes_is_counted() {
        let row = |n: usize| Missing {
            path: format!("/pool/{n}"),
            privilege: "Pool.Allocate",
        };
        let rows: Vec<Missing> = (0..70).map(row).collect();
        assert_eq!(told(&rows[..64]).len(), 64);
        let all = told(&rows);
        assert_eq!((all.len(), all[63].as_str()), (64, "7 more"));
    }
}
