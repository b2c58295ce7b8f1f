//! Holds what the simulator states of its calls (parameters, bounds, permissions) to the schemas of three releases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pve_sim::{Release, Stated, stated_calls};
use serde_json::Value;

/// How a schema's regular expression is spelt in the simulator, which has no look-arounds and no Perl classes: by the
/// schema's own, where the two differ in spelling alone.
const SAME_PATTERN: &[(&str, &str)] = &[(
    r"(?:(?:\w+=[^\x00-\x08\x0a-\x1F\x7F]*)(?:\0\w+=[^\x00-\x08\x0a-\x1F\x7F]*)*)",
    r"(?:(?:\w+=[^\x00-\x08\x0a-\x1F\x7F]*)(?:\x00\w+=[^\x00-\x08\x0a-\x1F\x7F]*)*)",
)];

/// Where the shared material lies: `DROVER_PVE`, else beside the repository.
fn shared() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/pve"));
    let folder = std::env::var_os("DROVER_PVE").map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn schema(release: Release) -> Option<Value> {
    let file = shared()?.join(format!("schema-{release}.json"));
    let text = std::fs::read_to_string(file).ok()?;
    Some(serde_json::from_str::<Value>(&text).unwrap()["paths"].clone())
}

#[test]
fn what_calls_take_and_want_is_what_the_schemas_say() {
    let mut differences = Vec::new();
    let mut compared = 0;
    for release in Release::ALL {
        let Some(paths) = schema(release) else {
            println!("skipped: the schemas are not here (shared/pve, or DROVER_PVE)");
            return;
        };
        for call in stated_calls(release) {
            let name = format!("{release} {} {}", call.method, call.path);
            let schema = &paths[call.path][call.method];
            if schema.is_null() {
                differences.push(format!("{name}: not in the schema"));
                continue;
            }
            compared += 1;
            let mut differ = |what: String| differences.push(format!("{name}: {what}"));
            let in_path: BTreeSet<&str> = call
                .path
                .split('/')
                .filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            // The options of HA rules depend on their kind, and are not in the schema.
            if schema["additionalProperties"].as_i64() != Some(1) {
                compare_parameters(&call.parameters, &schema["parameters"], &in_path, &mut differ);
            }
            let wanted = permissions(&schema["permissions"]);
            if let (Some(own), Some(wanted)) = (&call.permissions, &wanted)
                && own != wanted
            {
                differ(format!("permissions {own}, not {wanted}"));
            }
            let tokens = schema["allowtoken"].as_i64() != Some(0);
            if call.tokens != tokens {
                differ(format!("takes tokens: {}, not {tokens}", call.tokens));
            }
        }
    }
    for difference in &differences {
        println!("{difference}");
    }
    println!(
        "compared {compared} calls with the schemas, {} differences",
        differences.len()
    );
    assert!(compared > 0);
    assert!(differences.is_empty(), "{} differences", differences.len());
}

fn compare_parameters(
    own: &[Stated],
    schema: &Value,
    in_path: &BTreeSet<&str>,
    differ: &mut dyn FnMut(String),
) {
    let empty = serde_json::Map::new();
    let schema = schema.as_object().unwrap_or(&empty);
    let own: BTreeMap<&str, &Stated> = own.iter().map(|p| (p.name.as_str(), p)).collect();
    for name in own.keys().filter(|name| !schema.contains_key(**name)) {
        differ(format!("{name}: not in the schema"));
    }
    for (name, wanted) in schema.iter().filter(|(name, _)| !in_path.contains(name.as_str())) {
        match own.get(name.as_str()) {
            None if wanted["alias"].is_string() => {}
            None => differ(format!("{name}: not known")),
            Some(own) => compare(name, own, wanted, differ),
        }
    }
}

