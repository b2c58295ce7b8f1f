//! The cluster as a whole: version, membership, identity, numbers, and the bulk list.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::answers::{self, Scalar, number, truth};
use super::api::cluster::{ClusterOptions, NextId, Resources, StatusRow, Version};
use super::api::nodes::{NodeCertificates, NodeVersion};
use super::api::{self, Request as _};
use super::client::Client;
use super::property::Properties;
use super::qemu::power;
use crate::hypervisor::{Error, Refusal};
use crate::model::{
    ClusterId, ClusterStatus, GuestKind, GuestRow, HostVersion, Lock, Member, NodeName, NodeRow,
    NumberBounds, NumberState, Overview, StorageRow, Vmid,
};

/// The file name of the cluster's own certificate authority.
const ROOT_CA: &str = "pve-root-ca.pem";

/// A row of `/cluster/resources`, of any type. The list is long and read often, so it is read without the detour
/// over a tree of values that the other answers take.
#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    node: Option<NodeName>,
    #[serde(default, deserialize_with = "number")]
    vmid: Option<u64>,
    #[serde(default)]
    name: Option<Scalar>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    template: bool,
    #[serde(default)]
    lock: Option<String>,
    #[serde(default)]
    tags: Option<Scalar>,
    #[serde(default)]
    pool: Option<Scalar>,
    #[serde(default)]
    hastate: Option<String>,
    #[serde(default, deserialize_with = "number")]
    maxcpu: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    maxmem: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    maxdisk: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    uptime: Option<u64>,
    #[serde(default)]
    storage: Option<String>,
    #[serde(default)]
    plugintype: Option<String>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    shared: bool,
}

/// `9.2.11`, and up to 7.4 `7.4-17`.
fn host_version(text: String) -> Result<HostVersion, String> {
    let major = text.split(['.', '-']).next().and_then(|m| m.parse().ok());
    match major {
        Some(major) => Ok(HostVersion { text, major }),
        None => Err(format!("'{text}' is no version")),
    }
}

impl Client {
    pub(super) async fn version(&self) -> Result<HostVersion, Error> {
        let request = Version::new();
        let version = self.ask(&request).await?.version;
        host_version(version).map_err(|reason| request.call().unreadable(reason))
    }

    pub(super) async fn node_version(&self, node: &NodeName) -> Result<HostVersion, Error> {
        let request = NodeVersion::new(node.clone());
        let version = self.ask(&request).await?.version;
        host_version(version).map_err(|reason| request.call().unreadable(reason))
    }

    pub(super) async fn cluster_status(&self) -> Result<ClusterStatus, Error> {
        let request = api::cluster::ClusterStatus::new();
        let rows = self.ask(&request).await?;
        cluster_status(rows).map_err(|reason| request.call().unreadable(reason))
    }

    pub(super) async fn cluster_id(&self, node: &NodeName) -> Result<ClusterId, Error> {
        let request = NodeCertificates::new(node.clone());
        let rows = self.ask(&request).await?;
        let call = request.call();
        let root = rows.into_iter().find(|c| c.filename.as_deref() == Some(ROOT_CA));
        let fingerprint = root.and_then(|c| c.fingerprint);
        let fingerprint =
            fingerprint.ok_or_else(|| call.unreadable(format!("it does not show {ROOT_CA}")))?;
        ClusterId::from_fingerprint(&fingerprint).map_err(|e| call.unreadable(e.to_string()))
    }

    pub(super) async fn overview(&self) -> Result<Overview, Error> {
        let call = Resources::new().call();
        let rows: Vec<Resource> = self.read_as(&call, answers::data).await?;
        overview(rows).map_err(|reason| call.unreadable(reason))
    }

    pub(super) async fn number_bounds(&self) -> Result<NumberBounds, Error> {
        let options = self.ask(&ClusterOptions::new()).await?;
        Ok(options.next_id.as_ref().map(number_bounds).unwrap_or_default())
    }

    /// Only a clear word counts: the number itself for free, the complaint that it exists for taken.
    pub(super) async fn number_state(&self, vmid: Vmid) -> Result<NumberState, Error> {
        let request = NextId { vmid: Some(vmid) };
        match self.ask(&request).await {
            Ok(number) if number == vmid => Ok(NumberState::Free),
            Ok(other) => {
                let reason = format!("asked for {vmid}, it says '{other}'");
                Err(request.call().unreadable(reason))
            }
            Err(Error::Refused {
                status: 400,
                refusal: Refusal::GuestExists,
                parameters,
                ..
            }) if parameters.contains_key("vmid") => Ok(NumberState::Taken),
            Err(error) => Err(error),
        }
    }
}

