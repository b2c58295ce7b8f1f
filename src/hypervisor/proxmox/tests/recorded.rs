//! What was recorded with a real Proxmox VE, from beside the repository: `../shared/pve/recorded`, or under
//! `DROVER_PVE`. It is not part of the project; where it is missing, the tests that need it say so.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value as Json;

/// A request and its answer.
#[derive(Debug)]
pub(in crate::hypervisor::proxmox) struct Exchange {
    pub(in crate::hypervisor::proxmox) method: String,
    pub(in crate::hypervisor::proxmox) path: String,
    /// What was sent, as it stood on the wire.
    pub(in crate::hypervisor::proxmox) body: Option<String>,
    pub(in crate::hypervisor::proxmox) status: u16,
    /// The whole entry of the recording.
    pub(in crate::hypervisor::proxmox) text: String,
    answer: Json,
}

impl Exchange {
    /// The answer as it stood on the wire, if it was JSON.
    pub(in crate::hypervisor::proxmox) fn body_of_answer(&self) -> Vec<u8> {
        self.answer.to_string().into_bytes()
    }

    /// The data of the answer.
    pub(in crate::hypervisor::proxmox) fn data(&self) -> Option<&Json> {
        self.answer.get("data")
    }
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    #[serde(default)]
    body: Json,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    #[serde(default)]
    body: Json,
}

fn text(json: &Json) -> Option<String> {
    match json {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A file of facts about Proxmox VE, or a folder of them; none, with a line that says so, if there is none.
pub(in crate::hypervisor::proxmox) fn shared(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/pve");
    let root = std::env::var_os("DROVER_PVE").map_or_else(beside, PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

/// All exchanges of all versions.
pub(in crate::hypervisor::proxmox) fn exchanges() -> Option<Vec<Exchange>> {
    let folder = shared("recorded")?;
    let mut exchanges = Vec::new();
    for version in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(version.unwrap().path()).unwrap() {
            let file = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let entries: Vec<Json> = serde_json::from_str(&file).unwrap();
            for json in entries {
                let whole = json.to_string();
                let Entry { request, response } = serde_json::from_value(json).unwrap();
                let answer = match response.body {
                    Json::String(text) => serde_json::from_str(&text).unwrap_or_default(),
                    body => body,
                };
                exchanges.push(Exchange {
                    method: request.method,
                    path: request.path,
                    body: text(&request.body),
                    status: response.status,
                    text: whole,
                    answer,
                });
            }
        }
    }
    assert!(!exchanges.is_empty(), "the recordings are empty");
    Some(exchanges)
}
