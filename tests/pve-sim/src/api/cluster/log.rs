//! `/cluster/log`: what the nodes' daemons have logged, the newest first.

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use crate::verify::{at_least, may};
use crate::wire::Reply;

/// How many entries are shown unless told otherwise.
const SHOWN: usize = 50;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::get(
    "/cluster/log",
    Allow::Everyone,
    &[&[may("max", at_least(1))]],
    Run::Show(list),
)];

/// Without Sys.Syslog, one's own entries. The numbers of the entries are text, the process's and the level's are not.
fn list(call: &Call) -> Reply {
    let world = call.world();
    let all = world.access.any(&call.caller, "/", &["Sys.Syslog"]);
    let events = world.tasks.events();
    let shown = events.iter().enumerate().rev();
    let shown = shown.filter(|(_, event)| all || event.user == call.caller.0);
    let rows = shown
        .take(call.number("max").unwrap_or(SHOWN))
        .map(|(at, event)| {
            json!({
                "id": format!("{}:{}", at + 1, event.node),
                "uid": (at + 1).to_string(),
                "time": event.time,
                "node": event.node,
                "user": event.user,
                "tag": "pvedaemon",
                "pid": 1200,
                "pri": if event.failed { 3 } else { 6 },
                "msg": event.text,
            })
        });
    Reply::data(rows.collect::<Vec<Value>>())
}
