//! The log of a task. What Proxmox VE says itself is compared line by line; what programs say that it calls, and what
//! was said only because of how the recorded machine was built, is left out on both sides.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::compare::{Comparison, short};

/// Lines of others, each with whose they are.
const OTHERS: &[(&str, &str)] = &[
    (r"\d+\+\d+ records (in|out)$", "dd"),
    (r"\d+ bytes \(.*\) copied, ", "dd"),
    (
        r"^(Number of|Total|Literal data|Matched data|File list|total size is|sent [\d,]+ bytes)\b",
        "rsync and tar, with what they measured",
    ),
    (r"^$", "between the lines of rsync and wget"),
    (
        r"^(Creating filesystem with|Filesystem UUID|Superblock backups stored|\t\d+, )",
        "mke2fs",
    ),
    (
        r"^(--\d{4}|Connecting to |HTTP request sent|Length: \d|Saving to: | +\d+K .*\d+%)|saved \[\d|ERROR 404: ",
        "wget",
    ),
    (
        r"The command [a-z-]+ has not been found",
        "the recorded machine's QEMU, which isn't Proxmox's",
    ),
    (
        r"ignoring setting\(s\): max-workers, pbs-entries-max",
        "the recorded machine's QEMU, which isn't Proxmox's",
    ),
    (
        r"^command '/usr/bin/qemu-img info .* failed: exit code 1$",
        "the recorded machine's qemu-img, which didn't know the option",
    ),
    (
        r"filesystem type on dumpdir is 'overlay'",
        "the recorded machine's disk",
    ),
    (
        r"^failed to connect to monitor socket: ",
        "lxc-start, for want of LXC's monitor on the recorded machine",
    ),
    (
        r"^qemu-img(\.real)?: ",
        "qemu-img, which the recorded machine had under another name",
    ),
    (r"^lxc-checkpoint: ", "criu, which the recorded machine lacked"),
];

static PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| OTHERS.iter().map(|(line, _)| Regex::new(line).unwrap()).collect());

/// Compares the `data` and `total` of two logs. A line's place is its number among those of Proxmox VE, from 0.
pub(crate) fn compare(comparison: &mut Comparison<'_>, recorded: &Value, own: &Value) {
    let data = "data".to_owned();
    let (theirs, ours) = (lines(recorded), lines(own));
    for number in 0..theirs.len().max(ours.len()) {
        let place = [data.clone(), number.to_string()];
        match (theirs.get(number), ours.get(number)) {
            (Some(theirs), Some(ours)) => {
                if let Err(difference) =
                    comparison
                        .bindings
                        .agree(&ordered(theirs), &ordered(ours), comparison.call)
                {
                    comparison.differs(&place, difference);
                }
            }
            (Some(theirs), None) => comparison.differs(&place, format!("{theirs:?} ≠ (lacking)")),
            (None, Some(ours)) => comparison.differs(&place, format!("(lacking) ≠ {ours:?}")),
            (None, None) => {}
        }
    }
    for body in [recorded, own] {
        if !is_log(body) {
            comparison.differs(
                std::slice::from_ref(&data),
                format!("not the numbered lines of a log: {}", short(body)),
            );
        }
    }
    if total(recorded, theirs.len()) != total(own, ours.len()) {
        let what = format!("{} ≠ {}", recorded["total"], own["total"]);
        comparison.differs(&["total".to_owned()], what);
    }
}

/// Whether a body has the look of a log: lines with consecutive numbers, and how many there are in all.
fn is_log(body: &Value) -> bool {
    let keys = |value: &Value| -> Vec<String> {
        let fields = value.as_object().into_iter().flatten();
        let mut keys: Vec<String> = fields.map(|(name, _)| name.clone()).collect();
        keys.sort_unstable();
        keys
    };
    let rows = body["data"].as_array().into_iter().flatten();
    let first = body["data"][0]["n"].as_u64().unwrap_or(1);
    keys(body) == ["data", "total"]
        && body["data"].is_array()
        && rows
            .zip(first..)
            .all(|(row, n)| keys(row) == ["n", "t"] && row["n"] == n && row["t"].is_string())
}

/// How many lines there are in all, without those of others among the lines that are there.
fn total(body: &Value, lines: usize) -> Option<u64> {
    let rows = body["data"].as_array().map_or(0, Vec::len);
    let total = body["total"].as_u64()?;
    Some(total.saturating_sub((rows - lines) as u64))
}

/// The lines that are Proxmox VE's own.
fn lines(body: &Value) -> Vec<&str> {
    let rows = body["data"].as_array().into_iter().flatten();
    let lines = rows.filter_map(|row| row["t"].as_str());
    lines.filter(|line| !is_of_others(line)).collect()
}

/// The line that tells a backup's options: a Perl hash, whose order is random.
fn ordered(line: &str) -> std::borrow::Cow<'_, str> {
    let Some((before, options)) = line
        .split_once(" --")
        .filter(|_| line.starts_with("INFO: starting new backup job: "))
    else {
        return line.into();
    };
    let mut options: Vec<&str> = options.split(" --").collect();
    options.sort_unstable();
    format!("{before} --{}", options.join(" --")).into()
}

/// Whether a line isn't Proxmox VE's own. How a task ended always is.
pub(crate) fn is_of_others(line: &str) -> bool {
    !line.starts_with("TASK ") && PATTERNS.iter().any(|others| others.is_match(line))
}
