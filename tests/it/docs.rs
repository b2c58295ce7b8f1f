//! What the documents list is what the code has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use drover::api::conditions::reason;

fn document(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names in backticks in the first column of a document's tables.
fn first_cells(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_reason_is_documented_once_and_no_other() {
    let listed = first_cells(&document("docs/reference/reasons.md"));
    let documented: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    assert_eq!(documented.len(), listed.len(), "a reason stands there twice");
    assert_eq!(documented, reason::ALL.iter().copied().collect());
}

#[test]
fn every_decision_is_in_the_index() {
    let index = document("docs/adr/README.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/adr");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || index.contains(&name), "{name} is missing");
    }
}
