//! The calls to the agent inside a guest, when there is one and it is up. 7.4 and 8.4 want `VM.Monitor` for all of them.

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::agent_inside::{self, Refusal};
use crate::release::Release;
use crate::state::Guest;
use crate::verify::{ALIST, Kind, Param, TEXT, at_least, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const MONITOR: Allow = Allow::Any("/vms/{vmid}", &["VM.Monitor"]);
const SEE: Allow = any(&["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"]);
const FILE_SYSTEMS: Allow = any(&["VM.GuestAgent.FileSystemMgmt", "VM.GuestAgent.Unrestricted"]);
const FREEZE_STATUS: Allow = any(&[
    "VM.GuestAgent.Audit",
    "VM.GuestAgent.FileSystemMgmt",
    "VM.GuestAgent.Unrestricted",
]);
const POWER: Allow = any(&["VM.PowerMgmt", "VM.GuestAgent.Unrestricted"]);
const READ: Allow = any(&["VM.GuestAgent.FileRead", "VM.GuestAgent.Unrestricted"]);
const WRITE: Allow = any(&["VM.GuestAgent.FileWrite", "VM.GuestAgent.Unrestricted"]);
const UNRESTRICTED: Allow = any(&["VM.GuestAgent.Unrestricted"]);
/// Proxmox names the privilege twice.
const ANY_COMMAND: Allow = any(&["VM.GuestAgent.Unrestricted", "VM.GuestAgent.Unrestricted"]);

const fn any(privileges: &'static [&'static str]) -> Allow {
    Allow::Any("/vms/{vmid}", privileges)
}

/// A command of the agent's own, which the last segment of the path names.
macro_rules! commands {
    ($($method:ident $name:literal $allow:ident;)*) => {
        &[$(
            Endpoint::$method(concat!("/nodes/{node}/qemu/{vmid}/agent/", $name), MONITOR, &[], Run::Now(command))
                .until(Release::V8_4),
            Endpoint::$method(concat!("/nodes/{node}/qemu/{vmid}/agent/", $name), $allow, &[], Run::Now(command))
                .from(Release::V9_2),
        )*]
    };
}

/// A call with parameters of its own.
macro_rules! both {
    ($method:ident $name:literal, $allow:ident, $params:expr, $run:expr) => {
        [
            Endpoint::$method(
                concat!("/nodes/{node}/qemu/{vmid}/agent", $name),
                MONITOR,
                $params,
                Run::Now($run),
            )
            .until(Release::V8_4),
            Endpoint::$method(
                concat!("/nodes/{node}/qemu/{vmid}/agent", $name),
                $allow,
                $params,
                Run::Now($run),
            )
            .from(Release::V9_2),
        ]
    };
}

pub(crate) const ENDPOINTS: &[Endpoint] = commands! {
    post "fsfreeze-freeze" FILE_SYSTEMS;
    post "fsfreeze-status" FREEZE_STATUS;
    post "fsfreeze-thaw" FILE_SYSTEMS;
    post "fstrim" FILE_SYSTEMS;
    get "get-fsinfo" SEE;
    get "get-host-name" SEE;
    get "get-memory-block-info" SEE;
    get "get-memory-blocks" SEE;
    get "get-osinfo" SEE;
    get "get-time" SEE;
    get "get-timezone" SEE;
    get "get-users" SEE;
    get "get-vcpus" SEE;
    get "info" SEE;
    get "network-get-interfaces" SEE;
    post "ping" SEE;
    post "shutdown" POWER;
    post "suspend-disk" POWER;
    post "suspend-hybrid" POWER;
    post "suspend-ram" POWER;
};

/// Every command, by name.
const NAMES: &[&str] = &[
    "fsfreeze-freeze",
    "fsfreeze-status",
    "fsfreeze-thaw",
    "fstrim",
    "get-fsinfo",
    "get-host-name",
    "get-memory-block-info",
    "get-memory-blocks",
    "get-osinfo",
    "get-time",
    "get-timezone",
    "get-users",
    "get-vcpus",
    "info",
    "network-get-interfaces",
    "ping",
    "shutdown",
    "suspend-disk",
    "suspend-hybrid",
    "suspend-ram",
];

const EXEC: &[Param] = &[
    may("command", ALIST).until(Release::V7_4),
    need("command", Kind::Array).from(Release::V8_4),
    may("input-data", Kind::Text(65_536)),
];

pub(crate) const COMMAND_ENDPOINTS: &[Endpoint] = &both!(
    post "", ANY_COMMAND, &[&[need("command", Kind::Enum(NAMES))]], command
);

