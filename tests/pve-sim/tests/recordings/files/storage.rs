//! Storages, uploads, backups and restores.

use pve_sim::{Release, SeedGuest};

use super::{File, container_machine, image, sha256, web1};
use crate::recordings::script::{Part, Script};

pub(crate) const FILE: File = File {
    name: "storage",
    script,
    releases: &[Release::V9_2],
};

fn script(release: Release) -> Script {
    let seed = container_machine(release)
        .with_guest(web1(release).running())
        .with_guest(SeedGuest {
            config: [("rootfs", "local:200/subvol-200-disk-0.subvol,size=0T")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
            ..SeedGuest::container(200, "ct9")
        });
    uploads(Script::new(seed).ended_before([79]))
}

/// What the recorder left out of its uploads.
fn uploads(script: Script) -> Script {
    let none = "0".repeat(64);
    let script = upload(script, 86, "iso", "up.iso", image());
    let script = upload(script, 89, "iso", "up.iso", image());
    let script = upload(script, 92, "iso", "bad.txt", image());
    let script = upload(script, 93, "vztmpl", "t.tar.zst", b"x".to_vec());
    let script = upload(script, 96, "backup", "t.tar.zst", b"x".to_vec());
    let script = upload_with_late_algorithm(script, 97, none);
    let script = upload_with_late_algorithm(script, 98, sha256(&image()));
    let script = upload(script, 99, "import", "d.qcow2", b"x".to_vec());
    let script = upload(script, 102, "iso", "a b.iso", image());
    let script = upload(script, 106, "iso", "nost.iso", image());
    script.at(105, |request, _| {
        request.multipart(&[Part::File("filename", "x.iso", &image())]);
    })
}

fn upload(script: Script, index: usize, content: &'static str, file: &'static str, bytes: Vec<u8>) -> Script {
    script.at(index, move |request, _| {
        request.multipart(&[
            Part::Field("content", content),
            Part::File("filename", file, &bytes),
        ]);
    })
}

/// With the checksum before its algorithm, an order that Proxmox VE doesn't take.
fn upload_with_late_algorithm(script: Script, index: usize, checksum: String) -> Script {
    script.at(index, move |request, _| {
        request.multipart(&[
            Part::Field("content", "iso"),
            Part::Field("checksum", &checksum),
            Part::Field("checksum-algorithm", "sha256"),
            Part::File("filename", "cs.iso", &image()),
        ]);
    })
}
