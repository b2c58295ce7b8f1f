//! What Drover keeps in a domain's `<metadata>`: the mark, the volumes that are under way, tags.
//!
//! All of it stands in one element, `<drover:guest>`: of several that share a namespace libvirt keeps the first
//! alone (`virXMLNodeSanitizeNamespaces`).

use std::collections::BTreeSet;

use super::parse;
use super::unfit::Unfit;
use crate::hypervisor::libvirt::xml::tree::{Element, ReadXml};

const NAMESPACE: &str = "https://drover.dev/libvirt/1";
const PREFIX: &str = "drover";
const ROOT: &str = "guest";

/// A volume that is made or copied just now: no disk refers to it yet, and what lies under its name may be half.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Making {
    /// The slot of the disk that it is for.
    pub slot: String,
    /// Its name.
    pub name: String,
    /// The storage pool that it lies in.
    pub pool: String,
}

/// The element of ours of a name: within the one that holds all, or by itself as somebody else may have put it there.
fn ours<'a>(domain: &'a Element, local: &str) -> Option<&'a Element> {
    let metadata = domain.child("metadata")?;
    let root = metadata.children().filter(|child| child.is_in(NAMESPACE, ROOT));
    let mut all = root.flat_map(Element::children).chain(metadata.children());
    all.find(|element| element.is_in(NAMESPACE, local))
}

/// Changes what is ours, which comes to stand in one element under our own prefix, and takes out what is left without
/// content.
fn edit(domain: &mut Element, change: impl FnOnce(&mut Element)) {
    let mut metadata = domain
        .remove("metadata")
        .unwrap_or_else(|| Element::new("metadata"));
    let mut root = element(ROOT).with("xmlns:drover", NAMESPACE);
    while let Some(mut own) = metadata.take_one(|child| child.namespace() == Some(NAMESPACE)) {
        own.rename_within(NAMESPACE, PREFIX);
        if own.is_in(NAMESPACE, ROOT) {
            own.children().cloned().for_each(|child| root.push(child));
        } else {
            root.push(own);
        }
    }
    change(&mut root);
    if root.children().next().is_some() {
        metadata.push(root);
    }
    if metadata.children().next().is_some() {
        domain.push(metadata);
    }
}

/// Puts an element of ours in place of the former one.
fn put(domain: &mut Element, local: &str, element: Option<Element>) {
    edit(domain, |root| {
        root.take(|child| child.is_in(NAMESPACE, local));
        if let Some(element) = element {
            root.push(element);
        }
    });
}

fn element(local: &str) -> Element {
    Element::within(PREFIX, NAMESPACE, local)
}

fn is_mark(line: &str) -> bool {
    line.contains("drover/v1")
}

/// People's notes and the mark, as one text.
pub(super) fn description(domain: &Element) -> String {
    let notes = domain.child("description").map(Element::text).unwrap_or_default();
    let mark = ours(domain, "mark").map(Element::text).unwrap_or_default();
    let parts = [notes.trim_end(), mark.trim()];
    let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    said.join("\n")
}

/// Puts people's notes and the mark where each belongs.
pub(super) fn set_description(domain: &mut Element, text: &str) {
    let (marks, notes): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| is_mark(line));
    let notes = notes.join("\n");
    if notes.trim().is_empty() {
        domain.remove("description");
    } else {
        domain.edit("description", |element| element.set_text(notes.trim_end()));
    }
    let mark = (!marks.is_empty()).then(|| element("mark").saying(marks.join("\n")));
    put(domain, "mark", mark);
}

/// Its tags.
pub(super) fn tags(domain: &Element) -> BTreeSet<String> {
    let text = ours(domain, "tags").map(Element::text).unwrap_or_default();
    text.split_whitespace().map(str::to_lowercase).collect()
}

/// All of its tags.
pub(super) fn set_tags(domain: &mut Element, tags: &BTreeSet<String>) {
    let text: Vec<&str> = tags.iter().map(String::as_str).collect();
    let tags = (!text.is_empty()).then(|| element("tags").saying(text.join(" ")));
    put(domain, "tags", tags);
}

/// The version of the board that was asked for.
pub(super) fn machine(domain: &Element) -> Option<String> {
    Some(ours(domain, "machine")?.text().trim().to_owned())
}

pub(super) fn set_machine(domain: &mut Element, machine: Option<&str>) {
    put(
        domain,
        "machine",
        machine.map(|machine| element("machine").saying(machine)),
    );
}

/// Whether a person made a template of it.
pub(super) fn is_template(domain: &Element) -> bool {
    ours(domain, "template").is_some()
}

/// The domain as a template.
pub fn as_template(xml: &str) -> Result<String, Unfit> {
    let mut domain = parse(xml)?;
    put(&mut domain, "template", Some(element("template")));
    Ok(domain.write()?)
}

/// Takes out all that is ours.
pub(super) fn clear(domain: &mut Element) {
    edit(domain, |root| {
        root.take(|_| true);
    });
}

/// The domain with these notes and this mark.
pub fn with_mark(xml: &str, description: &str) -> Result<String, Unfit> {
    let mut domain = parse(xml)?;
    set_description(&mut domain, description);
    Ok(domain.write()?)
}

/// The mark of a domain; empty for none.
pub fn mark(xml: &str) -> Result<String, ReadXml> {
    let description = description(&parse(xml)?);
    let marks: Vec<&str> = description.lines().filter(|line| is_mark(line)).collect();
    Ok(marks.join("\n"))
}

/// The volumes that are under way for a domain.
pub fn making(xml: &str) -> Result<Vec<Making>, Unfit> {
    Ok(read_making(&parse(xml)?))
}

pub(super) fn read_making(domain: &Element) -> Vec<Making> {
    let Some(all) = ours(domain, "making") else {
        return Vec::new();
    };
    let record = |element: &Element| {
        let value = |name: &str| element.attribute(name).map(str::to_owned);
        Some(Making {
            slot: value("slot")?,
            name: value("name")?,
            pool: value("pool")?,
        })
    };
    all.children().filter_map(record).collect()
}

/// The domain with a record of a volume that is to be made. A former record of that slot goes.
pub fn add_making(xml: &str, record: &Making) -> Result<String, Unfit> {
    let mut domain = parse(xml)?;
    let mut all = read_making(&domain);
    all.retain(|other| other.slot != record.slot);
    all.push(record.clone());
    set_making(&mut domain, &all);
    Ok(domain.write()?)
}

/// The domain without the record of a slot.
pub fn remove_making(xml: &str, slot: &str) -> Result<String, Unfit> {
    let mut domain = parse(xml)?;
    let mut all = read_making(&domain);
    all.retain(|record| record.slot != slot);
    set_making(&mut domain, &all);
    Ok(domain.write()?)
}

pub(super) fn set_making(domain: &mut Element, all: &[Making]) {
    let mut records = element("making");
    for Making { slot, name, pool } in all {
        let volume = element("volume").with("slot", slot).with("name", name);
        records.push(volume.with("pool", pool));
    }
    put(domain, "making", (!all.is_empty()).then_some(records));
}
