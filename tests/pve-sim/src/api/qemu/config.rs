//! Shows a configuration, and takes orders to change it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::change::{Change, Refused};
use crate::release::Release;
use crate::state::typed;
use crate::verify::{
    CLOUD_INIT_OPTIONS, CONFIG_ID, DELETE_AND_REVERT, DEVICE_OPTIONS, DRIVE_OPTIONS, GENERAL_OPTIONS,
    HARDWARE_OPTIONS, Kind, Param, STORAGE, may, need,
};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName};

const AUDIT: Allow = Allow::Any("/vms/{vmid}", &["VM.Audit"]);
const CONFIGURE: Allow = Allow::Any(
    "/vms/{vmid}",
    &[
        "VM.Config.Disk",
        "VM.Config.CDROM",
        "VM.Config.CPU",
        "VM.Config.Memory",
        "VM.Config.Network",
        "VM.Config.HWType",
        "VM.Config.Options",
        "VM.Config.Cloudinit",
    ],
);

/// What a change of configuration takes besides options and what it removes.
const CHANGE: &[Param] = &[
    may("digest", Kind::Text(40)),
    may("force", Kind::Boolean).requires("delete"),
    may("skiplock", Kind::Boolean),
];

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/config",
        AUDIT,
        &[&[may("current", Kind::Boolean), may("snapshot", CONFIG_ID)]],
        Run::Now(show),
    ),
    Endpoint::put(
        "/nodes/{node}/qemu/{vmid}/config",
        CONFIGURE,
        &[
            GENERAL_OPTIONS,
            HARDWARE_OPTIONS,
            DEVICE_OPTIONS,
            DRIVE_OPTIONS,
            CLOUD_INIT_OPTIONS,
            DELETE_AND_REVERT,
            CHANGE,
        ],
        Run::Later(|call| Box::pin(put(call))),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/config",
        CONFIGURE,
        &[
            GENERAL_OPTIONS,
            HARDWARE_OPTIONS,
            DEVICE_OPTIONS,
            DRIVE_OPTIONS,
            CLOUD_INIT_OPTIONS,
            DELETE_AND_REVERT,
            CHANGE,
            &[
                may("background_delay", Kind::Integer(1, 30)),
                may("import-working-storage", STORAGE).from(Release::V8_4),
            ],
        ],
        Run::Later(|call| Box::pin(post(call))),
    ),
    Endpoint::get("/nodes/{node}/qemu/{vmid}/pending", AUDIT, &[], Run::Now(pending)),
    Endpoint::put(
        "/nodes/{node}/qemu/{vmid}/unlink",
        Allow::Any("/vms/{vmid}", &["VM.Config.Disk"]),
        &[&[
            may("force", Kind::Boolean),
            need("idlist", crate::verify::cluster::OPTIONS),
        ]],
        Run::Later(|call| Box::pin(unlink(call))),
    ),
];

/// The configuration after the next start; with `current=1` the active one, with `snapshot` that of a snapshot.
fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    let config = match call.text("snapshot") {
        Some(_) if call.flag("current") => {
            let text = "cannot use 'snapshot' parameter with 'current'";
            return Err(ApiError::parameter("snapshot", text));
        }
        Some(name) => guest.snapshot(name)?.clone(),
        None if call.flag("current") => guest.config.clone(),
        None => guest.wanted_config(),
    };
    let release = call.release();
    let mut shown: Map<String, Value> = config
        .iter()
        .filter(|(key, _)| *key != "snapstate")
        .map(|(key, value)| (key.clone(), typed(release, key, value)))
        .collect();
    shown.insert("digest".to_owned(), Value::from(guest.digest()));
    Ok(Reply::data(shown))
}

/// A row for each option, digest and description included, with what waits.
fn pending(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    let keys: BTreeSet<&String> = guest.config.keys().chain(guest.pending.keys()).collect();
    let release = call.release();
    let mut rows = vec![json!({"key": "digest", "value": guest.digest()})];
    rows.extend(keys.into_iter().map(|key| {
        let mut row = json!({"key": key});
        if let Some(value) = guest.option(key) {
            row["value"] = typed(release, key, value);
        }
        match guest.pending.get(key) {
            Some(Some(value)) => row["pending"] = typed(release, key, value),
            Some(None) => row["delete"] = json!(1 + u8::from(guest.forced.contains(key))),
            None => {}
        }
        row
    }));
    Ok(Reply::data(rows))
}

/// The synchronous way: `null` when it is done.
async fn put(call: Call) -> ApiResult {
    carry_out(call, Change::of).await
}

/// Takes drives out; an absent one is not missed.
async fn unlink(call: Call) -> ApiResult {
    carry_out(call, |call| Change::unlinking(call, call.list("idlist"))).await
}

async fn carry_out(call: Call, order: impl Fn(&Call) -> Result<Change, ApiError>) -> ApiResult {
    let mut change = order(&call)?;
    let _lock = call.sim.lock_file(call.vmid(), false).await?;
    let mut world = call.world();
    change.check_guest(&world)?;
    change.apply(&mut world)?;
    drop(world);
    Ok(Reply::null())
}

/// The asynchronous way: what can be found without doing anything is found at once, the rest by a task. With
/// `background_delay` the answer is `null` if the task is done by then.
async fn post(call: Call) -> ApiResult {
    let mut change = Change::of(&call)?;
    let vmid = call.vmid();
    let lock = call.sim.lock_file(vmid, false).await?;
    change.check_guest(&call.world())?;
    let upid = worker::launch(
        &call,
        &TaskName::of_guest("qmconfig", vmid),
        move |worker| async move {
            let _lock = lock;
            worker.log(format!("update VM {vmid}: {}", change.summary()));
            let mut world = worker.world();
            let log = change.apply(&mut world).map_err(Refused::into_exit)?;
            for line in log {
                world.tasks.log(&worker.upid, line);
            }
            drop(world);
            Ok(())
        },
        |_| {},
    );
    let Some(delay) = call.number("background_delay").map(Duration::from_secs) else {
        return Ok(Reply::data(upid));
    };
    let timing = call.sim.timing();
    let ended = call.world().tasks.get(&upid).map(|task| task.ended.clone());
    if let Some(ended) = ended {
        // Whether it ended or the time is out is seen below.
        let _ = tokio::time::timeout(timing.real(delay), ended.cancelled()).await;
    }
    let end = call.world().tasks.get(&upid).and_then(|task| task.end.clone());
    match end {
        None => Ok(Reply::data(upid)),
        Some((_, exit)) if exit == "OK" || exit.starts_with("WARNINGS: ") => Ok(Reply::null()),
        Some((_, exit)) => Err(ApiError::internal(format!("failed to update VM {vmid}: {exit}"))),
    }
}
