//! How a node's system is set up: names, time, hosts, services, and the node's own options.

use serde_json::{Map, Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::{AUDIT, AUDIT_ALL, MODIFY, MODIFY_ALL, found, found_mut};
use crate::clock;
use crate::release::Release;
use crate::state::text_digest;
use crate::verify::cluster::IP;
use crate::verify::{Kind, Param, TEXT, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const PROPERTIES_7: &[&str] = &[
    "acme",
    "acmedomain0",
    "acmedomain1",
    "acmedomain2",
    "acmedomain3",
    "acmedomain4",
    "acmedomain5",
    "description",
    "startall-onboot-delay",
    "wakeonlan",
];
const PROPERTIES_8: &[&str] = &[
    "acme",
    "acmedomain0",
    "acmedomain1",
    "acmedomain2",
    "acmedomain3",
    "acmedomain4",
    "acmedomain5",
    "ballooning-target",
    "description",
    "startall-onboot-delay",
    "wakeonlan",
];
const PROPERTIES_9: &[&str] = &[
    "acme",
    "acmedomain0",
    "acmedomain1",
    "acmedomain2",
    "acmedomain3",
    "acmedomain4",
    "acmedomain5",
    "ballooning-target",
    "description",
    "location",
    "startall-onboot-delay",
    "wakeonlan",
];

/// Digests are SHA-1 up to 7.4's bound, which was raised.
const DIGEST: &[Param] = &[
    may("digest", Kind::Text(40)).until(Release::V7_4),
    may("digest", Kind::Text(64)).from(Release::V8_4),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/nodes/{node}/dns", AUDIT, &[], Run::Now(dns)),
    Endpoint::put(
        "/nodes/{node}/dns",
        MODIFY,
        &[&[
            may("dns1", IP),
            may("dns2", IP),
            may("dns3", IP),
            need("search", TEXT),
        ]],
        Run::Now(set_dns),
    ),
    Endpoint::get("/nodes/{node}/time", AUDIT, &[], Run::Now(time)),
    Endpoint::put(
        "/nodes/{node}/time",
        MODIFY,
        &[&[need("timezone", TEXT)]],
        Run::Now(set_time),
    ),
    Endpoint::get("/nodes/{node}/hosts", AUDIT_ALL, &[], Run::Now(hosts)),
    Endpoint::post(
        "/nodes/{node}/hosts",
        MODIFY,
        &[&[need("data", TEXT)], DIGEST],
        Run::Now(set_hosts),
    ),
    Endpoint::get("/nodes/{node}/services", AUDIT, &[], Run::Show(services)),
    Endpoint::get(
        "/nodes/{node}/services/{service}/state",
        AUDIT,
        &[],
        Run::Now(service),
    ),
    Endpoint::get(
        "/nodes/{node}/subscription",
        Allow::Everyone,
        &[],
        Run::Show(|_| {
            Reply::data(json!({
                "status": "notfound",
                "message": "There is no subscription key",
                "serverid": null,
                "url": "https://www.proxmox.com/en/proxmox-virtual-environment/pricing",
            }))
        }),
    ),
    Endpoint::get("/nodes/{node}/netstat", AUDIT, &[], Run::Show(netstat)),
    Endpoint::get(
        "/nodes/{node}/config",
        AUDIT_ALL,
        &[&[
            may("property", Kind::Enum(PROPERTIES_7)).until(Release::V7_4),
            may("property", Kind::Enum(PROPERTIES_8))
                .from(Release::V8_4)
                .until(Release::V8_4),
            may("property", Kind::Enum(PROPERTIES_9)).from(Release::V9_2),
        ]],
        Run::Now(config),
    ),
    Endpoint::put(
        "/nodes/{node}/config",
        MODIFY_ALL,
        &[super::super::cluster::NODE_CONFIG],
        Run::Now(set_config),
    ),
    Endpoint::get(
        "/nodes/{node}/certificates/info",
        Allow::Everyone,
        &[],
        Run::Now(certificates),
    ),
];

fn dns(call: &Call) -> ApiResult {
    let world = call.world();
    let settings = &found(&world, call)?.settings;
    let mut answer = Map::new();
    if let Some(search) = &settings.search {
        answer.insert("search".to_owned(), json!(search));
    }
    for (at, server) in settings.dns.iter().enumerate() {
        answer.insert(format!("dns{}", at + 1), json!(server));
    }
    Ok(Reply::data(answer))
}

fn set_dns(call: &Call) -> ApiResult {
    let mut world = call.world();
    let settings = &mut found_mut(&mut world, call)?.settings;
    settings.search = call.text("search").map(str::to_owned);
    let given = ["dns1", "dns2", "dns3"]
        .into_iter()
        .filter_map(|name| call.text(name));
    settings.dns = given.map(str::to_owned).collect();
    Ok(Reply::null())
}

/// `localtime` is the clock on the wall, counted as if it were UTC.
fn time(call: &Call) -> ApiResult {
    let world = call.world();
    let zone = &found(&world, call)?.settings.timezone;
    let now = clock::now();
    Ok(Reply::data(json!({
        "time": now,
        "timezone": zone,
        "localtime": now + clock::offset(zone, now),
    })))
}

fn set_time(call: &Call) -> ApiResult {
    let zone = call.text("timezone").unwrap_or("");
    if !clock::is_zone(zone) {
        return Err(ApiError::internal(format!("No such timezone '{zone}'")));
    }
    let mut world = call.world();
    zone.clone_into(&mut found_mut(&mut world, call)?.settings.timezone);
    Ok(Reply::null())
}

fn hosts(call: &Call) -> ApiResult {
    let world = call.world();
    let hosts = &found(&world, call)?.settings.hosts;
    Ok(Reply::data(json!({"data": hosts, "digest": text_digest(hosts)})))
}

fn set_hosts(call: &Call) -> ApiResult {
    let mut world = call.world();
    let settings = &mut found_mut(&mut world, call)?.settings;
    check_digest(call, &text_digest(&settings.hosts))?;
    call.text("data").unwrap_or("").clone_into(&mut settings.hosts);
    Ok(Reply::null())
}

/// Of what isn't a guest (`PVE::Tools::assert_if_modified`).
fn check_digest(call: &Call, current: &str) -> Result<(), ApiError> {
    match call.text("digest") {
        Some(given) if !given.is_empty() && given != current => Err(ApiError::internal(
            "detected modified configuration - file changed by other user? Try again.",
        )),
        _ => Ok(()),
    }
}

fn service_row(name: &str) -> Value {
    json!({
        "service": name,
        "name": name,
        "desc": name,
        "state": "running",
        "active-state": "active",
        "unit-state": "enabled",
    })
}

fn services(call: &Call) -> Reply {
    let world = call.world();
    let rows = world.system.machine.services.iter().map(|name| service_row(name));
    Reply::data(rows.collect::<Vec<_>>())
}

fn service(call: &Call) -> ApiResult {
    let world = call.world();
    let name = call.text("service").unwrap_or("");
    let known = world
        .system
        .machine
        .services
        .iter()
        .any(|service| service == name);
    if known {
        Ok(Reply::data(service_row(name)))
    } else {
        Err(ApiError::internal(format!("unable to read unit '{name}'")))
    }
}

/// The cards of the guests that run here.
fn netstat(call: &Call) -> Reply {
    let world = call.world();
    let running = world
        .guests
        .values()
        .filter(|g| g.node == call.node() && g.is_running());
    let rows = running.flat_map(|guest| {
        let cards = guest.config.keys().filter(|key| crate::state::is_net(key));
        cards.map(|card| json!({"vmid": guest.vmid.to_string(), "dev": card, "in": "0", "out": "0"}))
    });
    Reply::data(rows.collect::<Vec<_>>())
}

/// With `property`, that option alone; the digest comes only when there is a file.
fn config(call: &Call) -> ApiResult {
    let world = call.world();
    let config = &found(&world, call)?.settings.config;
    let asked = call.text("property");
    let shown = config
        .iter()
        .filter(|(key, _)| asked.is_none_or(|asked| asked == *key));
    let mut answer: Map<String, Value> = shown.map(|(key, value)| (key.clone(), json!(value))).collect();
    if asked.is_none() && !config.is_empty() {
        answer.insert("digest".to_owned(), json!(text_digest(&format!("{config:?}"))));
    }
    Ok(Reply::data(answer))
}

fn set_config(call: &Call) -> ApiResult {
    let mut world = call.world();
    if !world.quorate {
        let file = format!("/etc/pve/nodes/{}/config.tmp.1", call.node());
        return Err(ApiError::internal(format!(
            "unable to open file '{file}' - Permission denied"
        )));
    }
    let config = &mut found_mut(&mut world, call)?.settings.config;
    check_digest(call, &text_digest(&format!("{config:?}")))?;
    for key in call.list("delete") {
        config.remove(&key);
    }
    let own = ["node", "delete", "digest"];
    for (key, value) in call.params.iter().filter(|(key, _)| !own.contains(&key.as_str())) {
        config.insert(key.clone(), value.clone());
    }
    Ok(Reply::null())
}

fn certificates(call: &Call) -> ApiResult {
    let world = call.world();
    let node = found(&world, call)?;
    Ok(Reply::data(&node.certificates))
}
