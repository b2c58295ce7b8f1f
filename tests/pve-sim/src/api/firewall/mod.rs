//! The firewall: options, rules, aliases and sets of addresses of the cluster, the nodes and the guests. Nothing is
//! filtered; what is written reads back.

mod aliases;
mod formats;
mod groups;
mod options;
mod refs;
mod rules;
mod sets;
mod verify_rule;

use serde_json::{Map, Value, json};

use super::{Allow, Call, Endpoint, Run};
use crate::release::Release;
use crate::state::{FirewallFile, World};
use crate::verify::{Kind, Param, may};
use crate::wire::{ApiError, Reply};

/// The endpoints of the family, a table for each file.
pub(super) const TABLES: &[&[Endpoint]] = &[
    INDEXES,
    &aliases::OF_CLUSTER,
    &aliases::OF_LXC,
    &aliases::OF_QEMU,
    groups::ENDPOINTS,
    options::ENDPOINTS,
    refs::ENDPOINTS,
    &rules::OF_CLUSTER,
    &rules::OF_GROUP,
    &rules::OF_LXC,
    &rules::OF_NODE,
    &rules::OF_QEMU,
    &sets::OF_CLUSTER,
    &sets::OF_LXC,
    &sets::OF_QEMU,
];

const SEE_CLUSTER: Allow = Allow::Any("/", &["Sys.Audit"]);
const CHANGE_CLUSTER: Allow = Allow::Any("/", &["Sys.Modify"]);
const SEE_NODE: Allow = Allow::Any("/nodes/{node}", &["Sys.Audit"]);
const CHANGE_NODE: Allow = Allow::Any("/nodes/{node}", &["Sys.Modify"]);
const SEE_GUEST: Allow = Allow::Any("/vms/{vmid}", &["VM.Audit"]);
const CHANGE_GUEST: Allow = Allow::Any("/vms/{vmid}", &["VM.Config.Network"]);

/// SHA-1 until 7.4, with room for more since.
const DIGEST: &[Param] = &[
    may("digest", Kind::Text(40)).until(Release::V7_4),
    may("digest", Kind::Text(64)).from(Release::V8_4),
];

/// Of aliases, sets and, shorter, security groups.
const NAME: Kind = Kind::Within(&WORD, 2, 64);
const GROUP_NAME: Kind = Kind::Within(&WORD, 2, 18);
const WORD: Kind = Kind::Pattern(r"[A-Za-z][A-Za-z0-9\-\_]+");

const INDEXES: &[Endpoint] = &[
    Endpoint::get(
        "/cluster/firewall",
        Allow::Everyone,
        &[],
        Run::Show(|_| names(&["aliases", "rules", "options", "groups", "ipset", "macros", "refs"])),
    ),
    Endpoint::get(
        "/nodes/{node}/firewall",
        Allow::Everyone,
        &[],
        Run::Show(|_| names(&["rules", "options", "log"])),
    ),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/firewall",
        Allow::Everyone,
        &[],
        Run::Show(|_| names(&["rules", "aliases", "ipset", "refs", "options", "log"])),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/firewall",
        Allow::Everyone,
        &[],
        Run::Show(|_| names(&["rules", "aliases", "ipset", "refs", "options", "log"])),
    ),
];

fn names(names: &[&str]) -> Reply {
    Reply::data(names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>())
}

/// Which file a call is about.
fn file(call: &Call) -> FirewallFile {
    match (call.text("node"), call.number("vmid")) {
        (_, Some(vmid)) => FirewallFile::Guest(vmid),
        (Some(node), None) => FirewallFile::Node(node.to_owned()),
        (None, None) => FirewallFile::Cluster,
    }
}

/// Without quorum `/etc/pve` is read-only.
fn check_writable(world: &World, file: &FirewallFile) -> Result<(), ApiError> {
    if world.quorate {
        Ok(())
    } else {
        Err(ApiError::internal(format!(
            "unable to open file '/etc/pve/{}.tmp.2002' - Permission denied",
            file.path()
        )))
    }
}

/// 500 if the caller saw something else (`PVE::Tools::assert_if_modified`).
fn check_digest(call: &Call, digest: &str) -> Result<(), ApiError> {
    match call.text("digest") {
        Some(seen) if seen != digest => Err(ApiError::internal(
            "detected modified configuration - file changed by other user? Try again.",
        )),
        _ => Ok(()),
    }
}

/// Properties as they go out: those that are numbers are so.
fn shown<'a>(
    row: impl IntoIterator<Item = (&'a String, &'a String)>,
    numbers: &[&str],
) -> Map<String, Value> {
    let value = |key: &String, text: &String| match text.parse::<i64>() {
        Ok(number) if numbers.contains(&key.as_str()) => json!(number),
        _ => json!(text),
    };
    row.into_iter()
        .map(|(key, text)| (key.clone(), value(key, text)))
        .collect()
}
