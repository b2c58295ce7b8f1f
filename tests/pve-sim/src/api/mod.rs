//! The calls: one table of endpoints a family, and the way from a request to one of them.
//!
//! The order of the checks is Proxmox's: the path has to be known, the caller to be allowed, the node to be
//! reachable, and only then are the parameters looked at.

mod access;
mod backup_jobs;
mod call;
mod cluster;
mod endpoint;
mod firewall;
mod ha;
mod indexes;
mod lxc;
mod nodes;
mod pools;
mod proxy;
mod qemu;
mod resources;
mod route;
mod statistics;
mod storage;
mod tasks;
mod vzdump;

pub(crate) use backup_jobs::{run as run_backup_job, run_jobs};
pub(crate) use call::Call;
pub(crate) use endpoint::{Allow, Endpoint, Run};
pub(crate) use ha::manage_resources;
pub(crate) use storage::temporary_path;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::release::Release;
use crate::shared::Shared;
use crate::state::Caller;
use crate::verify::access as access_formats;
use crate::verify::{CONFIG_ID, Kind, NODE, POOL, Param, STORAGE, Stated, TEXT, at_least, need, verify};
use crate::wire::{ApiError, ApiResult, Given};

/// The parameters that paths have; one that isn't here is any text.
const PATH: &[Param] = &[
    need("node", NODE),
    need("vmid", Kind::Vmid),
    need("storage", STORAGE),
    need("upid", TEXT),
    need("snapname", CONFIG_ID),
    need("pos", at_least(0)),
    need("userid", access_formats::USER),
    need("tokenid", access_formats::TOKEN_NAME),
    need("groupid", access_formats::GROUP),
    need("roleid", access_formats::ROLE),
    need("realm", access_formats::REALM),
    need("poolid", POOL),
];

/// A parameter of a path that isn't listed above.
const OTHER: Param = need("", TEXT);

/// Every family's endpoints.
fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    [
        indexes::ENDPOINTS,
        lxc::ENDPOINTS,
        pools::ENDPOINTS,
        resources::ENDPOINTS,
        tasks::ENDPOINTS,
        vzdump::ENDPOINTS,
    ]
    .into_iter()
    .chain(access::TABLES.iter().copied())
    .chain(cluster::TABLES.iter().copied())
    .chain(firewall::TABLES.iter().copied())
    .chain(nodes::TABLES.iter().copied())
    .chain(storage::TABLES.iter().copied())
    .chain(ha::TABLES.iter().copied())
    .chain(statistics::TABLES.iter().copied())
    .chain(backup_jobs::TABLES.iter().copied())
    .chain(qemu::TABLES.iter().copied())
    .flatten()
}

/// What the simulator says of a call: what a test compares with the schema of the release.
#[derive(Clone, Debug)]
pub struct StatedCall {
    /// `GET`, …
    pub method: &'static str,
    /// With `{name}` for what varies.
    pub path: &'static str,
    /// Its parameters but for those of the path.
    pub parameters: Vec<Stated>,
    /// Who may call, as `(perm /vms/{vmid} any VM.Audit)`, `(and … …)`, `(or … …)`, `all`, `world`, `root`; nothing where
    /// the rule is more than that.
    pub permissions: Option<String>,
    /// Whether an API token may call it.
    pub tokens: bool,
}

/// Every call that a release answers.
#[must_use]
pub fn stated_calls(release: Release) -> Vec<StatedCall> {
    // The schemas don't describe the root.
    let described = route::all(release).filter(|endpoint| endpoint.path != "/");
    let calls = described.map(|endpoint| StatedCall {
        method: endpoint.method,
        path: endpoint.path,
        parameters: endpoint
            .params
            .iter()
            .flat_map(|table| table.iter())
            .filter(|param| param.is_in(release))
            .map(|param| param.stated(release))
            .collect(),
        permissions: endpoint.allow.stated(),
        tokens: endpoint.takes_tokens(),
    });
    calls.collect()
}

/// Finds the endpoint and carries the call out.
pub(crate) async fn dispatch(
    sim: &Arc<Shared>,
    caller: Caller,
    method: &str,
    path: &str,
    segments: &[String],
    mut given: BTreeMap<String, Given>,
) -> ApiResult {
    let Some((endpoint, mut of_path)) = route::find(sim.release, method, segments) else {
        return Err(ApiError::not_implemented(method, path));
    };
    if of_path.get("node").is_some_and(|n| n == "localhost")
        && let Some(local) = sim.world().nodes.first()
    {
        of_path.insert("node".to_owned(), local.name.clone());
    }
    check_unambiguous(&of_path, &given)?;
    let texts = given
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.text()?.to_owned())))
        .chain(of_path.clone())
        .collect();
    endpoint.check(&sim.world(), &caller, &texts)?;
    if let Some(node) = of_path.get("node") {
        proxy::reach(sim, node).await?;
    }
    given.extend(of_path.iter().map(|(k, v)| (k.clone(), Given::Text(v.clone()))));
    let own: Vec<Param> = of_path
        .keys()
        .map(|name| {
            let listed = PATH.iter().find(|param| param.is_called(name));
            *listed.unwrap_or(&OTHER)
        })
        .collect();
    let params = verify(sim.release, &of_path, &own, endpoint.params, &given)?;
    let call = Call {
        sim: Arc::clone(sim),
        caller,
        method: method.to_owned(),
        path: path.to_owned(),
        params,
    };
    match endpoint.run {
        Run::Show(run) => Ok(run(&call)),
        Run::Now(run) => run(&call),
        Run::Later(run) => run(call).await,
    }
}

/// What the path says, query and body may repeat but not contradict (`PVE::HTTPServer`).
fn check_unambiguous(
    of_path: &BTreeMap<String, String>,
    given: &BTreeMap<String, Given>,
) -> Result<(), ApiError> {
    let mut repeated = of_path
        .iter()
        .filter_map(|(name, own)| Some((name, own, given.get(name)?)));
    match repeated.find(|(_, own, other)| other.text() != Some(own.as_str())) {
        None => Ok(()),
        Some((name, ..)) => Err(ApiError::parameter(
            name,
            "duplicate parameter (already defined in URI) with conflicting values!",
        )),
    }
}

/// Whether a call needs no login.
pub(crate) fn is_open(release: Release, method: &str, segments: &[String]) -> bool {
    route::find(release, method, segments).is_some_and(|(endpoint, _)| endpoint.is_open())
}
