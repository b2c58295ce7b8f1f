//! What stands in the documents of the medium. All are written as JSON, which YAML is a superset of.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{digest, hashed};
use crate::model::{Addresses, SecretText};
use crate::plan::desired::DesiredCloudInit;

/// The first line by which cloud-init knows its own kind of document.
const HEADER: &str = "#cloud-config\n";

/// What the medium holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Documents {
    /// `user-data`.
    pub user_data: SecretText,
    /// `meta-data`.
    pub meta_data: String,
    /// `network-config`, of version 2. Without it cloud-init asks for an address by DHCP at the first interface.
    pub network_config: Option<String>,
    digest: String,
}

impl Documents {
    /// Writes them. `name` is the machine's, `macs` are hardware addresses by slot. Nothing where a password can't be
    /// hashed.
    pub(super) fn write(
        cloud_init: &DesiredCloudInit,
        name: &str,
        macs: &BTreeMap<&str, &str>,
        identity: Uuid,
    ) -> Option<Self> {
        let hostname = cloud_init.hostname.as_deref().unwrap_or(name);
        let user_data = match &cloud_init.user_data {
            Some(told) => told.text.clone(),
            None => generated(cloud_init, hostname, identity)?,
        };
        let network_config = network(cloud_init, macs).map(|config| config.to_string());
        let network_text = network_config.as_deref().unwrap_or_default();
        let own = identity.to_string();
        let digest = digest([&own, hostname, user_data.expose(), network_text]);
        // By another id cloud-init knows that what it is told is new, and carries it out at the next start.
        let meta_data = json!({"instance-id": format!("{own}-{digest}"), "local-hostname": hostname});
        Some(Self {
            user_data,
            meta_data: meta_data.to_string(),
            network_config,
            digest,
        })
    }

    pub(super) fn digest(&self) -> &str {
        &self.digest
    }
}

/// The same settings as Proxmox VE writes for its own medium (qemu-server, `Cloudinit.pm`, `cloudinit_userdata`), but for
/// the upgrade of all packages.
fn generated(cloud_init: &DesiredCloudInit, hostname: &str, identity: Uuid) -> Option<SecretText> {
    let mut config = json!({"hostname": hostname, "manage_etc_hosts": true, "users": ["default"]});
    if hostname.contains('.') {
        config["fqdn"] = hostname.into();
    }
    if let Some(user) = &cloud_init.user {
        config["user"] = user.as_str().into();
        if user == "root" {
            config["disable_root"] = false.into();
        }
    }
    if let Some(secret) = &cloud_init.password {
        config["password"] = hashed(&secret.password, identity)?.into();
        config["chpasswd"] = json!({"expire": false});
    }
    if let Some(keys) = &cloud_init.ssh_keys {
        config["ssh_authorized_keys"] = json!(keys);
    }
    Some(SecretText::new(format!("{HEADER}{config}\n")))
}

/// Nothing where nothing is said of the network. An interface that the machine does not have is left out.
fn network(cloud_init: &DesiredCloudInit, macs: &BTreeMap<&str, &str>) -> Option<Value> {
    let dhcp = Addresses {
        ipv4: Some("dhcp".to_owned()),
        ..Addresses::default()
    };
    let resolves = cloud_init.nameservers.is_some() || cloud_init.search_domains.is_some();
    let mut named: Vec<(&str, &Addresses)> = cloud_init
        .addresses
        .iter()
        .map(|(slot, addresses)| (slot.as_str(), addresses))
        .collect();
    // Name servers are an interface's: where none is named, the first asks for an address as it would without them.
    if named.is_empty() && resolves {
        named.extend(macs.keys().next().map(|slot| (*slot, &dhcp)));
    }
    let mut ethernets = Map::new();
    for (slot, addresses) in named {
        if let Some(mac) = macs.get(slot) {
            ethernets.insert(slot.to_owned(), ethernet(cloud_init, addresses, mac));
        }
    }
    (!ethernets.is_empty()).then(|| json!({"version": 2, "ethernets": ethernets}))
}

