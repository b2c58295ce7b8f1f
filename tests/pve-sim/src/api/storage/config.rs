//! `/storage`: what storages there are, for the whole cluster.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::{Allow, Endpoint, Run};
use super::types::Type;
use super::{Call, SEE};
use crate::state::{Storage, World, text_digest};
use crate::verify::storage::{
    CHANGE_STORAGE, FIXED_OPTIONS, ITS_NAME, NEW_TYPE, OF_TYPE, STORAGE_OPTIONS, is_storage_option,
    storage_option_is_number,
};
use crate::wire::{ApiError, ApiResult, Reply};

const CHANGE: Allow = Allow::Any("/storage", &["Datastore.Allocate"]);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/storage", Allow::Everyone, &[OF_TYPE], Run::Show(list)),
    Endpoint::post(
        "/storage",
        CHANGE,
        &[ITS_NAME, NEW_TYPE, FIXED_OPTIONS, STORAGE_OPTIONS],
        Run::Later(|call| Box::pin(create(call))),
    ),
    Endpoint::get(
        "/storage/{storage}",
        Allow::Any("/storage/{storage}", &["Datastore.Allocate"]),
        &[],
        Run::Now(show),
    ),
    Endpoint::put(
        "/storage/{storage}",
        CHANGE,
        &[STORAGE_OPTIONS, CHANGE_STORAGE],
        Run::Later(|call| Box::pin(change(call))),
    ),
    Endpoint::delete(
        "/storage/{storage}",
        CHANGE,
        &[],
        Run::Later(|call| Box::pin(delete(call))),
    ),
];

/// Bytes on a new storage when nothing else says how many.
const SIZE: u64 = 100 << 30;

fn list(call: &Call) -> Reply {
    let world = call.world();
    let digest = digest(&world);
    let rows = world.storages.iter().filter(|storage| {
        let path = format!("/storage/{}", storage.name);
        call.text("type").is_none_or(|kind| kind == storage.kind)
            && world.access.any(&call.caller, &path, SEE)
    });
    Reply::data(rows.map(|storage| row(storage, &digest)).collect::<Vec<_>>())
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let name = call.text("storage").unwrap_or("");
    let storage = world.storage(name).ok_or_else(|| missing(name))?;
    Ok(Reply::data(row(storage, &digest(&world))))
}

fn missing(name: &str) -> String {
    format!("storage '{name}' does not exist")
}

fn row(storage: &Storage, digest: &str) -> Value {
    let mut row = Map::new();
    for (key, value) in &storage.options {
        let value = match value.parse::<i64>() {
            Ok(number) if storage_option_is_number(key) => json!(number),
            _ => json!(value),
        };
        row.insert(key.clone(), value);
    }
    row.insert("storage".to_owned(), json!(storage.name));
    row.insert("type".to_owned(), json!(storage.kind));
    row.insert("content".to_owned(), json!(storage.content.join(",")));
    row.insert("digest".to_owned(), json!(digest));
    if storage.shared && Type::named(&storage.kind).is_none_or(|kind| !kind.shared) {
        row.insert("shared".to_owned(), json!(1));
    }
    if !storage.enabled {
        row.insert("disable".to_owned(), json!(1));
    }
    Value::Object(row)
}

/// Of the file that all of them are in.
fn digest(world: &World) -> String {
    let sections = world.storages.iter().map(|storage| {
        let (kind, name, options) = (&storage.kind, &storage.name, &storage.options);
        let (content, enabled) = (storage.content.join(","), storage.enabled);
        format!("{kind}: {name} {content} {enabled} {options:?}")
    });
    text_digest(&sections.collect::<Vec<_>>().join("\n"))
}

/// The options among the parameters, as a storage's own checks leave them (`check_config`).
fn options(call: &Call, kind: &Type, create: bool) -> Result<BTreeMap<String, String>, ApiError> {
    let given = call.params.iter().filter(|(key, _)| is_storage_option(key));
    let given: BTreeMap<String, String> = given.map(|(k, v)| (k.clone(), v.clone())).collect();
    for key in given.keys() {
        if !kind.takes(key) {
            return Err(ApiError::internal(format!("unexpected property '{key}'")));
        }
        if !create && kind.fixed.contains(&key.as_str()) {
            let text = format!("can't change value of fixed parameter '{key}'");
            return Err(ApiError::internal(text));
        }
    }
    let absent = kind.required.iter().find(|key| !given.contains_key(**key));
    if let Some(absent) = absent.filter(|_| create) {
        let text = format!("missing value for required option '{absent}'");
        return Err(ApiError::internal(text));
    }
    for content in contents(given.get("content").map_or("", String::as_str)) {
        if !kind.content.0.contains(&content.as_str()) && content != "none" {
            let text = format!("storage does not support content type '{content}'");
            return Err(ApiError::internal(text));
        }
    }
    Ok(given)
}

