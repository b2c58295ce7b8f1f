//! Every option of a guest, in every answer and every successful request that was recorded with a real
//! Proxmox VE, is read and written back to the letter.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::hypervisor::proxmox::devices::{GuestKind, Tags, spelling};
use crate::hypervisor::proxmox::encode::unpercent;
use crate::hypervisor::proxmox::options::{
    BandwidthLimits, Fleecing, NextId, Performance, PruneBackups, TagStyle, Traffic, UserTagAccess,
};
use crate::hypervisor::proxmox::property::{BadProperty, Format, Properties};
use crate::hypervisor::proxmox::tests::recorded::{Exchange, exchanges};
use crate::model::Upid;

fn kind(path: &str) -> Option<GuestKind> {
    let mut segments = path
        .split(['/', '?'])
        .skip_while(|segment| *segment != "nodes")
        .skip(2);
    match segments.next()? {
        "qemu" => Some(GuestKind::Qemu),
        "lxc" => Some(GuestKind::Lxc),
        _ => None,
    }
}

fn scalar(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Names and values of options in an answer: of a configuration, or of `/pending`.
fn answered(exchange: &Exchange) -> Vec<(String, String)> {
    let path = exchange.path.split('?').next().unwrap_or_default();
    let told = ["/config", "/pending"].iter().any(|end| path.ends_with(end));
    match exchange.data() {
        Some(Json::Object(config)) if told && exchange.method == "GET" => config
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), scalar(value)?)))
            .collect(),
        Some(Json::Array(rows)) if told => rows
            .iter()
            .flat_map(|row| ["value", "pending"].map(|column| (row, column)))
            .filter_map(|(row, column)| {
                Some((row.get("key")?.as_str()?.to_owned(), scalar(row.get(column)?)?))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Names and values of parameters of a request, as form or as JSON.
fn requested(exchange: &Exchange) -> Vec<(String, String)> {
    let Some(body) = &exchange.body else {
        return Vec::new();
    };
    if let Ok(Json::Object(parameters)) = serde_json::from_str(body) {
        let values = parameters.iter();
        return values
            .filter_map(|(name, value)| Some((name.clone(), scalar(value)?)))
            .collect();
    }
    let decoded = |text: &str| unpercent(&text.replace('+', " "));
    body.split(['&', ';'])
        .filter_map(|pair| pair.split_once('='))
        .filter_map(|(name, value)| Some((decoded(name)?, decoded(value)?)))
        .collect()
}

/// Reads what an answer holds, and writes it; the error if it does not fit.
type Respelling = fn(&Json) -> Result<String, BadProperty>;

const OUTSIDE_GUESTS: [(&str, Respelling); 8] = [
    ("bwlimit", respelt::<BandwidthLimits>),
    ("fleecing", respelt::<Fleecing>),
    ("migration", respelt::<Traffic>),
    ("next-id", respelt::<NextId>),
    ("performance", respelt::<Performance>),
    ("prune-backups", respelt::<PruneBackups>),
    ("tag-style", respelt::<TagStyle>),
    ("user-tag-access", respelt::<UserTagAccess>),
];

fn respelt<T: Format>(json: &Json) -> Result<String, BadProperty> {
    let (read, complaints) = T::of(Properties::of_json(json, T::DEFAULT_KEY).unwrap());
    let text = read.properties().to_string();
    complaints.into_iter().next().map_or(Ok(text), Err)
}

#[test]
fn options_of_guests_are_written_back_as_they_were_recorded() {
    let Some(exchanges) = exchanges() else { return };
    let mut seen = BTreeMap::<String, usize>::new();
    for exchange in exchanges.iter().filter(|exchange| exchange.status == 200) {
        let Some(kind) = kind(&exchange.path) else {
            continue;
        };
        for (option, value) in answered(exchange).into_iter().chain(requested(exchange)) {
            let Some(respell) = spelling(kind, &option) else {
                continue;
            };
            let again = respell(&value).unwrap_or_else(|e| panic!("{option}: {value}: {e}"));
            if option == "tags" {
                assert_eq!(again.parse::<Tags>(), value.parse::<Tags>(), "{value}");
            } else {
                assert_eq!(again, value, "{option}");
            }
            *seen.entry(option).or_default() += 1;
        }
    }
    println!("options of guests that were read and written back: {seen:?}");
    for option in [
        "net0",
        "scsi0",
        "rootfs",
        "boot",
        "smbios1",
        "agent",
        "memory",
        "ipconfig0",
        "sshkeys",
    ] {
        assert!(seen.contains_key(option), "{option} occurs in no recording");
    }
}

#[test]
fn all_task_identifiers_that_were_recorded_are_understood() {
    let Some(exchanges) = exchanges() else { return };
    let mut seen = BTreeSet::new();
    for exchange in &exchanges {
        let starts = exchange
            .text
            .match_indices("UPID:")
            .map(|(at, _)| &exchange.text[at..]);
        // What ends it: the string, a line of a log, or the rest of a path.
        for text in starts.filter_map(|rest| rest.split(['"', '\\', '/', '?', ' ', '\'']).next()) {
            let upid: Upid = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(upid.to_string(), text);
            seen.insert(upid);
        }
    }
    println!("task identifiers that were read: {}", seen.len());
    assert!(seen.iter().any(|upid| upid.id().is_empty()));
    assert!(seen.iter().any(|upid| upid.id().contains('>')));
    assert!(seen.iter().any(|upid| upid.user().contains('!')));
}

#[test]
fn property_strings_that_were_recorded_as_objects_are_understood() {
    let Some(exchanges) = exchanges() else { return };
    let mut seen = 0;
    let mut rows = Vec::new();
    for exchange in exchanges.iter().filter(|exchange| exchange.status == 200) {
        match exchange.data() {
            Some(Json::Array(list)) => rows.extend(list.iter().cloned()),
            Some(row @ Json::Object(_)) => rows.push(row.clone()),
            _ => {}
        }
    }
    for row in rows {
        for (key, respell) in OUTSIDE_GUESTS {
            let Some(json) = row.get(key).filter(|json| json.is_object() || json.is_string()) else {
                continue;
            };
            let text = respell(json).unwrap_or_else(|e| panic!("{key}: {json}: {e}"));
            if json.is_string() {
                assert_eq!(text, json.as_str().unwrap());
            }
            seen += 1;
        }
    }
    println!("property strings in answers outside guests: {seen}");
    assert!(seen > 0);
}
