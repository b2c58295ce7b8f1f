//! The check finds mistakes: each kind of them, made on purpose.

use pve_sim::{RecordedRequest, RecordedValue};
use serde_json::{Value, json};

use super::check::mistakes;
use super::schema::Schema;

/// A small schema by hand, with one of everything.
fn schema() -> Schema {
    let nic = json!({
        "model": {"type": "string", "default_key": 1, "enum": ["virtio", "e1000"]},
        "virtio": {"alias": "macaddr", "keyAlias": "model"},
        "macaddr": {"type": "string", "format": "mac-addr", "optional": 1},
        "bridge": {"type": "string", "optional": 1, "format": "pve-bridge-id"},
        "firewall": {"type": "boolean", "optional": 1},
        "tag": {"type": "integer", "optional": 1, "minimum": 1, "maximum": 4094},
    });
    let paths = json!({
        "/nodes/{node}/qemu/{vmid}/config": {"PUT": {"additionalProperties": 0, "parameters": {
            "node": {"type": "string", "format": "pve-node"},
            "vmid": {"type": "integer", "minimum": 100, "maximum": 999_999_999},
            "cores": {"type": "integer", "optional": 1, "minimum": 1},
            "cpulimit": {"type": "number", "optional": 1, "minimum": 0, "maximum": "128"},
            "onboot": {"type": "boolean", "optional": 1},
            "name": {"type": "string", "optional": 1, "format": "dns-name", "maxLength": 20},
            "digest": {"type": "string", "pattern": "[a-f0-9]{4}"},
            "bios": {"type": "string", "optional": 1, "enum": ["seabios", "ovmf"]},
            "password": {"type": "string", "optional": 1, "minLength": 5},
            "tags": {"type": "string", "optional": 1, "format": "pve-tag-list"},
            "checksum": {"type": "string", "optional": 1, "requires": "checksum-algorithm"},
            "checksum-algorithm": {"type": "string", "optional": 1},
            "command": {"type": "array", "optional": 1, "items": {"type": "string", "maxLength": 3}},
            "sshkeys": {"type": "string", "optional": 1, "format": "urlencoded"},
            "net[n]": {"type": "string", "optional": 1, "format": nic},
        }}},
        "/nodes/{node}/qemu/{vmid}/open": {"PUT": {"additionalProperties": 1, "parameters": {}}},
    });
    let Value::Object(paths) = paths else {
        unreachable!("it is an object");
    };
    Schema::new(paths)
}

fn request(path: &str, parameters: &[(&str, &str)]) -> RecordedRequest {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), RecordedValue::Text((*value).to_owned()));
    RecordedRequest {
        release: "9.2".to_owned(),
        method: "PUT".to_owned(),
        segments: path.split('/').map(str::to_owned).collect(),
        parameters: Some(parameters.iter().map(text).collect()),
        user_agent: "drover/0".to_owned(),
        thread: String::new(),
    }
}

const CONFIG: &str = "nodes/pve1/qemu/100/config";

/// What is found in one parameter beside a good digest.
fn found(name: &str, value: &str) -> Vec<String> {
    mistakes(&schema(), &request(CONFIG, &[("digest", "ab12"), (name, value)]))
}

#[test]
fn good_requests_pass() {
    for (name, value) in [
        ("cores", "2"),
        ("cpulimit", "1.5"),
        ("onboot", "0"),
        ("name", "web-1.lan"),
        ("bios", "ovmf"),
        ("password", "secret"),
        ("tags", "a;b,c"),
        ("command", "ls"),
        ("sshkeys", "ssh-ed25519%20AAAA%2B%0A"),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,tag=5"),
        ("net31", "virtio,bridge=vmbr0"),
        ("net1", "model=e1000,macaddr=BC:24:11:00:00:01"),
    ] {
        assert_eq!(found(name, value), Vec::<String>::new(), "{name}={value}");
    }
    assert!(mistakes(&schema(), &request("nodes/pve1/qemu/100/open", &[("any", "x")])).is_empty());
}

#[test]
fn every_kind_of_mistake_is_found() {
    for (name, value, expected) in [
        ("corse", "2", "not defined"),
        ("netx", "virtio", "not defined"),
        ("cores", "two", "no integer"),
        ("cores", "2.0", "no integer"),
        ("cores", "0", "too small"),
        ("cpulimit", "129", "too large"),
        ("cpulimit", "x", "no number"),
        ("onboot", "yes", "no boolean"),
        ("name", "web_1", "format dns-name"),
        ("name", "a-name-that-is-too-long", "too long"),
        ("bios", "uefi", "not one of its words"),
        ("password", "1234", "too short"),
        ("tags", "a;b c,d!", "format pve-tag"),
        ("checksum", "ab", "requires 'checksum-algorithm'"),
        ("command", "long", "too long"),
        ("sshkeys", "ssh-ed25519 AAAA", "format urlencoded"),
        ("net0", "virtio=BC:24:11:00:00:0x,bridge=vmbr0", "format mac-addr"),
        ("net0", "virtio,bridge=vmbr0,vlan=5", "no key of it"),
        ("net0", "virtio,tag=0", "too small"),
        ("net0", "virtio,firewall=2", "no boolean"),
        ("net0", "bridge=vmbr0", "'model' is missing"),
        ("net0", "virtio,bridge=a,bridge=b", "twice"),
        ("net0", "virtio,x", "has no key"),
        ("net0", "wifi,bridge=vmbr0", "not one of its words"),
    ] {
        let found = found(name, value);
        let one = found.len() == 1 && found[0].contains(expected);
        assert!(one, "{name}={value}: {found:?}");
    }
}

#[test]
fn what_is_missing_misplaced_or_given_twice_is_found() {
    let found = |request: &RecordedRequest| mistakes(&schema(), request).join("; ");
    assert_eq!(found(&request(CONFIG, &[])), "digest: it is missing");
    assert!(found(&request(CONFIG, &[("digest", "AB12")])).contains("pattern"));
    let elsewhere = request("nodes/pve1/qemu/100/confg", &[]);
    assert_eq!(found(&elsewhere), "there is no such call");
    let mut another = request(CONFIG, &[]);
    another.method = "PATCH".to_owned();
    assert_eq!(found(&another), "there is no such call");
    let number = request("nodes/pve1/qemu/99/config", &[("digest", "ab12")]);
    assert!(found(&number).contains("too small"));
    let mut twice = request(CONFIG, &[("digest", "ab12")]);
    let both = RecordedValue::Array(vec!["2".to_owned(), "3".to_owned()]);
    twice
        .parameters
        .as_mut()
        .unwrap()
        .insert("cores".to_owned(), both);
    assert!(found(&twice).contains("given twice"));
    twice
        .parameters
        .as_mut()
        .unwrap()
        .insert("cores".to_owned(), RecordedValue::Null);
    assert!(found(&twice).contains("it is null"));
    twice.parameters = None;
    assert!(found(&twice).contains("can't be read"));
}