/// A node on its own has no row for a cluster, and is its own majority.
fn cluster_status(rows: Vec<StatusRow>) -> Result<ClusterStatus, String> {
    let mut status = ClusterStatus {
        name: None,
        quorate: true,
        members: Vec::new(),
    };
    for row in rows {
        match row.kind.as_str() {
            "cluster" => {
                status.quorate = row.quorate.unwrap_or(false);
                status.name = Some(row.name);
            }
            "node" => status.members.push(Member {
                name: row.name.parse().map_err(|e| format!("{e}"))?,
                online: row.online.unwrap_or(false),
                local: row.local.unwrap_or(false),
            }),
            _ => {}
        }
    }
    if status.members.is_empty() {
        return Err("it names no node".to_owned());
    }
    status.members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(status)
}

/// Sorts the rows by what they are. A guest, node or storage that does not say which one it is fails the whole:
/// a list that is silently shorter would look like one from which something is gone.
fn overview(rows: Vec<Resource>) -> Result<Overview, String> {
    let mut overview = Overview::default();
    for row in rows {
        let kind = row.kind.clone();
        let understood = match kind.as_str() {
            "qemu" => guest(row, GuestKind::VirtualMachine).map(|g| overview.guests.push(g)),
            "lxc" => guest(row, GuestKind::Container).map(|g| overview.guests.push(g)),
            "node" => node(row).map(|n| overview.nodes.push(n)),
            "storage" => storage(row).map(|s| overview.storages.push(s)),
            _ => Some(()),
        };
        understood.ok_or_else(|| format!("a row of type {kind} does not say which one it is"))?;
    }
    // Proxmox VE lists in the random order of Perl's hashes.
    overview.guests.sort_by_key(|g| g.id);
    overview.nodes.sort_by(|a, b| a.name.cmp(&b.name));
    overview
        .storages
        .sort_by(|a, b| (&a.storage, &a.node).cmp(&(&b.storage, &b.node)));
    Ok(overview)
}

fn guest(row: Resource, kind: GuestKind) -> Option<GuestRow> {
    Some(GuestRow {
        id: Vmid::try_from(u32::try_from(row.vmid?).ok()?).ok()?.into(),
        kind,
        node: row.node?,
        name: row.name.map(|n| n.0).filter(|n| !n.is_empty()),
        power: power(row.status.as_deref().unwrap_or_default()),
        template: row.template,
        lock: row.lock.filter(|l| !l.is_empty()).map(Lock),
        cpus: count(row.maxcpu),
        memory: row.maxmem.unwrap_or_default(),
        uptime: row.uptime.unwrap_or_default(),
        tags: row.tags.map(|t| tags(&t.0)).unwrap_or_default(),
        pool: row.pool.map(|p| p.0).filter(|p| !p.is_empty()),
        ha_state: row.hastate.filter(|s| !s.is_empty()),
    })
}

