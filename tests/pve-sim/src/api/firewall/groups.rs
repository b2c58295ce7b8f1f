//! Security groups of the cluster; their rules are in `rules.rs`.

use serde_json::{Map, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::{CHANGE_CLUSTER, DIGEST, GROUP_NAME, check_digest, check_writable};
use crate::state::{Firewall, FirewallFile, rows_digest};
use crate::verify::{TEXT, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const LIST: &str = "/cluster/firewall/groups";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(LIST, Allow::Everyone, &[], Run::Show(list)),
    Endpoint::post(
        LIST,
        CHANGE_CLUSTER,
        &[
            &[
                need("group", GROUP_NAME),
                may("comment", TEXT),
                may("rename", GROUP_NAME),
            ],
            DIGEST,
        ],
        Run::Now(create),
    ),
    Endpoint::delete(
        "/cluster/firewall/groups/{group}",
        CHANGE_CLUSTER,
        &[],
        Run::Now(remove),
    ),
];

fn digest(firewall: &Firewall) -> String {
    let rows: Vec<_> = firewall
        .groups
        .iter()
        .map(|(name, group)| {
            let comment = group.comment.clone().unwrap_or_default();
            [
                ("group".to_owned(), name.clone()),
                ("comment".to_owned(), comment),
            ]
            .into()
        })
        .collect();
    rows_digest(&rows)
}

fn list(call: &Call) -> Reply {
    let firewall = call.world().firewall(&FirewallFile::Cluster);
    let digest = digest(&firewall);
    let rows = firewall.groups.iter().map(|(name, group)| {
        let mut row = Map::from_iter([
            ("group".to_owned(), json!(name)),
            ("digest".to_owned(), json!(digest)),
        ]);
        if let Some(comment) = &group.comment {
            row.insert("comment".to_owned(), json!(comment));
        }
        row
    });
    Reply::data(rows.collect::<Vec<_>>())
}

/// Makes a group; with `rename` gives one another name, or only another comment.
fn create(call: &Call) -> ApiResult {
    let wrong = |text: String| Err(ApiError::parameter("group", text));
    let name = call.text("group").unwrap_or("").to_owned();
    let comment = call.text("comment").map(str::to_owned);
    let mut world = call.world();
    let firewall = world.firewall(&FirewallFile::Cluster);
    let taken = firewall.groups.contains_key(&name);
    let old = call.text("rename");
    match old {
        Some(old) if !firewall.groups.contains_key(old) => {
            return wrong(format!("Security group '{old}' does not exist"));
        }
        Some(old) if taken && old != name => {
            return wrong(format!("Security group '{name}' does already exist"));
        }
        Some(_) => check_digest(call, &digest(&firewall))?,
        None if taken => return wrong(format!("Security group '{name}' already exists")),
        None => {}
    }
    check_writable(&world, &FirewallFile::Cluster)?;
    let groups = &mut world.firewall_mut(&FirewallFile::Cluster).groups;
    let mut group = old.and_then(|old| groups.remove(old)).unwrap_or_default();
    group.comment = comment.or(group.comment);
    groups.insert(name, group);
    drop(world);
    Ok(Reply::null())
}

/// An unknown one is gone already.
fn remove(call: &Call) -> ApiResult {
    let name = call.text("group").unwrap_or("");
    let mut world = call.world();
    check_writable(&world, &FirewallFile::Cluster)?;
    let groups = &mut world.firewall_mut(&FirewallFile::Cluster).groups;
    if groups.get(name).is_some_and(|group| !group.rows.is_empty()) {
        return Err(ApiError::internal(format!(
            "Security group '{name}' is not empty"
        )));
    }
    groups.remove(name);
    drop(world);
    Ok(Reply::null())
}
