//! The calls: one table of endpoints a family, and the way from a request to one of them.
//!
//! The order of the checks is Proxmox's: the path has to be known, the caller to have the privilege, the node to be
//! reachable, and only then are the parameters looked at.

mod access;
mod cluster;
mod nodes;
mod qemu;
mod resources;
mod storage;
mod tasks;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};

use crate::shared::Shared;
use crate::state::{Caller, World};
use crate::verify::{Kind, NODE, Param, Params, STORAGE, TEXT, need, verify};
use crate::wire::{ApiError, ApiResult, Given, Reply};

/// One method of one path.
pub(crate) struct Endpoint {
    method: &'static str,
    /// With `{name}` for what varies.
    path: &'static str,
    /// The parameters besides those of the path.
    params: &'static [&'static [Param]],
    allow: Allow,
    run: Run,
}

/// Who may call.
enum Allow {
    /// Whoever is authenticated; what is shown may still depend on privileges.
    Everyone,
    /// Who has one of the privileges on the path, `{name}` filled in.
    Any(&'static str, &'static [&'static str]),
}

type Later = Pin<Box<dyn Future<Output = ApiResult> + Send>>;

/// How it is carried out.
enum Run {
    /// When nothing can go wrong any more.
    Show(fn(&Call) -> Reply),
    Now(fn(&Call) -> ApiResult),
    /// When it may have to wait, as for a lock file.
    Later(fn(Call) -> Later),
}

/// One call, checked.
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

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("1")
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
    fn require(&self, world: &World, path: &str, privileges: &[&str]) -> Result<(), ApiError> {
        if world.access.any(&self.caller, path, privileges) {
            Ok(())
        } else {
            Err(ApiError::denied(path, privileges))
        }
    }
}

/// The parameters that paths have.
const PATH: &[Param] = &[
    need("node", NODE),
    need("vmid", Kind::Vmid),
    need("storage", STORAGE),
    need("upid", TEXT),
];

fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    [
        access::ENDPOINTS,
        cluster::ENDPOINTS,
        nodes::ENDPOINTS,
        resources::ENDPOINTS,
        storage::ENDPOINTS,
        tasks::ENDPOINTS,
        qemu::ENDPOINTS,
        qemu::POWER_ENDPOINTS,
    ]
    .into_iter()
    .flatten()
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
    let found = endpoints()
        .filter(|e| e.method == method)
        .find_map(|e| Some((e, e.matches(segments)?)));
    let Some((endpoint, mut of_path)) = found else {
        return Err(ApiError::not_implemented(method, path));
    };
    if of_path.get("node").is_some_and(|n| n == "localhost")
        && let Some(local) = sim.world().nodes.first()
    {
        of_path.insert("node".to_owned(), local.name.clone());
    }
    endpoint.check_privileges(&sim.world(), &caller, &of_path)?;
    if let Some(node) = of_path.get("node") {
        check_node(&sim.world(), node)?;
    }
    given.extend(of_path.iter().map(|(k, v)| (k.clone(), Given::Text(v.clone()))));
    let own: Vec<&[Param]> = PATH
        .chunks(1)
        .filter(|param| param.iter().any(|p| of_path.keys().any(|k| p.is_called(k))))
        .collect();
    let tables: Vec<&[Param]> = own.into_iter().chain(endpoint.params.iter().copied()).collect();
    let call = Call {
        sim: Arc::clone(sim),
        caller,
        method: method.to_owned(),
        path: path.to_owned(),
        params: verify(&tables, &given)?,
    };
    match endpoint.run {
        Run::Show(run) => Ok(run(&call)),
        Run::Now(run) => run(&call),
        Run::Later(run) => run(call).await,
    }
}

/// A node that is off is not routed to; one that doesn't exist isn't found.
fn check_node(world: &World, node: &str) -> Result<(), ApiError> {
    match world.node(node) {
        Some(found) if found.online => Ok(()),
        Some(_) => Err(ApiError::empty(595, "No route to host")),
        None => Err(ApiError::internal(format!(
            "hostname lookup '{node}' failed - failed to get address info for: {node}: Name or service not known"
        ))),
    }
}

impl Endpoint {
    /// What the path's names stand for, if it is this one.
    fn matches(&self, segments: &[String]) -> Option<BTreeMap<String, String>> {
        let pattern: Vec<&str> = self.path.split('/').filter(|s| !s.is_empty()).collect();
        if pattern.len() != segments.len() {
            return None;
        }
        let mut names = BTreeMap::new();
        for (pattern, segment) in pattern.into_iter().zip(segments) {
            match pattern.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                Some(name) => {
                    names.insert(name.to_owned(), segment.clone());
                }
                None if pattern == segment => {}
                None => return None,
            }
        }
        Some(names)
    }

    fn check_privileges(
        &self,
        world: &World,
        caller: &Caller,
        of_path: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        let Allow::Any(template, privileges) = self.allow else {
            return Ok(());
        };
        let path = of_path.iter().fold(template.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value)
        });
        if world.access.any(caller, &path, privileges) {
            Ok(())
        } else {
            Err(ApiError::denied(&path, privileges))
        }
    }
}