fn compare(name: &str, own: &Stated, wanted: &Value, differ: &mut dyn FnMut(String)) {
    let number = |key: &str| {
        let value = &wanted[key];
        value.as_f64().or_else(|| value.as_str()?.parse().ok())
    };
    let length = |key: &str| number(key).map(|n| n.to_string());
    let mut unequal = |what: &str, own: String, wanted: String| {
        if own != wanted {
            differ(format!("{name}: {what} {own}, not {wanted}"));
        }
    };
    let kind = wanted["type"].as_str().unwrap_or("string");
    unequal("type", own.kind.to_owned(), kind.to_owned());
    let optional = wanted["optional"].as_i64().unwrap_or(0) != 0;
    unequal("optional", own.optional.to_string(), optional.to_string());
    unequal(
        "minimum",
        format!("{:?}", own.minimum),
        format!("{:?}", number("minimum")),
    );
    unequal(
        "maximum",
        format!("{:?}", own.maximum),
        format!("{:?}", number("maximum")),
    );
    let own_length = |length: Option<usize>| format!("{:?}", length.map(|l| l.to_string()));
    unequal(
        "least length",
        own_length(own.min_length),
        format!("{:?}", length("minLength")),
    );
    unequal(
        "greatest length",
        own_length(own.max_length),
        format!("{:?}", length("maxLength")),
    );
    let values: Option<Vec<String>> = wanted["enum"].as_array().map(|values| {
        values
            .iter()
            .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
            .collect()
    });
    unequal("values", format!("{:?}", own.values), format!("{values:?}"));
    // Perl prints a nested expression as `(?^:…)`, and takes `{,16}` for `{0,16}`.
    let pattern = wanted["pattern"].as_str().map(|wanted| {
        let wanted = wanted
            .replace("(?^:", "(?:")
            .replace("(?^i:", "(?i:")
            .replace("{,", "{0,");
        let same = SAME_PATTERN.iter().find(|(schema, _)| *schema == wanted);
        same.map_or(wanted, |(_, own)| (*own).to_owned())
    });
    // A pattern that can't be written without look-arounds is a format of the simulator's.
    if !(own.format && own.pattern.is_none()) {
        unequal("pattern", format!("{:?}", own.pattern), format!("{pattern:?}"));
    }
    match (&wanted["format"], &own.properties) {
        (Value::Object(keys), Some(properties)) => {
            let schema = Value::Object(keys.clone());
            let mut nested = |what: String| differ(format!("{name}.{what}"));
            compare_parameters(properties, &schema, &BTreeSet::new(), &mut nested);
        }
        (Value::Object(_), None) => differ(format!("{name}: no property string")),
        // Enumerated values and patterns are of the format, or they would not be there.
        (Value::String(format), _) if !own.format && own.values.is_none() && own.pattern.is_none() => {
            differ(format!("{name}: format {format} is not checked"));
        }
        _ => {}
    }
}

/// The schema's permissions as the simulator states its own; nothing for what it has rules of its own for.
fn permissions(permissions: &Value) -> Option<String> {
    match permissions["user"].as_str() {
        Some("all") => return Some("all".to_owned()),
        Some("world") => return Some("world".to_owned()),
        _ => {}
    }
    match &permissions["check"] {
        Value::Null if permissions["description"].is_null() => Some("root".to_owned()),
        check => rule(check),
    }
}

fn rule(check: &Value) -> Option<String> {
    let parts = check.as_array()?;
    match parts.first()?.as_str()? {
        word @ ("and" | "or") => {
            let rules: Option<Vec<String>> = parts[1..].iter().map(rule).collect();
            Some(format!("({word} {})", rules?.join(" ")))
        }
        "perm" => {
            let path = parts.get(1)?.as_str()?;
            let privileges: Vec<&str> = parts
                .get(2)?
                .as_array()?
                .iter()
                .filter_map(Value::as_str)
                .collect();
            let options: BTreeMap<&str, &Value> = parts[3..]
                .chunks(2)
                .filter_map(|pair| Some((pair.first()?.as_str()?, pair.get(1)?)))
                .collect();
            let any = options.contains_key("any") || privileges.len() == 1;
            let how = if any { "any" } else { "all" };
            let perm = format!("(perm {path} {how} {})", privileges.join(" "));
            Some(match options.get("require_param").and_then(|p| p.as_str()) {
                Some(name) => format!("(if {name} {perm})"),
                None => perm,
            })
        }
        _ => None,
    }
}