fn contents(text: &str) -> Vec<String> {
    let items = text.split([',', ';', ' ']).filter(|c| !c.is_empty());
    items.map(str::to_owned).collect()
}

/// Sets options of a storage; some are fields of their own.
fn apply(storage: &mut Storage, options: BTreeMap<String, String>) {
    for (key, value) in options {
        match key.as_str() {
            "content" => storage.content = contents(&value),
            "disable" => storage.enabled = value != "1",
            "shared" => storage.shared = value == "1",
            "nodes" => {
                let nodes = value.split([',', ';', ' ']).filter(|n| !n.is_empty());
                let nodes = nodes.collect::<Vec<_>>().join(",");
                storage.options.insert(key, nodes);
            }
            // Secrets lie in files of their own.
            "password" | "encryption-key" | "master-pubkey" | "keyring" => {}
            _ => {
                storage.options.insert(key, value);
            }
        }
    }
}

fn done(storage: &Storage) -> Reply {
    Reply::data(json!({"storage": storage.name, "type": storage.kind}))
}

async fn create(call: Call) -> ApiResult {
    let kind = Type::named(call.text("type").unwrap_or(""));
    let kind = kind.ok_or_else(|| ApiError::internal("unknown storage type"))?;
    let name = call.text("storage").unwrap_or("").to_owned();
    let options = options(&call, kind, true)?;
    let failed = |error: String| ApiError::internal(format!("create storage failed: {error}"));
    call.sim.config_lock("file-storage_cfg").await.map_err(failed)?;
    let mut world = call.world();
    if world.storage(&name).is_some() {
        return Err(failed(format!("storage ID '{name}' already defined")));
    }
    let mut storage = Storage {
        name: name.clone(),
        kind: kind.name.to_owned(),
        content: kind.content.1.iter().map(|&c| c.to_owned()).collect(),
        shared: kind.shared,
        enabled: true,
        total: world.storages.first().map_or(SIZE, |first| first.total),
        options: BTreeMap::new(),
    };
    apply(&mut storage, options);
    let server = storage
        .options
        .get("server")
        .or_else(|| storage.options.get("portal"));
    let answers = server.is_none_or(|server| world.outside.servers.contains(server));
    if kind.remote && storage.enabled && !answers {
        return Err(failed(format!("storage '{name}' is not online")));
    }
    let reply = done(&storage);
    world.storages.push(storage);
    drop(world);
    Ok(reply)
}

async fn change(call: Call) -> ApiResult {
    let failed = |error: String| ApiError::internal(format!("update storage failed: {error}"));
    call.sim.config_lock("file-storage_cfg").await.map_err(failed)?;
    let mut world = call.world();
    let name = call.text("storage").unwrap_or("");
    let given = call.text("digest").filter(|d| !d.is_empty());
    if given.is_some_and(|given| given != digest(&world)) {
        let text = "detected modified configuration - file changed by other user? Try again.";
        return Err(failed(text.to_owned()));
    }
    let found = world.storages.iter_mut().find(|s| s.name == name);
    let storage = found.ok_or_else(|| failed(missing(name)))?;
    let kind = Type::named(&storage.kind).ok_or_else(|| failed("unknown storage type".to_owned()))?;
    let options = options(&call, kind, false)?;
    for key in call.list("delete") {
        if !kind.takes(&key) {
            return Err(failed(format!("no such option '{key}'")));
        }
        if kind.required.contains(&key.as_str()) {
            return Err(failed(format!("unable to delete required option '{key}'")));
        }
        if kind.fixed.contains(&key.as_str()) {
            return Err(failed(format!("unable to delete fixed option '{key}'")));
        }
        if options.contains_key(&key) {
            let text = format!("cannot set and delete property '{key}' at the same time!");
            return Err(failed(text));
        }
        match key.as_str() {
            "content" => storage.content = kind.content.1.iter().map(|&c| c.to_owned()).collect(),
            "disable" => storage.enabled = true,
            "shared" => storage.shared = kind.shared,
            _ => {
                storage.options.remove(&key);
            }
        }
    }
    apply(storage, options);
    let reply = done(storage);
    drop(world);
    Ok(reply)
}

async fn delete(call: Call) -> ApiResult {
    let failed = |error: String| ApiError::internal(format!("delete storage failed: {error}"));
    call.sim.config_lock("file-storage_cfg").await.map_err(failed)?;
    let mut world = call.world();
    let name = call.text("storage").unwrap_or("");
    let storage = world.storage(name).ok_or_else(|| failed(missing(name)))?;
    let based = format!("{name}:");
    let is_base = |other: &Storage| other.options.get("base").is_some_and(|b| b.starts_with(&based));
    if world.storages.iter().any(is_base) {
        let text = "can't remove storage - storage is used as base of another storage";
        return Err(failed(text.to_owned()));
    }
    let name = storage.name.clone();
    world.storages.retain(|s| s.name != name);
    drop(world);
    Ok(Reply::null())
}
