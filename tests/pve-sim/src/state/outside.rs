//! What the hosts have to do with the world outside: servers that answer, files that can be downloaded, files that were
//! just uploaded.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::seed::{Seed, SeedDownload};

/// A file that was uploaded and isn't on a storage yet.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct TemporaryFile {
    pub(crate) size: u64,
    /// Its beginning.
    pub(crate) head: Vec<u8>,
    /// By the algorithm that the upload named.
    pub(crate) checksum: Option<String>,
}

/// The world outside.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Outside {
    /// Servers of files and backups that answer, by name or address.
    pub(crate) servers: BTreeSet<String>,
    /// What lies at URLs.
    pub(crate) downloads: BTreeMap<String, SeedDownload>,
    /// By path.
    pub(crate) uploads: BTreeMap<String, TemporaryFile>,
}

/// What somebody finds who asks for a URL.
pub(crate) enum Found<'a> {
    File(&'a SeedDownload),
    /// The server is there, the file isn't.
    NoFile,
    /// The server isn't there.
    NoServer,
}

impl Outside {
    pub(crate) fn from_seed(seed: &Seed) -> Self {
        Self {
            servers: seed.servers.iter().cloned().collect(),
            downloads: seed.downloads.clone(),
            uploads: BTreeMap::new(),
        }
    }

    /// What lies at a URL.
    pub(crate) fn find(&self, url: &str) -> Found<'_> {
        if let Some(file) = self.downloads.get(url) {
            return Found::File(file);
        }
        let host = host(url);
        let known = self.downloads.keys().any(|other| self::host(other) == host);
        if known { Found::NoFile } else { Found::NoServer }
    }
}

/// Scheme, host and port of a URL.
pub(crate) fn host(url: &str) -> &str {
    let after = url.find("://").map_or(0, |at| at + 3);
    let end = url[after..].find('/').map_or(url.len(), |at| after + at);
    &url[..end]
}
