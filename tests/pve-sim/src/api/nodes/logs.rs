//! What a node's system logs: the beginnings and ends of tasks.

use serde_json::json;

use super::super::{Allow, Call, Endpoint, Run};
use crate::clock;
use crate::release::Release;
use crate::state::World;
use crate::verify::{Kind, TEXT, at_least, may};
use crate::wire::Reply;

const READ: Allow = Allow::Any("/nodes/{node}", &["Sys.Syslog"]);
const MOMENT: Kind = Kind::Pattern(r"^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?)?$");

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/syslog",
        READ,
        &[&[
            may("limit", at_least(0)),
            may("service", Kind::Text(128)),
            may("since", MOMENT),
            may("start", at_least(0)),
            may("until", MOMENT),
        ]],
        Run::Show(syslog),
    ),
    Endpoint::get(
        "/nodes/{node}/journal",
        READ,
        &[&[
            may("endcursor", TEXT),
            may("identifiers", Kind::Boolean).from(Release::V9_2),
            may("kernel", Kind::Boolean).from(Release::V9_2),
            may("lastentries", at_least(0)),
            may("priority", Kind::Pattern(r"^([0-7](\.\.[0-7])?)?$")).from(Release::V9_2),
            may("service", Kind::LongPattern(r"^[A-Za-z0-9_.@:*?!\[\]\/-]+$", 128)).from(Release::V9_2),
            may("since", at_least(0)),
            may("startcursor", TEXT),
            may("structured", Kind::Boolean).from(Release::V9_2),
            may("unit", Kind::LongPattern(r"^[A-Za-z0-9_.@:-]+$", 256)).from(Release::V9_2),
            may("units", Kind::Boolean).from(Release::V9_2),
            may("until", at_least(0)),
        ]],
        Run::Show(journal),
    ),
];

/// When, and the line: what pvedaemon has logged, the oldest first.
fn lines(world: &World, node: &str) -> Vec<(i64, String)> {
    let events = world.tasks.events();
    let own = events.into_iter().filter(|event| event.node == node);
    own.map(|event| {
        let when = clock::log_time(event.time);
        (
            event.time,
            format!("{when} {node} pvedaemon[1200]: {}", event.text),
        )
    })
    .collect()
}

fn syslog(call: &Call) -> Reply {
    let world = call.world();
    let since = call.text("since").and_then(clock::parse_day_time);
    let until = call.text("until").and_then(clock::parse_day_time);
    let within = |time: i64| since.is_none_or(|s| time >= s) && until.is_none_or(|u| time <= u);
    let other = call.text("service").is_some_and(|service| service != "pvedaemon");
    let lines = lines(&world, call.node())
        .into_iter()
        .filter(|(time, _)| within(*time) && !other);
    let lines: Vec<String> = lines.map(|(_, line)| line).collect();
    let start = call.number("start").unwrap_or(0);
    let limit = call.number("limit").unwrap_or(50);
    let page = lines.iter().enumerate().skip(start).take(limit);
    let page = page.map(|(at, text)| json!({"n": at + 1, "t": text})).collect();
    Reply::page(page, Some(lines.len()))
}

/// Between two cursors, which are left out of it here: only times are known.
fn journal(call: &Call) -> Reply {
    let world = call.world();
    let since = call.number::<i64>("since").unwrap_or(i64::MIN);
    let until = call.number::<i64>("until").unwrap_or(i64::MAX);
    let lines = lines(&world, call.node());
    let within: Vec<String> = lines
        .into_iter()
        .filter(|(time, _)| (since..=until).contains(time))
        .map(|(_, line)| line)
        .collect();
    let last = call.number("lastentries").unwrap_or(within.len());
    Reply::data(&within[within.len().saturating_sub(last)..])
}
