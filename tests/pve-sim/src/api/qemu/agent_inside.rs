//! What the agent of a guest does and says: about a small Debian with one disk, whose few programs are `echo`, `cat`,
//! `hostname`, `true` and `false`.

use serde_json::{Value, json};

use super::super::Call;
use crate::clock;
use crate::state::{Guest, Process, drive_property, is_net};

/// What the agent refuses.
pub(super) struct Refusal(pub(super) String);

fn refuse<T>(sentence: &str) -> Result<T, Refusal> {
    Err(Refusal(format!("Agent error: {sentence}")))
}

/// One of the commands without parameters.
pub(super) fn run(guest: &mut Guest, name: &str) -> Result<Value, Refusal> {
    let disks = Guest::disks_of(&guest.config);
    Ok(match name {
        "fsfreeze-freeze" => {
            guest.inside.frozen = true;
            json!(1)
        }
        "fsfreeze-thaw" => {
            let thawed = u8::from(std::mem::take(&mut guest.inside.frozen));
            json!(thawed)
        }
        "fsfreeze-status" if guest.inside.frozen => json!("frozen"),
        "fsfreeze-status" => json!("thawed"),
        "fstrim" => json!({"paths": [{"path": "/", "trimmed": 0, "minimum": 0}]}),
        "get-fsinfo" => json!([{
            "name": "sda1",
            "mountpoint": "/",
            "type": "ext4",
            "total-bytes": guest.max_disk(),
            "used-bytes": guest.max_disk() / 4,
            "disk": disks.iter().take(1).map(|(drive, _)| disk_address(drive)).collect::<Vec<_>>(),
        }]),
        "get-host-name" => json!({"host-name": host_name(guest)}),
        "get-memory-block-info" => json!({"size": 128 << 20}),
        "get-memory-blocks" => {
            let blocks = guest.max_memory().div_ceil(128 << 20);
            let block = |at| json!({"phys-index": at, "online": true, "can-offline": false});
            json!((0..blocks).map(block).collect::<Vec<_>>())
        }
        "get-osinfo" => json!({
            "id": "debian",
            "name": "Debian GNU/Linux",
            "pretty-name": "Debian GNU/Linux 12 (bookworm)",
            "version": "12 (bookworm)",
            "version-id": "12",
            "kernel-release": "6.1.0-18-amd64",
            "kernel-version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)",
            "machine": "x86_64",
        }),
        // Nanoseconds.
        "get-time" => json!(clock::now() * 1_000_000_000),
        "get-timezone" => json!({"zone": "UTC", "offset": 0}),
        "get-users" => json!([]),
        "get-vcpus" => {
            let processor = |at: u64| json!({"logical-id": at, "online": true, "can-offline": at > 0});
            json!((0..guest.cpus()).map(processor).collect::<Vec<_>>())
        }
        "info" => json!({
            "version": "7.2.9",
            "supported_commands": SUPPORTED
                .iter()
                .map(|name| json!({"name": name, "enabled": true, "success-response": true}))
                .collect::<Vec<_>>(),
        }),
        "network-get-interfaces" => interfaces(guest),
        "ping" | "shutdown" => json!({}),
        _ => {
            return refuse(&format!(
                "The command guest-{name} has been disabled for this instance"
            ));
        }
    })
}

const SUPPORTED: &[&str] = &[
    "guest-exec",
    "guest-exec-status",
    "guest-file-open",
    "guest-file-read",
    "guest-file-write",
    "guest-fsfreeze-freeze",
    "guest-fsfreeze-status",
    "guest-fsfreeze-thaw",
    "guest-fstrim",
    "guest-get-fsinfo",
    "guest-get-host-name",
    "guest-get-osinfo",
    "guest-get-time",
    "guest-get-vcpus",
    "guest-info",
    "guest-network-get-interfaces",
    "guest-ping",
    "guest-set-user-password",
    "guest-shutdown",
];

fn disk_address(drive: &str) -> Value {
    let stem = drive.trim_end_matches(|c: char| c.is_ascii_digit());
    let unit: u32 = drive.trim_start_matches(stem).parse().unwrap_or(0);
    json!({"bus-type": stem, "bus": 0, "target": 0, "unit": unit, "dev": "/dev/sda1"})
}

/// As cloud-init would call it, without the domain.
fn host_name(guest: &Guest) -> String {
    let name = guest
        .option("name")
        .map(|name| name.split('.').next().unwrap_or(name));
    name.map_or_else(|| format!("VM{}", guest.vmid), str::to_owned)
}

