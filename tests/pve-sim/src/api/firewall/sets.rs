//! Sets of addresses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::{Call, Endpoint, Run};
use super::{
    CHANGE_CLUSTER, CHANGE_GUEST, DIGEST, NAME, SEE_CLUSTER, SEE_GUEST, check_digest, check_writable, file,
    formats, shown,
};
use crate::state::{Firewall, Rule, World, rows_digest};
use crate::verify::{Kind, Param, TEXT, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const SET: &[Param] = &[need("name", NAME), may("comment", TEXT), may("rename", NAME)];
const ENTRY: &[Param] = &[may("comment", TEXT), may("nomatch", Kind::Boolean)];

macro_rules! sets {
    ($list:literal, $see:expr, $change:expr) => {
        [
            Endpoint::get($list, $see, &[], Run::Show(list)),
            Endpoint::post($list, $change, &[SET, DIGEST], Run::Now(create)),
            Endpoint::get(concat!($list, "/{name}"), $see, &[], Run::Now(entries)),
            Endpoint::post(
                concat!($list, "/{name}"),
                $change,
                &[ENTRY, &[need("cidr", Kind::Format(formats::network_or_alias))]],
                Run::Now(add),
            ),
            Endpoint::delete(
                concat!($list, "/{name}"),
                $change,
                &[&[may("force", Kind::Boolean)]],
                Run::Now(remove),
            ),
            Endpoint::get(concat!($list, "/{name}/{cidr}"), $see, &[], Run::Now(entry)),
            Endpoint::put(
                concat!($list, "/{name}/{cidr}"),
                $change,
                &[ENTRY, DIGEST],
                Run::Now(change),
            ),
            Endpoint::delete(
                concat!($list, "/{name}/{cidr}"),
                $change,
                &[DIGEST],
                Run::Now(take),
            ),
        ]
    };
}

pub(super) const OF_CLUSTER: [Endpoint; 8] = sets!("/cluster/firewall/ipset", SEE_CLUSTER, CHANGE_CLUSTER);
pub(super) const OF_QEMU: [Endpoint; 8] = sets!(
    "/nodes/{node}/qemu/{vmid}/firewall/ipset",
    SEE_GUEST,
    CHANGE_GUEST
);
pub(super) const OF_LXC: [Endpoint; 8] =
    sets!("/nodes/{node}/lxc/{vmid}/firewall/ipset", SEE_GUEST, CHANGE_GUEST);

fn digest(firewall: &Firewall) -> String {
    let rows: Vec<BTreeMap<String, String>> = firewall
        .sets
        .iter()
        .map(|(name, set)| {
            let comment = set.comment.clone().unwrap_or_default();
            [("name".to_owned(), name.clone()), ("comment".to_owned(), comment)].into()
        })
        .collect();
    rows_digest(&rows)
}

fn list(call: &Call) -> Reply {
    let firewall = call.world().firewall(&file(call));
    let digest = digest(&firewall);
    let rows = firewall.sets.iter().map(|(name, set)| {
        let mut row = Map::from_iter([
            ("name".to_owned(), json!(name)),
            ("digest".to_owned(), json!(digest)),
        ]);
        if let Some(comment) = &set.comment {
            row.insert("comment".to_owned(), json!(comment));
        }
        row
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn create(call: &Call) -> ApiResult {
    let wrong = |text: String| Err(ApiError::parameter("name", text));
    let (file, name) = (file(call), call.text("name").unwrap_or("").to_owned());
    let mut world = call.world();
    let firewall = world.firewall(&file);
    let taken = firewall.sets.contains_key(&name);
    let old = call.text("rename");
    match old {
        Some(old) if !firewall.sets.contains_key(old) => {
            return wrong(format!("IPSet '{old}' does not exist"));
        }
        Some(old) if taken && old != name => return wrong(format!("IPSet '{name}' does already exist")),
        Some(_) => check_digest(call, &digest(&firewall))?,
        None if taken => return wrong(format!("IPSet '{name}' already exists")),
        None => {}
    }
    check_writable(&world, &file)?;
    let sets = &mut world.firewall_mut(&file).sets;
    let mut set = old.and_then(|old| sets.remove(old)).unwrap_or_default();
    set.comment = call.text("comment").map(str::to_owned).or(set.comment);
    sets.insert(name, set);
    drop(world);
    Ok(Reply::null())
}

/// The entries of the set that the path names.
fn set(world: &World, call: &Call) -> Result<Vec<Rule>, ApiError> {
    let name = call.text("name").unwrap_or("");
    let firewall = world.firewall(&file(call));
    let set = firewall.sets.get(name);
    let set = set.ok_or_else(|| ApiError::internal(format!("no such IPSet '{name}'")))?;
    Ok(set.rows.clone())
}

fn save(world: &mut World, call: &Call, rows: Vec<Rule>) -> ApiResult {
    let file = file(call);
    check_writable(world, &file)?;
    let name = call.text("name").unwrap_or("");
    if let Some(set) = world.firewall_mut(&file).sets.get_mut(name) {
        set.rows = rows;
    }
    Ok(Reply::null())
}

fn row(rows: &[Rule], entry: &Rule) -> Value {
    let mut row = shown(entry, &["nomatch"]);
    row.insert("digest".to_owned(), json!(rows_digest(rows)));
    Value::Object(row)
}

fn entries(call: &Call) -> ApiResult {
    let rows = set(&call.world(), call)?;
    Ok(Reply::data(
        rows.iter().map(|entry| row(&rows, entry)).collect::<Vec<_>>(),
    ))
}

fn is_called(entry: &Rule, cidr: &str) -> bool {
    entry.get("cidr").is_some_and(|own| own == cidr)
}

fn given(call: &Call) -> Rule {
    let names = ["cidr", "comment", "nomatch"];
    let given = call
        .params
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()));
    given.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn add(call: &Call) -> ApiResult {
    let mut world = call.world();
    let mut rows = set(&world, call)?;
    let cidr = call.text("cidr").unwrap_or("");
    if rows.iter().any(|entry| is_called(entry, cidr)) {
        return Err(ApiError::parameter(
            "cidr",
            format!("address '{cidr}' already exists"),
        ));
    }
    rows.insert(0, given(call));
    save(&mut world, call, rows)
}

fn remove(call: &Call) -> ApiResult {
    let file = file(call);
    let name = call.text("name").unwrap_or("").to_owned();
    let mut world = call.world();
    if !set(&world, call)?.is_empty() && !call.flag("force") {
        return Err(ApiError::internal(format!("IPSet '{name}' is not empty")));
    }
    check_writable(&world, &file)?;
    world.firewall_mut(&file).sets.remove(&name);
    drop(world);
    Ok(Reply::null())
}

/// Where the entry of the path is.
fn position(call: &Call, rows: &[Rule]) -> Result<usize, ApiError> {
    let cidr = call.text("cidr").unwrap_or("");
    let at = rows.iter().position(|entry| is_called(entry, cidr));
    at.ok_or_else(|| ApiError::parameter("cidr", "no such IP/Network"))
}

fn entry(call: &Call) -> ApiResult {
    let rows = set(&call.world(), call)?;
    let at = position(call, &rows)?;
    Ok(Reply::data(row(&rows, &rows[at])))
}

fn change(call: &Call) -> ApiResult {
    let mut world = call.world();
    let mut rows = set(&world, call)?;
    check_digest(call, &rows_digest(&rows))?;
    let at = position(call, &rows)?;
    rows[at] = given(call);
    save(&mut world, call, rows)
}

fn take(call: &Call) -> ApiResult {
    let mut world = call.world();
    let mut rows = set(&world, call)?;
    check_digest(call, &rows_digest(&rows))?;
    let at = position(call, &rows)?;
    rows.remove(at);
    save(&mut world, call, rows)
}
