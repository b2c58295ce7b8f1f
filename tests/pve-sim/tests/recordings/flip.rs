//! Recorded answers with one thing changed. The comparison has to see each, or the place is one that isn't compared by
//! value.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::Call;
use super::client::Answer;
use super::compare::{Difference, compare};
use super::known::Known;
use super::library::RecordedAnswer;
use super::log;
use super::mask::Masks;
use super::names::{self, Bindings};

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Another status.
    Status,
    /// A word of the reason phrase.
    Reason,
    /// A header that is compared.
    Header,
    /// A word of a sentence of an error.
    Sentence,
    /// Another value of the same type.
    Value,
    /// A name that only the machine knew, for another one of its kind.
    Name,
    /// A value of another JSON type.
    Type,
    /// A key that isn't there.
    MissingKey,
    /// A key more.
    ExtraKey,
    /// A row that isn't there.
    MissingRow,
    /// A row twice.
    ExtraRow,
    /// Two rows under each other's names, or in each other's place.
    SwappedRow,
}

/// How many changes of a kind were made, how many were seen, and how many others were of a masked value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) made: usize,
    pub(crate) seen: usize,
    pub(crate) masked: usize,
    /// Of an exchange that is known to differ, in a place that is.
    pub(crate) known: usize,
}

/// The changes of many answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) counts: BTreeMap<Kind, Count>,
    /// What wasn't seen and isn't masked: of which exchange, and where.
    pub(crate) unseen: Vec<String>,
}

/// How many places in a body are changed: all, but in the few bodies that are larger.
const PLACES: usize = 60;

/// An exchange that came out as it should.
pub(crate) struct Tried {
    pub(crate) index: usize,
    pub(crate) recorded: RecordedAnswer,
    pub(crate) own: Answer,
    pub(crate) call: Call,
    pub(crate) known: Option<&'static Known>,
    /// Those from before it was compared.
    pub(crate) bindings: Bindings,
    /// What differed without a change, all of it known.
    pub(crate) differences: Vec<Difference>,
}

impl Tried {
    /// Changes the recorded answer in every way, counts what the comparison sees of it, and says what it doesn't.
    pub(crate) fn try_all(&self, tally: &mut Tally) {
        let masks = Masks::of(&self.call);
        for change in changes(self, &masks) {
            let count = tally.counts.entry(change.kind).or_default();
            count.made += 1;
            let differences = compare(&change.answer, &self.own, &self.call, &mut self.bindings.clone());
            let is_known = |d: &Difference| self.known.is_some_and(|known| known.allows(d));
            if !differences.iter().all(is_known) {
                count.seen += 1;
            } else if differences != self.differences {
                count.known += 1;
            } else if change.is_masked(self, &masks) {
                count.masked += 1;
            } else {
                let place = change.place.join("/");
                let unseen = format!("{} {:?} at /{place}", self.index, change.kind);
                tally.unseen.push(unseen);
            }
        }
    }
}

/// A recorded answer with one thing changed.
struct Change {
    kind: Kind,
    /// Where in the body, of a key that isn't there where it was.
    place: Vec<String>,
    answer: RecordedAnswer,
}

