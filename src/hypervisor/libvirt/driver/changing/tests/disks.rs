//! Making domains and their disks.

use super::*;
use crate::hypervisor::Refusal;
use crate::hypervisor::libvirt::driver::changing::media;
use crate::model::CloneGuest;

#[tokio::test]
async fn a_domain_is_made_with_its_mark_and_its_disk_and_nothing_is_left_under_way() {
    let Some(bench) = Bench::start().await else { return };
    let uuid = Uuid::new_v4();
    bench.made(uuid, "web").await;
    let xml = bench.virsh(&["dumpxml", "--inactive", "web"]);
    assert!(xml.contains("cluster=c") && !xml.contains("making"), "{xml}");
    assert_eq!(bench.volumes(), [volume(uuid, "scsi0")]);
    assert_eq!(bench.capacity(&volume(uuid, "scsi0")), 16 * MIB);
    let config = bench.config(uuid).await;
    assert_eq!(config.next.disks["scsi0"].volume.volume(), volume(uuid, "scsi0"));
    assert_eq!(config.next.boot_devices, ["scsi0"]);
    assert!(
        config.description.contains("people's words\n<!--"),
        "{}",
        config.description
    );
}

#[tokio::test]
async fn no_domain_and_no_whole_volume_is_ever_overwritten() {
    let Some(bench) = Bench::start().await else { return };
    let uuid = Uuid::new_v4();
    let kept = volume(uuid, "scsi0");
    bench.virsh(&["vol-create-as", "default", &kept, "64M", "--format", "qcow2"]);
    bench.made(uuid, "web").await;
    assert_eq!(bench.capacity(&kept), 64 * MIB);
    let before = bench.virsh(&["dumpxml", "--inactive", "web"]);
    for guest in [blank(uuid, "other"), blank(Uuid::new_v4(), "web")] {
        let error = bench.changer.create(&bench.tasks, &guest).await.unwrap_err();
        assert_eq!(error.refusal(), Some(&Refusal::GuestExists), "{error}");
    }
    assert_eq!(bench.virsh(&["dumpxml", "--inactive", "web"]), before);
    assert_eq!(bench.virsh(&["list", "--all", "--name"]).trim(), "web");
}

#[tokio::test]
async fn a_volume_that_was_left_half_is_made_again() {
    let Some(bench) = Bench::start().await else { return };
    let uuid = Uuid::new_v4();
    let mut guest = blank(uuid, "web");
    guest
        .changes
        .retain(|change| matches!(change, Change::MemoryMib(_)));
    assert_eq!(
        bench.end(bench.changer.create(&bench.tasks, &guest).await).await,
        ""
    );
    // As a process leaves it that is killed while it copies.
    let half = volume(uuid, "scsi0");
    bench.virsh(&["vol-create-as", "default", &half, "1M", "--format", "qcow2"]);
    let record = {
        let half = half.clone();
        move |xml: &str| {
            let making = crate::hypervisor::libvirt::xml::domain::Making {
                slot: "scsi0".to_owned(),
                name: half.clone(),
                pool: "default".to_owned(),
            };
            crate::hypervisor::libvirt::xml::domain::add_making(xml, &making).unwrap()
        }
    };
    let recorded = bench.changer.link.run("record", move |conn| {
        let domain = conn.lookup_domain_by_uuid(uuid)?;
        conn.define_domain_xml(&record(&changer::inactive(&domain)?))?;
        Ok(())
    });
    recorded.await.unwrap();
    assert_eq!(
        bench.configured(uuid, &[Change::AddDisk(disk("scsi0"))]).await,
        ""
    );
    assert_eq!(bench.capacity(&half), 16 * MIB);
    let xml = bench.virsh(&["dumpxml", "--inactive", "web"]);
    assert!(xml.contains(&half) && !xml.contains("making"), "{xml}");
}

#[tokio::test]
async fn a_clone_has_its_own_identity_and_disks_full_or_laid_over() {
    let Some(bench) = Bench::start().await else { return };
    let source = Uuid::new_v4();
    bench.made(source, "golden").await;
    for (name, linked) in [("full", false), ("linked", true)] {
        let uuid = Uuid::new_v4();
        let guest = CloneGuest {
            source: at(source),
            at: at(uuid),
            name: name.to_owned(),
            description: mark(uuid, false),
            storage: None,
            pool: None,
            linked,
            snapshot: None,
        };
        let cloned = bench.changer.clone_guest(&bench.tasks, &guest).await;
        assert_eq!(bench.end(cloned).await, "");
        let config = bench.config(uuid).await;
        assert_eq!(config.uuid, Some(uuid));
        assert_eq!(config.description, mark(uuid, true));
        assert_eq!(config.next.disks["scsi0"].volume.volume(), volume(uuid, "scsi0"));
        let xml = bench.virsh(&["vol-dumpxml", "--pool", "default", &volume(uuid, "scsi0")]);
        assert_eq!(xml.contains(&volume(source, "scsi0")), linked, "{xml}");
        assert_eq!(bench.capacity(&volume(uuid, "scsi0")), 16 * MIB);
    }
}

#[tokio::test]
async fn a_disk_grows_off_and_running_and_never_shrinks() {
    let Some(bench) = Bench::start().await else { return };
    let uuid = Uuid::new_v4();
    bench.made(uuid, "web").await;
    for (running, wanted, size) in [(false, 24, 24), (true, 32, 32), (true, 20, 32)] {
        if running && bench.state("web") == "shut off" {
            bench.virsh(&["start", "web"]);
        }
        let own = bench.own(uuid).await;
        let grown = bench.changer.grow_disk(&bench.tasks, &own, "scsi0", wanted * MIB);
        assert_eq!(grown.await.unwrap(), Progress::Done);
        assert_eq!(bench.capacity(&volume(uuid, "scsi0")), size * MIB);
    }
    let seen = bench.virsh(&["domblkinfo", "web", "sda"]);
    assert!(seen.contains(&(32 * MIB).to_string()), "{seen}");
}

#[tokio::test]
async fn a_medium_is_brought_put_in_and_taken_out_while_the_guest_runs() {
    let Some(bench) = Bench::start().await else { return };
    let uuid = Uuid::new_v4();
    bench.made(uuid, "web").await;
    bench.virsh(&["start", "web"]);
    let medium: crate::model::VolumeId = "default:seed.iso".parse().unwrap();
    let image = vec![7_u8; 300 * 1024];
    let (id, sent) = (medium.clone(), image.clone());
    let brought = bench
        .changer
        .link
        .run("bring", move |conn| media::bring(conn, "bring", &id, &sent));
    brought.await.unwrap();
    assert_eq!(
        std::fs::read(bench.host.images().join("seed.iso")).unwrap(),
        image
    );
    let drive = |volume| Change::Cdrom {
        slot: "ide2".to_owned(),
        volume,
    };
    assert_eq!(bench.configured(uuid, &[drive(Some(medium))]).await, "");
    let in_it = |flag: &str| bench.virsh(&["dumpxml", "web", flag]).contains("seed.iso");
    assert!(in_it("--security-info") && in_it("--inactive"));
    assert_eq!(bench.configured(uuid, &[drive(None)]).await, "");
    assert!(!in_it("--security-info") && !in_it("--inactive"));
    let nowhere = Some("default:none.iso".parse().unwrap());
    let (own, config) = bench.judged(uuid).await;
    let refused = bench
        .changer
        .configure(&bench.tasks, &own, &config, &[drive(nowhere)])
        .await;
    assert_eq!(refused.unwrap_err().refusal(), Some(&Refusal::VolumeMissing));
}
