//! Disks: added, changed, moved and grown; taken out where the spec named them once. Never shrunk.

use super::{Action, Compare, Managed, Problem};
use crate::api::{OnRemove, Size};
use crate::model::{Change, Disk, DiskSettings, Hardware, NewDisk, VolumeId};
use crate::plan::desired::{Desired, DesiredDisk};

/// A disk is as declared when it has at least the declared size: storages round up, and people may grow it.
pub(super) fn compare(desired: &Desired, next: &Hardware, managed: &Managed, compare: &mut Compare) {
    for want in &desired.disks {
        match next.disks.get(&want.slot) {
            Some(have) => match replaced(&want.slot, have, next, managed) {
                None => change(want, have, compare),
                Some(volume) => compare.problem(Problem::DiskReplaced {
                    slot: want.slot.clone(),
                    volume: volume.to_owned(),
                    now: have.volume.to_string(),
                }),
            },
            None => add(want, next, managed, compare),
        }
    }
    remove(desired, next, managed, compare);
}

/// The volume that the spec's disk had, if somebody put another in its place: what is there may be anybody's.
fn replaced<'a>(slot: &str, have: &Disk, next: &Hardware, managed: &'a Managed) -> Option<&'a str> {
    let known = managed.disks.get(slot)?.volume.as_deref()?;
    is_another(known, &have.volume, next).then_some(known)
}

/// Whether a volume is another one than what became of the former. A disk that is moved gets a new volume of the same
/// machine, and its old one is deleted; one that was taken out lies unused, and a volume of another number never came by a
/// move.
#[must_use]
pub fn is_another(former: &str, now: &VolumeId, hardware: &Hardware) -> bool {
    let text = now.to_string();
    let lies_unused = || {
        hardware
            .unused
            .values()
            .any(|unused| unused.to_string() == former)
    };
    former != text && (owner(former) != owner(&text) || lies_unused())
}

/// The number in the name of a volume: `vm-105-disk-0`, `base-105-disk-0`, also below a folder or a base.
fn owner(volume: &str) -> Option<u32> {
    let name = volume.rsplit([':', '/']).next()?;
    let rest = name.strip_prefix("vm-").or_else(|| name.strip_prefix("base-"))?;
    rest.split('-').next()?.parse().ok()
}

fn change(want: &DesiredDisk, have: &Disk, compare: &mut Compare) {
    options(want, have, compare);
    let storage = want.storage.as_deref().filter(|_| want.moves);
    if let Some(storage) = storage.filter(|storage| *storage != have.volume.storage()) {
        let field = want.field("storage");
        if compare.drifted(&field, storage.to_owned(), have.volume.storage().to_owned()) {
            compare.then.push(Action::MoveDisk {
                slot: want.slot.clone(),
                storage: storage.to_owned(),
            });
        }
    }
    let (Some(bytes), Some(size)) = (want.size, have.size) else {
        return;
    };
    if bytes > size {
        let text = |bytes| Size::of_bytes(bytes).0;
        if compare.drifted(&want.field("size"), text(bytes), text(size)) {
            compare.then.push(Action::GrowDisk {
                slot: want.slot.clone(),
                bytes,
            });
        }
    }
}

fn options(want: &DesiredDisk, have: &Disk, compare: &mut Compare) {
    let mut settings = DiskSettings::default();
    let cache = want.settings.cache.filter(|cache| *cache != have.cache);
    settings.cache =
        cache.filter(|cache| compare.drifted(&want.field("cache"), (*cache).to_owned(), have.cache.clone()));
    let mut flag = |name: &str, want_flag: Option<bool>, have: bool| {
        let differs = want_flag.filter(|flag| *flag != have);
        differs.filter(|flag| compare.drifted(&want.field(name), flag.to_string(), have.to_string()))
    };
    settings.discard = flag("discard", want.settings.discard, have.discard);
    settings.ssd = flag("ssd", want.settings.ssd, have.ssd);
    settings.iothread = flag("iothread", want.settings.iothread, have.iothread);
    settings.backup = flag("backup", want.settings.backup, have.backup);
    if settings != DiskSettings::default() {
        compare.changes.push(Change::Disk {
            slot: want.slot.clone(),
            settings,
        });
    }
}

/// A disk that the machine had and has no longer is not made again, empty: somebody took it out, and its data may lie
/// there yet.
fn add(want: &DesiredDisk, next: &Hardware, managed: &Managed, compare: &mut Compare) {
    if compare.ignores(&format!("disks[{}]", want.slot)) {
        return;
    }
    if let Some(known) = managed.disks.get(&want.slot) {
        let volume = known.volume.as_deref().unwrap_or_default();
        let unused = next.unused.iter().find(|(_, there)| there.to_string() == volume);
        compare.problem(Problem::DiskGone {
            slot: want.slot.clone(),
            volume: volume.to_owned(),
            unused: unused.map(|(slot, _)| slot.clone()),
        });
        return;
    }
    let size = want.size.or(want.copy_of.as_ref().map(|_| 0));
    let (Some(size), Some(storage)) = (size, want.home.clone()) else {
        compare.problem(Problem::DiskMissing {
            slot: want.slot.clone(),
            present: next.disks.keys().cloned().collect(),
            lacks: want.lacks(),
        });
        return;
    };
    let change = Change::AddDisk(new_disk(want, storage, size));
    let text = if size == 0 {
        "a copy".to_owned()
    } else {
        Size::of_bytes(size).0
    };
    compare.differs(&want.field("size"), text, "none".to_owned(), change);
}

/// A disk to allocate.
#[must_use]
pub fn new_disk(want: &DesiredDisk, storage: String, size: u64) -> NewDisk {
    NewDisk {
        slot: want.slot.clone(),
        storage,
        size,
        format: want.format,
        copy_of: want.copy_of.clone(),
        settings: want.settings.clone(),
    }
}

/// Where the spec names no disk at all, none is taken out: what is absent is left as it is, and a machine without any disk
/// is hardly meant.
fn remove(desired: &Desired, next: &Hardware, managed: &Managed, compare: &mut Compare) {
    if desired.disks.iter().all(|disk| disk.on_remove.is_none()) {
        return;
    }
    let dropped = managed
        .disks
        .iter()
        .filter(|(slot, _)| !desired.disks.iter().any(|want| want.slot == **slot));
    for (slot, known) in dropped {
        let Some(volume) = &known.volume else { continue };
        let field = format!("disks[{slot}]");
        let there = next.disks.get(slot).map(|disk| disk.volume.to_string());
        if there.as_ref() == Some(volume) {
            compare.differs(
                &field,
                "none".to_owned(),
                volume.clone(),
                Change::Unplug(slot.clone()),
            );
        } else if known.on_remove == OnRemove::Delete
            && let Some((unused, _)) = next.unused.iter().find(|(_, there)| there.to_string() == *volume)
        {
            let change = Change::DeleteUnused(unused.clone());
            compare.differs(&field, "deleted".to_owned(), volume.clone(), change);
        }
    }
}