fn ethernet(cloud_init: &DesiredCloudInit, to: &Addresses, mac: &str) -> Value {
    let mut ethernet = json!({"match": {"macaddress": mac.to_ascii_lowercase()}});
    let fixed = |text: &&String| !["dhcp", "auto"].contains(&text.as_str());
    if to.ipv4.as_deref() == Some("dhcp") {
        ethernet["dhcp4"] = true.into();
    }
    match to.ipv6.as_deref() {
        Some("dhcp") => ethernet["dhcp6"] = true.into(),
        Some("auto") => ethernet["accept-ra"] = true.into(),
        _ => {}
    }
    let addresses: Vec<&String> = [&to.ipv4, &to.ipv6].into_iter().flatten().filter(fixed).collect();
    if !addresses.is_empty() {
        ethernet["addresses"] = json!(addresses);
    }
    for (key, gateway) in [("gateway4", &to.gateway4), ("gateway6", &to.gateway6)] {
        if let Some(gateway) = gateway {
            ethernet[key] = gateway.as_str().into();
        }
    }
    let mut servers = Map::new();
    if let Some(list) = &cloud_init.nameservers {
        servers.insert("addresses".to_owned(), json!(list));
    }
    if let Some(list) = &cloud_init.search_domains {
        servers.insert("search".to_owned(), json!(list));
    }
    if !servers.is_empty() {
        ethernet["nameservers"] = Value::Object(servers);
    }
    ethernet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::desired::{Secret, UserData};

    const IDENTITY: Uuid = Uuid::from_u128(7);

    fn written(cloud_init: &DesiredCloudInit) -> Documents {
        let macs = BTreeMap::from([("net0", "BC:24:11:00:00:01"), ("net1", "BC:24:11:00:00:02")]);
        Documents::write(cloud_init, "web", &macs, IDENTITY).unwrap()
    }

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_the_spec_says_stands_in_the_documents() {
        let cloud_init = DesiredCloudInit {
            user: Some("ada".into()),
            hostname: Some("web.example.com".into()),
            password: Some(Secret {
                version: "1".into(),
                password: SecretText::new("hunter2"),
            }),
            ssh_keys: Some(vec!["ssh-ed25519 AAAA ada@x".into()]),
            addresses: vec![
                (
                    "net0".into(),
                    Addresses {
                        ipv4: Some("192.0.2.7/24".into()),
                        gateway4: Some("192.0.2.1".into()),
                        ipv6: Some("auto".into()),
                        gateway6: None,
                    },
                ),
                (
                    "net7".into(),
                    Addresses {
                        ipv4: Some("dhcp".into()),
                        ..Addresses::default()
                    },
                ),
            ],
            nameservers: Some(vec!["192.0.2.53".into()]),
            search_domains: Some(vec!["example.com".into()]),
            ..DesiredCloudInit::default()
        };
        let documents = written(&cloud_init);
        let text = documents.user_data.expose();
        assert!(!text.contains("hunter2"), "{text}");
        let mut user_data = parsed(text.strip_prefix("#cloud-config\n").unwrap());
        let password = user_data["password"].take();
        assert!(password.as_str().unwrap().starts_with("$6$"), "{password}");
        assert_eq!(
            user_data,
            json!({
                "hostname": "web.example.com", "fqdn": "web.example.com", "manage_etc_hosts": true,
                "user": "ada", "users": ["default"], "password": null, "chpasswd": {"expire": false},
                "ssh_authorized_keys": ["ssh-ed25519 AAAA ada@x"],
            })
        );
        assert_eq!(
            parsed(documents.network_config.as_ref().unwrap()),
            json!({"version": 2, "ethernets": {"net0": {
                "match": {"macaddress": "bc:24:11:00:00:01"}, "accept-ra": true,
                "addresses": ["192.0.2.7/24"], "gateway4": "192.0.2.1",
                "nameservers": {"addresses": ["192.0.2.53"], "search": ["example.com"]},
            }}})
        );
        let meta_data = parsed(&documents.meta_data);
        assert_eq!(meta_data["local-hostname"], "web.example.com");
        assert_eq!(
            meta_data["instance-id"],
            format!("{IDENTITY}-{}", documents.digest())
        );
    }

    #[test]
    fn a_document_of_ones_own_is_taken_as_it_is_and_the_machine_has_its_name() {
        let own = |text: &str| DesiredCloudInit {
            user_data: Some(UserData {
                version: "1".into(),
                text: SecretText::new(text),
            }),
            ..DesiredCloudInit::default()
        };
        let documents = written(&own("#!/bin/sh\ntrue\n"));
        assert_eq!(documents.user_data.expose(), "#!/bin/sh\ntrue\n");
        assert_eq!(parsed(&documents.meta_data)["local-hostname"], "web");
        assert_eq!(documents.network_config, None);
        let again = written(&own("#!/bin/sh\ntrue\n"));
        assert_eq!(again, documents);
        assert_ne!(written(&own("#!/bin/sh\nfalse\n")).digest(), documents.digest());
    }

    #[test]
    fn name_servers_alone_do_not_take_the_address_away() {
        let cloud_init = DesiredCloudInit {
            nameservers: Some(vec!["192.0.2.53".into()]),
            ..DesiredCloudInit::default()
        };
        let config = parsed(&written(&cloud_init).network_config.unwrap());
        assert_eq!(config["ethernets"]["net0"]["dhcp4"], true);
        assert_eq!(config["ethernets"]["net1"], Value::Null);
    }
}
