//! What rules can name as source or destination: aliases, and sets with a `+`, each with its scope since 8.

use serde_json::{Value, json};

use super::super::{Call, Endpoint, Run};
use super::{SEE_CLUSTER, SEE_GUEST, file};
use crate::release::Release;
use crate::state::{Firewall, FirewallFile};
use crate::verify::{Kind, Param, may};
use crate::wire::Reply;

const TYPE: &[Param] = &[may("type", Kind::Enum(&["alias", "ipset"]))];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/cluster/firewall/refs", SEE_CLUSTER, &[TYPE], Run::Show(list)),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/firewall/refs",
        SEE_GUEST,
        &[TYPE],
        Run::Show(list),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/firewall/refs",
        SEE_GUEST,
        &[TYPE],
        Run::Show(list),
    ),
];

/// Those of the cluster; a guest's calls have its own as well.
fn list(call: &Call) -> Reply {
    let file = file(call);
    let (cluster, own) = {
        let world = call.world();
        let cluster = world.firewall(&FirewallFile::Cluster);
        let own = (file != FirewallFile::Cluster).then(|| world.firewall(&file));
        (cluster, own)
    };
    let mut rows = rows(call, &cluster, "dc");
    rows.extend(own.iter().flat_map(|own| self::rows(call, own, "guest")));
    Reply::data(rows)
}

fn rows(call: &Call, firewall: &Firewall, scope: &str) -> Vec<Value> {
    let scoped = call.release() >= Release::V8_4;
    let wanted = |kind: &str| call.text("type").is_none_or(|asked| asked == kind);
    let row = |kind: &str, mark: &str, name: &str, comment: Option<&String>| {
        let reference = if scoped {
            format!("{mark}{scope}/{name}")
        } else {
            format!("{mark}{name}")
        };
        let mut row = json!({"type": kind, "name": name, "ref": reference});
        if scoped {
            row["scope"] = json!(scope);
        }
        if let Some(comment) = comment {
            row["comment"] = json!(comment);
        }
        row
    };
    let aliases = firewall.aliases.iter().filter(|_| wanted("alias"));
    let aliases = aliases.map(|(name, alias)| row("alias", "", name, alias.get("comment")));
    let sets = firewall.sets.iter().filter(|_| wanted("ipset"));
    let sets = sets.map(|(name, set)| row("ipset", "+", name, set.comment.as_ref()));
    aliases.chain(sets).collect()
}
