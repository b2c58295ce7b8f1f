//! Getting to know a host: four reads, and not one more if an earlier one fails.

use std::collections::BTreeSet;

use super::host_state::HostState;
use crate::hypervisor::{Error, Hypervisor};
use crate::model::{ClusterId, ClusterStatus, HostVersion, NodeName, NumberBounds};

/// What a host turned out to be.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) version: HostVersion,
    /// The node that it is.
    pub(super) node: NodeName,
    pub(super) cluster: ClusterId,
    pub(super) status: ClusterStatus,
    pub(super) bounds: NumberBounds,
}

/// The names of the members.
pub(super) fn members(status: &ClusterStatus) -> BTreeSet<NodeName> {
    status.members.iter().map(|member| member.name.clone()).collect()
}

/// Asks a host what it is. `node` is the name that the spec gives, `expected` the cluster that was recorded.
pub(super) async fn probe(
    driver: &dyn Hypervisor,
    node: Option<&NodeName>,
    expected: Option<&ClusterId>,
) -> Result<Found, HostState> {
    let failed = |error: Error| HostState::of(&error);
    let version = driver.version().await.map_err(failed)?;
    let status = driver.cluster_status().await.map_err(failed)?;
    let unknown = || HostState::NodeUnknown {
        name: node.cloned(),
        members: members(&status).into_iter().collect(),
    };
    let local = status.members.iter().find(|member| member.local);
    let named = match node {
        Some(name) => status.members.iter().find(|member| member.name == *name),
        None => local,
    };
    let named = named.ok_or_else(unknown)?.name.clone();
    // The member that answers is asked for the identity: the named one may be down.
    let asked = local.map_or(&named, |member| &member.name);
    let cluster = driver.cluster_id(asked).await.map_err(failed)?;
    if let Some(expected) = expected.filter(|expected| **expected != cluster) {
        return Err(HostState::ClusterChanged {
            expected: expected.clone(),
            found: cluster,
        });
    }
    let bounds = driver.number_bounds().await.map_err(failed)?;
    Ok(Found {
        version,
        node: named,
        cluster,
        status,
        bounds,
    })
}
