//! The firewall's files: one of the cluster, one of each node, one of each guest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::config::text_digest;
use super::world::World;

/// A rule's properties, as in the API.
pub(crate) type Rule = BTreeMap<String, String>;

/// One file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Firewall {
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) rules: Vec<Rule>,
    /// `cidr` and `comment` by name.
    pub(crate) aliases: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) sets: BTreeMap<String, Group>,
    /// Security groups, which only the cluster's file has.
    pub(crate) groups: BTreeMap<String, Group>,
}

/// A security group with its rules, or a set with its addresses.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Group {
    pub(crate) comment: Option<String>,
    pub(crate) rows: Vec<Rule>,
}

/// Which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FirewallFile {
    Cluster,
    Node(String),
    Guest(u32),
}

impl FirewallFile {
    /// Below `/etc/pve`.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Cluster => "firewall/cluster.fw".to_owned(),
            Self::Node(node) => format!("nodes/{node}/host.fw"),
            Self::Guest(vmid) => format!("firewall/{vmid}.fw"),
        }
    }
}

impl World {
    /// What a file says; one that isn't there says nothing.
    pub(crate) fn firewall(&self, file: &FirewallFile) -> Firewall {
        self.firewalls.get(&file.path()).cloned().unwrap_or_default()
    }

    pub(crate) fn firewall_mut(&mut self, file: &FirewallFile) -> &mut Firewall {
        self.firewalls.entry(file.path()).or_default()
    }

    /// A clone has the rules of its original.
    pub(crate) fn clone_firewall(&mut self, vmid: u32, target: u32) {
        if let Some(file) = self.firewalls.get(&FirewallFile::Guest(vmid).path()).cloned() {
            self.firewalls.insert(FirewallFile::Guest(target).path(), file);
        }
    }
}

/// The digest of a list of properties; that of nothing is that of an empty text.
pub(crate) fn rows_digest<'a>(rows: impl IntoIterator<Item = &'a BTreeMap<String, String>>) -> String {
    let mut text = String::new();
    for row in rows {
        for (key, value) in row {
            text.extend([key, ":", value, "\n"]);
        }
        if !row.is_empty() {
            text.push('\n');
        }
    }
    text_digest(&text)
}
