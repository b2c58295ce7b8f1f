//! Screens, terminals and QEMU's monitor. Tickets and ports are given out as Proxmox does; nobody listens there.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::super::{Allow, Call, Endpoint, Run};
use super::power::{SKIP_LOCK, check_skip_lock};
use crate::release::Release;
use crate::state::{Guest, Moment, QEMU_VERSION, World};
use crate::verify::{ADDRESS, Kind, TEXT, may, need};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName};

const CONSOLE: Allow = Allow::Any("/vms/{vmid}", &["VM.Console"]);

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/monitor",
        Allow::Any("/vms/{vmid}", &["VM.Monitor"]),
        &[&[need("command", TEXT)]],
        Run::Now(monitor),
    )
    .until(Release::V8_4),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/monitor",
        Allow::Any("/vms/{vmid}", &["Sys.Audit", "Sys.Modify"]),
        &[&[need("command", TEXT)]],
        Run::Now(monitor),
    )
    .from(Release::V9_2),
    Endpoint::put(
        "/nodes/{node}/qemu/{vmid}/sendkey",
        CONSOLE,
        &[&[need("key", TEXT), SKIP_LOCK]],
        Run::Now(send_key),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/vncproxy",
        CONSOLE,
        &[&[
            may("generate-password", Kind::Boolean),
            may("websocket", Kind::Boolean),
        ]],
        Run::Now(vnc),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/termproxy",
        CONSOLE,
        &[&[may(
            "serial",
            Kind::Enum(&["serial0", "serial1", "serial2", "serial3"]),
        )]],
        Run::Now(terminal),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/spiceproxy",
        CONSOLE,
        &[&[may("proxy", ADDRESS)]],
        Run::Now(spice),
    ),
];

/// What QEMU's own monitor prints; a guest that doesn't run has none, which is told as a text too.
fn monitor(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    let command = call.text("command").unwrap_or("").trim();
    let reads = command.starts_with("info") || command.starts_with("help");
    if !reads && call.release() >= Release::V9_2 {
        call.require(&world, &format!("/vms/{}", call.vmid()), &["Sys.Modify"])?;
    }
    if !guest.is_running() {
        return Ok(Reply::data(format!("ERROR: VM {} not running\n", guest.vmid)));
    }
    let text = match command {
        "info version" => format!("{QEMU_VERSION}pve-qemu-kvm_{QEMU_VERSION}-1\r\n"),
        "info status" if guest.is_paused() => "VM status: paused\r\n".to_owned(),
        "info status" => "VM status: running\r\n".to_owned(),
        "info name" => format!("{}\r\n", guest.display_name()),
        "info uuid" => format!(
            "{}\r\n",
            guest.uuid().unwrap_or("00000000-0000-0000-0000-000000000000")
        ),
        unknown => {
            let first = unknown.split_whitespace().next().unwrap_or("");
            format!("unknown command: '{first}'\r\n")
        }
    };
    Ok(Reply::data(text))
}

fn need_running(guest: &Guest) -> Result<(), ApiError> {
    if guest.is_running() {
        Ok(())
    } else {
        Err(ApiError::internal(format!("VM {} not running", guest.vmid)))
    }
}

fn send_key(call: &Call) -> ApiResult {
    check_skip_lock(call)?;
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    need_running(guest)?;
    let key = call.text("key").unwrap_or("");
    let known = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match key.split('-').find(|part| !known(part)) {
        None => Ok(Reply::null()),
        Some(part) => Err(ApiError::internal(format!("invalid parameter: {part}"))),
    }
}

/// How long a port stays reserved after it was given out.
const RESERVED: Duration = Duration::from_secs(30);

/// The next port for a console.
pub(in super::super) fn reserve_port(world: &mut World) -> u16 {
    world.console_ports.retain(|_, since| since.elapsed() < RESERVED);
    let free = (5900..=5999).find(|port| !world.console_ports.contains_key(port));
    let port = free.unwrap_or(5999);
    world.console_ports.insert(port, Moment::now());
    port
}

pub(in super::super) fn ticket(kind: &str) -> String {
    format!("{kind}:{}::{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// A task that waits for somebody to connect, in vain.
pub(in super::super) fn wait_for_client(call: &Call) -> String {
    worker::launch(
        call,
        &TaskName::of_guest("vncproxy", call.vmid()),
        |worker| async move {
            worker.pause(|t| t.console).await;
            Err("connection timed out".to_owned())
        },
        |_| {},
    )
}

fn vnc(call: &Call) -> ApiResult {
    let (port, certificate) = {
        let mut world = call.world();
        world.guest_on(call.node(), call.vmid())?;
        let node = world.node(call.node());
        let certificate = node.and_then(|n| n.certificates.last());
        let certificate = certificate.map(|c| c.pem.clone()).unwrap_or_default();
        (reserve_port(&mut world), certificate)
    };
    let ticket = ticket("PVEVNC");
    let mut answer = json!({
        "user": call.caller.0,
        "ticket": ticket,
        "port": port.to_string(),
        "upid": wait_for_client(call),
        "cert": certificate,
    });
    if call.flag("generate-password") {
        answer["password"] = json!(&Uuid::new_v4().simple().to_string()[..8]);
    } else if call.flag("websocket") {
        answer["password"] = json!(ticket);
    }
    Ok(Reply::data(answer))
}

/// The terminal is that of a serial port, without which nobody gets ready.
fn terminal(call: &Call) -> ApiResult {
    let port = {
        let mut world = call.world();
        let guest = world.guest_on(call.node(), call.vmid())?;
        let own = guest.config.keys();
        let mut own = own.filter(|key| key.starts_with("serial"));
        let asked = call.text("serial");
        let ready = guest.is_running() && own.any(|key| asked.is_none_or(|asked| asked == key));
        let port = reserve_port(&mut world);
        if !ready {
            let text = format!("Timeout while waiting for port '{port}' to get ready!");
            return Err(ApiError::internal(text));
        }
        port
    };
    Ok(Reply::data(json!({
        "user": call.caller.0,
        "ticket": ticket("PVEVNC"),
        "port": port.to_string(),
        "upid": wait_for_client(call),
    })))
}

fn spice(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    need_running(guest)?;
    let with_qxl = guest.option("vga").is_some_and(|vga| vga.contains("qxl"));
    if !with_qxl {
        return Err(ApiError::internal("no spice port"));
    }
    let node = world.node(call.node());
    let authority = node.and_then(|n| n.certificates.first());
    let subject = node
        .and_then(|n| n.certificates.last())
        .map(|c| c.subject.clone());
    let proxy = call.text("proxy").unwrap_or(call.node());
    Ok(Reply::data(json!({
        "type": "spice",
        "title": format!("VM {} - {}", guest.vmid, guest.display_name()),
        "host": ticket("pvespiceproxy"),
        "proxy": format!("http://{proxy}:3128"),
        "tls-port": 61000,
        "password": Uuid::new_v4().simple().to_string(),
        "ca": authority.map(|c| c.pem.replace('\n', "\\n")),
        "host-subject": subject,
        "delete-this-file": 1,
        "secure-attention": "Ctrl+Alt+Ins",
        "toggle-fullscreen": "Shift+F11",
        "release-cursor": "Ctrl+Alt+R",
    })))
}
