//! What `drover doctor` finds of a host: each check as a line for a person, with what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::privileges::{self, Missing, Optional};
use crate::api::ProxmoxNodeSpec;
use crate::model::{ClusterStatus, HostVersion, StorageRow};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Fine,
    /// It is as it should be, and for more something is lacking.
    Hint,
    /// It works, and a person should look at it.
    Warning,
    /// It does not work.
    Wrong,
}

/// A check and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub subject: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, and what to do.
    pub told: String,
}

impl Check {
    /// It is as it should be.
    #[must_use]
    pub fn fine(subject: &'static str, told: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Fine, told)
    }

    /// It is as it should be, and for more something is lacking.
    #[must_use]
    pub fn hint(subject: &'static str, told: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Hint, told)
    }

    /// It works, and a person should look at it.
    #[must_use]
    pub fn warning(subject: &'static str, told: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Warning, told)
    }

    /// It does not work.
    #[must_use]
    pub fn wrong(subject: &'static str, told: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Wrong, told)
    }

    fn new(subject: &'static str, verdict: Verdict, told: impl Into<String>) -> Self {
        Self {
            subject,
            verdict,
            told: told.into(),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Fine => "ok",
            Verdict::Hint => "hint",
            Verdict::Warning => "warning",
            Verdict::Wrong => "WRONG",
        };
        write!(f, "{verdict:<8} {:<12} {}", self.subject, self.told)
    }
}

/// The oldest release that Drover knows, and the newest.
const RELEASES: std::ops::RangeInclusive<u32> = 7..=9;

/// The release of a host.
#[must_use]
pub fn version(version: &HostVersion) -> Check {
    let told = format!("Proxmox VE {}", version.text);
    let before = version.text.starts_with("7.") && !version.text.starts_with("7.4");
    if !RELEASES.contains(&version.major) || before {
        return Check::warning("version", format!("{told}: Drover is tried with 7.4, 8 and 9"));
    }
    Check::fine("version", told)
}

/// The releases of the members of a cluster, by node.
#[must_use]
pub fn versions(by_node: &BTreeMap<String, HostVersion>) -> Option<Check> {
    let told = || {
        let all = by_node
            .iter()
            .map(|(node, version)| format!("{node} {}", version.text));
        all.collect::<Vec<_>>().join(", ")
    };
    let texts: BTreeSet<&str> = by_node.values().map(|version| version.text.as_str()).collect();
    let majors: BTreeSet<u32> = by_node.values().map(|version| version.major).collect();
    let differ = match (texts.len(), majors.len()) {
        (0 | 1, _) => {
            return (by_node.len() > 1)
                .then(|| Check::fine("versions", format!("all members alike: {}", told())));
        }
        (_, 1) => "the members' versions differ",
        _ => {
            "the members' releases differ, and a machine that runs can't be moved to an older one for certain"
        }
    };
    Some(Check::warning(
        "versions",
        format!("{differ}: {}. Upgrade those that are behind", told()),
    ))
}

/// Members and majority, and that the node is one of them.
#[must_use]
pub fn cluster(status: &ClusterStatus, node: &str) -> Check {
    let away: Vec<&str> = status
        .members
        .iter()
        .filter(|m| !m.online)
        .map(|m| m.name.as_str())
        .collect();
    let names: Vec<&str> = status.members.iter().map(|m| m.name.as_str()).collect();
    if !names.contains(&node) {
        return Check::wrong(
            "cluster",
            format!(
                "it has no node {node} (spec.nodeName); it has: {}",
                names.join(", ")
            ),
        );
    }
    if !status.quorate {
        return Check::wrong("cluster", "it has no majority: nothing is changed until it has");
    }
    if !away.is_empty() {
        return Check::warning("cluster", format!("these nodes are offline: {}", away.join(", ")));
    }
    match &status.name {
        Some(name) => Check::fine(
            "cluster",
            format!("{name}, with a majority: {}", names.join(", ")),
        ),
        None => Check::fine("cluster", "a node on its own"),
    }
}

/// Seconds by which clocks may differ before a person should know.
const WARN: u64 = 5;
/// And before tickets and tasks are misjudged.
const FAIL: u64 = 300;

