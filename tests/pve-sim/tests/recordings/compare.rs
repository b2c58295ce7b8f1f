//! Whether two answers are equal: status, reason, headers, and the body, by value but for what `mask` lists and names
//! that agree.

use std::fmt;

use serde_json::{Map, Value};

use super::call::Call;
use super::client::Answer;
use super::library::RecordedAnswer;
use super::mask::{Masked, Masks};
use super::names::Bindings;
use super::{log, rows};

/// What isn't equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// `status`, `reason`, a header, or where in the body, as `/data/cpu`; a row of a list is named by what names it.
    pub(crate) place: String,
    /// Both sides, recorded first.
    pub(crate) what: String,
}

impl Difference {
    pub(crate) fn at(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Compares, and binds the names.
pub(crate) fn compare(
    recorded: &RecordedAnswer,
    own: &Answer,
    call: &Call,
    bindings: &mut Bindings,
) -> Vec<Difference> {
    let mut wrong = Vec::new();
    if recorded.status != own.status {
        wrong.push(Difference::at(
            "status",
            format!("{} ≠ {}", recorded.status, own.status),
        ));
    }
    if let Err(difference) = bindings.agree(&recorded.reason, &own.reason, call) {
        wrong.push(Difference::at("reason", difference));
    }
    headers(recorded, own, &mut wrong);
    if recorded.body.is_string() {
        text(recorded, own, call, bindings, &mut wrong);
    } else {
        match serde_json::from_slice::<Value>(&own.body) {
            Ok(body) => {
                let masks = Masks::of(call);
                let mut comparison = Comparison {
                    call,
                    masks: &masks,
                    bindings,
                    wrong,
                    stopped: false,
                    backup: false,
                };
                if recorded.status == 200 && call.is_log() {
                    log::compare(&mut comparison, &recorded.body, &body);
                } else {
                    comparison.value(&mut Vec::new(), &recorded.body, &body);
                }
                wrong = comparison.wrong;
            }
            Err(_) => wrong.push(Difference::at(
                "body",
                format!("JSON ≠ {:?}", String::from_utf8_lossy(&own.body)),
            )),
        }
    }
    wrong
}

fn headers(recorded: &RecordedAnswer, own: &Answer, wrong: &mut Vec<Difference>) {
    let theirs = &recorded.headers;
    let pairs = [
        ("connection", Some(&theirs.connection)),
        ("server", Some(&theirs.server)),
        ("content-type", theirs.content_type.as_ref()),
    ];
    for (name, theirs) in pairs {
        let ours = own.headers.get(name);
        if theirs != ours {
            wrong.push(Difference::at(name, format!("{theirs:?} ≠ {ours:?}")));
        }
    }
    // Lengths of bodies with names in them differ; an empty body may be said to be so or not.
    let length = own.headers.get("content-length");
    let is_right = length.map_or(own.body.is_empty(), |l| *l == own.body.len().to_string());
    let is_needed = theirs.content_length.is_some() || !own.body.is_empty();
    if !is_right || (is_needed && length.is_none()) {
        let bytes = own.body.len();
        wrong.push(Difference::at(
            "content-length",
            format!("{length:?} for {bytes} bytes"),
        ));
    }
}

fn text(
    recorded: &RecordedAnswer,
    own: &Answer,
    call: &Call,
    bindings: &mut Bindings,
    wrong: &mut Vec<Difference>,
) {
    let theirs = recorded.body.as_str().unwrap_or_default();
    let ours = String::from_utf8_lossy(&own.body);
    // The recorder kept no more of a page than that it is one.
    if theirs == "<html>" {
        if !ours.contains("<html") {
            wrong.push(Difference::at("body", format!("a page ≠ {ours:?}")));
        }
    } else if let Err(difference) = bindings.agree(theirs, &ours, call) {
        wrong.push(Difference::at("body", difference));
    }
}

/// One body's comparison.
pub(crate) struct Comparison<'a> {
    pub(crate) call: &'a Call,
    pub(crate) masks: &'a Masks,
    pub(crate) bindings: &'a mut Bindings,
    pub(crate) wrong: Vec<Difference>,
    /// Within a guest that doesn't run, and whose figures therefore don't tick.
    pub(crate) stopped: bool,
    /// Within a volume that is a backup.
    pub(crate) backup: bool,
}

impl Comparison<'_> {
    pub(crate) fn differs(&mut self, place: &[String], what: impl AsRef<str>) {
        let place = format!("/{}", place.join("/"));
        self.wrong.push(Difference::at(place, what.as_ref()));
    }