impl Change {
    /// In a value that isn't compared as it is, in a line of a log that isn't compared, or a key that may be lacking.
    fn is_masked(&self, tried: &Tried, masks: &Masks) -> bool {
        let text = |answer: &RecordedAnswer| {
            let value = self.place.iter().try_fold(&answer.body, child);
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let is_masked = || {
            masks.at(&self.place).is_some() || (tried.call.is_log() && log::is_of_others(&text(&self.answer)))
        };
        match self.kind {
            Kind::Value => is_masked(),
            Kind::Name => is_masked() || !tried.bindings.knows_name_in(&text(&tried.recorded), &tried.call),
            Kind::MissingKey => masks.may_lack(&self.place),
            _ => false,
        }
    }
}

fn changes(tried: &Tried, masks: &Masks) -> Vec<Change> {
    let recorded = &tried.recorded;
    let mut changes = around(recorded);
    let mut add = |kind, place: &[String], how: &dyn Fn(&mut Value)| {
        let mut answer = recorded.clone();
        // A key is taken from the object around it.
        let around = &place[..place.len() - usize::from(kind == Kind::MissingKey)];
        if let Some(value) = around.iter().try_fold(&mut answer.body, child_mut) {
            how(value);
            let place = place.to_vec();
            changes.push(Change { kind, place, answer });
        }
    };
    if let Some(text) = recorded.body.as_str().filter(|text| *text != "<html>") {
        add(Kind::Sentence, &[], &|body| *body = json!(other_word(text)));
        return changes;
    }
    for place in places(&recorded.body, tried.index) {
        match place
            .iter()
            .try_fold(&recorded.body, child)
            .unwrap_or(&Value::Null)
        {
            Value::Object(fields) => {
                for key in fields.keys() {
                    let lost = [place.as_slice(), std::slice::from_ref(key)].concat();
                    add(Kind::MissingKey, &lost, &|v| {
                        _ = v.as_object_mut().map(|o| o.remove(key));
                    });
                }
                add(Kind::ExtraKey, &place, &|v| v["never-heard-of"] = json!(1));
            }
            Value::Array(rows) => {
                let more = rows.last().cloned().unwrap_or(json!({}));
                let push = |v: &mut Value| _ = v.as_array_mut().map(|rows| rows.push(more.clone()));
                add(Kind::ExtraRow, &place, &push);
                if !rows.is_empty() {
                    add(Kind::MissingRow, &place, &|v| {
                        _ = v.as_array_mut().map(Vec::pop);
                    });
                }
            }
            value => {
                let is_sentence = place
                    .first()
                    .is_some_and(|key| key == "message" || key == "errors");
                let kind = if is_sentence { Kind::Sentence } else { Kind::Value };
                let (same_type, other_type) = others(value);
                let other_name = value.as_str().and_then(|text| names::other(text, &tried.call));
                if let Some(other) = other_name {
                    add(Kind::Name, &place, &|v| *v = json!(other));
                }
                if let Some(other) = same_type {
                    add(kind, &place, &|v| *v = other.clone());
                }
                add(Kind::Type, &place, &|v| *v = other_type.clone());
            }
        }
    }
    if let Some(swapped) = swapped(&recorded.body, masks) {
        add(Kind::SwappedRow, &[], &|body| *body = swapped.clone());
    }
    changes
}

/// Changes of all but the body.
fn around(recorded: &RecordedAnswer) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |kind, how: &dyn Fn(&mut RecordedAnswer)| {
        let mut answer = recorded.clone();
        how(&mut answer);
        let place = Vec::new();
        changes.push(Change { kind, place, answer });
    };
    add(Kind::Status, &|a| {
        a.status = if a.status == 500 { 200 } else { 500 }
    });
    add(Kind::Reason, &|a| a.reason = other_word(&a.reason));
    add(Kind::Header, &|a| a.headers.server.push('x'));
    add(Kind::Header, &|a| {
        let closes = a.headers.connection == "close";
        if closes { "Keep-Alive" } else { "close" }.clone_into(&mut a.headers.connection);
    });
    add(Kind::Header, &|a| match &mut a.headers.content_type {
        Some(content_type) => content_type.push('x'),
        None => a.headers.content_type = Some("text/plain".to_owned()),
    });
    changes
}

/// The text with another word in it.
fn other_word(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    let middle = words.len() / 2;
    words[middle] = "otherwise";
    words.join(" ")
}

/// Another value of the same type, where there is one, and one of another type.
fn others(value: &Value) -> (Option<Value>, Value) {
    match value {
        Value::String(text) => (Some(json!(format!("{text}x"))), json!(1)),
        Value::Number(number) => {
            let next = number.as_f64().unwrap_or_default() + 1.0;
            (Some(json!(next)), json!(number.to_string()))
        }
        Value::Bool(is) => (Some(json!(!is)), json!("true")),
        _ => (None, json!(1)),
    }
}

/// What stands below a value at a key or a row's number.
fn child<'a>(value: &'a Value, key: &String) -> Option<&'a Value> {
    match value {
        Value::Array(rows) => rows.get(key.parse::<usize>().ok()?),
        _ => value.get(key),
    }
}

fn child_mut<'a>(value: &'a mut Value, key: &String) -> Option<&'a mut Value> {
    match value {
        Value::Array(rows) => rows.get_mut(key.parse::<usize>().ok()?),
        _ => value.get_mut(key),
    }
}

/// The places in a body. Of one that has too many, some that are spread over it, and others in each exchange.
fn places(body: &Value, index: usize) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    walk(body, &mut Vec::new(), &mut all);
    let step = all.len().div_ceil(PLACES).max(1);
    all.into_iter().skip(index % step).step_by(step).collect()
}

fn walk(value: &Value, place: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
    let mut below = |key: String, value: &Value| {
        place.push(key);
        walk(value, place, all);
        place.pop();
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| below(key.clone(), value)),
        Value::Array(rows) => (0..)
            .zip(rows)
            .for_each(|(n, row): (usize, _)| below(n.to_string(), row)),
        _ => {}
    }
    all.push(place.clone());
}

/// The body with the contents of its first and last row under each other's `id` or number, if these differ.
fn swapped(body: &Value, masks: &Masks) -> Option<Value> {
    let rows = body["data"].as_array()?;
    let (first, last) = (rows.first()?.as_object()?, rows.last()?.as_object()?);
    let name = [
        "upid", "n", "vmid", "id", "volid", "storage", "node", "name", "key",
    ]
    .into_iter()
    .find(|name| first.contains_key(*name) && last.contains_key(*name))?;
    let (mut one, mut other) = (first.clone(), last.clone());
    std::mem::swap(one.get_mut(name)?, other.get_mut(name)?);
    // Rows that differ by nothing but their names and what is masked are the same when swapped.
    let compared = |key: &str| {
        let place = ["data", "*", key].map(str::to_owned);
        key != name && masks.at(&place).is_none()
    };
    let mut keys = first.keys().chain(last.keys());
    if !keys.any(|key| compared(key) && first.get(key) != last.get(key)) {
        return None;
    }
    let mut changed = body.clone();
    let end = rows.len() - 1;
    changed["data"][0] = Value::Object(one);
    changed["data"][end] = Value::Object(other);
    Some(changed)
}
