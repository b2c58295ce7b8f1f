//! A machine without a number: everything is checked first, then the finalizer, then the reservation, and
//! only then the call. A resource that can't be made has neither finalizer nor reservation, and goes at once
//! when it is deleted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use kube::runtime::reflector::ObjectRef;

use super::facts::Facts;
use super::pass::{Again, End, Flow, Pass, Stop};
use super::site::Site;
use super::{look, make, record, remove, take};
use crate::api::conditions::reason;
use crate::api::{IdentityStatus, PinnedClass};
use crate::controllers::journal::Entry;
use crate::fleet::NumberPresence;
use crate::hypervisor::{Error, Refusal};
use crate::model::{GuestAddress, GuestConfig, GuestId, GuestKind, GuestRow, NumberState};
use crate::plan::desired::Desired;
use crate::plan::guest_id;
use crate::plan::identity::presence::{self, NumberLook, Presence};
use crate::plan::identity::unplaced::{self, Next as Due, Seeker, Unowned};
use crate::plan::placing::{self, Names, Owners};
use crate::plan::status;

/// How many configurations of unowned guests one pass reads.
const READS_A_PASS: usize = 32;

/// Until what another pass or the fleet is about to learn is looked at again.
const SOON: Again = Again::After(Duration::from_millis(200));

