//! Downloads, backup jobs, tasks, and a look at everything else that a node has; after `storage`, on the same machine.

use pve_sim::{Release, Seed, SeedDownload, SeedGuest, SeedStorage, SeedTask, Shutdown};

use super::{File, container_machine, web1};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "misc2",
    script,
    releases: &[Release::V9_2],
};

fn script(release: Release) -> Script {
    let seed = container_machine(release);
    let mut storages = seed.storages.clone().unwrap_or_default();
    let content = ["backup", "iso", "import", "vztmpl", "images"];
    storages.push(SeedStorage::new("d7", "dir", &content).sized(6 << 30));
    let guests = vec![
        web1(release).running().shutdown(Shutdown::Ignores),
        SeedGuest::new(250, "bk").set("tags", "x"),
    ];
    let seed = Seed {
        storages: Some(storages),
        guests,
        tasks: past(),
        downloads: [("http://192.0.2.10:8099/tiny.iso".to_owned(), tiny())].into(),
        ..seed
    };
    Script::new(seed)
        // Somebody had removed it under the running guest.
        .before(0, |sim| {
            sim.remove_volume("pve", "local:100/vm-100-disk-0.raw").unwrap();
        })
        .ended_before([4, 7])
        .still_running(63..=73)
        .before(126, |sim| sim.freeze_statistics(1))
}

/// The image that the recorder's own server had.
fn tiny() -> SeedDownload {
    let checksum = "d865ff982d932c3bae4449f35f67dbb99e09d70c9cd6890b50fe61a9f6312d10";
    SeedDownload {
        checksums: [("sha256".to_owned(), checksum.to_owned())].into(),
        ..SeedDownload::new(358_400)
    }
}

/// What had been done on the machine until then: 42 tasks, 12 of which had failed.
fn past() -> Vec<SeedTask> {
    let archive = "vzdump-lxc-240-2026_10_05-01_30_00.tar.zst";
    let mut tasks = Vec::new();
    for vmid in ["100", "101", "102"] {
        tasks.push(SeedTask::new("qmcreate", vmid, "OK"));
        tasks.push(SeedTask::new("qmstart", vmid, "OK"));
        tasks.push(SeedTask::new(
            "qmstart",
            vmid,
            &format!("VM {vmid} already running"),
        ));
        tasks.push(SeedTask::new(
            "qmsnapshot",
            vmid,
            "snapshot feature is not available",
        ));
        tasks.push(SeedTask::new("qmstop", vmid, "OK"));
        tasks.push(SeedTask::new("qmstart", vmid, "OK"));
        tasks.push(SeedTask::new("qmreboot", vmid, "OK"));
    }
    let protected = format!("cannot remove protected volume 'backup/{archive}' on 'local'");
    let not_qemu =
        format!("ERROR: file '/var/lib/vz/dump/{archive}' does not look like a QemuServer vzdump backup");
    let upload = "/var/tmp/pveupload-0123456789abcdef0123456789abcdef";
    let not_qcow2 = format!("qemu-img: Could not open '{upload}': Image is not in qcow2 format");
    let later = [
        ("vzcreate", "240", "OK"),
        ("vzdump", "240", "OK"),
        ("imgdel", "240@local", &protected),
        ("vzrestore", "244", "OK"),
        ("vzrestore", "240", "OK"),
        ("qmrestore", "225", &not_qemu),
        ("prunebackups", "local", "OK"),
        ("imgdel", "240@local", "OK"),
        ("imgdel", "240@local", "OK"),
        ("vzdump", "9999", "job errors"),
        ("vzdump", "", "job errors"),
        ("qmcreate", "250", "OK"),
        ("vzdump", "250", "job errors"),
        ("imgdel", "local", "OK"),
        ("imgdel", "100@local", "OK"),
        ("imgdel", "100@local", "OK"),
        ("imgcopy", "", "OK"),
        ("imgcopy", "", "OK"),
        ("imgcopy", "", "OK"),
        ("imgcopy", "", &not_qcow2),
        ("imgcopy", "", "OK"),
    ];
    tasks.extend(later.map(|(kind, id, exit)| SeedTask::new(kind, id, exit)));
    tasks
}
