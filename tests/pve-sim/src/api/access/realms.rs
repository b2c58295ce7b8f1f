//! `/access/domains`: realms, where users come from (`PVE::API2::Domains`). No directory stands behind them: who comes
//! from one can be given rights and tokens, but not log in.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use crate::state::{Access, Realm, World, text_digest};
use crate::verify::realms::{CHANGED_REALM, NEW_REALM, REALM_OPTIONS};
use crate::wire::{ApiError, ApiResult, Reply};

const ALLOCATE: Allow = Allow::Any("/access/realm", &["Realm.Allocate"]);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/access/domains", Allow::World, &[], Run::Show(list)),
    Endpoint::post(
        "/access/domains",
        ALLOCATE,
        &[REALM_OPTIONS, NEW_REALM],
        Run::Later(|call| Box::pin(create(call))),
    ),
    Endpoint::get(
        "/access/domains/{realm}",
        Allow::Any("/access/realm", &["Realm.Allocate", "Sys.Audit"]),
        &[],
        Run::Now(show),
    ),
    Endpoint::put(
        "/access/domains/{realm}",
        ALLOCATE,
        &[REALM_OPTIONS, CHANGED_REALM],
        Run::Later(|call| Box::pin(update(call))),
    ),
    Endpoint::delete(
        "/access/domains/{realm}",
        ALLOCATE,
        &[],
        Run::Later(|call| Box::pin(delete(call))),
    ),
];

/// Without these a realm of a kind is none.
const REQUIRED: &[(&str, &[&str])] = &[
    ("ad", &["domain", "server1"]),
    ("ldap", &["base_dn", "server1", "user_attr"]),
    ("openid", &["client-id", "issuer-url"]),
];

/// What is a number in the answers.
const NUMBERS: &[&str] = &[
    "autocreate",
    "case-sensitive",
    "default",
    "groups-autocreate",
    "groups-overwrite",
    "port",
    "query-userinfo",
    "secure",
    "verify",
];

/// Parameters that aren't kept as options.
const NOT_KEPT: &[&str] = &[
    "realm",
    "type",
    "password",
    "check-connection",
    "delete",
    "digest",
];

fn name(call: &Call) -> String {
    call.text("realm").unwrap_or("").to_owned()
}

fn missing(name: &str) -> String {
    format!("domain '{name}' does not exist")
}

fn shown(value: &str, key: &str) -> Value {
    let number = value.parse::<i64>().ok().filter(|_| NUMBERS.contains(&key));
    number.map_or_else(|| json!(value), |number| json!(number))
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let rows = world.access.realms.iter().map(|(name, realm)| {
        let mut row = Map::from_iter([
            ("realm".to_owned(), json!(name)),
            ("type".to_owned(), json!(realm.kind)),
        ]);
        for key in ["comment", "default", "tfa"] {
            if let Some(value) = realm.options.get(key) {
                row.insert(key.to_owned(), shown(value, key));
            }
        }
        row
    });
    Reply::data(rows.collect::<Vec<_>>())
}

/// The digest of the file that they are kept in, which is the same for all.
fn digest(access: &Access) -> String {
    let text: Vec<String> = access
        .realms
        .iter()
        .map(|(name, realm)| format!("{name} {realm:?}"))
        .collect();
    text_digest(&text.join("\n"))
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let name = name(call);
    let realm = world.access.realms.get(&name).ok_or_else(|| missing(&name))?;
    let mut row = Map::from_iter([
        ("type".to_owned(), json!(realm.kind)),
        ("digest".to_owned(), json!(digest(&world.access))),
    ]);
    for (key, value) in &realm.options {
        row.insert(key.clone(), shown(value, key));
    }
    Ok(Reply::data(row))
}

/// Changes `domains.cfg` under its lock.
async fn change(call: &Call, failed: &str, act: impl FnOnce(&mut World) -> Result<(), String>) -> ApiResult {
    let locked = call.sim.config_lock("file-domains_cfg").await;
    let done = locked.and_then(|()| act(&mut call.world()));
    done.map(|()| Reply::null())
        .map_err(|cause| ApiError::internal(format!("{failed}: {cause}")))
}

fn given(call: &Call) -> BTreeMap<String, String> {
    let kept = call
        .params
        .iter()
        .filter(|(key, _)| !NOT_KEPT.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn check(realm: &Realm) -> Result<(), String> {
    let required = REQUIRED.iter().find(|(kind, _)| *kind == realm.kind);
    let lacking = required.and_then(|(_, keys)| keys.iter().find(|key| !realm.options.contains_key(**key)));
    lacking.map_or(Ok(()), |key| {
        Err(format!("missing value for required option '{key}'"))
    })
}

/// Keeps a realm; there is one default at most.
fn keep(access: &mut Access, name: &str, realm: Realm) {
    if realm.options.get("default").is_some_and(|default| default == "1") {
        for other in access.realms.values_mut() {
            other.options.remove("default");
        }
    }
    access.realms.insert(name.to_owned(), realm);
}

async fn create(call: Call) -> ApiResult {
    let name = name(&call);
    change(&call, "add auth server failed", |world| {
        let kind = call.text("type").unwrap_or("").to_owned();
        if world.access.realms.contains_key(&name) {
            return Err(format!("domain '{name}' already exists"));
        }
        if ["pam", "pve"].contains(&name.as_str()) {
            return Err(format!("unable to use reserved name '{name}'"));
        }
        if ["pam", "pve"].contains(&kind.as_str()) {
            return Err(format!("unable to create builtin type '{kind}'"));
        }
        let realm = Realm {
            kind,
            options: given(&call),
            password: call.text("password").map(str::to_owned),
        };
        check(&realm)?;
        keep(&mut world.access, &name, realm);
        Ok(())
    })
    .await
}

async fn update(call: Call) -> ApiResult {
    let name = name(&call);
    change(&call, "update auth server failed", |world| {
        let access = &mut world.access;
        let mut realm = access.realms.get(&name).ok_or_else(|| missing(&name))?.clone();
        if call.text("digest").is_some_and(|given| given != digest(access)) {
            return Err(
                "detected modified configuration - file changed by other user? Try again.".to_owned(),
            );
        }
        for key in call.list("delete") {
            if key == "password" {
                realm.password = None;
            }
            realm.options.remove(&key);
        }
        realm.options.extend(given(&call));
        if let Some(password) = call.text("password") {
            realm.password = Some(password.to_owned());
        }
        check(&realm)?;
        keep(access, &name, realm);
        Ok(())
    })
    .await
}

async fn delete(call: Call) -> ApiResult {
    let name = name(&call);
    change(&call, "delete auth server failed", |world| {
        let realms = &mut world.access.realms;
        realms.remove(&name).map(|_| ()).ok_or_else(|| missing(&name))
    })
    .await
}
