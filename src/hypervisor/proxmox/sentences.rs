//! What the sentences of Proxmox VE mean. Most refusals come as status 500, so only the words tell them apart.
//! One table for HTTP answers and for the exit sentences of tasks.

use std::collections::BTreeMap;

use crate::hypervisor::Refusal;

/// Fragments that must occur in this order, and what the sentence then means. The first match counts.
const TABLE: &[(&[&str], Refusal)] = &[
    // qemu-server, API2/Qemu/Agent.pm and QemuServer/Agent.pm
    (&["QEMU guest agent is not running"], Refusal::AgentNotRunning),
    (&["No QEMU guest agent configured"], Refusal::AgentNotRunning),
    (&["VM ", " qga command '", "' failed"], Refusal::AgentNotRunning),
    // pve-guest-common, AbstractConfig.pm, load_config; also for a guest that lives on another node now
    (
        &["Configuration file '", "' does not exist"],
        Refusal::GuestMissing,
    ),
    // pve-guest-common, AbstractConfig.pm, create_and_lock_config
    (
        &["unable to create VM ", "config file already exists"],
        Refusal::GuestExists,
    ),
    (
        &["unable to create CT ", "config file already exists"],
        Refusal::GuestExists,
    ),
    // qemu-server, QemuServer.pm, destroy; API2/Qemu.pm, start
    (&["VM ", " is running - destroy failed"], Refusal::GuestRunning),
    (&["VM ", " already running"], Refusal::GuestRunning),
    // pve-container, API2/LXC.pm
    (&["CT ", " already running"], Refusal::GuestRunning),
    (&["CT ", "container is running"], Refusal::GuestRunning),
    // qemu-server, API2/Qemu.pm, and QemuServer/Monitor.pm; pve-container, API2/LXC/Status.pm
    (&["VM ", " not running"], Refusal::GuestNotRunning),
    (&["CT ", " not running"], Refusal::GuestNotRunning),
    // pve-common, Tools.pm, lock_file, around pve-guest-common's lock_config
    (&["can't lock file '", "' - got timeout"], Refusal::LockTimeout),
    // pve-cluster, Cluster.pm, cfs_lock
    (
        &["cfs-lock '", "' error: got lock request timeout"],
        Refusal::LockTimeout,
    ),
    (&["cfs-lock '", "' error: no quorum!"], Refusal::NoQuorum),
    // pve-cluster, Cluster.pm, check_cfs_quorum
    (&["cluster not ready - no quorum?"], Refusal::NoQuorum),
    // What a write into /etc/pve says without quorum (pmxcfs makes it read-only)
    (
        &["unable to open file '/etc/pve/", "Permission denied"],
        Refusal::NoQuorum,
    ),
    // pve-guest-common, AbstractConfig.pm, lock_config and update: qemu-server's words, then pve-common's
    (
        &["checksum mismatch (file change by other user?)"],
        Refusal::DigestMismatch,
    ),
    (
        &["detected modified configuration - file changed by other user?"],
        Refusal::DigestMismatch,
    ),
    // pve-cluster, Cluster.pm, check_node_exists and remote_node_ip
    (&["no such cluster node '"], Refusal::NodeMissing),
    (&["hostname lookup '", "' failed"], Refusal::NodeMissing),
    // pve-storage, Storage.pm, storage_config and storage_check_enabled; API2/Storage/Status.pm
    (&["storage '", "' does not exist"], Refusal::StorageMissing),
    (&["storage '", "' is disabled"], Refusal::StorageMissing),
    (
        &["storage '", "' is not available on node '"],
        Refusal::StorageMissing,
    ),
    (&["No such storage."], Refusal::StorageMissing),
    // pve-storage, Storage.pm and its plugins
    (&["volume '", "' does not exist"], Refusal::VolumeMissing),
    (&["volume_size_info on '", "' failed"], Refusal::VolumeMissing),
    (&["no such logical volume"], Refusal::VolumeMissing),
    // pve-guest-common, AbstractConfig.pm, check_protection
    (&["protection mode enabled"], Refusal::Protected),
    // The backup API wraps its complaints about parameters in a 500
    (&["Parameter verification failed."], Refusal::Parameters),
];

/// What a sentence means, of a refusal or of a failed task.
#[must_use]
pub fn meaning(sentence: &str) -> Refusal {
    if let Some(lock) = lock_in(sentence) {
        return Refusal::Locked(lock);
    }
    if names_existing_guest(sentence) {
        return Refusal::GuestExists;
    }
    TABLE
        .iter()
        .find(|(fragments, _)| contains_in_order(sentence, fragments))
        .map_or(Refusal::Other, |(_, refusal)| refusal.clone())
}

/// What a refusal means, by its status, its sentence and its complaints about single parameters, which say
/// more than the sentence over them.
pub(super) fn refusal(status: u16, message: &str, parameters: &BTreeMap<String, String>) -> Refusal {
    let of_parameters = parameters.values().map(|complaint| meaning(complaint));
    let mut told = of_parameters
        .chain([meaning(message)])
        .filter(|r| *r != Refusal::Other);
    match told.next() {
        Some(refusal) => refusal,
        None if status == 400 => Refusal::Parameters,
        None => Refusal::Other,
    }
}

