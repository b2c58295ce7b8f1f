//! Writes down every request that this process's simulators receive, for a check over a whole run of tests: one file
//! a process, one JSON object a line. It is off unless `PVE_SIM_RECORD` names a folder, or a test asks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use serde::{Deserialize, Serialize};

use crate::shared::locked;

/// The environment variable that names the folder.
const VARIABLE: &str = "PVE_SIM_RECORD";

/// What the environment asks for.
static WANTED: OnceLock<Option<Recorder>> = OnceLock::new();

/// What somebody began in this process, perhaps after its first requests.
static OWN: OnceLock<Option<Recorder>> = OnceLock::new();

/// A request as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRequest {
    /// The release that it went to: `9.2`.
    pub release: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// The parts of the path below `/api2/json`, decoded.
    pub segments: Vec<String>,
    /// What was given, by name, secrets masked; absent if it could not be read.
    pub parameters: Option<BTreeMap<String, RecordedValue>>,
    /// What the client says it is.
    pub user_agent: String,
    /// The name of the thread that runs the simulator, which mostly is that of a test.
    pub thread: String,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RecordedValue {
    /// A text, as all values of forms are.
    Text(String),
    /// A repeated name of a form, or an array.
    Array(Vec<String>),
    /// JSON's `null`.
    Null,
}

struct Recorder {
    folder: PathBuf,
    file: Mutex<File>,
    /// Options of configurations that a client was shown, each once.
    shown: Mutex<BTreeSet<String>>,
}

impl Recorder {
    fn new(folder: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.jsonl", std::process::id()));
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            folder: folder.to_owned(),
            file: Mutex::new(file),
            shown: Mutex::default(),
        })
    }
}

/// Writes down this process's requests from now on, into a file in `folder`, or where it does so already. Returns
/// that folder, and none if nothing can be written there.
pub fn record_requests(folder: &Path) -> Option<PathBuf> {
    let begun = || OWN.get_or_init(|| Recorder::new(folder).ok()).as_ref();
    let recorder = WANTED.get_or_init(wanted).as_ref().or_else(begun);
    recorder.map(|recorder| recorder.folder.clone())
}

/// The recorder that the environment asks for.
fn wanted() -> Option<Recorder> {
    let folder = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty())?;
    match Recorder::new(Path::new(&folder)) {
        Ok(recorder) => Some(recorder),
        Err(error) => {
            tracing::error!(folder = %folder.display(), %error, "requests can't be written down");
            None
        }
    }
}

fn recorder() -> Option<&'static Recorder> {
    let begun = || OWN.get().and_then(Option::as_ref);
    WANTED.get_or_init(wanted).as_ref().or_else(begun)
}

/// Writes down which options of a configuration a client was shown, if that is wanted: one a line, each once a process,
/// in a file that ends in `.shown`.
pub(crate) fn show(keys: impl FnOnce() -> Vec<String>) {
    let Some(recorder) = recorder() else { return };
    let mut shown = locked(&recorder.shown);
    let before = shown.len();
    shown.extend(keys());
    if shown.len() == before {
        return;
    }
    let text: String = shown.iter().flat_map(|key| [key.as_str(), "\n"]).collect();
    let path = recorder.folder.join(format!("{}.shown", std::process::id()));
    if let Err(error) = fs::write(path, text) {
        tracing::error!(%error, "what a client was shown can't be written down");
    }
}

/// Writes a request down, if that is wanted.
pub(crate) fn record(request: impl FnOnce() -> RecordedRequest) {
    let Some(recorder) = recorder() else { return };
    let Ok(mut line) = serde_json::to_vec(&request()) else {
        return;
    };
    line.push(b'\n');
    // One write a line: lines of several threads do not mix.
    if let Err(error) = locked(&recorder.file).write_all(&line) {
        tracing::error!(%error, "a request can't be written down");
    }
}