/// Two clocks, in seconds since 1970.
#[must_use]
pub fn clock(node: i64, here: i64) -> Check {
    let apart = node.abs_diff(here);
    let told = format!("the node's clock and this machine's are {apart} s apart");
    match apart {
        _ if apart > FAIL => Check::wrong(
            "clock",
            format!("{told}: set both by NTP; tickets and the age of tasks are misjudged"),
        ),
        _ if apart > WARN => Check::warning("clock", format!("{told}: set both by NTP")),
        _ => Check::fine("clock", told),
    }
}

/// What the credentials may not do.
#[must_use]
pub fn rights(missing: &[Missing], user: &str) -> Check {
    if missing.is_empty() {
        return Check::fine("privileges", format!("{user} has all that Drover needs"));
    }
    let lacks: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let commands = privileges::commands(missing, user).join("\n    ");
    Check::wrong(
        "privileges",
        format!(
            "{user} lacks {}; as root on a node:\n    {commands}",
            lacks.join(", ")
        ),
    )
}

/// What the credentials may not do that some machines alone need.
#[must_use]
pub fn optional_rights(lacking: &[Optional], user: &str) -> Option<Check> {
    let lacks: Vec<String> = lacking.iter().map(ToString::to_string).collect();
    let told = || format!("{user} lacks what only some machines need: {}", lacks.join(", "));
    (!lacks.is_empty()).then(|| Check::hint("privileges", told()))
}

/// The storages that the host's declaration names, as its node has them.
#[must_use]
pub fn storages(spec: &ProxmoxNodeSpec, node: &str, rows: &[StorageRow]) -> Vec<Check> {
    let defaults = spec.defaults.clone().unwrap_or_default();
    let mut named: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (storage, content) in [
        (defaults.storage, "images"),
        (defaults.iso_storage, "iso"),
        (defaults.backup_storage, "backup"),
    ] {
        if let Some(storage) = storage {
            named.entry(storage).or_default().insert(content);
        }
    }
    for storage in spec.tenancy.iter().flat_map(|tenancy| &tenancy.storages) {
        named.entry(storage.clone()).or_default();
    }
    let check = |(name, contents): (&String, &BTreeSet<&str>)| {
        let Some(row) = rows
            .iter()
            .find(|row| row.storage == *name && row.node.as_str() == node)
        else {
            let there: Vec<&str> = rows
                .iter()
                .filter(|row| row.node.as_str() == node)
                .map(|row| row.storage.as_str())
                .collect();
            return Check::wrong(
                "storage",
                format!(
                    "node {node} has no storage '{name}'; it has: {}",
                    there.join(", ")
                ),
            );
        };
        if !row.available {
            return Check::wrong("storage", format!("'{name}' is not available on node {node}"));
        }
        let lacking: Vec<&str> = contents
            .iter()
            .filter(|c| !row.content.iter().any(|has| has == **c))
            .copied()
            .collect();
        if !lacking.is_empty() {
            return Check::wrong(
                "storage",
                format!(
                    "'{name}' does not hold {}: pvesm set {name} --content {},{}",
                    lacking.join(", "),
                    row.content.join(","),
                    lacking.join(",")
                ),
            );
        }
        Check::fine("storage", format!("'{name}' ({})", row.plugin))
    };
    named.iter().map(check).collect()
}

/// The bridges that the host's declaration names, as its node has them.
#[must_use]
pub fn bridges(spec: &ProxmoxNodeSpec, node: &str, there: &[String]) -> Vec<Check> {
    let default = spec.defaults.as_ref().and_then(|d| d.bridge.clone());
    let listed = spec.tenancy.iter().flat_map(|tenancy| tenancy.bridges.clone());
    let named: BTreeSet<String> = default.into_iter().chain(listed).collect();
    let check = |name: &String| {
        if there.contains(name) {
            Check::fine("bridge", name.clone())
        } else {
            Check::wrong(
                "bridge",
                format!(
                    "node {node} has no bridge or virtual network '{name}'; it has: {}",
                    there.join(", ")
                ),
            )
        }
    };
    named.iter().map(check).collect()
}

/// Which node a resource stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredNode {
    /// The name of the `ProxmoxNode`.
    pub resource: String,
    /// The identity of its cluster.
    pub cluster: String,
    /// The node's name in Proxmox VE.
    pub node: String,
}

