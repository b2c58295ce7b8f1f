//! One call that has passed all checks, as its endpoint sees it.

use std::sync::{Arc, MutexGuard};

use crate::release::Release;
use crate::shared::Shared;
use crate::state::{Caller, World};
use crate::verify::Params;
use crate::wire::ApiError;

/// One call, checked.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) sim: Arc<Shared>,
    pub(crate) caller: Caller,
    pub(crate) method: String,
    pub(crate) path: String,
    /// With those of the path.
    pub(crate) params: Params,
}

impl Call {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.sim.world()
    }

    pub(crate) fn release(&self) -> Release {
        self.sim.release
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("1")
    }

    /// The items of a list: Proxmox splits at commas, semicolons, blanks and NULs.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or("");
        let items = text.split([',', ';', ' ', '\0']).filter(|i| !i.is_empty());
        items.map(str::to_owned).collect()
    }

    /// The node of the path.
    pub(crate) fn node(&self) -> &str {
        self.text("node").unwrap_or("")
    }

    /// The number in the path.
    pub(crate) fn vmid(&self) -> u32 {
        self.number("vmid").unwrap_or(0)
    }

    /// 403 unless the caller has one of the privileges.
    pub(crate) fn require(&self, world: &World, path: &str, privileges: &[&str]) -> Result<(), ApiError> {
        if world.access.any(&self.caller, path, privileges) {
            Ok(())
        } else {
            Err(ApiError::denied(path, privileges))
        }
    }
}