pub(crate) const EXEC_ENDPOINTS: &[Endpoint] = &both!(post "/exec", UNRESTRICTED, &[EXEC], exec);

pub(crate) const EXEC_STATUS_ENDPOINTS: &[Endpoint] = &both!(
    get "/exec-status",
    UNRESTRICTED,
    &[&[need("pid", Kind::Integer(i64::MIN, i64::MAX))]],
    exec_status
);

pub(crate) const READ_ENDPOINTS: &[Endpoint] = &both!(
    get "/file-read",
    READ,
    &[&[
        may("count", Kind::Integer(1, 16_777_216)).from(Release::V9_2),
        may("decode", Kind::Boolean).from(Release::V9_2),
        need("file", TEXT),
        may("offset", at_least(0)).from(Release::V9_2),
    ]],
    file_read
);

pub(crate) const WRITE_ENDPOINTS: &[Endpoint] = &both!(
    post "/file-write",
    WRITE,
    &[&[
        need("content", Kind::Text(61_440)),
        may("encode", Kind::Boolean),
        need("file", TEXT),
    ]],
    file_write
);

pub(crate) const PASSWORD_ENDPOINTS: &[Endpoint] = &both!(
    post "/set-user-password",
    UNRESTRICTED,
    &[&[
        may("crypted", Kind::Boolean),
        need("password", Kind::Length(5, 1024)),
        need("username", TEXT),
    ]],
    set_password
);

/// Acts on a guest whose agent answers (`PVE::QemuServer::Agent::agent_available`).
fn with_agent<T>(call: &Call, act: impl FnOnce(&mut Guest) -> Result<T, Refusal>) -> Result<T, ApiError> {
    let timing = call.sim.timing();
    let mut world = call.world();
    let guest = world.guest_on_mut(call.node(), call.vmid())?;
    if !guest.agent_enabled() {
        return Err(ApiError::internal("No QEMU guest agent configured"));
    }
    if !guest.is_running() {
        return Err(ApiError::internal(format!("VM {} is not running", guest.vmid)));
    }
    if !guest.agent_answers(timing.real(timing.agent_boot)) {
        return Err(ApiError::internal("QEMU guest agent is not running"));
    }
    act(guest).map_err(|Refusal(sentence)| ApiError::internal(sentence))
}

/// The shape in which the agent's own answers come.
fn result(value: &Value) -> Reply {
    Reply::data(json!({"result": value}))
}

fn command(call: &Call) -> ApiResult {
    let last = call.path.trim_end_matches('/').rsplit('/').next();
    let name = call.text("command").or(last).unwrap_or("").to_owned();
    let answer = with_agent(call, |guest| agent_inside::run(guest, &name))?;
    // What turns the guest off is done after the answer.
    if name == "shutdown" {
        agent_inside::shut_down(call);
    }
    Ok(result(&answer))
}

fn exec(call: &Call) -> ApiResult {
    let words: Vec<String> = match call.text("command") {
        Some(command) => command.split('\0').map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let input = call.text("input-data").unwrap_or("").to_owned();
    let pid = with_agent(call, |guest| agent_inside::exec(guest, &words, &input))?;
    Ok(Reply::data(json!({"pid": pid})))
}

fn exec_status(call: &Call) -> ApiResult {
    let pid = call.number("pid").unwrap_or(0);
    Ok(Reply::data(with_agent(call, |guest| {
        agent_inside::exec_status(guest, pid)
    })?))
}

fn file_read(call: &Call) -> ApiResult {
    let file = call.text("file").unwrap_or("").to_owned();
    let offset = call.number("offset").unwrap_or(0);
    let count = call.number("count").unwrap_or(16_777_216);
    let content = with_agent(call, |guest| agent_inside::read(guest, &file))?;
    let total = content.chars().count();
    let part: String = content.chars().skip(offset).take(count).collect();
    let mut answer = json!({"content": part, "bytes-read": part.len()});
    if offset + count < total {
        answer["truncated"] = json!(1);
    }
    Ok(Reply::data(answer))
}

fn file_write(call: &Call) -> ApiResult {
    let file = call.text("file").unwrap_or("").to_owned();
    let content = call.text("content").unwrap_or("").to_owned();
    with_agent(call, |guest| {
        agent_inside::write(guest, file, content);
        Ok(())
    })?;
    Ok(Reply::null())
}

fn set_password(call: &Call) -> ApiResult {
    let user = call.text("username").unwrap_or("").to_owned();
    let answer = with_agent(call, |guest| agent_inside::set_password(guest, &user))?;
    Ok(result(&answer))
}
