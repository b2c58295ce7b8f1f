//! The options of machines: what is refused, how it is stored, when it takes effect.

use pve_sim::{Release, Rights, Seed, SeedGuest, SeedToken, Shutdown};
use serde_json::json;

use crate::client::Lab;

const CONFIG: &str = "/nodes/pve1/qemu/100/config";

async fn lab() -> Lab {
    Lab::instant(Seed::default().with_guest(SeedGuest::new(100, "web"))).await
}

async fn of(release: Release) -> Lab {
    let seed = Seed::default().with_release(release);
    Lab::instant(seed.with_guest(SeedGuest::new(100, "web"))).await
}

#[tokio::test]
async fn nested_mistakes_are_told_by_key() {
    let lab = lab().await;
    let put = async |key: &str, value: &str| lab.put(CONFIG, &[(key, value)]).await.error_of(key);
    assert_eq!(
        put("scsi1", "local-lvm:1,cache=fast").await,
        "invalid format - format error\nscsi1.cache: value 'fast' does not have a value in the enumeration 'none, writethrough, writeback, unsafe, directsync'\n"
    );
    assert_eq!(
        put("net0", "virtio,macaddr=01:00:00:00:00:00").await,
        "invalid format - format error\nnet0.macaddr: invalid format - value does not look like a valid unicast MAC address\n"
    );
    assert_eq!(
        put("ipconfig0", "gw=192.0.2.1").await,
        "invalid format - format error\nipconfig0.ip: missing property required by 'gw'\n"
    );
    assert_eq!(
        put("cpu", "pentium9").await,
        "invalid format - format error\ncputype: invalid format"
            .replace("cputype: invalid format", "cpu.cputype: invalid format - Built-in cputype 'pentium9' is not defined (missing 'custom-' prefix?)\n")
    );
    let undefined = "property is not defined in schema and the schema does not allow additional properties";
    assert_eq!(put("ide4", "none").await, undefined);
}

#[tokio::test]
async fn cards_and_drives_are_printed_with_their_keys_in_order() {
    let lab = lab().await;
    let form = [
        ("net1", "tag=5,virtio=02:00:00:00:00:01,bridge=vmbr0,firewall=on"),
        ("scsi1", "ssd=1,file=local-lvm:1,discard=on"),
    ];
    lab.put(CONFIG, &form).await.data();
    let config = lab.get(CONFIG).await.data();
    assert_eq!(
        config["net1"],
        "virtio=02:00:00:00:00:01,bridge=vmbr0,firewall=1,tag=5"
    );
    assert_eq!(
        config["scsi1"],
        "local-lvm:vm-100-disk-1,discard=on,size=1G,ssd=1"
    );
}

#[tokio::test]
async fn memory_is_a_number_in_7_and_a_text_later() {
    for (release, memory) in [(Release::V7_4, json!(1024)), (Release::V9_2, json!("1024"))] {
        let config = of(release).await.get(CONFIG).await.data();
        assert_eq!(config["memory"], memory, "{release}");
    }
}

#[tokio::test]
async fn new_cards_get_addresses_of_proxmox_own_range_since_8_1() {
    for (release, own) in [(Release::V7_4, false), (Release::V8_4, true)] {
        let lab = of(release).await;
        lab.put(CONFIG, &[("net1", "virtio,bridge=vmbr0")]).await.data();
        let card = lab.sim.guest(100).unwrap().config["net1"].clone();
        assert_eq!(card.starts_with("virtio=BC:24:11:"), own, "{release}: {card}");
    }
}

#[tokio::test]
async fn options_of_later_releases_are_unknown_to_earlier_ones() {
    let old = of(Release::V8_4).await;
    let refused = old.put(CONFIG, &[("allow-ksm", "0")]).await;
    assert!(refused.error_of("allow-ksm").contains("not defined in schema"));
    of(Release::V9_2)
        .await
        .put(CONFIG, &[("allow-ksm", "0")])
        .await
        .data();
}

#[tokio::test]
async fn tags_of_a_new_guest_are_put_in_order_since_9() {
    for (release, tags) in [(Release::V8_4, "B;a"), (Release::V9_2, "a;b")] {
        let lab = of(release).await;
        let form = [("vmid", "101"), ("tags", "B;a")];
        lab.done(lab.post("/nodes/pve1/qemu", &form).await).await;
        assert_eq!(
            lab.get("/nodes/pve1/qemu/101/config").await.data()["tags"],
            tags,
            "{release}"
        );
    }
}

