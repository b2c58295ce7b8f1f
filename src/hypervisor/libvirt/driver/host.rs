//! The host itself: who it is, its version, its nodes (which is one), what guests are plugged into.

use std::collections::BTreeSet;
use std::sync::Arc;

use virt::connect::Connect;
use virt::network::Network;

use super::{Libvirt, unsupported};
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::libvirt::xml::capabilities::Capabilities;
use crate::hypervisor::{Error, Refusal};
use crate::model::{ClusterId, ClusterStatus, HostVersion, Member, NodeName, NumberBounds, Permissions};

/// What of a host does not change while a connection to it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Its name as that of a node.
    pub(super) node: NodeName,
    /// What it can do, and its UUID.
    pub(super) capabilities: Capabilities,
    /// How many processors it has.
    pub(super) cpus: u32,
    /// Its memory in bytes.
    pub(super) memory: u64,
}

/// A host's name as that of a node: its first label, with `-` for what none has.
fn node_name(hostname: &str) -> Result<NodeName, Error> {
    let label = hostname.split('.').next().unwrap_or_default();
    let fitting = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = label.chars().map(fitting).take(63).collect();
    name.trim_matches('-').parse().map_err(|_| Error::Decode {
        operation: "read the host".to_owned(),
        reason: format!("its name '{hostname}' can't be the name of a node"),
    })
}

fn facts(conn: &Connect) -> Result<Facts, Trouble> {
    let capabilities = conn.capabilities()?;
    let capabilities = Capabilities::read(&capabilities).map_err(|error| Error::Decode {
        operation: "read the host".to_owned(),
        reason: error.to_string(),
    })?;
    let node = conn.node_info()?;
    Ok(Facts {
        node: node_name(&conn.hostname()?)?,
        capabilities,
        cpus: node.cpus,
        memory: node.memory.saturating_mul(1024),
    })
}

impl Libvirt {
    /// Who the host is.
    pub(super) async fn facts(&self) -> Result<Arc<Facts>, Error> {
        let connected = self.connected().await?;
        let read = async || {
            let found = connected.link.run("read the host", facts).await?;
            Ok(Arc::new(found))
        };
        let facts = connected.facts.get_or_try_init(read).await?;
        self.is_host(facts.capabilities.uuid)?;
        Ok(facts.clone())
    }

    /// Refuses what is not the one node that a host is.
    pub(super) async fn is_node(&self, operation: &str, node: &NodeName) -> Result<(), Error> {
        let facts = self.facts().await?;
        if facts.node == *node {
            return Ok(());
        }
        Err(Error::Refused {
            operation: operation.to_owned(),
            status: 404,
            message: format!("the host is '{}', not '{node}'", facts.node),
            parameters: std::collections::BTreeMap::new(),
            refusal: Refusal::NodeMissing,
        })
    }

    pub(super) async fn version(&self) -> Result<HostVersion, Error> {
        let number = self
            .read("read the version", |conn| Ok(conn.lib_version()?))
            .await?;
        let (major, minor, release) = (number / 1_000_000, number / 1000 % 1000, number % 1000);
        Ok(HostVersion {
            text: format!("{major}.{minor}.{release}"),
            major,
        })
    }

    pub(super) async fn node_version(&self, node: &NodeName) -> Result<HostVersion, Error> {
        self.is_node("read the version", node).await?;
        self.version().await
    }

    pub(super) async fn cluster_status(&self) -> Result<ClusterStatus, Error> {
        let facts = self.facts().await?;
        // What is kept is no sign of life.
        self.read("see whether the host is there", |conn| Ok(conn.hostname()?))
            .await?;
        Ok(ClusterStatus {
            name: None,
            quorate: true,
            members: vec![Member {
                name: facts.node.clone(),
                online: true,
                local: true,
            }],
        })
    }

    pub(super) async fn cluster_id(&self, node: &NodeName) -> Result<ClusterId, Error> {
        self.is_node("read the host's UUID", node).await?;
        Ok(self.facts().await?.capabilities.uuid.into())
    }

    /// None are listed: who may connect may do all.
    #[allow(clippy::unused_async, clippy::unused_self, reason = "as the others")]
    pub(super) async fn permissions(&self) -> Result<Permissions, Error> {
        Ok(Permissions::default())
    }

    /// libvirt tells no host's clock.
    #[allow(clippy::unused_async, clippy::unused_self, reason = "as the others")]
    pub(super) async fn clock(&self, _node: &NodeName) -> Result<i64, Error> {
        Err(unsupported("read the clock"))
    }

    /// The bridges of its networks, by whose names its networks go too.
    pub(super) async fn bridges(&self, node: &NodeName) -> Result<Vec<String>, Error> {
        self.is_node("list networks", node).await?;
        self.read("list networks", |conn| {
            let networks = conn.list_all_networks(0)?;
            let names = networks
                .iter()
                .map(Network::name)
                .collect::<Result<BTreeSet<_>, _>>()?;
            // Not every network has a bridge.
            let bridges = networks.iter().filter_map(|network| network.bridge_name().ok());
            Ok(names
                .into_iter()
                .chain(bridges)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect())
        })
        .await
    }

    /// There are none: guests have no numbers.
    #[allow(clippy::unused_async, clippy::unused_self, reason = "as the others")]
    pub(super) async fn number_bounds(&self) -> Result<NumberBounds, Error> {
        Ok(NumberBounds::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_node_by_the_first_label_of_its_name() {
        for (host, node) in [
            ("kvm-1.example.com", "kvm-1"),
            ("my_host", "my-host"),
            ("-x-", "x"),
        ] {
            assert_eq!(node_name(host).unwrap().as_str(), node);
        }
        assert!(node_name("").is_err());
        assert!(node_name("...").is_err());
        assert_eq!(node_name(&"a".repeat(80)).unwrap().as_str().len(), 63);
    }
}
