//! Which privileges Drover needs on a host and does not have.

use std::fmt;

use crate::api::ProxmoxNodeSpec;
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
    let defaults = spec.defaults.clone().unwrap_or_default();
    let storages = [defaults.storage, defaults.backup_storage];
    let mut any = false;
    for storage in storages.into_iter().flatten() {
        any = true;
        for privilege in ["Datastore.AllocateSpace", "Datastore.Audit"] {
            needed.push((format!("/storage/{storage}"), privilege));
        }
    }
    if !any {
        for privilege in ["Datastore.AllocateSpace", "Datastore.Audit"] {
            needed.push(("/storage".to_owned(), privilege));
        }
    }
    if let Some(storage) = defaults.iso_storage {
        for privilege in ["Datastore.AllocateTemplate", "Datastore.Audit"] {
            needed.push((format!("/storage/{storage}"), privilege));
        }
    }
    if major >= 8 {
        let zone = "/sdn/zones/localnetwork";
        let path = defaults
            .bridge
            .map_or_else(|| zone.to_owned(), |bridge| format!("{zone}/{bridge}"));
        needed.push((path, "SDN.Use"));
    }
    let mut missing: Vec<Missing> = needed
        .into_iter()
        .filter(|(path, privilege)| !permissions.allows(path, privilege))
        .map(|(path, privilege)| Missing { path, privilege })
        .collect();
    missing.sort();
    missing.dedup();
    missing
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
}