/// How many resources one line names.
const NAMED: usize = 5;

/// Other resources for the same node, and for nodes of the same name in other clusters.
#[must_use]
pub fn namesakes(own: &DeclaredNode, all: &[DeclaredNode]) -> Vec<Check> {
    let others = all
        .iter()
        .filter(|other| other.resource != own.resource && other.node == own.node);
    let (same, elsewhere): (Vec<_>, Vec<_>) = others.partition(|other| other.cluster == own.cluster);
    let doubled = |other: &&DeclaredNode| {
        let told = format!(
            "ProxmoxNode '{}' stands for the same node {}: remove one of the two",
            other.resource, own.node
        );
        Check::wrong("node", told)
    };
    let mut checks: Vec<Check> = same.iter().map(doubled).collect();
    if !elsewhere.is_empty() {
        let mut names: Vec<String> = elsewhere.iter().map(|other| other.resource.clone()).collect();
        names.sort();
        if let Some(more) = names.len().checked_sub(NAMED).filter(|more| *more > 0) {
            names.truncate(NAMED);
            names.push(format!("and {more} more"));
        }
        let told = format!(
            "other clusters have a node {} too (ProxmoxNode {}): what addresses machines by the name of their node, as Proxmox \
             VE's API does, can't tell them apart. Let it speak of one of these clusters alone",
            own.node,
            names.join(", ")
        );
        checks.push(Check::warning("node", told));
    }
    checks
}

