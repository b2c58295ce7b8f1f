//! The schemas of one release: which calls there are, and what each takes.

use std::path::PathBuf;

use serde_json::{Map, Value};

/// What one release states of its calls.
pub(super) struct Schema {
    paths: Map<String, Value>,
}

/// A call of a request: what is stated of it, and the values in its path.
pub(super) struct Stated<'a> {
    pub(super) method: &'a Value,
    pub(super) template: &'a str,
    pub(super) in_path: Vec<(String, String)>,
}

impl Schema {
    pub(super) fn new(paths: Map<String, Value>) -> Self {
        Self { paths }
    }

    /// The schema of a release, from beside the repository or where `DROVER_PVE` says; none if it is not there.
    pub(super) fn read(release: &str) -> Option<Self> {
        let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/pve");
        let folder = std::env::var_os("DROVER_PVE").map_or_else(beside, PathBuf::from);
        let text = std::fs::read(folder.join(format!("schema-{release}.json"))).ok()?;
        let whole: Value = serde_json::from_slice(&text).unwrap();
        Some(Self::new(whole["paths"].as_object().unwrap().clone()))
    }

    /// The call with that method and path; fixed parts of a path come before values.
    pub(super) fn call<'a>(&'a self, method: &str, segments: &[String]) -> Option<Stated<'a>> {
        let fitting = self.paths.iter().filter_map(|(template, methods)| {
            let in_path = values(template, segments)?;
            let method = methods.get(method)?;
            Some(Stated {
                method,
                template,
                in_path,
            })
        });
        fitting.min_by_key(|stated| stated.in_path.len())
    }
}

/// The values in a path, by their names; none if it is not one of the template.
fn values(template: &str, segments: &[String]) -> Option<Vec<(String, String)>> {
    let parts: Vec<&str> = template.split('/').filter(|part| !part.is_empty()).collect();
    if parts.len() != segments.len() {
        return None;
    }
    let mut values = Vec::new();
    for (part, segment) in parts.into_iter().zip(segments) {
        match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(name) => values.push((name.to_owned(), segment.clone())),
            None if part == segment => {}
            None => return None,
        }
    }
    Some(values)
}
