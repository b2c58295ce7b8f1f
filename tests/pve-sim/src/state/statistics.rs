//! Figures over time. Nothing is kept: a value follows from the object, the minute, and what happened to the object by
//! then, so that the same question has the same answer whenever it is asked. What Proxmox keeps in round-robin files, averages
//! and maxima of ever longer times, is made of the minutes when somebody asks.

use std::collections::BTreeMap;

use super::guest::Guest;
use super::node::Node;
use super::world::World;
use crate::release::Release;

/// Seconds of the finest values.
pub(crate) const MINUTE: i64 = 60;

/// What happened in one minute, by metric.
pub(crate) type Sample = BTreeMap<&'static str, f64>;

/// An object of which there are figures.
#[derive(Clone, Copy)]
pub(crate) enum Measured<'a> {
    Node(&'a Node),
    Guest(&'a Guest),
    /// On a node.
    Storage(&'a Node, &'a str),
}

impl Measured<'_> {
    /// The first moment that there are figures of, in seconds since the epoch.
    pub(crate) fn since(&self) -> i64 {
        match self {
            Self::Node(node) | Self::Storage(node, _) => node.measured_since,
            Self::Guest(guest) => guest.created,
        }
    }

    /// The figures of the minute that ends at a moment; nothing before there were any.
    pub(crate) fn minute(&self, world: &World, end: i64) -> Option<Sample> {
        // A round-robin file knows a minute of which at least a half was reported.
        if end - MINUTE / 2 < self.since() {
            return None;
        }
        Some(match self {
            Self::Node(node) => of_node(world, node, end),
            Self::Guest(guest) => of_guest(world, guest, end),
            Self::Storage(node, storage) => of_storage(world, node, storage),
        })
    }
}

/// A number from 0 to 1 that looks random and isn't.
fn noise(name: &str, minute: i64) -> f64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in name.bytes().chain(minute.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    let bits = u32::try_from(hash >> 32).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}

#[allow(clippy::cast_precision_loss, reason = "statistics need no more")]
fn number(value: u64) -> f64 {
    value as f64
}

fn of_node(world: &World, node: &Node, end: i64) -> Sample {
    let load = |what: &str| noise(&format!("{}/{what}", node.name), end / MINUTE);
    let total = number(node.memory);
    let guests = number(world.cache.memory.get(&node.name).copied().unwrap_or(0));
    let used = (guests + 2.0 * f64::from(1 << 30)) * (0.98 + 0.02 * load("memory"));
    let mut sample = Sample::from([
        ("loadavg", 0.2 + 0.4 * load("load")),
        ("maxcpu", f64::from(node.cpus)),
        ("cpu", 0.03 + 0.04 * load("cpu")),
        ("iowait", 0.002 * load("iowait")),
        ("memtotal", total),
        ("memused", used.min(total)),
        ("swaptotal", 0.0),
        ("swapused", 0.0),
        ("roottotal", number(node.rootfs.0)),
        ("rootused", number(node.rootfs.1)),
        ("netin", 2000.0 * load("netin")),
        ("netout", 1500.0 * load("netout")),
    ]);
    if world.release >= Release::V9_2 {
        sample.insert("memavailable", (total - used).max(0.0));
        sample.insert("arcsize", 0.0);
        sample.insert("pressurecpusome", load("pressure"));
        for metric in [
            "pressureiosome",
            "pressureiofull",
            "pressurememorysome",
            "pressurememoryfull",
        ] {
            sample.insert(metric, 0.0);
        }
    }
    sample
}

/// A guest that stands still has only what it could use.
fn of_guest(world: &World, guest: &Guest, end: i64) -> Sample {
    let mut sample = Sample::from([
        ("maxcpu", number(world.cpus_of(guest))),
        ("maxmem", number(guest.max_memory())),
        ("maxdisk", number(guest.max_disk())),
        ("disk", 0.0),
    ]);
    if !guest.ran_at(end) {
        return sample;
    }
    let load = |what: &str| noise(&format!("{}/{what}", guest.vmid), end / MINUTE);
    let memory = number(guest.max_memory()) * (0.48 + 0.04 * load("memory"));
    sample.extend([
        ("cpu", 0.01 + 0.02 * load("cpu")),
        ("mem", memory),
        ("netin", 2000.0 * load("netin")),
        ("netout", 1500.0 * load("netout")),
    ]);
    // QEMU tells of the disks that it has.
    let disks = guest
        .volumes()
        .any(|(_, volid)| world.volume(&guest.node, volid).is_some());
    if disks {
        sample.insert("diskread", 4096.0 * load("diskread"));
        sample.insert("diskwrite", 2048.0 * load("diskwrite"));
    }
    if world.release >= Release::V9_2 {
        sample.insert("memhost", memory);
        for metric in [
            "pressurecpusome",
            "pressurecpufull",
            "pressureiosome",
            "pressureiofull",
            "pressurememorysome",
            "pressurememoryfull",
        ] {
            sample.insert(metric, 0.0);
        }
    }
    sample
}

