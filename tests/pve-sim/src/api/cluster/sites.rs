//! Parts of a cluster of which the simulator has nothing but what stands there from the beginning: mapped devices, software-defined
//! networks, metric servers, notifications, Ceph; and replication, which the hands alone set up.

use serde_json::json;

use super::super::{Allow, Call, Endpoint, Run};
use crate::release::Release;
use crate::verify::{Kind, NODE, Param, may};
use crate::wire::{ApiError, Reply};

const CHECK_NODE: &[Param] = &[may("check-node", NODE)];
const PENDING: &[Param] = &[may("pending", Kind::Boolean), may("running", Kind::Boolean)];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/cluster/mapping/pci", Allow::Everyone, &[CHECK_NODE], NONE).from(Release::V8_4),
    Endpoint::get("/cluster/mapping/usb", Allow::Everyone, &[CHECK_NODE], NONE).from(Release::V8_4),
    Endpoint::get("/cluster/mapping/dir", Allow::Everyone, &[CHECK_NODE], NONE).from(Release::V8_4),
    Endpoint::get("/cluster/sdn/vnets", Allow::Everyone, &[PENDING], NONE),
    Endpoint::get(
        "/cluster/sdn/zones",
        Allow::Everyone,
        &[
            PENDING,
            &[may(
                "type",
                Kind::Enum(&["evpn", "faucet", "qinq", "simple", "vlan", "vxlan"]),
            )],
        ],
        NONE,
    ),
    Endpoint::get(
        "/cluster/metrics/server",
        Allow::Any("/", &["Sys.Audit"]),
        &[],
        NONE,
    ),
    Endpoint::get(
        "/cluster/replication",
        Allow::Everyone,
        &[],
        Run::Show(replications),
    ),
    Endpoint::get(
        "/nodes/{node}/replication",
        Allow::Everyone,
        &[&[may("guest", Kind::Vmid)]],
        NONE,
    ),
    Endpoint::get(
        "/cluster/notifications/targets",
        Allow::OneOf(&[
            Allow::Any("/mapping/notifications", &["Mapping.Modify"]),
            Allow::Any("/mapping/notifications", &["Mapping.Audit"]),
            Allow::Any("/mapping/notifications", &["Mapping.Use"]),
        ]),
        &[],
        Run::Show(targets),
    )
    .from(Release::V8_4),
    Endpoint::get(
        "/cluster/ceph/status",
        Allow::Any("/", &["Sys.Audit", "Datastore.Audit"]),
        &[],
        Run::Now(|_| Err(ApiError::internal("binary not installed: /usr/bin/ceph-mon"))),
    ),
];

fn replications(call: &Call) -> Reply {
    let world = call.world();
    let mut rows = Vec::new();
    for (guest, targets) in &world.replications {
        for (number, target) in targets.iter().enumerate() {
            rows.push(json!({
                "id": format!("{guest}-{number}"),
                "type": "local",
                "guest": guest,
                "jobnum": number,
                "target": target,
            }));
        }
    }
    Reply::data(json!(rows))
}

/// Nothing of the kind can be made here, so there is nothing.
const NONE: Run = Run::Show(|_| Reply::data(json!([])));

/// The one that every installation has.
fn targets(_: &Call) -> Reply {
    Reply::data(json!([{
        "name": "mail-to-root",
        "type": "sendmail",
        "origin": "builtin",
        "comment": "Send mails to root@pam's email address",
    }]))
}
