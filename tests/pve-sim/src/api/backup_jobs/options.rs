//! The options of a backup job (`PVE::VZDump::Common`): their types, and how they are shown.

use serde_json::{Map, Value, json};

use crate::release::Release;
use crate::state::BackupJob;
use crate::verify::cluster::{DAYS_OF_WEEK, MAIL_TO, OPTION, SCHEDULE, VMIDS, WORDS};
use crate::verify::{Kind, NODE, Param, Properties, STORAGE, TEXT, at_least, may};

/// What create and update both take.
pub(super) const OPTIONS: &[Param] = &[
    may("all", Kind::Boolean),
    may("bwlimit", at_least(0)),
    may("comment", Kind::Text(512)),
    may("compress", Kind::Enum(&["0", "1", "gzip", "lzo", "zstd"])),
    may("dow", DAYS_OF_WEEK).requires("starttime"),
    may("dumpdir", TEXT),
    may("enabled", Kind::Boolean),
    may("exclude", VMIDS),
    may("exclude-path", WORDS).until(Release::V7_4),
    may("exclude-path", Kind::Array).from(Release::V8_4),
    may("fleecing", Kind::Properties(&FLEECING)).from(Release::V8_4),
    may("ionice", Kind::Integer(0, 8)),
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
    may("performance", Kind::Properties(&PERFORMANCE)),
    may("pigz", Kind::Integer(i64::MIN, i64::MAX)),
    may("pool", TEXT),
    may("protected", Kind::Boolean).requires("storage"),
    may("prune-backups", Kind::Properties(&RETENTION)),
    may("quiet", Kind::Boolean),
    may("remove", Kind::Boolean),
    may("repeat-missed", Kind::Boolean),
    may("schedule", SCHEDULE),
    may("script", TEXT),
    may("starttime", Kind::Pattern(r"\d{1,2}:\d{1,2}")),
    may("stdexcludes", Kind::Boolean),
    may("stop", Kind::Boolean),
    may("stopwait", at_least(0)),
    may("storage", STORAGE),
    may("tmpdir", TEXT),
    may("vmid", VMIDS),
    may("zstd", Kind::Integer(i64::MIN, i64::MAX)),
];

const FLEECING: Properties = Properties::new(
    Some("enabled"),
    &[may("enabled", Kind::Boolean), may("storage", STORAGE)],
);

const PERFORMANCE: Properties = Properties::new(
    None,
    &[
        may("max-workers", Kind::Integer(1, 256)),
        may("pbs-entries-max", at_least(1)).from(Release::V8_4),
    ],
);

const RETENTION: Properties = Properties::new(
    None,
    &[
        may("keep-all", Kind::Boolean),
        may("keep-daily", at_least(0)),
        may("keep-hourly", at_least(0)),
        may("keep-last", at_least(0)),
        may("keep-monthly", at_least(0)),
        may("keep-weekly", at_least(0)),
        may("keep-yearly", at_least(0)),
    ],
);

/// Property strings come as objects, in which numbers are text and booleans are not.
fn object(known: &Properties, release: Release, text: &str) -> Value {
    let Ok(parts) = known.parse(text) else {
        return json!(text);
    };
    let parts = parts.into_iter().map(|(key, value)| {
        let shown = if known.is_boolean(release, &key) {
            json!(u8::from(["1", "on", "yes", "true"].contains(&value.as_str())))
        } else {
            json!(value)
        };
        (key, shown)
    });
    Value::Object(parts.collect())
}

/// A job as it is shown.
pub(super) fn shown(release: Release, id: &str, job: &BackupJob) -> Map<String, Value> {
    let known = |name: &str| {
        OPTIONS
            .iter()
            .find(|param| param.is_called(name) && param.is_in(release))
    };
    let mut row: Map<String, Value> = job
        .options
        .iter()
        .map(|(name, value)| {
            let number = || value.parse::<i64>().ok();
            let shown = match known(name).map(Param::kind) {
                Some(Kind::Properties(properties)) => object(properties, release, value),
                Some(Kind::Array) => json!(value.split([';', '\0']).collect::<Vec<_>>()),
                Some(Kind::Boolean | Kind::Integer(..)) => {
                    number().map_or_else(|| json!(value), |n| json!(n))
                }
                _ => json!(value),
            };
            (name.clone(), shown)
        })
        .collect();
    row.insert("id".to_owned(), json!(id));
    row.insert("type".to_owned(), json!("vzdump"));
    row
}

/// The name that a new job is given.
pub(super) const ID: Param = may("id", OPTION);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_numbers_as_text_and_booleans_as_numbers() {
        let options = [
            ("prune-backups", "keep-last=3"),
            ("fleecing", "1,storage=local"),
            ("all", "1"),
        ];
        let options = options.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let row = shown(Release::V9_2, "j", &BackupJob { options });
        assert_eq!(row["prune-backups"], json!({"keep-last": "3"}));
        assert_eq!(row["fleecing"], json!({"enabled": 1, "storage": "local"}));
        assert_eq!(row["all"], json!(1));
    }
}