fn interfaces(guest: &Guest) -> Value {
    let mut rows = vec![json!({
        "name": "lo",
        "hardware-address": "00:00:00:00:00:00",
        "ip-addresses": [
            {"ip-address": "127.0.0.1", "ip-address-type": "ipv4", "prefix": 8},
            {"ip-address": "::1", "ip-address-type": "ipv6", "prefix": 128},
        ],
    })];
    let cards = guest.config.iter().filter(|(key, _)| is_net(key));
    for (at, (_, card)) in cards.enumerate() {
        let mac = card
            .split(',')
            .next()
            .and_then(|m| m.split_once('='))
            .map_or("", |(_, mac)| mac);
        let (address, prefix) = guest.address();
        let mut addresses = vec![];
        if at == 0 && drive_property(card, "link_down") != Some("1") {
            addresses.push(json!({"ip-address": address, "ip-address-type": "ipv4", "prefix": prefix}));
        }
        rows.push(json!({
            "name": format!("eth{at}"),
            "hardware-address": mac.to_lowercase(),
            "ip-addresses": addresses,
        }));
    }
    json!(rows)
}

/// Turns the guest off from the inside.
pub(super) fn shut_down(call: &Call) {
    let (sim, vmid) = (call.sim.clone(), call.vmid());
    let shared = call.sim.clone();
    shared.spawn(async move {
        sim.pause(|t| t.shutdown).await;
        sim.world().power_off(vmid);
    });
}

/// Runs a program to its end: its process number.
pub(super) fn exec(guest: &mut Guest, words: &[String], input: &str) -> Result<u32, Refusal> {
    let Some((program, arguments)) = words.split_first().filter(|(program, _)| !program.is_empty()) else {
        return refuse("Invalid parameter type for 'path', expected: string");
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    let process = |exit_code, output: String, errors: String| Process {
        exit_code,
        output,
        errors,
    };
    let done = match name {
        "true" => process(0, String::new(), String::new()),
        "false" => process(1, String::new(), String::new()),
        "echo" => process(0, format!("{}\n", arguments.join(" ")), String::new()),
        "hostname" => process(0, format!("{}\n", host_name(guest)), String::new()),
        "cat" => match arguments.first() {
            None => process(0, input.to_owned(), String::new()),
            Some(file) => match guest.inside.files.get(file) {
                Some(content) => process(0, content.clone(), String::new()),
                None => process(
                    1,
                    String::new(),
                    format!("cat: {file}: No such file or directory\n"),
                ),
            },
        },
        _ => {
            let sentence = format!("Failed to execute child process “{program}” (No such file or directory)");
            return refuse(&format!("Guest agent command failed, error was '{sentence}'"));
        }
    };
    let last = guest.inside.processes.keys().last().copied().unwrap_or(1000);
    guest.inside.processes.insert(last + 1, done);
    Ok(last + 1)
}

/// What a program came to; asked once, it is forgotten.
pub(super) fn exec_status(guest: &mut Guest, pid: i64) -> Result<Value, Refusal> {
    let found = u32::try_from(pid).ok();
    let Some(process) = found.and_then(|pid| guest.inside.processes.remove(&pid)) else {
        return refuse("Invalid parameter 'pid'");
    };
    let mut answer = json!({"exited": 1, "exitcode": process.exit_code});
    if !process.output.is_empty() {
        answer["out-data"] = json!(process.output);
    }
    if !process.errors.is_empty() {
        answer["err-data"] = json!(process.errors);
    }
    Ok(answer)
}

pub(super) fn read(guest: &mut Guest, file: &str) -> Result<String, Refusal> {
    let missing = || {
        Refusal(format!(
            "can't open file: Agent error: failed to open file '{file}' (mode: 'r'): No such file or directory"
        ))
    };
    guest.inside.files.get(file).cloned().ok_or_else(missing)
}

pub(super) fn write(guest: &mut Guest, file: String, content: String) {
    guest.inside.files.insert(file, content);
}

/// There are `root` and, if cloud-init made one, its user.
pub(super) fn set_password(guest: &Guest, user: &str) -> Result<Value, Refusal> {
    let known = user == "root" || Some(user) == guest.option("ciuser");
    if known {
        Ok(json!({}))
    } else {
        refuse("child process has failed to set user password")
    }
}
