//! The recordings: where they lie, and one as it was made. What the real machine answered is sealed until the
//! simulator's own answer is there.

use std::path::PathBuf;

use pve_sim::Release;
use serde::Deserialize;
use serde_json::Value;

use super::client::Answer;

/// One exchange of a recording.
#[derive(Debug, Deserialize)]
pub(crate) struct Recorded {
    /// What the recorder called it.
    pub(crate) name: Option<String>,
    pub(crate) request: RecordedRequest,
    response: RecordedAnswer,
}

/// What was sent, as far as the recorder kept it.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordedRequest {
    pub(crate) method: String,
    /// Below `/api2/json`; a path that begins with `//` is the whole one.
    pub(crate) path: String,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) auth: Option<Credential>,
}

/// What kind of credential was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Credential {
    /// The cookie, and the CSRF token where one is asked for.
    Ticket,
    /// An API token in the header `Authorization`.
    Token,
}

/// What the real machine answered.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RecordedAnswer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: RecordedHeaders,
    /// JSON, or a text that isn't.
    pub(crate) body: Value,
}

/// The headers that the recorder kept, all of which are compared.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct RecordedHeaders {
    pub(crate) connection: String,
    pub(crate) server: String,
    #[serde(rename = "Content-Type")]
    pub(crate) content_type: Option<String>,
    /// Only whether there was one.
    #[serde(rename = "Content-Length")]
    pub(crate) content_length: Option<String>,
}

impl Recorded {
    /// The real answer, for whom the simulator has already given its own.
    pub(crate) fn answer(&self, _own: &Answer) -> &RecordedAnswer {
        &self.response
    }
}

/// Where the recordings lie, or why they can't be had.
pub(crate) fn directory() -> Result<PathBuf, String> {
    #[allow(clippy::disallowed_methods, reason = "a test has no configuration")]
    let given = std::env::var("DROVER_PVE").ok().map(PathBuf::from);
    let pve = given.unwrap_or_else(|| {
        let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        repository.join("../shared/pve")
    });
    let recorded = pve.join("recorded");
    if recorded.is_dir() {
        Ok(recorded)
    } else {
        Err(format!("no recordings at {}", recorded.display()))
    }
}

/// The files of recordings of a release, without their ending.
pub(crate) fn names(release: Release) -> Vec<String> {
    let files = std::fs::read_dir(directory().unwrap().join(release.version())).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect()
}

/// Reads one file of recordings.
pub(crate) fn read(file: &str, release: Release) -> Vec<Recorded> {
    let path = directory()
        .unwrap()
        .join(release.version())
        .join(format!("{file}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
