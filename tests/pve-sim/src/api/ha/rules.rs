//! `/cluster/ha/rules`: where resources are to run, and which of them together or apart; since 9.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::{Call, Endpoint, Run};
use super::sections::{DIGEST, change, failed, given, lock, shown};
use super::{AUDIT, CONSOLE};
use crate::release::Release;
use crate::state::World;
use crate::state::ha::{Section, add_section, file_digest};
use crate::verify::cluster::{HA_NODES, OPTION, OPTION_LIST, WORDS};
use crate::verify::{Kind, Param, TEXT, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const TYPE: Kind = Kind::Enum(&["node-affinity", "resource-affinity"]);

const OPTIONS: &[Param] = &[
    may("affinity", Kind::Enum(&["positive", "negative"])),
    may("comment", Kind::Text(4096)),
    may("disable", Kind::Boolean),
    may("nodes", HA_NODES),
    may("strict", Kind::Boolean),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/cluster/ha/rules",
        AUDIT,
        &[&[may("resource", TEXT), may("type", TYPE)]],
        Run::Show(list),
    )
    .from(Release::V9_2),
    Endpoint::post(
        "/cluster/ha/rules",
        CONSOLE,
        &[
            OPTIONS,
            &[need("resources", WORDS), need("rule", OPTION), need("type", TYPE)],
        ],
        Run::Later(|call| Box::pin(create(call))),
    )
    .from(Release::V9_2),
    Endpoint::get("/cluster/ha/rules/{rule}", AUDIT, &[], Run::Now(show)).from(Release::V9_2),
    Endpoint::put(
        "/cluster/ha/rules/{rule}",
        CONSOLE,
        &[
            OPTIONS,
            &[
                may("delete", OPTION_LIST),
                may("resources", WORDS),
                need("type", TYPE),
            ],
            DIGEST,
        ],
        Run::Later(|call| Box::pin(update(call))),
    )
    .from(Release::V9_2),
    Endpoint::delete(
        "/cluster/ha/rules/{rule}",
        CONSOLE,
        &[],
        Run::Later(|call| Box::pin(remove(call))),
    )
    .from(Release::V9_2),
];

fn row(name: &str, section: &Section, digest: &str) -> Map<String, Value> {
    let mut row = shown(section, digest);
    row.insert("rule".to_owned(), json!(name));
    row.insert("order".to_owned(), json!(section.order));
    row
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let digest = file_digest(&world.ha.rules);
    let wanted = |section: &Section| {
        let is = |option: &str, value: &str| section.options.get(option).is_some_and(|v| v == value);
        let resources = section.options.get("resources").map_or("", String::as_str);
        call.text("type").is_none_or(|kind| is("type", kind))
            && call
                .text("resource")
                .is_none_or(|sid| resources.split(',').any(|resource| resource == sid))
    };
    let mut rules: Vec<_> = world.ha.rules.iter().filter(|(_, s)| wanted(s)).collect();
    rules.sort_by_key(|(_, section)| section.order);
    let rows = rules
        .into_iter()
        .map(|(name, section)| row(name, section, &digest));
    Reply::data(rows.collect::<Vec<_>>())
}

fn name(call: &Call) -> &str {
    call.text("rule").unwrap_or("")
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let section = world.ha.rules.get(name(call));
    let section = section.ok_or_else(|| ApiError::internal(format!("no such ha rule '{}'", name(call))))?;
    Ok(Reply::data(row(
        name(call),
        section,
        &file_digest(&world.ha.rules),
    )))
}

/// What a rule of its kind has to have.
fn check(world: &World, options: &BTreeMap<String, String>) -> Result<(), String> {
    let has = |option: &str| options.contains_key(option);
    match options.get("type").map(String::as_str) {
        Some("node-affinity") if !has("nodes") => return Err("missing property 'nodes'".to_owned()),
        Some("resource-affinity") if !has("affinity") => {
            return Err("missing property 'affinity'".to_owned());
        }
        _ => {}
    }
    let nodes = options.get("nodes").map_or("", String::as_str);
    let named = nodes.split(',').filter(|n| !n.is_empty());
    for node in named.map(|n| n.split(':').next().unwrap_or("")) {
        if world.node(node).is_none() {
            return Err(format!("cannot use non-existent node '{node}'"));
        }
    }
    let resources = options.get("resources").map_or("", String::as_str);
    let unmanaged = resources
        .split(',')
        .find(|sid| !world.ha.resources.contains_key(*sid));
    match unmanaged {
        Some(sid) => Err(format!("cannot use unmanaged resource(s) {sid}.")),
        None => Ok(()),
    }
}

const OWN: &[&str] = &["type"];

async fn create(call: Call) -> ApiResult {
    let what = "create HA rule";
    lock(&call, what).await?;
    let mut world = call.world();
    if world.ha.rules.contains_key(name(&call)) {
        return Err(failed(what, format!("HA rule '{}' already defined", name(&call))));
    }
    let options = given(&call, OWN);
    check(&world, &options).map_err(|error| failed(what, error))?;
    add_section(&mut world.ha.rules, name(&call), options);
    Ok(Reply::null())
}

async fn update(call: Call) -> ApiResult {
    let what = "update HA rule";
    lock(&call, what).await?;
    let mut world = call.world();
    let Some(before) = world.ha.rules.get(name(&call)) else {
        return Err(failed(what, format!("HA rule '{}' does not exist", name(&call))));
    };
    let mut after = before.options.clone();
    for option in call.list("delete") {
        after.remove(&option);
    }
    after.extend(given(&call, OWN));
    check(&world, &after).map_err(|error| failed(what, error))?;
    change(&call, &mut world.ha.rules, name(&call), what, OWN)?;
    Ok(Reply::null())
}

async fn remove(call: Call) -> ApiResult {
    lock(&call, "delete HA rule").await?;
    call.world().ha.rules.remove(name(&call));
    Ok(Reply::null())
}
