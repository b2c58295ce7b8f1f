//! Which number a machine gets: the one that its spec names, if nothing is left of another under it, or the next one.

use std::collections::BTreeSet;

use kube::ResourceExt;

use super::facts::{Facts, left_of};
use super::pass::{Again, End, Flow, Pass, Stop};
use super::place::no_majority;
use super::site::Site;
use crate::api::conditions::reason;
use crate::api::names::RESERVED_VMID;
use crate::api::{HostKind, VmidReuse};
use crate::fleet::NumberPresence;
use crate::model::{GuestId, NumberBounds, Vmid, VolumeId};
use crate::plan::desired::Desired;
use crate::plan::identity::numbers::{self, Next, Numbers};
use crate::plan::placing;

/// How many numbers one pass tries.
const NUMBERS_A_PASS: usize = 32;

impl Pass<'_> {
    /// A number that the spec names must be free.
    pub(super) fn check_taken(&self, site: &Site, desired: &Desired) -> Flow<()> {
        let Some(id) = desired.pinned else { return Ok(()) };
        let claimed = self.claimed(site).contains(&id);
        placing::check_taken(&self.vm, id, site.snapshot.guest(id), claimed)
            .map_err(|outcome| End::waiting(outcome).into())
    }

    /// Nothing may be left of a guest that had the number that the spec names.
    pub(super) async fn check_left(&self, site: &Site, desired: &Desired, facts: &Facts<'_>) -> Flow<()> {
        let Some(id) = desired.pinned else { return Ok(()) };
        // The backup of which the machine is made is one of this number's: it comes back to what it was.
        let restored = facts.archived_number() == Some(id);
        if let Some(volume) = self.left_of(site, id, !restored).await? {
            return Err(End::waiting(placing::has_volumes(id, &volume)).into());
        }
        Ok(())
    }

    /// A volume or, if they count, an archive that is left of a guest with this number.
    async fn left_of(&self, site: &Site, id: GuestId, archives: bool) -> Flow<Option<VolumeId>> {
        let driver = site.cluster.driver();
        let left = left_of(driver.as_ref(), &site.snapshot.storages, id, archives).await;
        left.map_err(|e| self.trouble(&e).into())
    }

    /// A number that the cluster itself says is free: the list may not show all guests. That it is still the
    /// same cluster, with a majority, is checked with it.
    pub(super) async fn free_number(&self, site: &Site, desired: &Desired) -> Flow<GuestId> {
        for _ in 0..NUMBERS_A_PASS {
            let id = match desired.pinned {
                Some(id) => id,
                None => self.next_number(site).await?.into(),
            };
            let presence = site.cluster.confirm_gone(id).await;
            // It is asked for again and again: each time with a further number, the range would be used up.
            if desired.pinned.is_none()
                && !matches!(presence, Ok(NumberPresence::Free | NumberPresence::Taken))
            {
                self.ctx.numbers.take_back(site.cluster.id(), id);
            }
            match presence.map_err(|e| self.trouble(&e))? {
                NumberPresence::Free => return Ok(id),
                NumberPresence::NotQuorate => return Err(no_majority().into()),
                NumberPresence::Taken if desired.pinned.is_some() => {
                    return Err(End::waiting(placing::not_shown(id)).into());
                }
                // It was handed out here, so that the next one is another.
                NumberPresence::Taken => {}
            }
        }
        let message =
            "the next numbers are taken by guests that the host does not show; further ones are tried";
        Err(End::progressing(reason::RESERVING, message, Again::Now).into())
    }

    async fn next_number(&self, site: &Site) -> Flow<Vmid> {
        let now = self.ctx.runtime.clock.instant();
        let spent = self.ctx.numbers.traces(&site.cluster, now).await;
        let traces = spent.map_err(|e| self.trouble(&e))?;
        let mut spent = traces.spent;
        let cluster = site.cluster.id();
        let mut here_too = BTreeSet::new();
        for host in self.ctx.all_hosts() {
            let status = host.status.as_ref();
            let here = status
                .and_then(|s| s.cluster.as_ref())
                .is_some_and(|c| c.id == cluster.as_str());
            spent.extend(status.filter(|_| here).and_then(|s| s.highest_vmid));
            here_too.extend(here.then(|| host.name_any()));
        }
        // Whoever lost a status had a number too.
        let machines = self.ctx.all_machines();
        let of_cluster = machines
            .iter()
            .filter(|m| here_too.contains(&m.spec.host_ref.name));
        let reserved = of_cluster.filter_map(|m| m.annotations().get(RESERVED_VMID));
        spent.extend(reserved.filter_map(|n| n.parse::<u32>().ok()));
        let claimed = self.claimed(site);
        let guests = claimed.iter().chain(site.snapshot.guests.keys());
        let used = guests.filter_map(|id| id.number()).map(Vmid::get).collect();
        let (range, reuse) = self.range(site);
        let numbers = Numbers {
            used,
            left: traces.left,
            spent,
        };
        loop {
            let next = self.ctx.numbers.hand_out(cluster, numbers.clone(), range, reuse);
            let next = next.map_err(|exhausted| {
                let way = if reuse {
                    let wait = self.ctx.settings.timing.requeue_waiting;
                    self.ctx.numbers.forget_traces(cluster, now.checked_sub(wait));
                    "or remove the volumes and archives that are left of a machine that is gone"
                } else {
                    "or allow vmidReuse: AfterRange there"
                };
                let host = site.host.name_any();
                let message = format!("{exhausted}: widen spec.vmidRange of ProxmoxNode '{host}', {way}");
                Stop::from(End::stalled(reason::VMID_RANGE_EXHAUSTED, message))
            })?;
            let vmid = match next {
                Next::Fresh(vmid) => return Ok(vmid),
                Next::Again(vmid) => vmid,
            };
            let left = self.left_of(site, vmid.into(), true).await;
            match left.inspect_err(|_| self.ctx.numbers.take_back(cluster, vmid.into()))? {
                None => return Ok(vmid),
                Some(_) => self.ctx.numbers.leave(cluster, vmid),
            }
        }
    }

    /// The range of the host, or of the one from which it takes its connection.
    fn range(&self, site: &Site) -> ((u32, u32), bool) {
        let node = site.host.proxmox();
        let named = node.and_then(|node| node.spec.connection_ref.as_ref());
        let other = named.and_then(|r| self.ctx.host(HostKind::ProxmoxNode, &r.name));
        let spec = other
            .as_ref()
            .and_then(|host| host.proxmox())
            .or(node)
            .map(|node| &node.spec);
        let configured = spec
            .and_then(|spec| spec.vmid_range.as_ref())
            .map(|r| (r.min, r.max));
        let bounds: NumberBounds = site.snapshot.bounds;
        let reuse = spec.and_then(|spec| spec.vmid_reuse) == Some(VmidReuse::AfterRange);
        (numbers::range(configured, bounds), reuse)
    }
}