fn of_storage(world: &World, node: &Node, storage: &str) -> Sample {
    let used = world.known_use(&node.name, storage);
    let total = world.storage(storage).map_or(0, |found| found.total);
    Sample::from([("total", number(total)), ("used", number(used.unwrap_or(0)))])
}

/// How a longer time is made of its minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consolidation {
    Average,
    Maximum,
}

/// The figures of the time that ends at a moment and is so many seconds long; nothing if less than half of its minutes
/// are known, metric by metric.
pub(crate) fn consolidated(
    world: &World,
    object: Measured<'_>,
    end: i64,
    seconds: i64,
    how: Consolidation,
) -> Sample {
    let first = (object.since() / MINUTE * MINUTE).max(end - seconds) + MINUTE;
    let mut sums: BTreeMap<&'static str, (f64, i64)> = BTreeMap::new();
    let mut minute = first - first.rem_euclid(MINUTE);
    while minute <= end {
        for (metric, value) in object.minute(world, minute).into_iter().flatten() {
            let (sum, count) = sums.entry(metric).or_insert((0.0, 0));
            *count += 1;
            *sum = match how {
                Consolidation::Average => *sum + value,
                Consolidation::Maximum => sum.max(value),
            };
        }
        minute += MINUTE;
    }
    let known = sums
        .into_iter()
        .filter(|(_, (_, count))| count * 2 * MINUTE >= seconds);
    known
        .map(|(metric, (sum, count))| {
            #[allow(clippy::cast_precision_loss, reason = "a count of minutes")]
            let value = match how {
                Consolidation::Average => sum / count as f64,
                Consolidation::Maximum => sum,
            };
            (metric, value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Seed, SeedGuest};

    const NOW: i64 = 1_795_317_600;

    fn world() -> World {
        let seed = Seed::default().with_guest(SeedGuest::new(100, "web"));
        World::from_seed(&seed, "s", vec![Vec::new()])
    }

    fn guest(world: &mut World) -> &mut Guest {
        world.guests.get_mut(&100).unwrap()
    }

    #[test]
    fn there_is_nothing_before_the_beginning() {
        let mut world = world();
        guest(&mut world).created = NOW - 120;
        let at = |end| Measured::Guest(&world.guests[&100]).minute(&world, end).is_some();
        assert_eq!([at(NOW), at(NOW - 60), at(NOW - 120)], [true, true, false]);
    }

    #[test]
    fn a_guest_that_stood_still_has_only_its_limits() {
        let mut world = world();
        let stopped = guest(&mut world);
        stopped.created = NOW - 3600;
        stopped.power_history = vec![(NOW - 600, true), (NOW - 90, false)];
        let keys = |end| {
            Measured::Guest(&world.guests[&100])
                .minute(&world, end)
                .unwrap()
                .len()
        };
        assert_eq!([keys(NOW), keys(NOW - 900)], [4, 4]);
        assert_eq!(keys(NOW - 300), 17);
    }

    #[test]
    fn a_longer_time_needs_half_of_its_minutes() {
        let mut world = world();
        guest(&mut world).created = NOW - 14 * 60;
        let of = |world: &World| {
            let object = Measured::Guest(&world.guests[&100]);
            consolidated(world, object, NOW, 1800, Consolidation::Average).len()
        };
        assert_eq!(of(&world), 0);
        guest(&mut world).created = NOW - 16 * 60;
        assert_eq!(of(&world), 4);
    }

    #[test]
    fn the_maximum_is_not_below_the_average() {
        let mut world = world();
        let running = guest(&mut world);
        running.created = NOW - 7200;
        running.power_history = vec![(NOW - 7200, true)];
        let object = Measured::Guest(&world.guests[&100]);
        let average = consolidated(&world, object, NOW, 1800, Consolidation::Average);
        let maximum = consolidated(&world, object, NOW, 1800, Consolidation::Maximum);
        assert!(average["cpu"] < maximum["cpu"] && average["maxmem"] <= maximum["maxmem"]);
    }
}
