//! What other people do behind a client's back.

use pve_sim::{HandsError, Seed, SeedGuest};

use crate::client::Lab;

#[tokio::test]
async fn a_recycled_number_has_another_identity() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    lab.sim
        .change_config(100, &[("description", Some("mark"))])
        .unwrap();
    let before = lab.sim.guest(100).unwrap();
    let uuid = lab.sim.recycle(100).unwrap();
    let after = lab.sim.guest(100).unwrap();
    assert_ne!(before.uuid, after.uuid);
    assert_eq!(after.uuid, Some(uuid));
    assert!(!after.config.contains_key("description"));
}

#[tokio::test]
async fn a_copy_takes_the_description_along_and_nothing_else_that_identifies() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    lab.sim
        .change_config(100, &[("description", Some("mark"))])
        .unwrap();
    lab.sim.copy(100, 300, "by-hand").unwrap();
    let (source, copy) = (lab.sim.guest(100).unwrap(), lab.sim.guest(300).unwrap());
    assert_eq!(copy.config["description"], "mark");
    assert_eq!(copy.config["scsi0"], "local-lvm:vm-300-disk-0,size=4G");
    assert_ne!(source.uuid, copy.uuid);
    assert_ne!(source.config["net0"], copy.config["net0"]);
    assert_eq!(lab.sim.copy(100, 300, "x"), Err(HandsError::GuestExists(300)));
}

#[tokio::test]
async fn a_moved_guest_is_missing_where_it_was() {
    let lab = Lab::instant(Seed::nodes(2)).await;
    lab.create(100).await;
    lab.sim.move_guest(100, "pve2").unwrap();
    let gone = lab.get("/nodes/pve1/qemu/100/config").await;
    assert_eq!(
        gone.reason,
        "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"
    );
    assert_eq!(lab.get("/nodes/pve2/qemu/100/config").await.status, 200);
    assert!(
        lab.sim
            .volumes("pve2")
            .contains(&"local-lvm:vm-100-disk-0".to_owned())
    );
}

#[tokio::test]
async fn guests_are_added_renamed_and_destroyed() {
    let lab = Lab::instant(Seed::default()).await;
    lab.sim
        .add_guest(SeedGuest::new(150, "foreign").running())
        .unwrap();
    lab.sim.rename(150, "renamed").unwrap();
    let current = lab.get("/nodes/pve1/qemu/150/status/current").await.data();
    assert_eq!(
        (&current["name"], &current["status"]),
        (&"renamed".into(), &"running".into())
    );
    lab.sim.power_off(150).unwrap();
    lab.sim.destroy(150).unwrap();
    assert_eq!(lab.sim.destroy(150), Err(HandsError::NoGuest(150)));
}

#[tokio::test]
async fn a_host_goes_down_and_comes_back_at_the_same_port() {
    let lab = Lab::instant(Seed::default()).await;
    lab.get("/version").await;
    lab.sim.stop_listener();
    let down = lab.try_call(reqwest::Method::GET, "/version", &[]).await;
    assert!(down.is_err());
    lab.sim.start_listener().await.unwrap();
    assert_eq!(lab.get("/version").await.status, 200);
}

#[tokio::test]
async fn the_log_counts_what_reached_the_host() {
    let lab = Lab::instant(Seed::default()).await;
    lab.get("/version").await;
    let position = lab.sim.position();
    lab.create(100).await;
    let since = lab.sim.requests().since(position);
    assert_eq!(since.mutating().len(), 1);
    let create = &since.matching("POST", "/nodes/*/qemu").0[0];
    assert_eq!(create.param("scsi0"), Some("local-lvm:4"));
    assert_eq!(create.user.as_deref(), Some("root@pam!drover"));
    lab.put("/nodes/pve1/qemu/100/config", &[("cipassword", "geheim")])
        .await;
    assert_eq!(
        lab.sim.mutations().0.last().unwrap().param("cipassword"),
        Some("**********")
    );
    lab.sim.clear_requests();
    assert!(lab.sim.requests().is_empty());
}

#[tokio::test]
async fn a_copy_of_a_container_is_a_container_with_volumes_of_its_own() {
    let container = SeedGuest::container(200, "db")
        .set("mp0", "local-lvm:vm-200-disk-1,mp=/srv,size=2G")
        .set("mp1", "/mnt/of-the-host,mp=/host");
    let lab = Lab::instant(Seed::default().with_guest(container)).await;
    lab.sim.copy(200, 300, "by-hand").unwrap();
    let (source, copy) = (lab.sim.guest(200).unwrap(), lab.sim.guest(300).unwrap());
    assert_eq!(copy.name.as_deref(), Some("by-hand"));
    let config = lab.get("/nodes/pve1/lxc/300/config").await.data();
    assert_eq!(config["hostname"], "by-hand");
    assert_eq!(config["rootfs"], "local-lvm:vm-300-disk-1,size=8G");
    assert_eq!(config["mp0"], "local-lvm:vm-300-disk-0,mp=/srv,size=2G");
    assert_eq!(config["mp1"], "/mnt/of-the-host,mp=/host");
    assert_ne!(source.config["net0"], copy.config["net0"]);
    assert!(config["net0"].as_str().unwrap().contains("name=eth0"));
    assert!(config["smbios1"].is_null());
    lab.done(lab.post("/nodes/pve1/lxc/300/status/start", &[]).await)
        .await;
    lab.sim.destroy(300).unwrap();
    assert!(
        lab.sim
            .volumes("pve1")
            .contains(&"local-lvm:vm-200-disk-0".to_owned())
    );
}
