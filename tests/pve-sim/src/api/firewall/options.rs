//! Options of the firewall.

use serde_json::json;

use super::super::{Call, Endpoint, Run};
use super::{
    CHANGE_CLUSTER, CHANGE_GUEST, CHANGE_NODE, DIGEST, SEE_CLUSTER, SEE_GUEST, SEE_NODE, check_digest,
    check_writable, file, formats, shown,
};
use crate::release::Release;
use crate::state::rows_digest;
use crate::verify::{Kind, OPTION_NAMES, Param, Properties, at_least, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const LOG_LEVEL: Kind = Kind::Enum(&[
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "nolog",
]);
const POLICY: Kind = Kind::Enum(&["ACCEPT", "REJECT", "DROP"]);
const DELETE: &[Param] = &[may("delete", OPTION_NAMES)];

const RATE_LIMIT: Properties = Properties::new(
    Some("enable"),
    &[
        may("burst", at_least(0)),
        need("enable", Kind::Boolean),
        may("rate", Kind::Pattern(r"[1-9][0-9]*\/(second|minute|hour|day)")),
    ],
);

const CLUSTER: &[Param] = &[
    may("ebtables", Kind::Boolean),
    may("enable", at_least(0)),
    may("log_ratelimit", Kind::Properties(&RATE_LIMIT)),
    may("policy_forward", Kind::Enum(&["ACCEPT", "DROP"])).from(Release::V8_4),
    may("policy_in", POLICY),
    may("policy_out", POLICY),
];

const NODE: &[Param] = &[
    may("enable", Kind::Boolean),
    may("log_level_forward", LOG_LEVEL).from(Release::V8_4),
    may("log_level_in", LOG_LEVEL),
    may("log_level_out", LOG_LEVEL),
    may("log_nf_conntrack", Kind::Boolean),
    may("ndp", Kind::Boolean),
    may("nf_conntrack_allow_invalid", Kind::Boolean),
    may("nf_conntrack_helpers", Kind::Format(formats::conntrack_helpers)),
    may("nf_conntrack_max", at_least(32_768)),
    may("nf_conntrack_tcp_timeout_established", at_least(7875)),
    may("nf_conntrack_tcp_timeout_syn_recv", Kind::Integer(30, 60)),
    may("nftables", Kind::Boolean).from(Release::V8_4),
    may("nosmurfs", Kind::Boolean),
    may("protection_synflood", Kind::Boolean),
    may("protection_synflood_burst", Kind::Integer(i64::MIN, i64::MAX)),
    may("protection_synflood_rate", Kind::Integer(i64::MIN, i64::MAX)),
    may("smurf_log_level", LOG_LEVEL),
    may("tcp_flags_log_level", LOG_LEVEL),
    may("tcpflags", Kind::Boolean),
];

const GUEST: &[Param] = &[
    may("dhcp", Kind::Boolean),
    may("enable", Kind::Boolean),
    may("ipfilter", Kind::Boolean),
    may("log_level_in", LOG_LEVEL),
    may("log_level_out", LOG_LEVEL),
    may("macfilter", Kind::Boolean),
    may("ndp", Kind::Boolean),
    may("policy_in", POLICY),
    may("policy_out", POLICY),
    may("radv", Kind::Boolean),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/cluster/firewall/options", SEE_CLUSTER, &[], Run::Show(show)),
    Endpoint::put(
        "/cluster/firewall/options",
        CHANGE_CLUSTER,
        &[CLUSTER, DELETE, DIGEST],
        Run::Now(set),
    ),
    Endpoint::get("/nodes/{node}/firewall/options", SEE_NODE, &[], Run::Show(show)),
    Endpoint::put(
        "/nodes/{node}/firewall/options",
        CHANGE_NODE,
        &[NODE, DELETE, DIGEST],
        Run::Now(set),
    ),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/firewall/options",
        SEE_GUEST,
        &[],
        Run::Show(show),
    ),
    Endpoint::put(
        "/nodes/{node}/qemu/{vmid}/firewall/options",
        CHANGE_GUEST,
        &[GUEST, DELETE, DIGEST],
        Run::Now(set),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/firewall/options",
        SEE_GUEST,
        &[],
        Run::Show(show),
    ),
    Endpoint::put(
        "/nodes/{node}/lxc/{vmid}/firewall/options",
        CHANGE_GUEST,
        &[GUEST, DELETE, DIGEST],
        Run::Now(set),
    ),
];

/// Everything but words is a number.
fn is_number(name: &str) -> bool {
    !name.contains("log_level")
        && !name.contains("policy")
        && !["log_ratelimit", "nf_conntrack_helpers"].contains(&name)
}

fn show(call: &Call) -> Reply {
    let options = call.world().firewall(&file(call)).options;
    let numbers: Vec<&str> = options
        .keys()
        .map(String::as_str)
        .filter(|name| is_number(name))
        .collect();
    let mut row = shown(&options, &numbers);
    row.insert("digest".to_owned(), json!(rows_digest([&options])));
    Reply::data(row)
}

fn set(call: &Call) -> ApiResult {
    let file = file(call);
    let mut world = call.world();
    let delete = call.list("delete");
    let known = [CLUSTER, NODE, GUEST];
    let option = |name: &str| known.iter().any(|table| table.iter().any(|p| p.is_called(name)));
    if let Some(unknown) = delete.iter().find(|name| !option(name)) {
        return Err(ApiError::parameter(
            "delete",
            format!("no such option '{unknown}'"),
        ));
    }
    let options = &world.firewall(&file).options;
    check_digest(call, &rows_digest([options]))?;
    check_writable(&world, &file)?;
    let changed = &mut world.firewall_mut(&file).options;
    for name in &delete {
        changed.remove(name);
    }
    let given = call.params.iter().filter(|(name, _)| option(name));
    changed.extend(given.map(|(name, value)| (name.clone(), value.clone())));
    drop(world);
    Ok(Reply::null())
}
