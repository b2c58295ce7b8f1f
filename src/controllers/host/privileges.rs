//! Asks a host now and then what its credentials may do.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::api::names::RECONCILE_AT;
use crate::api::{Host, HostStatus};
use crate::controllers::Context;
use crate::fleet::HostView;
use crate::plan::privileges;

/// For which declaration and credentials the rights were asked last, and when.
pub(in crate::controllers) type Asked = (Instant, u64, Option<i64>, Option<String>);

/// Writes what is missing into the status, if that was not looked at for a while or something changed.
pub(super) async fn observe(
    ctx: &Context,
    host: &Host,
    fingerprint: u64,
    every: Duration,
    view: &HostView,
    status: &mut HostStatus,
) {
    let (Some(cluster), Some(version), Some(node)) = (&view.cluster, &view.version, host.proxmox()) else {
        return;
    };
    let now = ctx.runtime.clock.instant();
    let name = host.key();
    let asked_for = host.annotations().get(RECONCILE_AT).cloned();
    let key = (fingerprint, host.metadata.generation, asked_for);
    {
        let asked = ctx.privileges.lock().unwrap_or_else(PoisonError::into_inner);
        let known = asked.get(&name);
        if known.is_some_and(|(at, a, b, c)| now < *at + every && (*a, *b, c) == (key.0, key.1, &key.2)) {
            return;
        }
    }
    // What can't be asked now is asked again with the next pass; what was found before stands.
    let Ok(permissions) = cluster.driver().permissions().await else {
        return;
    };
    let missing = privileges::missing(&permissions, version.major, &node.spec);
    status.missing_privileges = privileges::told(&missing);
    let mut asked = ctx.privileges.lock().unwrap_or_else(PoisonError::into_inner);
    asked.insert(name, (now, key.0, key.1, key.2));
}
