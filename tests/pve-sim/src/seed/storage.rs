//! Storages of a seed, what lies on them, and what can be put there from elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A file on a storage.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedFile {
    /// As `local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz`.
    pub volid: String,
    /// Bytes.
    #[serde(default = "megabyte")]
    pub size: u64,
}

fn megabyte() -> u64 {
    1 << 20
}

impl SeedFile {
    /// A file of so many bytes.
    #[must_use]
    pub fn new(volid: impl Into<String>, size: u64) -> Self {
        Self {
            volid: volid.into(),
            size,
        }
    }
}

/// A file that lies at a URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedDownload {
    /// Bytes.
    pub size: u64,
    /// As the server says; by the name's ending when absent.
    #[serde(default)]
    pub mimetype: Option<String>,
    /// Its checksums, by algorithm (`sha256`). One that isn't given is that of the URL.
    #[serde(default)]
    pub checksums: BTreeMap<String, String>,
}

impl SeedDownload {
    /// A file of so many bytes.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self {
            size,
            mimetype: None,
            checksums: BTreeMap::new(),
        }
    }

    /// With a checksum.
    #[must_use]
    pub fn checksum(mut self, algorithm: impl Into<String>, checksum: impl Into<String>) -> Self {
        self.checksums.insert(algorithm.into(), checksum.into());
        self
    }

    /// The type that its server gives it.
    pub(crate) fn mimetype(&self, url: &str) -> &str {
        let by_name = match url.rsplit('.').next().unwrap_or("") {
            "iso" => "application/x-iso9660-image",
            "gz" => "application/gzip",
            "xz" => "application/x-xz",
            _ => "application/octet-stream",
        };
        self.mimetype.as_deref().unwrap_or(by_name)
    }
}

/// A storage that the cluster has; each node has one of its own under the name, unless it is shared.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedStorage {
    /// As `local`.
    pub name: String,
    /// As `dir` or `lvmthin`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What may lie there: `images`, `rootdir`, `iso`, `vztmpl`, `backup`, `snippets`, `import`.
    pub content: Vec<String>,
    /// Whether all nodes see the same.
    #[serde(default)]
    pub shared: bool,
    /// Bytes, on each node.
    #[serde(default = "hundred_gib")]
    pub size: u64,
    /// What else its section of `storage.cfg` says: `path`, `nodes`, `prune-backups`, ….
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

fn hundred_gib() -> u64 {
    100 << 30
}

impl SeedStorage {
    /// A storage of 100 GiB on each node.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: impl Into<String>, content: &[&str]) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            content: content.iter().map(|&c| c.to_owned()).collect(),
            shared: false,
            size: hundred_gib(),
            options: BTreeMap::new(),
        }
    }

    /// With an option of its section of `storage.cfg`.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(key.into(), value.into());
        self
    }

    /// With so many bytes.
    #[must_use]
    pub fn sized(mut self, size: u64) -> Self {
        self.size = size;
        self
    }
}
