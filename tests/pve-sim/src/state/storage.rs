//! Storages and the volumes on them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::seed::SeedStorage;

/// A storage as the cluster knows it; each node has one of its own under the name, unless it is shared.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Storage {
    pub(crate) name: String,
    /// `dir` or `lvmthin`.
    pub(crate) kind: String,
    pub(crate) content: Vec<String>,
    pub(crate) shared: bool,
    pub(crate) enabled: bool,
    pub(crate) total: u64,
}

impl From<SeedStorage> for Storage {
    fn from(seed: SeedStorage) -> Self {
        Self {
            name: seed.name,
            kind: seed.kind,
            content: seed.content,
            shared: seed.shared,
            enabled: true,
            total: seed.size,
        }
    }
}

impl Storage {
    pub(crate) fn allows(&self, content: &str) -> bool {
        self.content.iter().any(|c| c == content)
    }

    /// The id of a disk of a guest with a running number: `local-lvm:vm-100-disk-0`, `local:100/vm-100-disk-0.raw`.
    pub(crate) fn disk_volid(&self, vmid: u32, what: &str, format: &str) -> String {
        let name = &self.name;
        if self.kind == "dir" {
            format!("{name}:{vmid}/vm-{vmid}-{what}.{format}")
        } else {
            format!("{name}:vm-{vmid}-{what}")
        }
    }
}

/// One volume on one node.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Volume {
    pub(crate) node: String,
    pub(crate) volid: String,
    /// `images`, `iso`, …
    pub(crate) content: String,
    pub(crate) format: String,
    pub(crate) size: u64,
    pub(crate) used: u64,
    pub(crate) ctime: i64,
    /// The guest that it belongs to.
    pub(crate) vmid: Option<u32>,
    /// The base volume of a linked clone.
    pub(crate) parent: Option<String>,
}

impl Volume {
    pub(crate) fn disk(node: &str, volid: String, format: &str, size: u64, vmid: u32) -> Self {
        Self {
            node: node.to_owned(),
            volid,
            content: "images".to_owned(),
            format: format.to_owned(),
            size,
            // Thin: what a guest has written so far.
            used: size / 4,
            ctime: clock::now(),
            vmid: Some(vmid),
            parent: None,
        }
    }

    pub(crate) fn iso(node: &str, storage: &str, file: &str, size: u64) -> Self {
        Self {
            node: node.to_owned(),
            volid: format!("{storage}:iso/{file}"),
            content: "iso".to_owned(),
            format: "iso".to_owned(),
            size,
            used: size,
            ctime: clock::now(),
            vmid: None,
            parent: None,
        }
    }

    pub(crate) fn storage(&self) -> &str {
        self.volid.split(':').next().unwrap_or("")
    }
}

/// Writes the volumes as a list: JSON has no keys of two parts.
pub(super) mod volumes {
    use serde::{Deserializer, Serializer};

    use super::{BTreeMap, Deserialize, Volume};

    type Volumes = BTreeMap<(String, String), Volume>;

    pub(crate) fn serialize<S: Serializer>(volumes: &Volumes, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(volumes.values())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Volumes, D::Error> {
        let list = Vec::<Volume>::deserialize(from)?;
        let keyed = list.into_iter().map(|v| ((v.node.clone(), v.volid.clone()), v));
        Ok(keyed.collect())
    }
}