#[tokio::test]
async fn only_root_itself_sets_some_options() {
    let lab = lab().await;
    for (key, value) in [("lock", "backup"), ("args", "-S"), ("hostpci0", "0000:01:00.0")] {
        let refused = lab.put(CONFIG, &[(key, value)]).await;
        assert_eq!(refused.status, 500);
        assert!(
            refused
                .reason
                .starts_with(&format!("only root can set '{key}' config")),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn every_option_wants_its_privilege() {
    let rights = vec![Rights::new(
        "/vms/100",
        &["VM.Audit", "VM.Config.CPU", "VM.Config.CDROM"],
    )];
    let seed = Seed::default()
        .with_guest(SeedGuest::new(100, "web"))
        .with_token(SeedToken::limited("root@pam!cpu", "secret", rights));
    let mut lab = Lab::instant(seed).await;
    lab.token("root@pam!cpu", "secret");
    lab.put(CONFIG, &[("cores", "2")]).await.data();
    lab.put(CONFIG, &[("ide2", "none,media=cdrom")]).await.data();
    for (form, privilege) in [
        (("memory", "2048"), "VM.Config.Memory"),
        (("net0", "virtio,bridge=vmbr0"), "VM.Config.Network"),
        (("name", "x1"), "VM.Config.Options"),
        (("delete", "scsi0"), "VM.Config.Disk"),
        (("ciuser", "u"), "VM.Config.Cloudinit|VM.Config.Network"),
    ] {
        let refused = lab.put(CONFIG, &[form]).await;
        assert_eq!(
            refused.reason,
            format!("Permission check failed (/vms/100, {privilege})")
        );
    }
}

#[tokio::test]
async fn what_cant_be_unplugged_stays_pending_and_is_told() {
    let lab = lab().await;
    lab.sim.power_on(100).unwrap();
    lab.sim.set_shutdown(100, Shutdown::Ignores).unwrap();
    let refused = lab.put(CONFIG, &[("delete", "net0")]).await;
    assert_eq!(
        refused.error_of("net0"),
        "hotplug problem - error on hot-unplugging device 'net0' - still busy in guest?\n"
    );
    let refused = lab
        .put("/nodes/pve1/qemu/100/unlink", &[("idlist", "scsi0")])
        .await;
    assert_eq!(
        refused.error_of("scsi0"),
        "hotplug problem - can't unplug bootdisk 'scsi0'\n"
    );
    let rows = lab.get("/nodes/pve1/qemu/100/pending").await.data();
    let row = |key: &str| rows.as_array().unwrap().iter().find(|r| r["key"] == key).cloned();
    assert_eq!(row("net0").unwrap()["delete"], 1);
    lab.sim.power_off(100).unwrap();
    let config = lab.sim.guest(100).unwrap().config;
    assert!(!config.contains_key("net0"));
    assert_eq!(config["unused0"], "local-lvm:vm-100-disk-0");
    assert_eq!(config["boot"], " ");
}

#[tokio::test]
async fn a_pending_change_can_be_taken_back() {
    let lab = lab().await;
    lab.sim.power_on(100).unwrap();
    lab.put(CONFIG, &[("cores", "4")]).await.data();
    assert_eq!(lab.get(CONFIG).await.data()["cores"], 4);
    assert_eq!(lab.get(&format!("{CONFIG}?current=1")).await.data()["cores"], 1);
    lab.put(CONFIG, &[("revert", "cores")]).await.data();
    assert_eq!(lab.get(CONFIG).await.data()["cores"], 1);
}

#[tokio::test]
async fn the_asynchronous_change_answers_null_when_it_is_done_in_time() {
    let lab = lab().await;
    let form = [("cores", "2"), ("background_delay", "5")];
    assert!(lab.post(CONFIG, &form).await.data().is_null());
    let upid = lab.post(CONFIG, &[("cores", "3")]).await;
    lab.done(upid).await;
    assert_eq!(lab.sim.guest(100).unwrap().config["cores"], "3");
}

#[tokio::test]
async fn the_boot_order_names_devices_that_are_there() {
    let lab = lab().await;
    let refused = lab.put(CONFIG, &[("boot", "order=scsi7")]).await;
    assert_eq!(
        refused.reason,
        "invalid bootorder: device 'scsi7' does not exist'"
    );
    lab.put(CONFIG, &[("boot", "order=net0;scsi0")]).await.data();
    lab.put(CONFIG, &[("delete", "net0")]).await.data();
    assert_eq!(lab.sim.guest(100).unwrap().config["boot"], "order=scsi0");
}

#[tokio::test]
async fn a_protected_guest_keeps_its_disks() {
    let lab = lab().await;
    lab.put(CONFIG, &[("protection", "1")]).await.data();
    let refused = lab.put(CONFIG, &[("delete", "scsi0")]).await;
    assert_eq!(
        refused.reason,
        "can't remove drive 'scsi0' - protection mode enabled"
    );
}

#[tokio::test]
async fn drives_are_made_as_they_are_asked_for() {
    let lab = lab().await;
    let form = [
        ("efidisk0", "local-lvm:0,efitype=4m,pre-enrolled-keys=1"),
        ("tpmstate0", "local-lvm:0,version=v2.0"),
        ("cdrom", "local:iso/debian-12.iso"),
        ("scsi1", "local-lvm:0,import-from=local-lvm:base-9000-disk-0"),
    ];
    lab.put(CONFIG, &form).await.data();
    let config = lab.sim.guest(100).unwrap().config;
    assert_eq!(
        config["efidisk0"].split_once(',').unwrap().1,
        "efitype=4m,pre-enrolled-keys=1,size=4M"
    );
    assert_eq!(
        config["tpmstate0"].split_once(',').unwrap().1,
        "size=4M,version=v2.0"
    );
    assert_eq!(config["ide2"], "local:iso/debian-12.iso,media=cdrom,size=629M");
    assert_eq!(config["scsi1"].split_once(',').unwrap().1, "size=8G");
    // New CDs are booted from last, disks not at all.
    assert_eq!(config["boot"], "order=scsi0;net0;ide2");
}

#[tokio::test]
async fn files_of_the_host_are_imported_by_root_alone() {
    let lab = lab().await;
    lab.sim.add_file("pve1", "/mnt/disk.raw", 1 << 30);
    let form = [("scsi1", "local-lvm:0,import-from=/mnt/disk.raw")];
    let refused = lab.put(CONFIG, &form).await;
    assert_eq!(refused.reason, "Only root can pass arbitrary filesystem paths.");
    assert!(!lab.sim.guest(100).unwrap().config.contains_key("scsi1"));
}
