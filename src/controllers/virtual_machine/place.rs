//! A machine without a number: everything is checked first, then the finalizer, then the reservation, and
//! only then the call. A resource that can't be made has neither finalizer nor reservation, and goes at once
//! when it is deleted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use super::pass::{Again, End, Flow, Pass, Stop};
use super::site::Site;
use super::{look, make, record, remove, take};
use crate::api::conditions::reason;
use crate::api::names::{ADOPT, RESERVED_VMID};
use crate::api::{IdentityStatus, MaintenanceMode, PinnedClass, Reservation, VirtualMachine};
use crate::controllers::journal::Entry;
use crate::fleet::NumberPresence;
use crate::hypervisor::{Error, Refusal};
use crate::model::{GuestAddress, GuestConfig, GuestKind, GuestRow, NumberState, Vmid};
use crate::plan::desired::{self, Desired};
use crate::plan::identity::mark::{self, MarkReading};
use crate::plan::identity::presence::{self, NumberLook, Presence};
use crate::plan::identity::unplaced::{self, Next as Due, Obstacle, Other, Seeker, Unowned};
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
        if site.host.metadata.deletion_timestamp.is_some() {
            let message = format!(
                "ProxmoxNode '{}' is being deleted and takes no further machines: name another",
                site.host.name_any()
            );
            return Ok(End::stalled(reason::HOST_NOT_READY, message));
        }
        if let Some(mode) = self.cordoned(site) {
            let message = format!(
                "ProxmoxNode '{}' takes no further machines while its maintenance lasts (spec.maintenance.mode: {mode:?}): \
                 name another, or wait",
                site.host.name_any()
            );
            return Ok(End::progressing(reason::CORDONED, message, Again::Waiting));
        }
        let mut desired = self.desired(site)?;
        match self.seek(site).await? {
            Due::Reserve if self.adopts() => return Ok(self.nothing_to_adopt(site)),
            Due::Reserve => self.check_reserved(site).await?,
            // What was read a while ago may have changed.
            Due::Take(vmid) | Due::Hold(vmid, Obstacle::Adoption(_) | Obstacle::Predecessor(_)) => {
                return take::take(self, site, vmid).await;
            }
            // What Kubernetes forgot of this resource may be its finalizer too.
            Due::Bind(vmid, identity) => {
                record::claim(self, vmid).await.map_err(Stop::Error)?;
                return Ok(self.unplaced(site, Due::Bind(vmid, identity)));
            }
            other => return Ok(self.unplaced(site, other)),
        }
        self.check_taken(site, &desired)?;
        let facts = make::check(self, site, &mut desired).await?;
        self.check_left(site, &desired, &facts).await?;
        let vmid = self.free_number(site, &desired).await?;
        record::claim(self, vmid).await.map_err(Stop::Error)?;
        self.reserve_and_make(site, vmid, &desired, &facts).await
    }

    /// The reservation precedes the call, so that whatever crashes, the number is known.
    #[cfg(not(feature = "break-reservation"))]
    async fn reserve_and_make(
        &mut self,
        site: &Site,
        vmid: Vmid,
        desired: &Desired,
        facts: &make::Facts<'_>,
    ) -> Flow<End> {
        self.reserve(site, vmid).await?;
        make::make(self, site, vmid, desired, facts).await
    }

    /// The wrong order, so that `make faults` can show that it would be noticed.
    #[cfg(feature = "break-reservation")]
    async fn reserve_and_make(
        &mut self,
        site: &Site,
        vmid: Vmid,
        desired: &Desired,
        facts: &make::Facts<'_>,
    ) -> Flow<End> {
        // Nor does the annotation name the number before.
        record::disclaim(self).await.map_err(Stop::Error)?;
        let end = make::make(self, site, vmid, desired, facts).await?;
        let making = self.ctx.memory.get(&self.uid).making;
        self.reserve(site, vmid).await?;
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
            row.kind != GuestKind::VirtualMachine || site.cluster.last_config(row.vmid).is_some()
        };
        let unknown = snapshot
            .guests
            .keys()
            .filter(|v| snapshot.guest(**v).is_some_and(|row| !known(row)));
        let all: BTreeSet<Vmid> = site
            .cluster
            .unread_guests()
            .into_iter()
            .map(|at| at.vmid)
            .chain(unknown.copied())
            .collect();
        let unread: Vec<GuestAddress> = all
            .into_iter()
            .filter_map(|vmid| snapshot.address(vmid))
            .filter(|at| !claimed.contains(&at.vmid.get()))
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
                let message = format!(
                    "machine {} on node {}, which nobody owns, can't be read ({error}): nothing is made before it is \
                     certain that it is not this resource's",
                    at.vmid, at.node
                );
                return Err(End::unknown(reason::READING_GUESTS, message).into());
            }
        }
        let snapshot = site.cluster.snapshot();
        let readings: Vec<_> = snapshot
            .guests
            .values()
            .filter(|row| row.kind == GuestKind::VirtualMachine && !claimed.contains(&row.vmid.get()))
            .map(|row| (Arc::clone(row), site.cluster.last_config(row.vmid)))
            .collect();
        let unowned: Vec<Unowned<'_>> = readings
            .iter()
            .map(|(row, reading)| Unowned {
                vmid: row.vmid,
                name: row.name.as_deref(),
                config: reading.as_ref().map(|r| (r.config.as_ref(), r.read_at)),
            })
            .collect();
        let names = self.names();
        let others = self.others();
        Ok(unplaced::decide(&self.seeker(&names, &others), &unowned))
    }

    /// Namespace, name, and the name of the guest.
    pub(super) fn names(&self) -> (String, String, String) {
        let (namespace, name) = (self.vm.namespace().unwrap_or_default(), self.vm.name_any());
        (namespace, name, desired::guest_name(&self.vm))
    }

    /// The resource as one that has no number.
    pub(super) fn seeker<'a>(
        &'a self,
        names: &'a (String, String, String),
        others: &'a [Other],
    ) -> Seeker<'a> {
        let (namespace, name, guest_name) = names;
        Seeker {
            uid: &self.uid,
            kind: super::controller::KIND,
            namespace,
            name,
            guest_name,
            deleting: self.deleting,
            cluster: &self.ctx.cluster_uid,
            recover_from: &self.ctx.settings.recover_from,
            pinned: self.vm.spec.vmid.and_then(|n| Vmid::try_from(n).ok()),
            reserved: self.reserved_before(),
            adopt: self.adopts(),
            template: self.vm.spec.template == Some(true),
            others,
        }
    }

    /// The other machines that are declared, where this one adopts a guest that must not be one of theirs.
    pub(super) fn others(&self) -> Vec<Other> {
        if !self.adopts() {
            return Vec::new();
        }
        let machines = self.ctx.all_machines();
        let others = machines.iter().filter_map(|machine| {
            let uid = machine.uid().filter(|uid| *uid != self.uid)?;
            let placed = machine.status.as_ref().is_some_and(|s| s.vmid.is_some());
            Some(Other {
                uid,
                title: format!(
                    "{}/{}",
                    machine.namespace().unwrap_or_default(),
                    machine.name_any()
                ),
                reserved: reserved(machine).filter(|_| !placed),
            })
        });
        others.collect()
    }

    /// Whether a person said that the machine under `spec.vmid` is to be this resource's.
    fn adopts(&self) -> bool {
        self.vm.annotations().get(ADOPT).is_some_and(|v| v == "true")
    }

    /// The maintenance for which the host takes no machines; one that is there already may be adopted and bound all the
    /// same.
    fn cordoned(&self, site: &Site) -> Option<MaintenanceMode> {
        let mode = site.host.spec.maintenance.as_ref().map(|m| m.mode)?;
        let known = self.adopts() || self.reserved_before().is_some();
        (mode != MaintenanceMode::None && !known).then_some(mode)
    }

    /// There is no unowned machine under the number that the spec names.
    fn nothing_to_adopt(&self, site: &Site) -> End {
        let Some(vmid) = self.vm.spec.vmid.and_then(|n| Vmid::try_from(n).ok()) else {
            let message =
                format!("the annotation {ADOPT} stands, and spec.vmid does not say which machine is meant");
            return End::stalled(reason::NOTHING_TO_ADOPT, message);
        };
        let what = match site.cluster.snapshot().guest(vmid) {
            Some(row) if row.kind == GuestKind::Container => "it is a container".to_owned(),
            Some(_) => "another resource has it".to_owned(),
            None => format!(
                "the cluster shows no such machine; if it exists, the token lacks VM.Audit on /vms/{vmid}. To have it made, \
                 take the annotation off"
            ),
        };
        let message = format!("machine {vmid} (spec.vmid) can't be adopted: {what}");
        End::stalled(reason::NOTHING_TO_ADOPT, message)
    }

    /// A resource that reserved a number once, and whose status was lost, goes, or has another guest made, only if the
    /// list shows who has that number, or the cluster says that nobody has: a token that lost its rights sees a shorter
    /// list.
    async fn check_reserved(&self, site: &Site) -> Flow<()> {
        let Some(vmid) = self.reserved_before() else {
            return Ok(());
        };
        if site.snapshot.guest(vmid).is_some() {
            // While it is taken no late call makes anything there; but it may be free again before that arrives.
            return if self.deleting {
                self.create_settled(vmid)
            } else {
                Ok(())
            };
        }
        let presence = site.cluster.confirm_gone(vmid).await;
        match presence.map_err(|e| self.trouble(&e))? {
            NumberPresence::Free => self.create_settled(vmid),
            NumberPresence::Taken | NumberPresence::NotQuorate => {
                let message = format!(
                    "number {vmid} was reserved for this resource, and whether a machine of it exists can't be told: \
                     the cluster does not show it (does the token have VM.Audit on /vms/{vmid}?)"
                );
                Err(End::unknown(reason::PRESENCE_UNKNOWN, message).into())
            }
        }
    }

    /// The number that was reserved last, as the witness says that outlives a lost status.
    fn reserved_before(&self) -> Option<Vmid> {
        reserved(&self.vm)
    }

    /// A call that an earlier process sent for the lost reservation may still be under way.
    fn create_settled(&self, vmid: Vmid) -> Flow<()> {
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
                    "a create of machine {vmid} from before the start of this process may still arrive; this is certain at \
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
    pub(super) fn claimed(&self, site: &Site) -> std::collections::BTreeSet<u32> {
        let machines = self.ctx.all_machines();
        machines
            .iter()
            .filter(|m| m.uid().as_deref() != Some(&self.uid))
            .filter_map(|m| m.status.as_ref())
            .filter(|s| s.cluster.as_deref() == Some(site.cluster.id().as_str()))
            .filter_map(|s| s.vmid)
            .collect()
    }

    /// Whether a machine belongs to a resource of this namespace.
    pub(super) fn is_of_namespace(&self, site: &Site, vmid: Vmid) -> bool {
        self.ctx.all_machines().iter().any(|machine| {
            let status = machine.status.as_ref();
            machine.namespace() == self.vm.namespace()
                && status.and_then(|s| s.vmid) == Some(vmid.get())
                && status.and_then(|s| s.cluster.as_deref()) == Some(site.cluster.id().as_str())
        })
    }

    /// Whether a backup is of a machine that was of this namespace when it was made.
    pub(super) fn was_of_namespace(&self, vmid: Option<Vmid>, archived: &GuestConfig) -> bool {
        let Some(MarkReading::Sealed(mark) | MarkReading::Released(mark)) =
            vmid.map(|vmid| mark::read(vmid, archived))
        else {
            return false;
        };
        let of_cluster =
            mark.cluster == self.ctx.cluster_uid || self.ctx.settings.recover_from.contains(&mark.cluster);
        of_cluster && self.vm.namespace().as_deref() == Some(mark.namespace.as_str())
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
            Due::WaitFor(vmid) => {
                let message = format!(
                    "machine {vmid} is being made by somebody: whether it is this resource's shows when it is done. If \
                     nothing is under way on its node, its lock is a left-over: 'qm unlock {vmid}' takes it off, \
                     'qm destroy {vmid}' removes an unfinished machine"
                );
                End::progressing(reason::READING_GUESTS, message, Again::Busy)
            }
            Due::Bind(vmid, identity) => {
                // The status was lost. Without a seal the making must be proved again by the node's tasks.
                self.status.vmid = Some(vmid.get());
                self.status.cluster = Some(site.cluster.id().to_string());
                self.status.identity = identity.map(|uuid| IdentityStatus { uuid });
                let reading = site.cluster.last_config(vmid);
                self.status.origin = reading.map(|r| take::origin(vmid, &r.config));
                look::note_earlier_calls(self);
                self.pin_class();
                if identity.is_none() {
                    let since = self.vm.metadata.creation_timestamp.clone();
                    self.status.reservation = since.map(|since| Reservation {
                        vmid: vmid.get(),
                        since,
                    });
                }
                let note = format!("machine {vmid} carries this resource's mark: it is bound again");
                self.entries
                    .push(Entry::normal(reason::FOUND_AGAIN, note.clone()));
                End::progressing(reason::FOUND_AGAIN, note, Again::Now)
            }
            Due::Hold(vmid, obstacle) => obstructed(self, vmid, &obstacle),
            Due::Reserve | Due::Release | Due::Take(_) => {
                End::progressing(reason::RESERVING, "a number is about to be reserved", Again::Now)
            }
        }
    }

    /// Reserves a number in the status, by a write that fails if somebody wrote in between.
    async fn reserve(&mut self, site: &Site, vmid: Vmid) -> Flow<()> {
        self.status.vmid = Some(vmid.get());
        self.status.cluster = Some(site.cluster.id().to_string());
        self.status.node = Some(site.node.to_string());
        self.status.host = Some(site.host.name_any());
        self.status.identity = None;
        self.status.reservation = Some(Reservation {
            vmid: vmid.get(),
            since: Time(self.ctx.runtime.clock.now()),
        });
        self.pin_class();
        let outcome = status::Outcome::progressing(
            reason::CREATING,
            format!("number {vmid} is reserved on node {}", site.node),
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
        self.ctx.numbers.own(site.cluster.id(), vmid, owner);
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

/// The number that was reserved last for a machine, by its annotation.
fn reserved(machine: &VirtualMachine) -> Option<Vmid> {
    machine.annotations().get(RESERVED_VMID)?.parse().ok()
}

pub(super) fn no_majority() -> End {
    End::unknown(
        reason::NOT_QUORATE,
        "the cluster has no majority: nothing can be concluded until it has",
    )
}

fn obstructed(pass: &Pass<'_>, vmid: Vmid, obstacle: &Obstacle) -> End {
    match obstacle {
        Obstacle::NameTaken => {
            let name = desired::guest_name(&pass.vm);
            let message = format!(
                "machine {vmid}, which no resource owns, is named '{name}': nothing is made, so that it is not \
                 doubled. Choose another spec.name, or rename or remove that machine; to have that one, set spec.vmid to {vmid} \
                 and the annotation {ADOPT}=true"
            );
            End::stalled(reason::NAME_TAKEN, message)
        }
        Obstacle::Predecessor(_) | Obstacle::Adoption(_) => take::unfit(pass, vmid, obstacle),
        Obstacle::Resembling(why) => End::new(status::hold(*why, vmid, &pass.uid), Again::Waiting),
    }
}
