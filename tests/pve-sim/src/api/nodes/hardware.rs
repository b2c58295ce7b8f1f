//! What a node is made of: disks and PCI devices.

use serde_json::json;

use super::super::{Allow, Call, Endpoint, Run};
use super::{AUDIT, AUDIT_ALL};
use crate::release::Release;
use crate::verify::cluster::WORDS;
use crate::verify::{Kind, may};
use crate::wire::Reply;

const DISK_LIST: &[crate::verify::Param] = &[
    may("include-partitions", Kind::Boolean),
    may("skipsmart", Kind::Boolean),
    may("type", Kind::Enum(&["unused", "journal_disks"])),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/disks/list",
        Allow::OneOf(&[
            Allow::Any("/", &["Sys.Audit", "Datastore.Audit"]),
            Allow::Any("/nodes/{node}", &["Sys.Audit", "Datastore.Audit"]),
        ]),
        &[DISK_LIST],
        Run::Show(disks),
    )
    .until(Release::V7_4),
    Endpoint::get(
        "/nodes/{node}/disks/list",
        Allow::OneOf(&[AUDIT_ALL, AUDIT]),
        &[DISK_LIST],
        Run::Show(disks),
    )
    .from(Release::V8_4),
    Endpoint::get(
        "/nodes/{node}/hardware/pci",
        Allow::Any("/", &["Sys.Audit", "Sys.Modify"]),
        &[&[may("pci-class-blacklist", WORDS), may("verbose", Kind::Boolean)]],
        Run::Show(pci),
    ),
];

/// All disks are in use by the system.
fn disks(call: &Call) -> Reply {
    let world = call.world();
    let free_only = call.text("type").is_some();
    let disks = world.system.machine.disks.iter().filter(|_| !free_only);
    let rows = disks.map(|disk| {
        json!({
            "devpath": disk.path,
            "size": disk.size,
            "model": disk.model,
            "serial": disk.serial,
            "vendor": "0x1af4",
            "wwn": "unknown",
            "type": "unknown",
            "rpm": -1,
            "health": "UNKNOWN",
            "wearout": "N/A",
            "gpt": 0,
            "mounted": 1,
            "used": "mounted",
            "osdid": -1,
            "osdid-list": null,
        })
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn pci(call: &Call) -> Reply {
    let world = call.world();
    let verbose = call.text("verbose") != Some("0");
    let hidden = call.text("pci-class-blacklist").unwrap_or("05;06;0b");
    let hidden: Vec<String> = hidden.split([';', ',', ' ']).map(|c| format!("0x{c}")).collect();
    let devices = world.system.machine.pci.iter();
    let shown = devices.filter(|d| !hidden.iter().any(|c| c.len() > 2 && d.class.starts_with(c)));
    let rows = shown.map(|device| {
        let mut row = json!({"id": device.id});
        if verbose {
            row["class"] = json!(device.class);
            row["vendor"] = json!(device.vendor);
            row["device"] = json!(device.device);
            row["subsystem_vendor"] = json!(device.vendor);
            row["subsystem_device"] = json!(device.device);
            row["iommugroup"] = json!(-1);
        }
        row
    });
    Reply::data(rows.collect::<Vec<_>>())
}