/// The list separates tags by semicolons; people may write commas and blanks too (pve-common, `PVE::Tools::split_list`).
fn tags(text: &str) -> BTreeSet<String> {
    text.split([';', ',', ' '])
        .filter(|tag| !tag.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn node(row: Resource) -> Option<NodeRow> {
    Some(NodeRow {
        name: row.node?,
        online: row.status.as_deref() == Some("online"),
        cpus: count(row.maxcpu),
        memory: row.maxmem.unwrap_or_default(),
        root_disk: row.maxdisk.unwrap_or_default(),
    })
}

fn storage(row: Resource) -> Option<StorageRow> {
    let content = row.content.unwrap_or_default();
    let mut content: Vec<String> = content.split(',').map(|c| c.trim().to_owned()).collect();
    content.retain(|c| !c.is_empty());
    content.sort();
    Some(StorageRow {
        storage: row.storage?,
        node: row.node?,
        plugin: row.plugintype.unwrap_or_default(),
        content,
        shared: row.shared,
        available: row.status.as_deref() == Some("available"),
        capacity: row.maxdisk.unwrap_or_default(),
    })
}

fn count(number: Option<u64>) -> u32 {
    number.and_then(|n| u32::try_from(n).ok()).unwrap_or_default()
}

/// `next-id` comes taken apart, or as the property string of `datacenter.cfg`. Its upper bound is exclusive.
fn number_bounds(value: &Value) -> NumberBounds {
    let bound = |key: &str| -> Option<u32> {
        match value {
            Value::Object(bounds) => {
                let bound = bounds.get(key)?;
                bound
                    .as_str()
                    .map_or_else(|| bound.to_string(), str::to_owned)
                    .parse()
                    .ok()
            }
            Value::String(text) => Properties::parse(text, "").get(key)?.parse().ok(),
            _ => None,
        }
    };
    NumberBounds {
        lower: bound("lower"),
        upper: bound("upper").map(|n| n.saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::lenient::Lenient;
    use super::*;
    use crate::model::Power;

    fn rows(rows: Value) -> Vec<StatusRow> {
        Vec::deserialize(Lenient(rows)).unwrap()
    }

    fn resources(rows: Value) -> Vec<Resource> {
        serde_json::from_value(rows).unwrap()
    }

    #[test]
    fn a_node_on_its_own_is_its_own_majority() {
        let rows = rows(json!([{"type": "node", "name": "pve", "local": 1, "online": 1, "nodeid": 0}]));
        let status = cluster_status(rows).unwrap();
        assert!(status.quorate && status.name.is_none() && status.members[0].local);
    }

    #[test]
    fn a_cluster_tells_its_quorum() {
        let rows = rows(json!([
            {"type": "node", "name": "pve2", "local": 0, "online": 0},
            {"type": "cluster", "name": "lab", "quorate": 0, "nodes": 2},
            {"type": "node", "name": "pve1", "local": 1, "online": 1},
        ]));
        let status = cluster_status(rows).unwrap();
        assert_eq!((status.name.as_deref(), status.quorate), (Some("lab"), false));
        assert_eq!(
            status.members.iter().map(|m| m.online).collect::<Vec<_>>(),
            [true, false]
        );
    }

    #[test]
    fn an_empty_membership_is_no_majority() {
        assert!(cluster_status(Vec::new()).is_err());
    }

    #[test]
    fn the_bulk_list_is_sorted_out() {
        let overview = overview(resources(json!([
            {"type": "sdn", "id": "sdn/pve/localnetwork", "sdn": "localnetwork", "node": "pve", "status": "ok"},
            {"type": "network", "id": "network/pve/zone/localnetwork", "network": "localnetwork", "status": "ok"},
            {"type": "qemu", "id": "qemu/113", "vmid": 113, "node": "pve", "status": "unknown"},
            {"type": "lxc", "id": "lxc/101", "vmid": "101", "node": "pve", "status": "stopped", "name": "ct",
             "maxcpu": 1.5, "maxmem": 8_589_934_592_u64, "lock": "backup"},
            {"type": "qemu", "id": "qemu/9000", "vmid": 9000, "node": "pve", "status": "stopped", "name": "t",
             "template": 1},
            {"type": "node", "id": "node/pve", "node": "pve", "status": "online", "maxcpu": 16},
            {"type": "node", "id": "node/pve2", "node": "pve2", "status": "offline"},
            {"type": "storage", "id": "storage/pve/local", "storage": "local", "node": "pve", "shared": 0,
             "status": "available", "plugintype": "dir", "content": "iso,backup", "maxdisk": 100},
        ])))
        .unwrap();
        let numbers: Vec<u32> = overview
            .guests
            .iter()
            .filter_map(|g| g.id.number())
            .map(Vmid::get)
            .collect();
        assert_eq!(numbers, [101, 113, 9000]);
        assert_eq!(overview.guests[0].memory, 8 << 30);
        assert_eq!(overview.guests[0].lock, Some(Lock("backup".into())));
        assert_eq!(
            (overview.guests[1].power, overview.guests[1].name.clone()),
            (Power::Unknown, None)
        );
        assert!(overview.guests[2].template);
        assert_eq!(
            overview.nodes.iter().map(|n| n.online).collect::<Vec<_>>(),
            [true, false]
        );
        assert_eq!(overview.storages[0].content, ["backup", "iso"]);
    }

    #[test]
    fn a_guest_without_a_number_fails_the_list() {
        assert!(overview(resources(json!([{"type": "qemu", "node": "pve"}]))).is_err());
    }

    #[test]
    fn the_upper_bound_of_numbers_is_exclusive_there() {
        for value in [
            json!({"lower": "200", "upper": 300}),
            json!("lower=200,upper=300"),
        ] {
            let bounds = number_bounds(&value);
            assert_eq!((bounds.lower, bounds.upper), (Some(200), Some(299)));
        }
        assert_eq!(number_bounds(&json!(null)), NumberBounds::default());
    }
}