/// `VM is locked (backup)` (pve-guest-common, `AbstractConfig.pm`, `check_lock`).
fn lock_in(sentence: &str) -> Option<String> {
    let (before, after) = sentence.split_once(" is locked (")?;
    let guest = before.ends_with("VM") || before.ends_with("CT");
    let (lock, _) = after.split_once(')')?;
    guest.then(|| lock.to_owned())
}

/// `VM 100 already exists`, mostly with `on node 'pve'` (pve-cluster, `Cluster.pm`, `check_vmid_unused`). Not what
/// is said of a disk's file, since a reserved number is given up for this refusal.
fn names_existing_guest(sentence: &str) -> bool {
    sentence.match_indices(" already exists").any(|(at, _)| {
        let before = &sentence[..at];
        let kind = before.trim_end_matches(|c: char| c.is_ascii_digit());
        kind.len() < before.len() && (kind.ends_with("VM ") || kind.ends_with("CT "))
    })
}

fn contains_in_order(sentence: &str, fragments: &[&str]) -> bool {
    let mut rest = sentence;
    fragments.iter().all(|fragment| {
        let found = rest.find(fragment);
        if let Some(at) = found {
            rest = &rest[at + fragment.len()..];
        }
        found.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_proxmox_are_told_apart() {
        for (sentence, expected) in [
            (
                "Configuration file 'nodes/pve1/qemu-server/300.conf' does not exist\n",
                Refusal::GuestMissing,
            ),
            (
                "unable to create VM 100 - VM 100 already exists on node 'pve'\n",
                Refusal::GuestExists,
            ),
            (
                "unable to create VM 113: config file already exists\n",
                Refusal::GuestExists,
            ),
            ("VM 100 already exists", Refusal::GuestExists),
            ("CT 200 already exists on node 'pve'\n", Refusal::GuestExists),
            (
                "unable to create VM 100 - disk image '/srv/images/100/vm-100-disk-0.raw' already exists",
                Refusal::Other,
            ),
            ("VM 110 is running - destroy failed\n", Refusal::GuestRunning),
            ("VM 110 already running", Refusal::GuestRunning),
            (
                "unable to destroy CT 200 - container is running\n",
                Refusal::GuestRunning,
            ),
            ("VM 110 not running\n", Refusal::GuestNotRunning),
            ("VM 110 is not running\n", Refusal::GuestNotRunning),
            ("QEMU guest agent is not running\n", Refusal::AgentNotRunning),
            (
                "VM 110 qga command 'guest-ping' failed - got timeout\n",
                Refusal::AgentNotRunning,
            ),
            ("VM is locked (backup)\n", Refusal::Locked("backup".into())),
            (
                "clone failed: CT is locked (snapshot-delete)",
                Refusal::Locked("snapshot-delete".into()),
            ),
            (
                "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout\n",
                Refusal::LockTimeout,
            ),
            (
                "clone failed: can't lock file '/var/lock/pve-manager/pve-storage-local-lvm' - got timeout",
                Refusal::LockTimeout,
            ),
            (
                "error during cfs-locked: cfs-lock 'storage-a' error: got lock request timeout",
                Refusal::LockTimeout,
            ),
            (
                "create group failed: cfs-lock 'file-user_cfg' error: no quorum!\n",
                Refusal::NoQuorum,
            ),
            ("cluster not ready - no quorum?\n", Refusal::NoQuorum),
            (
                "unable to open file '/etc/pve/nodes/pve1/qemu-server/300.conf.tmp.202' - Permission denied\n",
                Refusal::NoQuorum,
            ),
            (
                "checksum mismatch (file change by other user?)\n",
                Refusal::DigestMismatch,
            ),
            (
                "detected modified configuration - file changed by other user? Try again.\n",
                Refusal::DigestMismatch,
            ),
            ("no such cluster node 'nosuch'\n", Refusal::NodeMissing),
            (
                "hostname lookup 'x' failed - failed to get address info for: x: Name or service not known\n",
                Refusal::NodeMissing,
            ),
            ("storage 'nosuch' does not exist\n", Refusal::StorageMissing),
            ("storage 'd3' is disabled\n", Refusal::StorageMissing),
            (
                "volume 'local:iso/none.iso' does not exist\n",
                Refusal::VolumeMissing,
            ),
            (
                "volume_size_info on 'local:iso/none.iso' failed - no format\n",
                Refusal::VolumeMissing,
            ),
            (
                "can't remove VM 113 - protection mode enabled\n",
                Refusal::Protected,
            ),
            ("snapshot 'nope' does not exist\n", Refusal::Other),
            ("bridge 'nobr' does not exist\n", Refusal::Other),
            ("checksum mismatch: got 'aa' != expect 'bb'", Refusal::Other),
        ] {
            assert_eq!(meaning(sentence), expected, "{sentence}");
        }
    }

    #[test]
    fn a_complaint_about_a_parameter_says_more_than_the_sentence_over_it() {
        let complaints = |name: &str, text: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
        let over = "Parameter verification failed.\n";
        assert_eq!(
            refusal(400, over, &complaints("vmid", "VM 100 already exists")),
            Refusal::GuestExists
        );
        assert_eq!(
            refusal(
                400,
                over,
                &complaints("cores", "value must have a minimum value of 1")
            ),
            Refusal::Parameters
        );
        assert_eq!(refusal(400, "Bad Request", &BTreeMap::new()), Refusal::Parameters);
        assert_eq!(refusal(500, "something else", &BTreeMap::new()), Refusal::Other);
    }
}
