//! Rules, in the order in which they count; those of security groups too.

use serde_json::{Value, json};

use super::super::{Call, Endpoint, Run};
use super::options::LOG_LEVEL;
use super::verify_rule::verify_rule;
use super::{
    CHANGE_CLUSTER, CHANGE_GUEST, CHANGE_NODE, DIGEST, SEE_CLUSTER, SEE_GUEST, SEE_NODE, WORD, check_digest,
    check_writable, file, formats, shown,
};
use crate::release::Release;
use crate::state::{Rule, World, rows_digest};
use crate::verify::{Kind, OPTION_NAMES, Param, TEXT, at_least, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const ACTION: Kind = Kind::Within(&WORD, 2, 20);
const INTERFACE: Kind = Kind::Format(formats::interface);
const DIRECTIONS_7: Kind = Kind::Enum(&["in", "out", "group"]);
const DIRECTIONS: Kind = Kind::Enum(&["in", "out", "forward", "group"]);

const PROPERTIES: &[Param] = &[
    may("comment", TEXT),
    may("dest", Kind::LongFormat(formats::address_spec, 512)),
    may("dport", Kind::Format(formats::ports)),
    may("enable", at_least(0)),
    may("icmp-type", Kind::Format(formats::icmp_type)),
    may("iface", Kind::Within(&INTERFACE, 2, 20)),
    may("log", LOG_LEVEL),
    may("macro", Kind::Text(128)),
    may("proto", Kind::Format(formats::protocol)),
    may("source", Kind::LongFormat(formats::address_spec, 512)),
    may("sport", Kind::Format(formats::ports)),
];

const NEW: &[Param] = &[
    need("action", ACTION),
    need("type", DIRECTIONS_7).until(Release::V7_4),
    need("type", DIRECTIONS).from(Release::V8_4),
];

/// In a list's call a parameter, in a rule's one part of the path.
const POSITION: &[Param] = &[may("pos", at_least(0))];

const CHANGED: &[Param] = &[
    may("action", ACTION),
    may("delete", OPTION_NAMES),
    may("moveto", at_least(0)),
    may("type", DIRECTIONS_7).until(Release::V7_4),
    may("type", DIRECTIONS).from(Release::V8_4),
];

macro_rules! rules {
    ($list:literal, $see:expr, $change:expr) => {
        [
            Endpoint::get($list, $see, &[], Run::Now(list)),
            Endpoint::post(
                $list,
                $change,
                &[NEW, PROPERTIES, POSITION, DIGEST],
                Run::Now(add),
            ),
            Endpoint::get(concat!($list, "/{pos}"), $see, &[], Run::Now(show)),
            Endpoint::put(
                concat!($list, "/{pos}"),
                $change,
                &[CHANGED, PROPERTIES, DIGEST],
                Run::Now(change),
            ),
            Endpoint::delete(concat!($list, "/{pos}"), $change, &[DIGEST], Run::Now(remove)),
        ]
    };
}

pub(super) const OF_CLUSTER: [Endpoint; 5] = rules!("/cluster/firewall/rules", SEE_CLUSTER, CHANGE_CLUSTER);
pub(super) const OF_GROUP: [Endpoint; 5] =
    rules!("/cluster/firewall/groups/{group}", SEE_CLUSTER, CHANGE_CLUSTER);
pub(super) const OF_NODE: [Endpoint; 5] = rules!("/nodes/{node}/firewall/rules", SEE_NODE, CHANGE_NODE);
pub(super) const OF_QEMU: [Endpoint; 5] = rules!(
    "/nodes/{node}/qemu/{vmid}/firewall/rules",
    SEE_GUEST,
    CHANGE_GUEST
);
pub(super) const OF_LXC: [Endpoint; 5] =
    rules!("/nodes/{node}/lxc/{vmid}/firewall/rules", SEE_GUEST, CHANGE_GUEST);

/// The rules that a call is about.
fn rules(world: &World, call: &Call) -> Result<Vec<Rule>, ApiError> {
    let firewall = world.firewall(&file(call));
    match call.text("group") {
        None => Ok(firewall.rules),
        Some(name) => match firewall.groups.get(name) {
            Some(group) => Ok(group.rows.clone()),
            None => Err(ApiError::internal(format!("no such security group '{name}'"))),
        },
    }
}

/// Writes them back.
fn save(world: &mut World, call: &Call, rules: Vec<Rule>) -> ApiResult {
    let file = file(call);
    check_writable(world, &file)?;
    let firewall = world.firewall_mut(&file);
    match call.text("group") {
        None => firewall.rules = rules,
        Some(name) => {
            if let Some(group) = firewall.groups.get_mut(name) {
                group.rows = rules;
            }
        }
    }
    Ok(Reply::null())
}

fn row(rules: &[Rule], at: usize) -> Value {
    let rule = &rules[at];
    let mut row = shown(rule, &["enable"]);
    row.insert("pos".to_owned(), json!(at));
    let addresses = rule.get("source").or_else(|| rule.get("dest"));
    if let Some(version) = addresses.and_then(|text| formats::ip_version(text)) {
        row.insert("ipversion".to_owned(), json!(version));
    }
    row.insert("digest".to_owned(), json!(rows_digest(rules)));
    Value::Object(row)
}

fn list(call: &Call) -> ApiResult {
    let rules = rules(&call.world(), call)?;
    let rows = (0..rules.len()).map(|at| row(&rules, at));
    Ok(Reply::data(rows.collect::<Vec<_>>()))
}

/// The place in the list that the path names.
fn position(call: &Call, rules: &[Rule]) -> Result<usize, ApiError> {
    let pos: usize = call.number("pos").unwrap_or(usize::MAX);
    if pos < rules.len() {
        Ok(pos)
    } else {
        let pos = call.text("pos").unwrap_or("");
        Err(ApiError::internal(format!("no rule at position {pos}")))
    }
}

fn show(call: &Call) -> ApiResult {
    let rules = rules(&call.world(), call)?;
    let at = position(call, &rules)?;
    Ok(Reply::data(row(&rules, at)))
}

/// The properties that a call gives.
fn given(call: &Call) -> impl Iterator<Item = (String, String)> {
    let names = [NEW, PROPERTIES].concat();
    let given = call.params.iter();
    given.filter_map(move |(name, value)| {
        let known = names.iter().any(|param| param.is_called(name));
        known.then(|| (name.clone(), value.clone()))
    })
}

/// A new rule comes first.
fn add(call: &Call) -> ApiResult {
    let mut world = call.world();
    let mut rules = rules(&world, call)?;
    check_digest(call, &rows_digest(&rules))?;
    let mut rule: Rule = given(call).collect();
    verify_rule(&world, &file(call), call.text("group").is_some(), &rule)?;
    rule.entry("enable".to_owned()).or_insert_with(|| "0".to_owned());
    rules.insert(0, rule);
    save(&mut world, call, rules)
}

/// Moves a rule, or changes it; never both (`PVE::API2::Firewall::RulesBase`).
fn change(call: &Call) -> ApiResult {
    let mut world = call.world();
    let mut rules = rules(&world, call)?;
    check_digest(call, &rows_digest(&rules))?;
    let at = position(call, &rules)?;
    if let Some(to) = call.number::<usize>("moveto").filter(|to| *to != at) {
        let rule = rules.remove(at);
        // The place is counted with the rule still in its old one.
        let to = if to > at { to - 1 } else { to };
        rules.insert(to.min(rules.len()), rule);
    } else {
        let rule = &mut rules[at];
        rule.extend(given(call));
        for name in call.list("delete") {
            rule.remove(&name);
        }
        verify_rule(&world, &file(call), call.text("group").is_some(), &rules[at])?;
    }
    save(&mut world, call, rules)
}

fn remove(call: &Call) -> ApiResult {
    let mut world = call.world();
    let mut rules = rules(&world, call)?;
    check_digest(call, &rows_digest(&rules))?;
    let at = position(call, &rules)?;
    rules.remove(at);
    save(&mut world, call, rules)
}
