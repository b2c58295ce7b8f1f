//! HTTP itself.

use pve_sim::{Release, SeedGuest};

use super::{File, image, pair, sha256};
use crate::recordings::script::{Part, Script};

pub(crate) const FILE: File = File {
    name: "wire",
    script,
    releases: &[Release::V9_2],
};

fn script(release: Release) -> Script {
    let config = [
        ("name", "v300"),
        ("memory", "64"),
        ("net0", "virtio,bridge=vmbr0"),
        ("boot", "order=net0"),
        ("tags", "plb_x"),
    ];
    let guest = SeedGuest {
        config: config.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..SeedGuest::new(300, "v300")
    };
    let none = "0".repeat(64);
    Script::new(pair(release).with_guest(guest))
        .at(4, |request, _| {
            request.header("Authorization", "PVEAPIToken=root@pam!op=wrong");
        })
        .at(5, |request, _| {
            request.multipart(&[
                Part::Field("content", "iso"),
                Part::Field("checksum-algorithm", "sha256"),
                Part::Field("checksum", &sha256(&image())),
                Part::File("filename", "c1.iso", &image()),
            ]);
        })
        .at(8, move |request, _| {
            request.multipart(&[
                Part::Field("content", "iso"),
                Part::Field("checksum-algorithm", "sha256"),
                Part::Field("checksum", &none),
                Part::File("filename", "c2.iso", &image()),
            ]);
        })
        .at(11, |request, _| {
            request.multipart(&[
                Part::Field("checksum-algorithm", "sha256"),
                Part::Field("checksum", &sha256(&image())),
                Part::Field("content", "iso"),
                Part::File("filename", "c3.iso", &image()),
            ]);
        })
        .ended_before([9])
}
