//! Every recorded success of a call that the tables know is read as the type that the tables give it.

use std::collections::BTreeMap;

use super::recorded::exchanges;
use crate::hypervisor::proxmox::api::{KnownCall, calls};

/// Whether a path, without the query, is one of a template.
fn is_of(template: &str, path: &str) -> bool {
    let (mut of, mut is) = (template.split('/'), path.split('/'));
    loop {
        match (of.next(), is.next()) {
            (None, None) => return true,
            (Some("{kind}"), Some("qemu" | "lxc")) => {}
            (Some("{kind}"), _) => return false,
            (Some(segment), Some(value)) if segment.starts_with('{') && !value.is_empty() => {}
            (Some(segment), Some(value)) if segment == value => {}
            _ => return false,
        }
    }
}

/// The calls whose method and path these are, the most exact ones alone.
fn known(method: &str, path: &str) -> Vec<&'static KnownCall> {
    let fitting = calls().filter(|c| c.method.as_str() == method && is_of(c.template, path));
    let mut fitting: Vec<&KnownCall> = fitting.collect();
    let free = |call: &&KnownCall| call.template.matches('{').count();
    let least = fitting.iter().map(free).min();
    fitting.retain(|call| Some(free(call)) == least);
    fitting
}

#[test]
fn every_recorded_answer_of_a_known_call_is_read() {
    let Some(exchanges) = exchanges() else { return };
    let mut read: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for exchange in &exchanges {
        let path = exchange.path.strip_prefix("/api2/json").unwrap_or(&exchange.path);
        let path = path.split('?').next().unwrap_or_default();
        // A question without a ticket is answered with `data: null`; it is no call of the tables.
        if exchange.status != 200 || path == "/access/ticket" {
            continue;
        }
        let body = exchange.body_of_answer();
        for call in known(&exchange.method, path) {
            match (call.reads)(&body) {
                Ok(()) => *read.entry(call.name).or_default() += 1,
                Err(error) => wrong.push(format!("{}: {error}\n{}", call.name, exchange.text)),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are not read:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let answers: usize = read.values().sum();
    println!("read {answers} recorded answers of {} calls", read.len());
    assert!(
        answers > 1000 && read.len() > 100,
        "{answers} answers of {} calls",
        read.len()
    );
}

#[test]
fn the_most_exact_path_is_chosen() {
    let names = |method, path| known(method, path).iter().map(|c| c.name).collect::<Vec<_>>();
    assert_eq!(
        names("GET", "/nodes/pve/qemu/100/status/current"),
        ["GuestStatus"]
    );
    assert_eq!(names("GET", "/nodes/pve/storage/local/status"), ["StorageStatus"]);
    assert_eq!(
        names("POST", "/nodes/pve/lxc"),
        ["CreateContainer", "RestoreContainer"]
    );
    assert!(names("GET", "/nodes/pve/ceph/100/config").is_empty());
}
