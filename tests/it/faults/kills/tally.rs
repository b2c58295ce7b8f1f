//! What is counted on the host's side: guests that exist twice, guests and volumes that belong to nobody, and
//! guests of other people that were touched.

use std::collections::{BTreeMap, BTreeSet};

use pve_sim::{GuestView, SeedGuest};

use crate::support::World;

/// What was found, each with a sentence for a person.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// A resource with two guests, or a number that was given twice.
    pub(super) duplicates: BTreeSet<String>,
    /// A guest or a volume without a resource, or a resource that lost its guest.
    pub(super) orphans: BTreeSet<String>,
    /// A guest of somebody else that was changed, or sent a changing call.
    pub(super) touched: BTreeSet<String>,
    /// Guests of other people as they were.
    foreign: BTreeMap<u32, GuestView>,
    /// Who was given a number.
    given: BTreeMap<u32, String>,
    /// How far the log was read.
    position: u64,
}

/// A field of the mark in a guest's description.
fn marked(guest: &GuestView, field: &str) -> Option<String> {
    let line = guest.config.get("description")?;
    let mark = line.lines().find(|line| line.contains("drover/v1"))?;
    let value = mark
        .split(' ')
        .find_map(|pair| pair.strip_prefix(field)?.strip_prefix('='));
    value.map(str::to_owned)
}

impl Tally {
    /// Whether something was found.
    pub(super) fn found(&self) -> bool {
        !(self.duplicates.is_empty() && self.orphans.is_empty() && self.touched.is_empty())
    }

    /// Takes all guests that stand there now for other people's.
    pub(super) fn take_foreign(&mut self, world: &World) {
        let guests = world.sim.guests();
        self.foreign = guests.into_iter().map(|guest| (guest.vmid, guest)).collect();
    }

    /// Whether the guest with this number is somebody else's.
    pub(super) fn is_foreign(&self, vmid: u32) -> bool {
        self.foreign.contains_key(&vmid)
    }

    /// Somebody makes a guest above the highest number that exists; returns whether the number was free.
    pub(super) fn stranger(&mut self, world: &World, above: u32) -> bool {
        let highest = world
            .sim
            .guests()
            .iter()
            .map(|guest| guest.vmid)
            .max()
            .unwrap_or(100);
        let vmid = highest + above;
        let made = world
            .sim
            .add_guest(SeedGuest::new(vmid, format!("stranger-{vmid}")));
        if made.is_ok()
            && let Some(guest) = world.sim.guest(vmid)
        {
            self.foreign.insert(vmid, guest);
        }
        made.is_ok()
    }

    /// Looks at what may never be, at whatever instant.
    pub(super) fn look(&mut self, world: &World) {
        let guests = world.sim.guests();
        let mut numbers: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for guest in guests
            .iter()
            .filter(|guest| !self.foreign.contains_key(&guest.vmid))
        {
            let own = marked(guest, "id") == Some(guest.vmid.to_string());
            let Some(uid) = marked(guest, "uid").filter(|_| own) else {
                continue;
            };
            let before = self.given.entry(guest.vmid).or_insert_with(|| uid.clone());
            if *before != uid {
                let found = format!("number {} was given to {before} and to {uid}", guest.vmid);
                self.duplicates.insert(found);
            }
            numbers.entry(uid).or_default().push(guest.vmid);
        }
        for (uid, numbers) in numbers.into_iter().filter(|(_, numbers)| numbers.len() > 1) {
            self.duplicates
                .insert(format!("resource {uid} has guests {numbers:?}"));
        }
        for (vmid, before) in &self.foreign {
            if world.sim.guest(*vmid).as_ref() != Some(before) {
                self.touched.insert(format!("guest {vmid} is not as it was"));
            }
        }
        let requests = world.sim.mutations().since(self.position);
        for request in &requests {
            let copied = request.path.ends_with("/9000/clone");
            let named = request
                .path
                .split('/')
                .filter_map(|part| part.parse::<u32>().ok());
            for vmid in named.filter(|vmid| !copied && self.foreign.contains_key(vmid)) {
                let found = format!("guest {vmid} was sent {} {}", request.method, request.path);
                self.touched.insert(found);
            }
        }
        self.position = requests.iter().map(|r| r.seq).max().unwrap_or(self.position);
    }

    /// Looks at what may not be once all has come to rest: `living` are the resources that exist, by UID.
    pub(super) fn look_at_rest(&mut self, world: &World, living: &BTreeMap<String, String>) {
        self.look(world);
        let mut served = BTreeSet::new();
        let mut used = Vec::new();
        for guest in world.sim.guests() {
            used.extend(guest.config.values().cloned());
            if self.foreign.contains_key(&guest.vmid) {
                continue;
            }
            let uid = marked(&guest, "uid").unwrap_or_default();
            if living.contains_key(&uid) {
                served.insert(uid);
            } else {
                self.orphans
                    .insert(format!("guest {} of '{uid}', which does not exist", guest.vmid));
            }
        }
        for (uid, name) in living.iter().filter(|(uid, _)| !served.contains(*uid)) {
            self.orphans.insert(format!("{name} ({uid}) has no guest"));
        }
        for volume in world.sim.volumes("pve1") {
            if !volume.contains(":iso/") && !used.iter().any(|value| value.starts_with(&volume)) {
                self.orphans.insert(format!("volume {volume} belongs to nobody"));
            }
        }
    }
}