/// Marks of machines by the UID of the Kubernetes cluster whose Drover made them.
#[must_use]
pub fn marks(by_cluster: &BTreeMap<String, usize>, own: &str, nodes: &[String]) -> Vec<Check> {
    if by_cluster.is_empty() && !nodes.is_empty() {
        return vec![Check::fine(
            "marks",
            format!("no machine on {} carries one", nodes.join(", ")),
        )];
    }
    let nodes = nodes.join(", ");
    let check = |(cluster, count): (&String, &usize)| {
        if cluster == own {
            Check::fine(
                "marks",
                format!("{count} machines are of this Kubernetes cluster (on {nodes})"),
            )
        } else {
            let told = format!(
                "{count} machines on {nodes} carry marks of another Kubernetes cluster ({cluster}). If that one is lost and this one takes \
                 its place, start Drover with --recover-from {cluster}"
            );
            Check::warning("marks", told)
        }
    };
    by_cluster.iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Member, NodeName};

    fn node() -> NodeName {
        "pve1".parse().unwrap()
    }

    #[test]
    fn nodes_declared_twice_are_told_apart_from_namesakes_in_other_clusters() {
        let declared = |resource: &str, cluster: &str, node: &str| DeclaredNode {
            resource: resource.to_owned(),
            cluster: cluster.to_owned(),
            node: node.to_owned(),
        };
        let own = declared("a", "one", "pve1");
        let found = |others: &[DeclaredNode]| {
            let all: Vec<DeclaredNode> = others.iter().cloned().chain([own.clone()]).collect();
            let checks = namesakes(&own, &all);
            checks
                .into_iter()
                .map(|c| (c.verdict, c.told))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found(&[declared("b", "one", "pve2"), declared("c", "two", "pve2")]),
            []
        );
        let told = found(&[
            declared("d", "two", "pve1"),
            declared("b", "one", "pve1"),
            declared("c", "three", "pve1"),
        ]);
        assert_eq!(told[0].0, Verdict::Wrong);
        assert_eq!(
            told[0].1,
            "ProxmoxNode 'b' stands for the same node pve1: remove one of the two"
        );
        assert_eq!(told[1].0, Verdict::Warning);
        assert!(
            told[1]
                .1
                .starts_with("other clusters have a node pve1 too (ProxmoxNode c, d): ")
        );
        assert_eq!(told.len(), 2);
        let many: Vec<DeclaredNode> = (0..7)
            .map(|n| declared(&format!("h{n}"), "two", "pve1"))
            .collect();
        assert!(found(&many)[0].1.contains("h0, h1, h2, h3, h4, and 2 more)"));
    }

    #[test]
    fn each_check_can_fail_and_says_what_to_do() {
        let version_of = |text: &str, major| {
            version(&HostVersion {
                text: text.to_owned(),
                major,
            })
            .verdict
        };
        assert_eq!(version_of("9.2.11", 9), Verdict::Fine);
        assert_eq!(version_of("7.2-1", 7), Verdict::Warning);
        assert_eq!(version_of("6.4", 6), Verdict::Warning);
        let member = |online| Member {
            name: node(),
            online,
            local: true,
        };
        let status = |quorate, online| ClusterStatus {
            name: None,
            quorate,
            members: vec![member(online)],
        };
        assert_eq!(cluster(&status(true, true), "pve1").verdict, Verdict::Fine);
        assert_eq!(cluster(&status(true, false), "pve1").verdict, Verdict::Warning);
        assert_eq!(cluster(&status(false, true), "pve1").verdict, Verdict::Wrong);
        assert_eq!(cluster(&status(true, true), "pve9").verdict, Verdict::Wrong);
        let clocks = [0, 6, 301].map(|apart| clock(1_000, 1_000 + apart).verdict);
        assert_eq!(clocks, [Verdict::Fine, Verdict::Warning, Verdict::Wrong]);
        let spec: ProxmoxNodeSpec = serde_json::from_value(serde_json::json!({
            "defaults": {"storage": "ssd", "isoStorage": "local", "bridge": "vmbr0"},
            "tenancy": {"storages": ["gone"], "bridges": ["vmbr9"]},
        }))
        .unwrap();
        let row = |name: &str, content: &str, available| StorageRow {
            storage: name.to_owned(),
            node: node(),
            plugin: "dir".to_owned(),
            content: vec![content.to_owned()],
            shared: false,
            available,
            capacity: 0,
        };
        let found = storages(
            &spec,
            "pve1",
            &[row("ssd", "images", true), row("local", "backup", true)],
        );
        let told: Vec<(Verdict, &str)> = found.iter().map(|c| (c.verdict, c.told.as_str())).collect();
        assert_eq!(
            told,
            [
                (
                    Verdict::Wrong,
                    "node pve1 has no storage 'gone'; it has: ssd, local"
                ),
                (
                    Verdict::Wrong,
                    "'local' does not hold iso: pvesm set local --content backup,iso"
                ),
                (Verdict::Fine, "'ssd' (dir)"),
            ]
        );
        assert_eq!(
            storages(&spec, "pve1", &[row("ssd", "images", false)])[2].verdict,
            Verdict::Wrong
        );
        let found = bridges(&spec, "pve1", &["vmbr0".to_owned()]);
        assert_eq!(
            found.iter().map(|c| c.verdict).collect::<Vec<_>>(),
            [Verdict::Fine, Verdict::Wrong]
        );
        let lacks = Optional {
            missing: Missing {
                path: "/".to_owned(),
                privilege: "Sys.Console",
            },
            what_for: "highAvailability",
        };
        assert_eq!(
            optional_rights(&[lacks], "a@pve").unwrap().to_string(),
            "hint     privileges   a@pve lacks what only some machines need: Sys.Console on / (highAvailability)"
        );
        assert_eq!(optional_rights(&[], "a@pve"), None);
        let nodes = ["pve1".to_owned()];
        let found = marks(&[("a".to_owned(), 2), ("b".to_owned(), 1)].into(), "a", &nodes);
        assert_eq!(found[0].verdict, Verdict::Fine);
        assert!(found[1].told.contains("--recover-from b"));
        assert_eq!(marks(&BTreeMap::new(), "a", &nodes)[0].verdict, Verdict::Fine);
        let members = |second: &str, major| {
            let version = |text: &str, major| HostVersion {
                text: text.to_owned(),
                major,
            };
            let members = [("pve1", version("9.2.11", 9)), ("pve2", version(second, major))];
            versions(&members.map(|(node, version)| (node.to_owned(), version)).into()).unwrap()
        };
        assert_eq!(members("9.2.11", 9).verdict, Verdict::Fine);
        assert_eq!(members("9.1.0", 9).verdict, Verdict::Warning);
        assert!(members("8.4.1", 8).told.contains("can't be moved"));
        assert_eq!(versions(&BTreeMap::new()), None);
    }
}
