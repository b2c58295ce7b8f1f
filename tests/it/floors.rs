//! The house has floors, and a module imports only from floors below its own; `plan/` is pure. Read from the
//! sources, so that it can't be forgotten.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Floors as `ARCHITECTURE.md` tells them. Modules of one floor do not know each other, except where said.
const FLOORS: [(&str, u8); 13] = [
    ("runtime", 0),
    ("api", 1),
    ("model", 1),
    ("plan", 2),
    ("hypervisor", 3),
    ("fleet", 4),
    ("controllers", 5),
    ("rest", 5),
    ("operator", 6),
    ("standalone", 6),
    ("cli", 6),
    ("main", 6),
    ("lib", 6),
];

/// The top floor only starts things: its parts call each other.
const NEIGHBOURS: [(&str, &str); 4] = [
    ("cli", "operator"),
    ("cli", "standalone"),
    ("standalone", "operator"),
    ("main", "cli"),
];

/// What may not be in `plan/`, outside its tests.
const IMPURE: [(&str, &str); 13] = [
    ("async fn", "is asynchronous"),
    ("async move", "is asynchronous"),
    (".await", "waits"),
    ("kube::Client", "calls Kubernetes"),
    ("kube::Api", "calls Kubernetes"),
    ("kube::runtime", "calls Kubernetes"),
    ("tokio", "is asynchronous"),
    ("Instant::now", "asks what time it is"),
    ("SystemTime", "asks what time it is"),
    ("Timestamp::now", "asks what time it is"),
    ("std::fs", "reads files"),
    ("std::env", "reads the environment"),
    ("fastrand", "is not deterministic"),
];

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, floor)| *floor)
}

/// A source file without comments and what is compiled for tests only.
fn code(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        if line.trim() != "#[cfg(test)]" {
            kept.push(line);
            continue;
        }
        // An item ends with its brace at the attribute's own indentation, or at once.
        let indentation = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indentation}}}");
        let item = lines
            .by_ref()
            .find(|line| !line.trim_start().starts_with(['#', '/']));
        if item.is_some_and(|item| !item.ends_with([';', '}'])) {
            lines.by_ref().find(|line| *line == end);
        }
    }
    kept.join("\n")
}

/// The modules of this crate that a file names: `crate::fleet::…`, `crate::{api, fleet::Fleet}`, `drover::cli`.
fn named(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for start in ["crate::", "drover::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &code[at + start.len()..];
            if let Some(group) = rest.strip_prefix('{') {
                modules.extend(heads(group));
            } else {
                modules.extend(head(rest));
            }
        }
    }
    modules
}

fn head(text: &str) -> Option<String> {
    let word: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// The first words of the parts of `a, b::{c, d}, e}`.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut part, mut words) = (0, String::new(), Vec::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => words.extend(head(std::mem::take(&mut part).trim())),
            c if depth == 0 => part.push(c),
            _ => {}
        }
    }
    words.extend(head(part.trim()));
    words
}

/// What is wrong with one file, given as its path below `src/` and its text.
fn faults(path: &str, text: &str) -> Vec<String> {
    let own = path.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    let Some(height) = floor(own) else {
        return vec![format!("{path}: the module {own} is on no floor")];
    };
    let code = code(text);
    let mut faults = Vec::new();
    for module in named(&code).into_iter().filter(|module| module != own) {
        // Macros and items of the crate's root have no floor.
        let Some(other) = floor(&module) else { continue };
        let neighbours = NEIGHBOURS.contains(&(own, module.as_str()));
        if other > height || (other == height && !neighbours) {
            faults.push(format!(
                "{path}: {own} (floor {height}) imports {module} (floor {other})"
            ));
        }
    }
    if own == "plan" {
        let found = IMPURE.iter().filter(|(sign, _)| code.contains(sign));
        faults.extend(found.map(|(sign, what)| format!("{path}: plan is pure, and this {what} ({sign})")));
    }
    faults
}

fn sources(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn modules_import_only_from_floors_below() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 50, "the sources are found");
    let mut found = Vec::new();
    for file in files {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap();
        // Files that hold nothing but tests.
        if path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("/fixtures.rs") {
            continue;
        }
        found.extend(faults(path, &fs::read_to_string(&file).unwrap()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn import_from_above_would_be_found() {
    for (path, text, part) in [
        (
            "fleet/host.rs",
            "use crate::controllers::Context;",
            "fleet (floor 4) imports controllers (floor 5)",
        ),
        (
            "plan/guest.rs",
            "fn f() -> crate::fleet::Fleet {}",
            "plan (floor 2) imports fleet (floor 4)",
        ),
        (
            "api/size.rs",
            "use crate::{\n    model::Vmid,\n};",
            "api (floor 1) imports model (floor 1)",
        ),
        (
            "rest/mod.rs",
            "use crate::{api::{self, Size}, controllers};",
            "rest (floor 5) imports controllers",
        ),
        (
            "controllers/wake.rs",
            "use crate::rest::Server;",
            "controllers (floor 5) imports rest",
        ),
        ("cellar/mod.rs", "", "the module cellar is on no floor"),
        ("plan/guest.rs", "pub async fn plan() {}", "is asynchronous"),
        (
            "plan/guest.rs",
            "let now = Instant::now();",
            "asks what time it is",
        ),
        ("plan/guest.rs", "use kube::Client;", "calls Kubernetes"),
        (
            "plan/guest.rs",
            "#[cfg(test)]\nmod fixtures;\n\nfn f() {\n    Instant::now();\n}",
            "asks what time it is",
        ),
        (
            "plan/guest.rs",
            "#[cfg(test)]\nmod tests {\n    fn g() {}\n}\nuse crate::fleet::Fleet;",
            "imports fleet",
        ),
    ] {
        let found = faults(path, text).join("\n");
        assert!(found.contains(part), "{path}: {text}: {found:?}");
    }
}

#[test]
fn import_from_below_tests_and_comments_are_no_faults() {
    for (path, text) in [
        (
            "controllers/wake.rs",
            "use crate::{api::Size, fleet::{Fleet, FleetEvents}, runtime::Clock};",
        ),
        (
            "plan/guest.rs",
            "/// Unlike [`crate::fleet`], pure.\nuse crate::plan::desired::Desired;",
        ),
        (
            "plan/guest.rs",
            "#[cfg(test)]\nmod tests {\n    let now = Instant::now();\n}",
        ),
        (
            "plan/guest.rs",
            "impl A {\n    /// So.\n    #[cfg(test)]\n    #[must_use]\n    pub fn b() {\n        Instant::now();\n    }\n}",
        ),
        ("cli/run.rs", "use crate::{operator, standalone::install_crds};"),
        ("main.rs", "fn main() { drover::cli::main() }"),
        ("plan/host.rs", "use kube::ResourceExt;"),
    ] {
        assert!(
            faults(path, text).is_empty(),
            "{path}: {text}: {:?}",
            faults(path, text)
        );
    }
}
