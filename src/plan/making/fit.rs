//! What is not there, or does not fit.

use std::fmt::Write as _;

use super::call::{Site, View};
use crate::api::conditions::reason;
use crate::model::{NodeName, StorageRow};
use crate::plan::status::Outcome;

/// What is not there, or does not fit: nothing is sent until a person mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The reason for the condition.
    pub reason: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Missing {
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

impl From<Missing> for Outcome {
    fn from(missing: Missing) -> Self {
        Self::stalled(missing.reason, missing.message)
    }
}

/// Checks that the node can take a guest at all.
pub fn check_node(node: &NodeName, view: View<'_>) -> Result<(), Missing> {
    match view.nodes.iter().find(|row| row.name == *node) {
        Some(row) if row.online => Ok(()),
        Some(_) => Err(Missing::new(
            reason::NODE_OFFLINE,
            format!("node {node} is offline; the machine is made when it is back"),
        )),
        None => Err(Missing::new(
            reason::NODE_NOT_FOUND,
            format!("the cluster has no node {node}"),
        )),
    }
}

pub(super) fn check_storage(storage: &str, site: Site<'_>) -> Result<(), Missing> {
    let fit = |s: &&StorageRow| s.node == *site.node && s.content.iter().any(|c| c == "images");
    let rows = || site.view.storages.iter();
    match rows().find(|s| s.storage == storage && s.node == *site.node) {
        Some(row) if fit(&row) && row.available => Ok(()),
        Some(row) if fit(&row) => Err(Missing::new(
            reason::STORAGE_NOT_FOUND,
            format!("storage {storage} is not available on node {} now", site.node),
        )),
        found => {
            let problem = if found.is_some() {
                "holds no disks of machines"
            } else {
                "does not exist there"
            };
            let message = format!(
                "storage {storage} {problem} (node {}); name one of: {}",
                site.node,
                listed(rows().filter(fit).map(|s| s.storage.clone()))
            );
            Err(Missing::new(reason::STORAGE_NOT_FOUND, message))
        }
    }
}

/// Checks that a node has a storage to which ISO images can be brought.
pub fn check_iso_storage(storage: &str, node: &NodeName, view: View<'_>) -> Result<(), Missing> {
    let fit = |row: &StorageRow| row.node == *node && row.content.iter().any(|c| c == "iso");
    let rows = view.storages;
    let problem = match rows
        .iter()
        .find(|row| row.storage == storage && row.node == *node)
    {
        Some(row) if fit(row) && row.available => return Ok(()),
        Some(row) if fit(row) => "is not available there now",
        Some(_) => "holds no ISO images",
        None => "does not exist there",
    };
    let others = rows.iter().filter(|row| fit(row)).map(|row| row.storage.clone());
    let message = format!(
        "the storage '{storage}' for media with user data (spec.defaults.isoStorage of the ProxmoxNode) {problem} (node {node}); \
         name one of: {}",
        listed(others)
    );
    Err(Missing::new(reason::STORAGE_NOT_FOUND, message))
}

pub(super) fn listed(names: impl Iterator<Item = String>) -> String {
    const MOST: usize = 10;
    let mut names: Vec<String> = names.collect();
    names.sort();
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let mut text = names.join(", ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}
