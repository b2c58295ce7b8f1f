//! What cloud-init is told.

use super::{CDROM, Compare, Managed, Problem, storage_for};
use crate::model::{Addresses, Change, CloudInitChange, Hardware, VolumeId};
use crate::plan::desired::{Datasource, Desired, DesiredCloudInit, Origin};
use crate::plan::seed::{self, Seed};

/// Where the medium for cloud-init is put, first choice first. `ide2` is left to `spec.cdrom`.
const SLOTS: [&str; 5] = ["ide0", "ide1", "ide3", "sata5", "sata4"];

/// `sent` is the version of the Secret whose password the guest was given last.
pub(super) fn compare(
    desired: &Desired,
    next: &Hardware,
    sent: Option<&str>,
    managed: &Managed,
    compare: &mut Compare,
) {
    let Some(want) = &desired.cloud_init else { return };
    let have = &next.cloud_init;
    match &want.source {
        Datasource::Host if have.drive.is_none() => add_drive(desired, next, compare),
        Datasource::Host => {}
        Datasource::Seed(seed) => return insert(desired, (want, seed.as_deref()), next, managed, compare),
    }
    let mut tell = |field: &str, want: String, have: String, change: CloudInitChange| {
        compare.differs(
            &format!("cloudInit.{field}"),
            want,
            have,
            Change::CloudInit(change),
        );
    };
    if let Some(user) = want.user.as_ref().filter(|user| **user != have.user) {
        tell(
            "user",
            user.clone(),
            or_none(&have.user),
            CloudInitChange::User(user.clone()),
        );
    }
    if let Some(secret) = &want.password
        && !(have.password && sent == Some(&secret.version))
    {
        let observed = if have.password { "an older one" } else { "none" };
        let change = CloudInitChange::Password(secret.password.clone());
        tell(
            "passwordRef",
            "the Secret's password".to_owned(),
            observed.to_owned(),
            change,
        );
    }
    if let Some(keys) = want.ssh_keys.as_ref().filter(|keys| **keys != have.ssh_keys) {
        let count = |keys: &Vec<String>| format!("{} keys", keys.len());
        let change = CloudInitChange::SshKeys(keys.clone());
        tell("sshAuthorizedKeys", count(keys), count(&have.ssh_keys), change);
    }
    let none = Addresses::default();
    for (slot, addresses) in &want.addresses {
        let observed = have.addresses.get(slot).unwrap_or(&none);
        if observed != addresses {
            let change = CloudInitChange::Addresses {
                slot: slot.clone(),
                addresses: addresses.clone(),
            };
            let field = format!("networks[{slot}]");
            tell(&field, addresses.to_string(), observed.to_string(), change);
        }
    }
    if let Some(servers) = want
        .nameservers
        .as_ref()
        .filter(|list| **list != have.nameservers)
    {
        let change = CloudInitChange::Nameservers(servers.clone());
        tell(
            "nameservers",
            servers.join(" "),
            or_none(&have.nameservers.join(" ")),
            change,
        );
    }
    if let Some(domains) = want
        .search_domains
        .as_ref()
        .filter(|list| **list != have.search_domains)
    {
        let change = CloudInitChange::SearchDomains(domains.clone());
        tell(
            "searchDomains",
            domains.join(" "),
            or_none(&have.search_domains.join(" ")),
            change,
        );
    }
}

fn or_none(text: &str) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text.to_owned()
    }
}

fn add_drive(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    let last =
        || Some(CDROM).filter(|slot| !next.disks.contains_key(*slot) && !next.cdroms.contains_key(*slot));
    let slot = free_slot(desired, next).or_else(last);
    let (Some(slot), Some(storage)) = (slot, storage_for(desired, next)) else {
        compare.problem(Problem::NoPlaceForCloudInit);
        return;
    };
    let change = CloudInitChange::Drive {
        slot: slot.to_owned(),
        storage,
    };
    let observed = "no drive for it".to_owned();
    compare.differs(
        "cloudInit",
        format!("a drive at {slot}"),
        observed,
        Change::CloudInit(change),
    );
}

