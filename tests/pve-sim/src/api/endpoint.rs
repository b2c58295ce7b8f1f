//! What an endpoint is: a method of a path, who may call it, with which parameters, and what carries it out.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use super::Call;
use crate::release::Release;
use crate::state::{Caller, World};
use crate::verify::Param;
use crate::wire::{ApiError, ApiResult, Reply};

/// One method of one path.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    pub(super) method: &'static str,
    /// With `{name}` for what varies.
    pub(super) path: &'static str,
    /// The parameters besides those of the path.
    pub(super) params: &'static [&'static [Param]],
    pub(super) allow: Allow,
    pub(super) run: Run,
    /// Whether an API token may call it.
    tokens: bool,
    since: Release,
    until: Release,
}

impl Endpoint {
    const fn new(
        method: &'static str,
        path: &'static str,
        allow: Allow,
        params: &'static [&'static [Param]],
        run: Run,
    ) -> Self {
        Self {
            method,
            path,
            params,
            allow,
            run,
            tokens: true,
            since: Release::V7_4,
            until: Release::V9_2,
        }
    }

    pub(crate) const fn get(
        path: &'static str,
        allow: Allow,
        params: &'static [&'static [Param]],
        run: Run,
    ) -> Self {
        Self::new("GET", path, allow, params, run)
    }

    pub(crate) const fn post(
        path: &'static str,
        allow: Allow,
        params: &'static [&'static [Param]],
        run: Run,
    ) -> Self {
        Self::new("POST", path, allow, params, run)
    }

    pub(crate) const fn put(
        path: &'static str,
        allow: Allow,
        params: &'static [&'static [Param]],
        run: Run,
    ) -> Self {
        Self::new("PUT", path, allow, params, run)
    }

    pub(crate) const fn delete(
        path: &'static str,
        allow: Allow,
        params: &'static [&'static [Param]],
        run: Run,
    ) -> Self {
        Self::new("DELETE", path, allow, params, run)
    }

    /// Only for who logged in (`allowtoken => 0`).
    #[must_use]
    pub(crate) const fn ticket_only(mut self) -> Self {
        self.tokens = false;
        self
    }

    /// Not before a release.
    #[must_use]
    pub(crate) const fn from(mut self, release: Release) -> Self {
        self.since = release;
        self
    }

    /// Not after a release.
    #[must_use]
    pub(crate) const fn until(mut self, release: Release) -> Self {
        self.until = release;
        self
    }

    /// Whether an API token may call it.
    pub(super) const fn takes_tokens(&self) -> bool {
        self.tokens
    }

    /// Whether a release has it.
    pub(super) fn is_in(&self, release: Release) -> bool {
        (self.since..=self.until).contains(&release)
    }

    /// Whether it can be called by who hasn't logged in.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.allow, Allow::World)
    }

    /// 403 unless the caller may; `given` has the parameters of path and body as text.
    pub(super) fn check(
        &self,
        world: &World,
        caller: &Caller,
        given: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        if !self.tokens && caller.is_token() {
            let text = format!(
                "Permission check failed (URI '{}' not available with API token, need proper ticket.\n)",
                fill(self.path, given)
            );
            return Err(ApiError::new(403, text));
        }
        // Nothing is asked of root, not even whether what the path names is there.
        if caller.is_root() {
            return Ok(());
        }
        self.allow.check(world, caller, given)
    }
}

/// Who may call.
#[derive(Clone, Copy)]
pub(crate) enum Allow {
    /// Anybody, without having logged in (`user => 'world'`).
    World,
    /// Whoever is authenticated; what is shown or done may still depend on privileges.
    Everyone,
    /// Nobody but `root@pam`, which is what no permissions at all mean.
    Root,
    /// Who has one of the privileges on the path, `{name}` filled in.
    Any(&'static str, &'static [&'static str]),
    /// Who has all of the privileges on the path.
    All(&'static str, &'static [&'static str]),
    /// Who meets one of these.
    OneOf(&'static [Allow]),
    /// Who meets all of these.
    Each(&'static [Allow]),
    /// Who meets it, if the parameter is given; else nobody (`require_param`).
    IfGiven(&'static str, &'static Allow),
    /// A rule of its own.
    Rule(Rule),
}

/// Looks at the caller and at the parameters of path and body as text.
type Rule = fn(&World, &Caller, &BTreeMap<String, String>) -> Result<(), ApiError>;

impl Allow {
    /// The rule as text: `(perm /vms/{vmid} any VM.Audit)`, `(and … …)`, `(or … …)`, `all`, `world`, `root`; nothing for
    /// a rule of its own.
    pub(super) fn stated(&self) -> Option<String> {
        let nested = |word: &str, rules: &[Allow]| {
            let rules: Option<Vec<String>> = rules.iter().map(Self::stated).collect();
            Some(format!("({word} {})", rules?.join(" ")))
        };
        match self {
            Self::World => Some("world".to_owned()),
            Self::Everyone => Some("all".to_owned()),
            Self::Root => Some("root".to_owned()),
            Self::Any(path, privileges) => Some(format!("(perm {path} any {})", privileges.join(" "))),
            Self::All(path, privileges) => Some(format!("(perm {path} all {})", privileges.join(" "))),
            Self::OneOf(rules) => nested("or", rules),
            Self::Each(rules) => nested("and", rules),
            Self::IfGiven(name, rule) => Some(format!("(if {name} {})", rule.stated()?)),
            Self::Rule(_) => None,
        }
    }

    fn check(
        &self,
        world: &World,
        caller: &Caller,
        given: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        match self {
            Self::World | Self::Everyone => Ok(()),
            Self::Root => Err(ApiError::new(403, "Permission check failed (user != root@pam)")),
            Self::Any(template, privileges) => {
                let path = fill(template, given);
                let has = world.access.any(caller, &path, privileges);
                has.then_some(())
                    .ok_or_else(|| ApiError::denied(&path, privileges))
            }
            Self::All(template, privileges) => {
                let path = fill(template, given);
                match world.access.missing(caller, &path, privileges) {
                    None => Ok(()),
                    Some(privilege) => Err(ApiError::denied(&path, &[privilege])),
                }
            }
            Self::OneOf(rules) => {
                for rule in *rules {
                    match rule.check(world, caller, given) {
                        Ok(()) => return Ok(()),
                        // Proxmox asks for each of several with a sentence, also within alternatives.
                        Err(error) if matches!(rule, Self::Each(_)) => return Err(error),
                        Err(_) => {}
                    }
                }
                Err(bare())
            }
            Self::Each(rules) => rules.iter().try_for_each(|rule| rule.check(world, caller, given)),
            Self::IfGiven(name, rule) if given.contains_key(*name) => rule.check(world, caller, given),
            Self::IfGiven(..) => Err(bare()),
            Self::Rule(rule) => rule(world, caller, given),
        }
    }
}

/// When none of several alternatives is met (`PVE::RPCEnvironment::exec_api2_perm_check`).
pub(super) fn bare() -> ApiError {
    ApiError::new(403, "Permission check failed")
}

fn fill(template: &str, given: &BTreeMap<String, String>) -> String {
    if !template.contains('{') {
        return template.to_owned();
    }
    given.iter().fold(template.to_owned(), |path, (name, value)| {
        path.replace(&format!("{{{name}}}"), value)
    })
}

type Later = Pin<Box<dyn Future<Output = ApiResult> + Send>>;

/// How it is carried out.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// When nothing can go wrong any more.
    Show(fn(&Call) -> Reply),
    Now(fn(&Call) -> ApiResult),
    /// When it may have to wait, as for a lock file.
    Later(fn(Call) -> Later),
}