    /// Compares two values at a place.
    pub(crate) fn value(&mut self, place: &mut Vec<String>, recorded: &Value, own: &Value) {
        let masked = self.masks.at(place).filter(|m| match m {
            Masked::Figure | Masked::Share => !self.stopped,
            Masked::Archive => self.backup,
            _ => true,
        });
        let same = match masked {
            Some(Masked::Number | Masked::Figure | Masked::Archive) => is_like(recorded, own),
            Some(Masked::Share) => is_share(recorded) && is_share(own),
            Some(Masked::Text) => recorded.is_string() && own.is_string(),
            Some(Masked::Words) => words(recorded).is_some() && words(recorded) == words(own),
            Some(Masked::Ordered | Masked::Lacked) | None => match (recorded, own) {
                (Value::Object(_), Value::Object(_)) => return self.object(place, recorded, own),
                (Value::Array(theirs), Value::Array(ours)) => {
                    return if masked == Some(Masked::Ordered) {
                        rows::compare_in_order(self, place, theirs, ours);
                    } else {
                        rows::compare(self, place, theirs, ours);
                    };
                }
                (Value::String(theirs), Value::String(ours)) => {
                    if let Err(difference) = self.bindings.agree(theirs, ours, self.call) {
                        self.differs(place, difference);
                    }
                    return;
                }
                (Value::Number(_), Value::Number(_)) => recorded.as_f64() == own.as_f64(),
                _ => recorded == own,
            },
        };
        if !same {
            self.differs(place, format!("{} ≠ {}", short(recorded), short(own)));
        }
    }

    fn object(&mut self, place: &mut Vec<String>, recorded: &Value, own: &Value) {
        let none = Map::new();
        let theirs = recorded.as_object().unwrap_or(&none);
        let ours = own.as_object().unwrap_or(&none);
        let around = std::mem::replace(&mut self.stopped, recorded["status"] == "stopped");
        let around_backup = std::mem::replace(&mut self.backup, is_backup(recorded));
        for (key, value) in theirs {
            place.push(key.clone());
            match ours.get(key) {
                Some(own) => self.value(place, value, own),
                None => self.differs(place, format!("{} ≠ (lacking)", short(value))),
            }
            place.pop();
        }
        for (key, value) in ours.iter().filter(|(key, _)| !theirs.contains_key(*key)) {
            place.push(key.clone());
            if self.stopped || !self.masks.may_lack(place) {
                self.differs(place, format!("(lacking) ≠ {}", short(value)));
            }
            place.pop();
        }
        self.stopped = around;
        self.backup = around_backup;
        if let Some(wrong) = incoherent(recorded).or_else(|| incoherent(own)) {
            self.differs(place, wrong);
        }
    }
}

/// Whether two numbers may stand for each other: what is counted is whole on both sides. A share that is none or
/// all looks whole.
fn is_like(recorded: &Value, own: &Value) -> bool {
    let counted = recorded.as_i64().is_some_and(|n| n.abs() > 1);
    recorded.is_number() && own.is_number() && (!counted || own.is_i64() || own.is_u64())
}

/// Whether a volume is a backup, by its name or its path.
fn is_backup(volume: &Value) -> bool {
    let has = |key: &str, part: &str| volume[key].as_str().is_some_and(|text| text.contains(part));
    has("volid", ":backup/") || has("path", "/dump/")
}

/// Whether a number is a share of a whole, as it is measured: a busy processor can seem a little more than that.
fn is_share(value: &Value) -> bool {
    value.as_f64().is_some_and(|share| (0.0..1.01).contains(&share))
}

/// What a task's row says against its UPID. The parts are masked, but have to belong together.
fn incoherent(task: &Value) -> Option<String> {
    let upid: Vec<&str> = task["upid"].as_str()?.split(':').collect();
    let part = |n: usize| u64::from_str_radix(upid.get(n).copied().unwrap_or_default(), 16).ok();
    let fields = [("pid", part(2)), ("pstart", part(3)), ("starttime", part(4))];
    let wrong = fields
        .into_iter()
        .find(|(name, part)| task.get(name).is_some_and(|field| field.as_u64() != *part))?;
    Some(format!("{} isn't that of the UPID: {}", wrong.0, short(task)))
}

fn words(value: &Value) -> Option<Vec<&str>> {
    let mut words: Vec<&str> = value.as_str()?.split(',').collect();
    words.sort_unstable();
    Some(words)
}

/// A value in at most a line.
pub(crate) fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
