//! Guests as their node sees them: live, unlike `/cluster/resources`.

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use crate::release::Release;
use crate::state::traffic::sum;
use crate::state::{Guest, GuestKind, MACHINE_TYPE, Power, QEMU_VERSION};
use crate::verify::{Kind, may};
use crate::wire::{ApiResult, Reply};

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/qemu",
        Allow::Everyone,
        &[&[may("full", Kind::Boolean)]],
        Run::Show(list),
    ),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/status/current",
        Allow::Any("/vms/{vmid}", &["VM.Audit"]),
        &[],
        Run::Now(current),
    ),
];

fn list(call: &Call) -> Reply {
    let world = call.world();
    let audited = world.access.on_guests(&call.caller, &["VM.Audit"]);
    let rows = world
        .guests
        .values()
        .filter(|g| g.kind == GuestKind::Qemu && g.node == call.node())
        .filter(|g| audited.hold_on(g.vmid));
    let rows = rows.map(|guest| {
        let mut row = figures(call.release(), guest);
        if call.flag("full") {
            add_full(&mut row, guest);
        }
        row
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn current(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    let mut row = figures(call.release(), guest);
    row["ha"] = world.ha_view(guest.vmid);
    add_full(&mut row, guest);
    if guest.agent_enabled() {
        row["agent"] = json!(1);
    }
    if guest.is_running() && guest.option("vga").is_some_and(|vga| vga.contains("qxl")) {
        row["spice"] = json!(1);
    }
    if guest.is_running()
        && guest
            .option("vga")
            .is_some_and(|vga| vga.contains("clipboard=vnc"))
    {
        row["clipboard"] = json!("vnc");
    }
    Ok(Reply::data(row))
}

/// What QEMU itself has to be asked for.
fn add_full(row: &mut Value, guest: &Guest) {
    row["qmpstatus"] = json!(match guest.power {
        Power::Running { paused: true, .. } => "paused",
        _ => status(guest),
    });
    if !guest.is_running() {
        return;
    }
    let memory = guest.max_memory();
    row["running-machine"] = json!(MACHINE_TYPE);
    row["running-qemu"] = json!(QEMU_VERSION);
    if guest.option("balloon") != Some("0") {
        row["balloon"] = json!(memory);
        row["ballooninfo"] = json!({
            "actual": memory,
            "max_mem": memory,
            "total_mem": memory,
            "free_mem": memory / 2,
            "mem_swapped_in": 0,
            "mem_swapped_out": 0,
            "major_page_faults": 0,
            "minor_page_faults": 0,
            "last_update": crate::clock::now(),
        });
        row["freemem"] = json!(memory / 2);
    }
    row["proxmox-support"] =
        json!({"backup-max-workers": true, "pbs-library-version": "2.0.1", "query-bitmap-info": true});
    // What goes through the disks is asked of QEMU too.
    let through_drives = sum(&guest.drive_traffic());
    for traffic in ["diskread", "diskwrite"] {
        row[traffic] = json!(through_drives);
    }
    row["nics"] = nics(guest);
    row["blockstat"] = blocks(guest);
}

fn status(guest: &Guest) -> &'static str {
    if guest.is_running() { "running" } else { "stopped" }
}

fn figures(release: Release, guest: &Guest) -> Value {
    let mut row = json!({
        "vmid": guest.vmid,
        "name": guest.display_name(),
        "status": status(guest),
        "cpus": guest.cpus(),
        "cpu": 0,
        "mem": 0,
        "maxmem": guest.max_memory(),
        "disk": 0,
        "maxdisk": guest.max_disk(),
        "netin": 0,
        "netout": 0,
        "uptime": 0,
    });
    if release >= Release::V9_2 {
        row["memhost"] = json!(0);
    } else {
        row["diskread"] = json!(0);
        row["diskwrite"] = json!(0);
    }
    if let Power::Running { since, pid, .. } = guest.power {
        let uptime = since.elapsed().as_secs();
        row["pid"] = json!(pid);
        row["uptime"] = json!(uptime);
        row["cpu"] = json!(0.02);
        row["mem"] = json!(guest.max_memory() / 2);
        let through_cards = sum(&guest.card_traffic());
        for traffic in ["netin", "netout"] {
            row[traffic] = json!(through_cards);
        }
        if release >= Release::V9_2 {
            row["memhost"] = json!(guest.max_memory() / 2);
            for what in ["cpu", "io", "memory"] {
                row[format!("pressure{what}some")] = json!(0);
                row[format!("pressure{what}full")] = json!(0);
            }
        }
    }
    if guest.is_template() {
        row["template"] = json!(1);
    }
    for key in ["tags", "lock"] {
        if let Some(value) = guest.option(key) {
            row[key] = json!(value);
        }
    }
    row
}

fn nics(guest: &Guest) -> Value {
    let cards = guest.card_traffic().into_iter();
    cards
        .map(|(key, bytes)| {
            let tap = format!("tap{}i{}", guest.vmid, key.trim_start_matches("net"));
            (tap, json!({"netin": bytes, "netout": bytes}))
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn blocks(guest: &Guest) -> Value {
    let zeros = json!({
        "rd_bytes": 0, "rd_operations": 0, "rd_merged": 0, "rd_total_time_ns": 0,
        "wr_bytes": 0, "wr_operations": 0, "wr_merged": 0, "wr_total_time_ns": 0, "wr_highest_offset": 0,
        "flush_operations": 0, "flush_total_time_ns": 0,
        "unmap_bytes": 0, "unmap_operations": 0, "unmap_merged": 0, "unmap_total_time_ns": 0,
        "failed_rd_operations": 0, "failed_wr_operations": 0, "failed_flush_operations": 0,
        "failed_unmap_operations": 0, "invalid_rd_operations": 0, "invalid_wr_operations": 0,
        "invalid_flush_operations": 0, "invalid_unmap_operations": 0,
        "account_failed": true, "account_invalid": true, "timed_stats": [],
    });
    let drives = guest.drive_traffic().into_iter();
    drives
        .map(|(key, bytes)| {
            let mut block = zeros.clone();
            for traffic in ["rd_bytes", "wr_bytes"] {
                block[traffic] = json!(bytes);
            }
            // Each of a page.
            for operations in ["rd_operations", "wr_operations"] {
                block[operations] = json!(bytes.div_ceil(4096));
            }
            (key.to_owned(), block)
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}