/// The families of the README's table: a name, and the beginning of the paths that belong to it. The first that fits
/// counts.
const FAMILIES: &[(&str, &str)] = &[
    ("access, users, groups, roles, tokens, tickets", "/access"),
    ("backup jobs", "/cluster/backup"),
    ("HA", "/cluster/ha"),
    ("cluster firewall", "/cluster/firewall"),
    ("SDN", "/cluster/sdn"),
    (
        "cluster: notifications, metrics, mapping, ACME, Ceph, joining",
        "/cluster/notifications",
    ),
    (
        "cluster: notifications, metrics, mapping, ACME, Ceph, joining",
        "/cluster/metrics",
    ),
    (
        "cluster: notifications, metrics, mapping, ACME, Ceph, joining",
        "/cluster/mapping",
    ),
    (
        "cluster: notifications, metrics, mapping, ACME, Ceph, joining",
        "/cluster/acme",
    ),
    (
        "cluster: notifications, metrics, mapping, ACME, Ceph, joining",
        "/cluster/ceph",
    ),
    (
        "cluster: notifications, metrics, mapping, ACME, Ceph, joining",
        "/cluster/config",
    ),
    ("cluster: status, resources, tasks, options, jobs", "/cluster"),
    ("virtual machines: agent", "/nodes/{node}/qemu/{vmid}/agent"),
    ("virtual machines: firewall", "/nodes/{node}/qemu/{vmid}/firewall"),
    ("virtual machines", "/nodes/{node}/qemu"),
    ("containers: firewall", "/nodes/{node}/lxc/{vmid}/firewall"),
    ("containers", "/nodes/{node}/lxc"),
    ("storages of a node", "/nodes/{node}/storage"),
    ("backup and restore", "/nodes/{node}/vzdump"),
    ("tasks", "/nodes/{node}/tasks"),
    ("Ceph of a node", "/nodes/{node}/ceph"),
    ("disks of a node", "/nodes/{node}/disks"),
    ("nodes", "/nodes"),
    ("pools", "/pools"),
    ("storages", "/storage"),
    ("version", "/version"),
];

/// Of each family the methods that are simulated, of those in the schema of the newest release; as lines of a table.
fn coverage(schema: &Value) -> String {
    let own: BTreeSet<(String, String)> = stated_calls(Release::V9_2)
        .into_iter()
        .map(|call| (call.path.to_owned(), call.method.to_owned()))
        .collect();
    let mut rows: Vec<(&str, usize, usize)> = Vec::new();
    let methods = schema
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, _)| (path.clone(), method.clone()))
        });
    for (path, method) in methods {
        let within = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let Some((family, _)) = FAMILIES.iter().find(|(_, prefix)| within(prefix)) else {
            panic!("{path} belongs to no family");
        };
        let known = usize::from(own.contains(&(path, method)));
        match rows.iter_mut().find(|row| row.0 == *family) {
            Some(row) => (row.1, row.2) = (row.1 + known, row.2 + 1),
            None => rows.push((family, known, 1)),
        }
    }
    rows.sort_by_key(|row| FAMILIES.iter().position(|(family, _)| *family == row.0));
    let (known, all) = rows
        .iter()
        .fold((0, 0), |sum, row| (sum.0 + row.1, sum.1 + row.2));
    rows.push(("**together**", known, all));
    let lines = rows
        .iter()
        .map(|(family, known, all)| format!("| {family} | {known} | {all} |\n"));
    lines.collect()
}

#[test]
fn the_readme_says_what_is_simulated() {
    let Some(schema) = schema(Release::V9_2) else {
        println!("skipped: the schemas are not here (shared/pve, or DROVER_PVE)");
        return;
    };
    let readme = include_str!("../README.md");
    let table = coverage(&schema);
    assert!(readme.contains(&table), "the README's table is to be:\n{table}");
}
