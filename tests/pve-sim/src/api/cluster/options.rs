//! `/cluster/options`: `datacenter.cfg`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::datacenter::{DATACENTER, properties};
use crate::release::Release;
use crate::state::World;
use crate::wire::{ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/cluster/options", Allow::Everyone, &[], Run::Show(show)),
    Endpoint::put(
        "/cluster/options",
        Allow::Any("/", &["Sys.Modify"]),
        &[DATACENTER],
        Run::Later(|call| Box::pin(change(call))),
    ),
];

/// What everybody sees: the style of the web interface.
const FOR_ALL: &[&str] = &["console", "tag-style"];

/// Options that are property strings come as objects.
fn option(call: &Call, name: &str, text: &str) -> Value {
    if name == "registered-tags" {
        return json!(text.split(';').collect::<Vec<_>>());
    }
    let parsed = properties(name).and_then(|known| Some((known, known.parse(text).ok()?)));
    let Some((known, parts)) = parsed else {
        return json!(text);
    };
    let parts = parts.into_iter().map(|(key, value)| {
        let shown = if key == "user-allow-list" {
            json!(value.split(';').collect::<Vec<_>>())
        } else if known.is_boolean(call.release(), &key) {
            json!(u8::from(["1", "on", "yes", "true"].contains(&value.as_str())))
        } else {
            json!(value)
        };
        (key, shown)
    });
    Value::Object(parts.collect())
}

/// The tags that may be set: those that guests have and those that are registered, as the default policy is.
fn tags(world: &World) -> BTreeSet<&str> {
    let of_guests = world.guests.values().filter_map(|g| g.option("tags"));
    let registered = world.options.get("registered-tags").map(String::as_str);
    let lists = of_guests.chain(registered);
    let tags = lists.flat_map(|list| list.split(';')).map(str::trim);
    tags.filter(|tag| !tag.is_empty()).collect()
}

fn show(call: &Call) -> Reply {
    let world = call.world();
    let audited = world.access.any(&call.caller, "/", &["Sys.Audit"]);
    let seen = |name: &str| audited || FOR_ALL.contains(&name);
    let mut answer: Map<String, Value> = world
        .options
        .iter()
        .filter(|(name, _)| seen(name))
        .map(|(name, text)| (name.clone(), option(call, name, text)))
        .collect();
    if call.release() >= Release::V8_4 && audited {
        // The vendor's prefix is the default since 8.1.
        answer.entry("mac_prefix").or_insert_with(|| json!("BC:24:11"));
    }
    if audited {
        answer.insert("description".to_owned(), json!(world.description));
    }
    answer.insert("allowed-tags".to_owned(), json!(tags(&world)));
    Reply::data(answer)
}

async fn change(call: Call) -> ApiResult {
    call.sim.config_lock("file-datacenter_cfg").await?;
    let mut world = call.world();
    for name in call.list("delete") {
        world.options.remove(&name);
        if name == "description" {
            world.description.clear();
        }
    }
    for (name, value) in call.params.iter().filter(|(name, _)| *name != "delete") {
        if name == "description" {
            value.clone_into(&mut world.description);
        } else {
            world.options.insert(name.clone(), value.clone());
        }
    }
    Ok(Reply::null())
}
