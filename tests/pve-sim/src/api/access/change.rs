//! Changes of what the whole cluster knows about access, under its lock.

use super::super::Call;
use crate::state::World;
use crate::wire::{ApiError, ApiResult, Reply};

/// Changes `user.cfg` under its lock; a failure is told after what failed (`PVE::AccessControl::lock_user_config`).
pub(in crate::api) async fn change(
    call: &Call,
    failed: &str,
    act: impl FnOnce(&mut World) -> Result<(), String>,
) -> ApiResult {
    let locked = call.sim.config_lock("file-user_cfg").await;
    let done = locked.and_then(|()| act(&mut call.world()));
    done.map(|()| Reply::null())
        .map_err(|cause| ApiError::internal(format!("{failed}: {cause}")))
}

/// An error of its own status that is found under the lock: it ends up as text in a 500 (`PVE::Exception::stringify`).
pub(in crate::api) fn refused_within(error: &ApiError) -> String {
    format!("{} {}", error.status, error.sentence())
}
