//! Backups: what is backed up, how, and what a backup holds.

mod defaults;
mod guest;
mod job;
mod order;

pub(super) use order::order;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::storage::{check_volume_access, prune_guest};
use super::{Allow, Call, Endpoint, Run};
use crate::release::Release;
use crate::state::GuestKind;
use crate::verify::cluster::{MAIL_TO, OPTION, VMIDS, WORDS};
use crate::verify::storage::PRUNE;
use crate::verify::{Kind, NODE, Param, STORAGE, TEXT, at_least, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "/nodes/{node}/vzdump",
        Allow::Everyone,
        &[OPTIONS],
        Run::Now(order),
    ),
    Endpoint::get(
        "/nodes/{node}/vzdump/defaults",
        Allow::Everyone,
        &[&[may("storage", STORAGE)]],
        Run::Now(defaults::defaults),
    ),
    Endpoint::get(
        "/nodes/{node}/vzdump/extractconfig",
        Allow::Everyone,
        &[&[need("volume", TEXT)]],
        Run::Now(extract),
    ),
];

/// A number of threads, negative ones too.
const THREADS: Kind = Kind::Integer(i64::MIN, i64::MAX);

const OPTIONS: &[Param] = &[
    may("all", Kind::Boolean),
    may("bwlimit", at_least(0)),
    may("compress", Kind::Enum(&["0", "1", "gzip", "lzo", "zstd"])),
    may("dumpdir", TEXT),
    may("exclude", VMIDS),
    may("exclude-path", WORDS).until(Release::V7_4),
    may("exclude-path", Kind::Array).from(Release::V8_4),
    may("fleecing", Kind::Format(fleecing)).from(Release::V8_4),
    may("ionice", Kind::Integer(0, 8)),
    may("job-id", Kind::LongPattern(r"\S+", 50)).from(Release::V8_4),
    may("lockwait", at_least(0)),
    may("mailnotification", Kind::Enum(&["always", "failure"])),
    may("mailto", MAIL_TO),
    may("maxfiles", at_least(1)).until(Release::V8_4),
    may("mode", Kind::Enum(&["snapshot", "suspend", "stop"])),
    may("node", NODE),
    may("notes-template", Kind::Text(1024)).requires("storage"),
    may(
        "notification-mode",
        Kind::Enum(&["auto", "legacy-sendmail", "notification-system"]),
    )
    .from(Release::V8_4),
    may("notification-policy", Kind::Enum(&["always", "failure", "never"]))
        .from(Release::V8_4)
        .until(Release::V8_4),
    may("notification-target", OPTION)
        .from(Release::V8_4)
        .until(Release::V8_4),
    may(
        "pbs-change-detection-mode",
        Kind::Enum(&["legacy", "data", "metadata"]),
    )
    .from(Release::V8_4),
    may("performance", Kind::Format(performance)),
    may("pigz", THREADS),
    may("pool", TEXT),
    may("protected", Kind::Boolean).requires("storage"),
    may("prune-backups", PRUNE),
    may("quiet", Kind::Boolean),
    may("remove", Kind::Boolean),
    may("script", TEXT),
    may("stdexcludes", Kind::Boolean),
    may("stdout", Kind::Boolean),
    may("stop", Kind::Boolean),
    may("stopwait", at_least(0)),
    may("storage", STORAGE),
    may("tmpdir", TEXT),
    may("vmid", VMIDS),
    may("zstd", THREADS),
];

/// `enabled=1,storage=local`.
fn fleecing(_: &str, text: &str) -> Result<(), String> {
    keys(text, &["enabled", "storage"])
}

/// `max-workers=16,pbs-entries-max=1048576`.
fn performance(_: &str, text: &str) -> Result<(), String> {
    keys(text, &["max-workers", "pbs-entries-max"])
}

fn keys(text: &str, known: &[&str]) -> Result<(), String> {
    let unknown = text
        .split(',')
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| !known.contains(key));
    match unknown {
        None => Ok(()),
        Some((key, _)) => Err(format!(
            "format error\n{key}: property is not defined in schema and the schema does not allow additional properties\n"
        )),
    }
}

/// The configuration in a backup, as text.
/// A line of a description as a configuration file has it (pve-common, `Tools.pm`, `encode_text`).
fn encoded(line: &str) -> String {
    const UNSAFE: &AsciiSet = &CONTROLS.add(b':').add(b'%');
    utf8_percent_encode(line, UNSAFE).to_string()
}

fn extract(call: &Call) -> ApiResult {
    let world = call.world();
    let volid = call.text("volume").unwrap_or("");
    check_volume_access(call, &world, None, volid, Some("backup"))?;
    let archive = world.volume(call.node(), volid).and_then(|v| v.archive.as_ref());
    let archive = archive.ok_or_else(|| ApiError::internal(format!("volume '{volid}' does not exist")))?;
    // A description stands first, as a comment; what is mapped to what in the archive stands last.
    let description = archive.config.get("description").into_iter();
    let comment = description.flat_map(|text| text.lines().map(|line| format!("#{}\n", encoded(line))));
    let options = archive.config.iter().filter(|(key, _)| *key != "description");
    let options = options.map(|(key, value)| format!("{key}: {value}\n"));
    let disks = archive
        .config
        .keys()
        .filter(|key| archive.kind == GuestKind::Qemu && crate::state::is_disk(key))
        .map(|key| format!("#qmdump#map:{key}:drive-{key}:::\n"));
    Ok(Reply::data(
        comment.chain(options).chain(disks).collect::<String>(),
    ))
}