/// The drive with a medium that Drover made, of whichever machine: a copy has that of its source.
fn seeded(next: &Hardware) -> Option<(&String, &VolumeId)> {
    let mut media = next
        .cdroms
        .iter()
        .filter_map(|(slot, medium)| Some((slot, medium.as_ref()?)));
    media.find(|(slot, medium)| *slot != CDROM && seed::is_seed(medium))
}

/// Whether a machine may start: what it is told at its first start is in it. Whoever was seen with a medium of its own was
/// told.
pub(super) fn is_told(desired: &Desired, next: &Hardware, managed: &Managed) -> bool {
    let Some(want) = &desired.cloud_init else {
        return true;
    };
    match &want.source {
        Datasource::Seed(seed) => {
            let own = seed.as_ref().map(|seed| seed.volume());
            let present = seeded(next).map(|(_, medium)| medium);
            managed.seed_drive.is_some() || (own.is_some() && own == present)
        }
        Datasource::Host => {
            want.password_ref.is_none() || want.password.is_some() || next.cloud_init.password
        }
    }
}

/// Puts the medium that Drover makes into the machine, and takes the host's out: of two a machine reads either.
fn insert(
    desired: &Desired,
    (want, seed): (&DesiredCloudInit, Option<&Seed>),
    next: &Hardware,
    managed: &Managed,
    compare: &mut Compare,
) {
    let field = want.why_seed();
    if want.iso_storage.is_none() {
        compare.problem(Problem::NoStorageForSeed { field });
        return;
    }
    let Some(seed) = seed else { return };
    let present = seeded(next);
    if present.map(|(_, medium)| medium) != Some(seed.volume()) {
        // The drive that it had, if somebody took the medium out. Another empty one is somebody's.
        let emptied = |slot: &&str| next.cdroms.get(*slot) == Some(&None);
        let former = managed.seed_drive.as_deref().filter(emptied);
        let free = || former.or_else(|| free_slot(desired, next));
        let Some(slot) = present.map_or_else(free, |(slot, _)| Some(slot.as_str())) else {
            compare.problem(Problem::NoPlaceForCloudInit);
            return;
        };
        let change = Change::Cdrom {
            slot: slot.to_owned(),
            volume: Some(seed.volume().clone()),
        };
        let wanted = seed.volume().to_string();
        match present {
            _ if managed.seed_drive.is_none() => compare.owed(field, wanted, change),
            Some((_, medium)) => compare.differs(field, wanted, medium.to_string(), change),
            None => compare.differs(field, wanted, "none".to_owned(), change),
        }
    }
    if let Some(drive) = &next.cloud_init.drive {
        let observed = format!("the host's own medium at {drive}");
        let change = Change::Unplug(drive.clone());
        compare.differs(field, "none beside it".to_owned(), observed, change);
    }
}

/// Takes out the media that Drover made, where none is declared any more; that of any machine beside the host's own medium,
/// and where a copy brought it along.
pub(super) fn take_out(desired: &Desired, next: &Hardware, managed: &Managed, compare: &mut Compare) {
    let source = desired.cloud_init.as_ref().map(|told| &told.source);
    if matches!(source, Some(Datasource::Seed(_))) {
        return;
    }
    for (slot, medium) in &next.cdroms {
        let Some(medium) = medium else { continue };
        let ours = managed.seeds.contains(&medium.to_string());
        let others = source.is_some() || desired.origin != Origin::Blank;
        if slot != CDROM && (ours || (others && seed::is_seed(medium))) {
            let change = Change::Unplug(slot.clone());
            compare.differs(
                "cloudInit",
                "no medium of Drover's".to_owned(),
                medium.to_string(),
                change,
            );
        }
    }
}

fn free_slot(desired: &Desired, next: &Hardware) -> Option<&'static str> {
    let named = |slot: &str| desired.disks.iter().any(|disk| disk.slot == slot);
    let is_drive = |slot: &str| next.disks.contains_key(slot) || next.cdroms.contains_key(slot);
    let taken = |slot: &str| named(slot) || is_drive(slot) || next.cloud_init.drive.as_deref() == Some(slot);
    SLOTS.into_iter().find(|slot| !taken(slot))
}
