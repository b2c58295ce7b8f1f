//! What cloud-init is told.

use super::{CDROM, Compare, Problem, storage_for};
use crate::model::{Addresses, Change, CloudInitChange, Hardware};
use crate::plan::desired::Desired;

/// Where the host's medium for cloud-init is put, first choice first. `ide2` is left to `spec.cdrom`.
const SLOTS: [&str; 5] = ["ide0", "ide1", "ide3", "sata5", "sata4"];

/// `sent` is the version of the Secret whose password the guest was given last.
pub(super) fn compare(desired: &Desired, next: &Hardware, sent: Option<&str>, compare: &mut Compare) {
    let Some(want) = &desired.cloud_init else { return };
    let have = &next.cloud_init;
    if have.drive.is_none() {
        add_drive(desired, next, compare);
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
    let named = |slot: &str| desired.disks.iter().any(|disk| disk.slot == slot);
    let taken = |slot: &str| named(slot) || next.disks.contains_key(slot) || next.cdroms.contains_key(slot);
    let slot = SLOTS.into_iter().chain([CDROM]).find(|slot| !taken(slot));
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
