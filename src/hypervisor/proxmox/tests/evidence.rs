//! What is known of the real Proxmox VE, from beside the repository: `../shared/pve`, or what `DROVER_PVE` names. It
//! is no part of the project; where it is missing, the tests that need it say so and end.

use std::path::PathBuf;

use serde_json::Value;

/// Reads a JSON file, or says that a test is skipped.
pub(super) fn json(name: &str) -> Option<Value> {
    let root = root();
    let path = root.join(name);
    let Ok(text) = std::fs::read(&path) else {
        println!(
            "skipped: there is no {} (DROVER_PVE names its folder)",
            path.display()
        );
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

/// The JSON files of a folder, or a word that a test is skipped.
pub(super) fn files(folder: &str) -> Vec<PathBuf> {
    let path = root().join(folder);
    let Ok(entries) = std::fs::read_dir(&path) else {
        println!(
            "skipped: there is no {} (DROVER_PVE names its folder)",
            path.display()
        );
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn root() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/pve");
    std::env::var_os("DROVER_PVE").map_or_else(beside, PathBuf::from)
}
