//! What the API says of itself, from beside the repository: the schemas of 7.4, 8.4 and 9.2.

use serde_json::{Map, Value as Json};

use super::recorded::shared;
use crate::hypervisor::proxmox::versions::Release;

const RELEASES: [&str; 3] = ["7.4", "8.4", "9.2"];

/// Paths, in them methods, in them parameters.
pub(in crate::hypervisor::proxmox) type Schema = Map<String, Json>;

/// The schemas of all releases; none, with a line that says so, if they are not there.
pub(in crate::hypervisor::proxmox) fn schemas() -> Option<Vec<(Release, Schema)>> {
    let read = |version: &str| {
        let path = shared(&format!("schema-{version}.json"))?;
        let schema: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        Some((
            version.parse().unwrap(),
            schema["paths"].as_object().unwrap().clone(),
        ))
    };
    RELEASES.into_iter().map(read).collect()
}
