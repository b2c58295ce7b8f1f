//! Orders as they are written, read strictly: a key that isn't known is an error, since what is left out of a fault means
//! "all".

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fault::{Fault, FaultKind};
use crate::matcher::Matcher;

/// The keys of every fault, besides those of its kind.
const OF_EVERY_FAULT: [&str; 5] = ["fault", "method", "path", "skip", "times"];

/// Each kind with its own keys.
const FAULTS: &[(&str, &[&str])] = &[
    ("delay", &["ms"]),
    ("refuse", &[]),
    ("lost-answer", &[]),
    ("status", &["status", "message"]),
    ("task-error", &["task", "exit"]),
    ("task-hang", &["task"]),
];

/// What a fault has besides its kind.
#[derive(Deserialize)]
struct Rest {
    #[serde(flatten)]
    matcher: Matcher,
    #[serde(default)]
    skip: u32,
    #[serde(default)]
    times: Option<u32>,
}

impl TryFrom<Map<String, Value>> for Fault {
    type Error = String;

    fn try_from(fields: Map<String, Value>) -> Result<Self, String> {
        let kind = fields.get("fault").and_then(Value::as_str).unwrap_or("");
        if let Some((name, own)) = FAULTS.iter().find(|(name, _)| *name == kind) {
            let known = || OF_EVERY_FAULT.iter().chain(*own).copied();
            if let Some(key) = fields.keys().find(|key| !known().any(|known| known == *key)) {
                let known: Vec<&str> = known().collect();
                return Err(format!(
                    "unknown key `{key}`: the fault `{name}` has {}",
                    known.join(", ")
                ));
            }
        }
        let fields = Value::Object(fields);
        let kind = FaultKind::deserialize(&fields).map_err(|e| e.to_string())?;
        if let FaultKind::Status { status, .. } = kind
            && !(200..=599).contains(&status)
        {
            return Err(format!("status is from 200 to 599, not {status}"));
        }
        let rest = Rest::deserialize(&fields).map_err(|e| e.to_string())?;
        Ok(Self {
            matcher: rest.matcher,
            kind,
            skip: rest.skip,
            times: rest.times,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(order: Value) -> String {
        serde_json::from_value::<Fault>(order).unwrap_err().to_string()
    }

    #[test]
    fn a_fault_reads_back_as_it_was_written() {
        let path = Matcher::new("GET", "/version");
        let faults = [
            Fault::refuse(Matcher::any()),
            Fault::delay(path.clone(), std::time::Duration::from_millis(7)).skip(1),
            Fault::lost_answer(path.clone()).times(2),
            Fault::status(path, 595, "Connection refused"),
            Fault::task_error("qmclone", "no luck"),
            Fault::task_hang("qmclone"),
        ];
        for fault in faults {
            let again: Fault = serde_json::from_value(json!(fault)).unwrap();
            assert_eq!(again, fault);
        }
    }

    #[test]
    fn a_key_that_no_fault_has_is_named() {
        assert_eq!(
            error(json!({"fault": "refuse", "pth": "/version"})),
            "unknown key `pth`: the fault `refuse` has fault, method, path, skip, times"
        );
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        assert_eq!(
            error(json!({"fault": "delay", "ms": 1, "exit": "x"})),
            "unknown key `exit`: the fault `delay` has fault, method, path, skip, times, ms"
        );
    }

    #[test]
    fn a_kind_that_is_not_known_is_refused() {
        assert!(error(json!({"fault": "explode"})).contains("explode"));
        assert!(error(json!({"path": "/version"})).contains("fault"));
    }

    #[test]
    fn a_status_that_can_not_be_answered_is_refused() {
        for status in [99, 101, 600, 1000] {
            let order = json!({"fault": "status", "status": status, "message": ""});
            assert_eq!(error(order), format!("status is from 200 to 599, not {status}"));
        }
    }
}
