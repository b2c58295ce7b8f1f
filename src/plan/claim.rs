//! Which shard of Drover acts on a host: one at a time, and one for all hosts of a cluster.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::{Host, HostClaim};

/// All replicas that act on the same hosts, of which one leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The name of its lease.
    pub name: String,
    /// The namespace of its lease, if it takes one.
    pub namespace: Option<String>,
    /// The selector of its hosts; absent for all.
    pub selector: Option<String>,
}

impl Shard {
    /// The claim that it lays.
    #[must_use]
    pub fn claim(&self, now: Timestamp) -> HostClaim {
        HostClaim {
            shard: self.name.clone(),
            namespace: self.namespace.clone(),
            selector: self.selector.clone(),
            since: Time(Timestamp::from_second(now.as_second()).unwrap_or(now)),
        }
    }

    /// Whether a claim is its own. Without a lease it is alone by other means, and goes by its hosts.
    #[must_use]
    pub fn holds(&self, claim: &HostClaim) -> bool {
        let apart =
            self.namespace.is_some() && claim.namespace.is_some() && self.namespace != claim.namespace;
        claim.shard == self.name && !apart
    }
}

/// A claim, in words.
struct Told<'a>(&'a HostClaim);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(claim) = self;
        match &claim.namespace {
            Some(namespace) => write!(f, "the Drover with the lease {namespace}/{}", claim.shard)?,
            None => write!(f, "the Drover {}", claim.shard)?,
        }
        match &claim.selector {
            Some(selector) => write!(f, " (--host-selector '{selector}')"),
            None => write!(f, " (for all hosts)"),
        }
    }
}

/// How it stands with the shard that holds a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Its selector no longer matches the host.
    Left,
    /// Its lease was not renewed for long.
    Dead,
    /// It may well be at work.
    Alive,
}

/// What is done about a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is one's own.
    Go,
    /// The claim is written first.
    Take,
    /// It is another's; why, and what a person can do.
    Refuse(String),
}

/// Decides about a host. `holder` tells of the shard that holds it, if that is another one.
#[must_use]
pub fn decide(shard: &Shard, claim: Option<&HostClaim>, holder: Holder) -> Step {
    match claim {
        None => Step::Take,
        Some(claim) if shard.holds(claim) => Step::Go,
        Some(claim) => match holder {
            Holder::Left | Holder::Dead => Step::Take,
            Holder::Alive => Step::Refuse(format!(
                "it is also selected by another Drover and left to that: {} has claimed it since {:.0} (status.claimedBy). \
                 Let the selectors of the two match different hosts; to hand this one over, change its labels so that only one \
                 of them matches",
                Told(claim),
                claim.since.0
            )),
        },
    }
}

/// Whether the cluster of a host is another shard's already, through another of its nodes. Of two shards that hold nodes of
/// a cluster the one stands back that came later.
#[must_use]
pub fn split(shard: &Shard, host: &Host, cluster: &str, all: &[std::sync::Arc<Host>]) -> Option<String> {
    let claim = host.status.as_ref()?.claimed_by.as_ref()?;
    let age = |claim: &HostClaim| (claim.since.0, claim.shard.clone(), claim.namespace.clone());
    let (other, theirs) = all.iter().find_map(|other| {
        let status = other.status.as_ref()?;
        let same = status.cluster.as_ref().is_some_and(|of| of.id == cluster);
        let theirs = status
            .claimed_by
            .as_ref()
            .filter(|theirs| same && !shard.holds(theirs))?;
        (age(theirs) < age(claim)).then_some((other, theirs))
    })?;
    Some(format!(
        "its cluster is looked after by another Drover, which came first: {} has claimed {} of the same cluster. A \
         cluster is not divided: label all of its nodes so that the same Drover selects them. Nothing is sent",
        Told(theirs),
        other.title()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ClusterInfo, HostStatus};

    fn shard(name: &str, namespace: Option<&str>) -> Shard {
        Shard {
            name: name.into(),
            namespace: namespace.map(str::to_owned),
            selector: Some(format!("region={name}")),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn host_is_taken_when_it_is_nobodys_or_its_holder_is_gone() {
        let (eu, us) = (shard("eu", Some("a")), shard("us", Some("a")));
        let claim = us.claim(at(7));
        assert_eq!(decide(&eu, None, Holder::Alive), Step::Take);
        assert_eq!(decide(&us, Some(&claim), Holder::Alive), Step::Go);
        for holder in [Holder::Left, Holder::Dead] {
            assert_eq!(decide(&eu, Some(&claim), holder), Step::Take);
        }
        let Step::Refuse(why) = decide(&eu, Some(&claim), Holder::Alive) else {
            panic!("refused");
        };
        assert!(why.contains("lease a/us") && why.contains("region=us"), "{why}");
    }

    #[test]
    fn shard_is_known_by_its_lease_and_without_one_by_its_hosts() {
        let claim = shard("eu", Some("a")).claim(at(7));
        assert!(shard("eu", Some("a")).holds(&claim) && shard("eu", None).holds(&claim));
        assert!(!shard("eu", Some("b")).holds(&claim) && !shard("us", Some("a")).holds(&claim));
    }

    #[test]
    fn cluster_is_the_shards_that_came_first() {
        let (eu, us) = (shard("eu", None), shard("us", None));
        let host = |name: &str, cluster: &str, claim: HostClaim| {
            let mut host = crate::api::ProxmoxNode::new(name, crate::api::ProxmoxNodeSpec::default());
            host.status = Some(HostStatus {
                claimed_by: Some(claim),
                cluster: Some(ClusterInfo {
                    id: cluster.into(),
                    ..ClusterInfo::default()
                }),
                ..HostStatus::default()
            });
            std::sync::Arc::new(Host::from(host))
        };
        let all = [
            host("pve1", "c1", eu.claim(at(7))),
            host("pve2", "c1", us.claim(at(8))),
        ];
        assert_eq!(split(&eu, &all[0], "c1", &all), None);
        let why = split(&us, &all[1], "c1", &all).unwrap();
        assert!(why.contains("'pve1'") && why.contains("region=eu"), "{why}");
        let apart = [
            host("pve1", "c1", eu.claim(at(7))),
            host("pve2", "c2", us.claim(at(8))),
        ];
        assert_eq!(split(&us, &apart[1], "c2", &apart), None);
        // In the same second one of the two stands back, and not both.
        let tie = [
            host("pve1", "c1", eu.claim(at(7))),
            host("pve2", "c1", us.claim(at(7))),
        ];
        let refused = [split(&eu, &tie[0], "c1", &tie), split(&us, &tie[1], "c1", &tie)];
        assert_eq!(refused.iter().flatten().count(), 1);
    }
}
