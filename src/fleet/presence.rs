//! Whether a number is free beyond doubt. The only evidence of the fleet that a guest is gone
//! (`identity.md`, "Gone"): lists that became shorter prove nothing.

use super::guarded::Guarded;
use super::host_state::HostState;
use super::readings::NumberPresence;
use super::shared::Shared;
use crate::hypervisor::{Error, Hypervisor};
use crate::model::{GuestId, NodeName, NumberState};

/// Asks one and the same member: majority, identity of the cluster, number, majority.
pub(super) async fn confirm_gone(shared: &Shared, id: GuestId) -> Result<NumberPresence, Error> {
    let driver = shared.driver();
    if !confirm_cluster(shared, &driver).await? {
        return Ok(NumberPresence::NotQuorate);
    }
    let state = driver.number_state(id).await?;
    if majority(&driver).await?.is_none() {
        return Ok(NumberPresence::NotQuorate);
    }
    Ok(match state {
        NumberState::Free => NumberPresence::Free,
        NumberState::Taken => NumberPresence::Taken,
    })
}

/// Whether the cluster that answers has a majority. That it is the right one is checked too: if not, the
/// connection ends, and this fails.
pub(super) async fn confirm_cluster(shared: &Shared, driver: &Guarded) -> Result<bool, Error> {
    let Some(local) = majority(driver).await? else {
        return Ok(false);
    };
    let connection = driver.connection();
    let found = driver
        .cluster_id(local.as_ref().unwrap_or(&connection.node))
        .await?;
    if found == shared.id {
        return Ok(true);
    }
    let changed = HostState::ClusterChanged {
        expected: shared.id.clone(),
        found,
    };
    let reason = changed.to_string();
    connection.breaker.open(changed);
    Err(Error::HeldBack { reason })
}

/// The member that answers, if the cluster has a majority.
async fn majority(driver: &dyn Hypervisor) -> Result<Option<Option<NodeName>>, Error> {
    let status = driver.cluster_status().await?;
    let local = status.members.into_iter().find(|member| member.local);
    Ok(status.quorate.then(|| local.map(|member| member.name)))
}
