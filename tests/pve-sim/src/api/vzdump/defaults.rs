//! How a backup is made when nothing is said.

use serde_json::json;

use super::Call;
use crate::release::Release;
use crate::wire::{ApiResult, Reply};

pub(super) fn defaults(call: &Call) -> ApiResult {
    let world = call.world();
    let mut answer = json!({
        "all": 0,
        "bwlimit": 0,
        "compress": "0",
        "ionice": 7,
        "lockwait": 180,
        "mailnotification": "always",
        "mode": "snapshot",
        "pigz": 0,
        "prune-backups": "keep-all=1",
        "quiet": 0,
        "remove": 1,
        "stdexcludes": 1,
        "stop": 0,
        "stopwait": 10,
        "zstd": 1,
    });
    if call.release() >= Release::V8_4 {
        answer["fleecing"] = json!({"enabled": 0});
        answer["notification-mode"] = json!("auto");
        answer["performance"] = json!({"max-workers": 16, "pbs-entries-max": 1_048_576});
    }
    if let Some(name) = call.text("storage") {
        call.require(&world, &format!("/storage/{name}"), super::super::storage::SEE)?;
        let storage = world.storage_on(call.node(), name)?;
        answer["storage"] = json!(name);
        answer["dumpdir"] = json!(format!("{}/dump", storage.directory()));
        if let Some(kept) = storage.options.get("prune-backups") {
            answer["prune-backups"] = json!(kept);
        }
    }
    Ok(Reply::data(answer))
}