impl Pass<'_> {
    /// The next step of a machine without a number.
    pub(super) async fn place(&mut self, site: &Site) -> Flow<End> {
        if self.deleting {
            return match self.seek(site).await? {
                Due::Release => {
                    if !site
                        .cluster
                        .confirm_cluster()
                        .await
                        .map_err(|e| self.trouble(&e))?
                    {
                        return Ok(no_majority());
                    }
                    self.check_reserved(site).await?;
                    remove::release_unmade(self).await
                }
                other => Ok(self.unplaced(site, other)),
            };
        }
        placing::takes_machines(&self.vm, &site.host).map_err(End::waiting)?;
        let mut desired = self.desired(site)?;
        match self.seek(site).await? {
            Due::Reserve if placing::adopts(&self.vm) => {
                let shown = |id| site.cluster.snapshot().guest(id).map(|row| row.kind);
                return Ok(End::waiting(placing::nothing_to_adopt(&self.vm, shown)));
            }
            Due::Reserve => self.check_reserved(site).await?,
            // What was read a while ago may have changed.
            Due::Take(id) => return take::take(self, site, id).await,
            Due::Hold(id, obstacle) if obstacle.is_of_guest() => {
                return take::take(self, site, id).await;
            }
            // What Kubernetes forgot of this resource may be its finalizer too.
            Due::Bind(id, identity) => {
                record::claim(self, id).await.map_err(Stop::Error)?;
                return Ok(self.unplaced(site, Due::Bind(id, identity)));
            }
            other => return Ok(self.unplaced(site, other)),
        }
        self.check_taken(site, &desired)?;
        let driver = site.cluster.driver();
        let facts = make::check(self, site, driver.as_ref(), &mut desired).await?;
        self.check_left(site, &desired, &facts).await?;
        let id = self.free_number(site, &desired).await?;
        record::claim(self, id).await.map_err(Stop::Error)?;
        self.reserve_and_make(site, id, &desired, &facts).await
    }

    /// The reservation precedes the call, so that whatever crashes, the number is known.
    #[cfg(not(feature = "break-reservation"))]
    async fn reserve_and_make(
        &mut self,
        site: &Site,
        id: GuestId,
        desired: &Desired,
        facts: &Facts<'_>,
    ) -> Flow<End> {
        self.reserve(site, id).await?;
        make::make(self, site, id, desired, facts).await
    }

    /// The wrong order, so that `make faults` can show that it would be noticed.
    #[cfg(feature = "break-reservation")]
    async fn reserve_and_make(
        &mut self,
        site: &Site,
        id: GuestId,
        desired: &Desired,
        facts: &Facts<'_>,
    ) -> Flow<End> {
        // Nor does the annotation name the number before.
        record::disclaim(self).await.map_err(Stop::Error)?;
        let end = make::make(self, site, id, desired, facts).await?;
        let making = self.ctx.memory.get(&self.uid).making;
        self.reserve(site, id).await?;
        self.ctx.memory.note(&self.uid, |m| {
            m.making = crate::controllers::memory::Making {
                reserved_here: true,
                ..making
            };
        });
        Ok(end)
    }

    /// Looks at all machines of the cluster that no resource lays claim to.
    async fn seek(&self, site: &Site) -> Flow<Due> {
        self.await_fresh_list(site)?;
        let claimed = self.claimed(site);
        let snapshot = site.cluster.snapshot();
        // A guest whose resource lost its status is still watched, and not among the unread ones of the fleet.
        let known = |row: &GuestRow| {
            row.kind != GuestKind::VirtualMachine || site.cluster.last_config(row.id).is_some()
        };
        let unknown = snapshot
            .guests
            .keys()
            .filter(|v| snapshot.guest(**v).is_some_and(|row| !known(row)));
        let all: BTreeSet<GuestId> = site
            .cluster
            .unread_guests()
            .into_iter()
            .map(|at| at.id)
            .chain(unknown.copied())
            .collect();
        let unread: Vec<GuestAddress> = all
            .into_iter()
            .filter_map(|id| snapshot.address(id))
            .filter(|at| !claimed.contains(&at.id))
            .collect();
        if !unread.is_empty() {
            let Some(_reading) = self.ctx.numbers.begin_reading(site.cluster.id()) else {
                let message =
                    "the machines that nobody owns are being read, to be sure that none is this resource's";
                return Err(End::progressing(reason::READING_GUESTS, message, SOON).into());
            };
            let outcome = site.cluster.read_unread(&unread, READS_A_PASS).await;
            site.cluster.refresh();
            // One that is gone meanwhile is no obstacle; the next list lacks it.
            let stubborn =
                |(_, error): &&(GuestAddress, Error)| error.refusal() != Some(&Refusal::GuestMissing);
            if let Some((at, error)) = outcome.failed.iter().find(stubborn) {
                let unreadable = placing::unreadable(at.id, &at.node, &error.to_string());
                return Err(End::new(unreadable, Again::Busy).into());
            }
        }
        let snapshot = site.cluster.snapshot();
        let readings: Vec<_> = snapshot
            .guests
            .values()
            .filter(|row| row.kind == GuestKind::VirtualMachine && !claimed.contains(&row.id))
            .map(|row| (Arc::clone(row), site.cluster.last_config(row.id)))
            .collect();
        let unowned: Vec<Unowned<'_>> = readings
            .iter()
            .map(|(row, reading)| Unowned {
                id: row.id,
                name: row.name.as_deref(),
                config: reading.as_ref().map(|r| (r.config.as_ref(), r.read_at)),
            })
            .collect();
        let names = self.names(site);
        Ok(unplaced::decide(&self.seeker(&names), &unowned))
    }

    /// What the resource, its machine and the others are called.
    pub(super) fn names(&self, site: &Site) -> Names {
        // The others count where it adopts, which hardly any does.
        let (machines, hosts) = if placing::adopts(&self.vm) {
            (self.ctx.all_machines(), self.ctx.all_hosts())
        } else {
            (Vec::new(), Vec::new())
        };
        Names::of(&self.vm, &machines, &hosts, site.cluster.id().as_str())
    }

    /// The resource as one that has no number.
    pub(super) fn seeker<'a>(&'a self, names: &'a Names) -> Seeker<'a> {
        let recover_from = &self.ctx.settings.recover_from;
        names.seeker(&self.vm, &self.uid, &self.ctx.cluster_uid, recover_from)
    }

    /// A resource that reserved a number once, and whose status was lost, goes, or has another guest made, only if the
    /// list shows who has that number, or the cluster says that nobody has: a token that lost its rights sees a shorter
    /// list.
    async fn check_reserved(&self, site: &Site) -> Flow<()> {
        let Some(id) = placing::reserved_before(&self.vm) else {
            return Ok(());
        };
        if site.snapshot.guest(id).is_some() {
            // While it is taken no late call makes anything there; but it may be free again before that arrives.
            return if self.deleting {
                self.create_settled(id)
            } else {
                Ok(())
            };
        }
        let presence = site.cluster.confirm_gone(id).await;
        match presence.map_err(|e| self.trouble(&e))? {
            NumberPresence::Free => self.create_settled(id),
            NumberPresence::Taken | NumberPresence::NotQuorate => {
                Err(End::new(placing::reserved_not_shown(id), Again::Busy).into())
            }
        }
    }

    /// A call that an earlier process sent for the lost reservation may still be under way.
    fn create_settled(&self, id: GuestId) -> Flow<()> {
        let settle = look::settle(self);
        let look = NumberLook {
            quorate_before: true,
            state: NumberState::Free,
            quorate_after: true,
        };
        let now = self.ctx.runtime.clock.now();
        let making = self.ctx.memory.get(&self.uid).making;
        let sent = making.unknown.max(Some(self.ctx.started));
        match presence::conclude(look, sent, settle, now) {
            Presence::Unsettled(until) => {
                let message = format!(
                    "a create of machine {id} from before the start of this process may still arrive; this is certain at \
                     {until:.0}"
                );
                Err(End::unknown(reason::PRESENCE_UNKNOWN, message).into())
            }
            _ => Ok(()),
        }
    }

    /// A list from before this resource was seen might lack the guest that was made for it a moment ago.
    fn await_fresh_list(&self, site: &Site) -> Flow<()> {
        let now = self.ctx.runtime.clock.instant();
        let mut since = now;
        self.ctx.memory.note(&self.uid, |m| {
            since = *m.seeking_since.get_or_insert(now);
        });
        if site.snapshot.taken.is_some_and(|taken| taken > since) {
            return Ok(());
        }
        site.cluster.refresh();
        let message = "the host's guests are listed, to be sure that none is this resource's already";
        Err(End::progressing(reason::READING_GUESTS, message, SOON).into())
    }

    /// Numbers that other resources have on this cluster.
    pub(super) fn claimed(&self, site: &Site) -> BTreeSet<GuestId> {
        let machines = self.ctx.all_machines();
        let cluster = site.cluster.id().as_str();
        Owners::new(&machines, cluster).claimed(&self.uid)
    }

    /// Whether a machine with this configuration belongs to a resource of this namespace.
    pub(super) fn is_of_namespace(&self, site: &Site, id: GuestId, config: &GuestConfig) -> bool {
        let machines = self.ctx.all_machines();
        let namespace = self.vm.metadata.namespace.as_deref();
        Owners::new(&machines, site.cluster.id().as_str()).is_of_namespace(namespace, id, config)
    }

    /// Whether a backup is of a machine that was of this namespace when it was made.
    pub(super) fn was_of_namespace(&self, id: Option<GuestId>, archived: &GuestConfig) -> bool {
        let namespace = self.vm.metadata.namespace.as_deref();
        placing::recovers(namespace, id, archived, |cluster| {
            *cluster == self.ctx.cluster_uid || self.ctx.settings.recover_from.contains(cluster)
        })
    }

    fn unplaced(&mut self, site: &Site, next: Due) -> End {
        match next {
            Due::Read(left) => {
                let message = format!(
                    "{} machines that nobody owns are read first, to be sure that none is this resource's",
                    left.len()
                );
                End::progressing(reason::READING_GUESTS, message, SOON)
            }
            Due::WaitFor(id) => End::new(placing::being_made(id), Again::Busy),
            Due::Bind(id, identity) => {
                // The status was lost. Without a seal the making must be proved again by the node's tasks.
                guest_id::record(&mut self.status, Some(id));
                self.status.cluster = Some(site.cluster.id().to_string());
                self.status.identity = identity.map(|uuid| IdentityStatus { uuid });
                let reading = site.cluster.last_config(id);
                self.status.origin = reading.map(|r| placing::origin(id, &r.config));
                look::note_earlier_calls(self);
                self.pin_class();
                if identity.is_none() {
                    let since = self.vm.metadata.creation_timestamp.clone();
                    self.status.reservation = since.map(|since| guest_id::reservation(id, since));
                }
                let note = placing::bound_again(id);
                self.entries
                    .push(Entry::normal(reason::FOUND_AGAIN, note.clone()));
                End::progressing(reason::FOUND_AGAIN, note, Again::Now)
            }
            Due::Hold(id, obstacle) => take::obstructed(self, id, &obstacle),
            Due::Reserve | Due::Release | Due::Take(_) => {
                End::progressing(reason::RESERVING, "a number is about to be reserved", Again::Now)
            }
        }
    }

    /// Reserves a number in the status, by a write that fails if somebody wrote in between.
    async fn reserve(&mut self, site: &Site, id: GuestId) -> Flow<()> {
        guest_id::record(&mut self.status, Some(id));
        self.status.cluster = Some(site.cluster.id().to_string());
        self.status.node = Some(site.node.to_string());
        self.status.host = Some(site.host.name_any());
        self.status.identity = None;
        let now = Time(self.ctx.runtime.clock.now());
        self.status.reservation = Some(guest_id::reservation(id, now));
        self.pin_class();
        let outcome = status::Outcome::progressing(
            reason::CREATING,
            format!("number {id} is reserved on node {}", site.node),
        );
        let now = self.ctx.runtime.clock.now();
        status::conclude(&self.vm, &mut self.status, &outcome, now);
        self.ctx.memory.note(&self.uid, |m| {
            m.making = crate::controllers::memory::Making {
                reserved_here: true,
                ..Default::default()
            };
            // Should the status be lost, a list from before that does not count.
            m.seeking_since = None;
            // All that this process sends for the machine from here on, it knows.
            m.settled = true;
        });
        record::save(self).await.map_err(Stop::Error)?;
        let owner = ObjectRef::from_obj(self.vm.as_ref());
        self.ctx.numbers.own(site.cluster.id(), id, owner);
        Ok(())
    }

    /// Takes the class as it stands now, for good.
    pub(super) fn pin_class(&mut self) {
        if let (Some(named), Ok(Some(spec))) = (&self.vm.spec.class_ref, self.class()) {
            self.status.class = Some(PinnedClass {
                name: named.name.clone(),
                spec,
            });
        }
    }
}

pub(super) fn no_majority() -> End {
    End::new(placing::no_majority(), Again::Busy)
}
