//! Names for addresses.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{Call, Endpoint, Run};
use super::{
    CHANGE_CLUSTER, CHANGE_GUEST, DIGEST, NAME, SEE_CLUSTER, SEE_GUEST, check_digest, check_writable, file,
    formats, shown,
};
use crate::state::rows_digest;
use crate::verify::{Kind, Param, TEXT, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const CONTENT: &[Param] = &[need("cidr", Kind::Format(formats::network)), may("comment", TEXT)];

macro_rules! aliases {
    ($list:literal, $see:expr, $change:expr) => {
        [
            Endpoint::get($list, $see, &[], Run::Show(list)),
            Endpoint::post(
                $list,
                $change,
                &[CONTENT, &[need("name", NAME)]],
                Run::Now(create),
            ),
            Endpoint::get(concat!($list, "/{name}"), $see, &[], Run::Now(show)),
            Endpoint::put(
                concat!($list, "/{name}"),
                $change,
                &[CONTENT, &[may("rename", NAME)], DIGEST],
                Run::Now(change),
            ),
            Endpoint::delete(concat!($list, "/{name}"), $change, &[DIGEST], Run::Now(remove)),
        ]
    };
}

pub(super) const OF_CLUSTER: [Endpoint; 5] =
    aliases!("/cluster/firewall/aliases", SEE_CLUSTER, CHANGE_CLUSTER);
pub(super) const OF_QEMU: [Endpoint; 5] = aliases!(
    "/nodes/{node}/qemu/{vmid}/firewall/aliases",
    SEE_GUEST,
    CHANGE_GUEST
);
pub(super) const OF_LXC: [Endpoint; 5] = aliases!(
    "/nodes/{node}/lxc/{vmid}/firewall/aliases",
    SEE_GUEST,
    CHANGE_GUEST
);

type Aliases = BTreeMap<String, BTreeMap<String, String>>;

fn row(aliases: &Aliases, name: &str, alias: &BTreeMap<String, String>) -> Value {
    let mut row = shown(alias, &[]);
    row.insert("name".to_owned(), json!(name));
    row.insert("digest".to_owned(), json!(rows_digest(aliases.values())));
    if let Some(version) = alias.get("cidr").and_then(|cidr| formats::ip_version(cidr)) {
        row.insert("ipversion".to_owned(), json!(version));
    }
    Value::Object(row)
}

fn list(call: &Call) -> Reply {
    let aliases = call.world().firewall(&file(call)).aliases;
    let rows = aliases.iter().map(|(name, alias)| row(&aliases, name, alias));
    Reply::data(rows.collect::<Vec<_>>())
}

/// Names are kept in small letters.
fn name(call: &Call, parameter: &str) -> String {
    call.text(parameter).unwrap_or("").to_lowercase()
}

fn show(call: &Call) -> ApiResult {
    let aliases = call.world().firewall(&file(call)).aliases;
    let name = name(call, "name");
    let alias = aliases.get(&name);
    let alias = alias.ok_or_else(|| ApiError::parameter("name", "no such alias"))?;
    Ok(Reply::data(row(&aliases, &name, alias)))
}

fn given(call: &Call) -> BTreeMap<String, String> {
    let given = call
        .params
        .iter()
        .filter(|(name, _)| ["cidr", "comment"].contains(&name.as_str()));
    given.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn create(call: &Call) -> ApiResult {
    let (file, name) = (file(call), name(call, "name"));
    let mut world = call.world();
    if world.firewall(&file).aliases.contains_key(&name) {
        return Err(ApiError::parameter(
            "name",
            format!("alias '{name}' already exists"),
        ));
    }
    check_writable(&world, &file)?;
    world.firewall_mut(&file).aliases.insert(name, given(call));
    drop(world);
    Ok(Reply::null())
}

fn change(call: &Call) -> ApiResult {
    let (file, name) = (file(call), name(call, "name"));
    let mut world = call.world();
    let aliases = world.firewall(&file).aliases;
    check_digest(call, &rows_digest(aliases.values()))?;
    if !aliases.contains_key(&name) {
        return Err(ApiError::parameter("name", "no such alias"));
    }
    let new = call.text("rename").map_or(name.clone(), str::to_lowercase);
    if new != name && aliases.contains_key(&new) {
        return Err(ApiError::parameter(
            "name",
            format!("alias '{new}' already exists"),
        ));
    }
    check_writable(&world, &file)?;
    let aliases = &mut world.firewall_mut(&file).aliases;
    aliases.remove(&name);
    aliases.insert(new, given(call));
    drop(world);
    Ok(Reply::null())
}

fn remove(call: &Call) -> ApiResult {
    let file = file(call);
    let mut world = call.world();
    check_digest(call, &rows_digest(world.firewall(&file).aliases.values()))?;
    check_writable(&world, &file)?;
    world.firewall_mut(&file).aliases.remove(&name(call, "name"));
    drop(world);
    Ok(Reply::null())
}
