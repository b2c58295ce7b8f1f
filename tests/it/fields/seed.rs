//! User data of one's own and a hostname: the medium with them is made before it is read, once, and goes when nobody reads it.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use pve_sim::{Fault, Matcher, Rights};
use serde_json::{Value, json};

use super::cloud_init::write_secret;
use crate::support::World;

const MACHINE: &str = "
powerState: Running
memory: {size: 64Mi}
disks: [{name: scsi0, size: 1Gi, storage: local-lvm}]
networks: [{name: net0, bridge: vmbr0}]
cloudInit:
  userDataRef: {name: setup}
  networks: [{name: net0, ipv4: 192.0.2.7/24}]
";

const FIRST: &str = "#cloud-config\nruncmd: [[echo, first-words]]\n";
const SECOND: &str = "#cloud-config\nruncmd: [[echo, second-words]]\n";

/// A world whose host names a storage for media.
async fn world(test: &str) -> World {
    let host = json!({"poll": {"sweep": "2s"}, "defaults": {"isoStorage": "local"}});
    World::builder(test).host(host).start().await
}

/// The media of Drover's machines on the storages of the node.
fn media(world: &World) -> Vec<String> {
    let mut all = world.sim.volumes("pve1");
    all.retain(|volume| volume.starts_with("local:iso/drover-"));
    all
}

/// The medium that stands in a drive.
fn inside(option: &str) -> String {
    option.split(',').next().unwrap().to_owned()
}

fn contains(image: &[u8], text: &str) -> bool {
    image.windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

async fn recorded(world: &World) -> Vec<String> {
    let status = world.vm("web").await.status.unwrap();
    let media = status.cloud_init.map(|told| told.media).unwrap_or_default();
    for medium in &media {
        assert!(medium.created_at.is_some(), "{medium:?}");
    }
    media.into_iter().map(|medium| medium.volume).collect()
}

#[tokio::test]
async fn what_secrets_hold_costs_the_host_nothing_while_nothing_changes() {
    let world = world("seed-idle").await;
    write_secret(&world, "setup", "userdata", FIRST).await;
    write_secret(&world, "login", "password", "secret").await;
    let login = MACHINE.replace("userDataRef: {name: setup}", "passwordRef: {name: login}");
    for (name, spec) in [("web", MACHINE), ("db", &login)] {
        world.apply_vm(name, spec).await;
        world.wait_ready(name).await;
    }
    let position = world.sim.position();
    let readings = |vmid: u32| {
        let requests = world.sim.requests().since(position);
        requests
            .matching("GET", &format!("/nodes/*/qemu/{vmid}/pending"))
            .len()
    };
    // The template is read by the sweep alone.
    let sweeps = async || (readings(9000) >= 8).then_some(());
    world.wait_until("eight sweeps", sweeps).await;
    for name in ["web", "db"] {
        let read = readings(world.vmid(name).await);
        // The first may still belong to the making, and the last to a further sweep.
        assert!((6..=10).contains(&read), "{name} was read {read} times");
    }
    assert!(world.sim.mutations().since(position).is_empty());
}

#[tokio::test]
async fn user_data_is_there_before_the_first_start_and_goes_with_the_machine() {
    let world = World::builder("seed")
        .host(json!({"poll": {"sweep": "2s"}}))
        .start()
        .await;
    world.sim.add_iso("pve1", "drover-of-somebody.iso").unwrap();
    let foreign = "local:iso/drover-of-somebody.iso".to_owned();
    world.apply_vm("web", MACHINE).await;
    let vm = world.wait_vm("web", "Ready", "False", "SecretNotUsable").await;
    let ready = crate::support::condition(&vm, "Ready").unwrap();
    assert!(
        ready.message.contains("spec.cloudInit.userDataRef"),
        "{}",
        ready.message
    );
    write_secret(&world, "setup", "userdata", FIRST).await;
    let vm = world.wait_vm("web", "Ready", "False", "StorageNotFound").await;
    let ready = crate::support::condition(&vm, "Ready").unwrap();
    assert!(
        ready.message.contains("spec.defaults.isoStorage"),
        "{}",
        ready.message
    );
    assert!(world.sim.mutations().is_empty(), "nothing is half made");

    let defaults = json!({"spec": {"defaults": {"isoStorage": "local"}}});
    world.patch_host(&world.name, defaults).await;
    world.wait_ready("web").await;
    let guest = world.guest("web").await;
    assert!(guest.running);
    let medium = inside(&guest.config["ide0"]);
    assert!(guest.config["ide0"].contains("media=cdrom"));
    let mut expected = vec![medium.clone(), foreign.clone()];
    expected.sort();
    assert_eq!(media(&world), expected);
    assert_eq!(recorded(&world).await, std::slice::from_ref(&medium));
    let image = world.sim.uploaded("pve1", &medium).unwrap();
    assert!(contains(&image, "cidata") && contains(&image, FIRST));
    let mac = guest.config["net0"]
        .split(['=', ','])
        .nth(1)
        .unwrap()
        .to_lowercase();
    assert!(contains(&image, &mac), "addresses go by hardware address");
    let order: Vec<String> = world
        .sim
        .mutations()
        .0
        .iter()
        .map(|request| format!("{} {}", request.method, request.path.rsplit('/').next().unwrap()))
        .collect();
    assert_eq!(order, ["POST qemu", "POST upload", "PUT config", "POST start"]);
    world.wait_event("web", "MediumUploaded", "user data").await;
    let status = world.vm("web").await.status.unwrap();
    assert!(!serde_json::to_string(&status).unwrap().contains("first-words"));

    // The Secret is made anew, with the same in it.
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), &world.name);
    secrets.delete("setup", &DeleteParams::default()).await.unwrap();
    write_secret(&world, "setup", "userdata", FIRST).await;
    world.passes("web", 3).await;
    assert_eq!(world.sent("POST", "/nodes/*/storage/*/upload").len(), 1);

    // Somebody takes the medium out: it is put in again, and not made again.
    world
        .sim
        .change_config(guest.vmid, &[("ide0", Some("none,media=cdrom"))])
        .unwrap();
    world
        .wait_guest(guest.vmid, "to have its medium", |guest| {
            inside(&guest.config["ide0"]) == medium
        })
        .await;
    world.wait_ready("web").await;
    assert_eq!(world.sent("POST", "/nodes/*/storage/*/upload").len(), 1);

    // The Secret says something else.
    write_secret(&world, "setup", "userdata", SECOND).await;
    let other = async || {
        media(&world)
            .into_iter()
            .find(|found| *found != medium && *found != foreign)
    };
    let second = world.wait_until("another medium", other).await;
    world
        .wait_until("the first one to be gone", async || {
            (!media(&world).contains(&medium)).then_some(())
        })
        .await;
    world.wait_ready("web").await;
    assert_eq!(inside(&world.guest("web").await.config["ide0"]), second);
    assert_eq!(recorded(&world).await, std::slice::from_ref(&second));
    world.wait_event("web", "MediumRemoved", &medium).await;

    // Somebody removes the file under a stopped machine: it would not start.
    world
        .patch_vm("web", json!({"spec": {"powerState": "Stopped"}}))
        .await;
    world.wait_ready("web").await;
    world.sim.remove_volume("pve1", &second).unwrap();
    world
        .patch_vm("web", json!({"spec": {"powerState": "Running"}}))
        .await;
    world.wait_ready("web").await;
    assert!(world.guest("web").await.running);
    assert!(contains(&world.sim.uploaded("pve1", &second).unwrap(), SECOND));

    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(media(&world), [foreign]);
}

#[tokio::test]
async fn another_hostname_takes_a_medium_of_its_own_and_gives_it_back() {
    let world = world("seed-hostname").await;
    let machine: Value = json!({
        "memory": {"size": "64Mi"},
        "disks": [{"name": "scsi0", "size": "1Gi", "storage": "local-lvm"}],
        "networks": [{"name": "net0", "bridge": "vmbr0"}],
        "cloudInit": {"hostname": "web", "user": "ada", "passwordRef": {"name": "login"}, "nameservers": ["192.0.2.53"]},
    });
    write_secret(&world, "login", "password", "first-words").await;
    world.apply_vm("web", &machine.to_string()).await;
    world.wait_ready("web").await;
    let guest = world.guest("web").await;
    assert!(
        guest.config["ide0"].contains("cloudinit"),
        "the host tells it its name by itself"
    );

    let hostname = |name: Value| json!({"spec": {"cloudInit": {"hostname": name}}});
    world.patch_vm("web", hostname(json!("front.example.com"))).await;
    world
        .wait_guest(guest.vmid, "to have a medium of its own alone", |guest| {
            let drives = guest
                .config
                .iter()
                .filter(|(_, value)| value.contains("media=cdrom"));
            let drives: Vec<_> = drives.collect();
            drives.len() == 1 && drives[0].1.contains("iso/drover-")
        })
        .await;
    world.wait_ready("web").await;
    let image = world.sim.uploaded("pve1", &media(&world)[0]).unwrap();
    for text in ["front.example.com", "\"user\":\"ada\"", "192.0.2.53", "$6$"] {
        assert!(contains(&image, text), "{text}");
    }
    assert!(!contains(&image, "first-words"), "the password is hashed");

    world.patch_vm("web", hostname(Value::Null)).await;
    world
        .wait_guest(guest.vmid, "to have the host's medium alone", |guest| {
            let drives = guest
                .config
                .iter()
                .filter(|(_, value)| value.contains("media=cdrom"));
            let drives: Vec<_> = drives.collect();
            drives.len() == 1 && drives[0].1.contains("cloudinit")
        })
        .await;
    world
        .wait_until("its own to be gone", async || {
            media(&world).is_empty().then_some(())
        })
        .await;
    world.wait_ready("web").await;
    assert_eq!(
        world.vm("web").await.status.unwrap().cloud_init.unwrap().media,
        []
    );
}

#[tokio::test]
async fn lost_answers_leave_one_medium_and_none_in_the_end() {
    let world = world("seed-lost").await;
    write_secret(&world, "setup", "script", FIRST).await;
    for (method, path) in [
        ("POST", "/nodes/*/storage/*/upload"),
        ("DELETE", "/nodes/*/storage/*/content/*"),
    ] {
        world
            .sim
            .fault(Fault::lost_answer(Matcher::new(method, path)).times(1));
    }
    let keyed = MACHINE.replace("{name: setup}", "{name: setup, key: script}");
    world.apply_vm("web", &keyed).await;
    world.wait_ready("web").await;
    assert_eq!(media(&world).len(), 1);
    assert_eq!(recorded(&world).await, media(&world));
    let vmid = world.vmid("web").await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(media(&world), Vec::<String>::new());
    assert!(world.sim.guest(vmid).is_none());
}

#[tokio::test]
async fn file_in_the_place_of_a_medium_is_not_overwritten_and_one_that_may_not_be_removed_is_named() {
    let world = world("seed-in-the-way").await;
    write_secret(&world, "setup", "userdata", FIRST).await;
    world.apply_vm("web", MACHINE).await;
    world.wait_ready("web").await;
    let medium = media(&world).remove(0);

    // The status is lost, and another file has the name.
    world
        .patch_vm("web", json!({"spec": {"powerState": "Stopped"}}))
        .await;
    world.wait_ready("web").await;
    let forgotten = json!({"status": {"cloudInit": null}});
    world
        .vms()
        .patch_status("web", &PatchParams::default(), &Patch::Merge(forgotten))
        .await
        .unwrap();
    let name = medium.strip_prefix("local:iso/").unwrap();
    world.sim.remove_volume("pve1", &medium).unwrap();
    world.sim.add_iso("pve1", name).unwrap();
    let position = world.sim.position();
    world
        .patch_vm("web", json!({"spec": {"powerState": "Running"}}))
        .await;
    let vm = world.wait_vm("web", "Stalled", "True", "FileInTheWay").await;
    let ready = crate::support::condition(&vm, "Ready").unwrap();
    assert!(ready.message.contains(&medium), "{}", ready.message);
    assert!(world.sim.mutations().since(position).is_empty());
    world.sim.remove_volume("pve1", &medium).unwrap();
    world.wait_ready("web").await;

    let rights = [
        "Sys.Audit",
        "VM.Allocate",
        "VM.Audit",
        "VM.PowerMgmt",
        "VM.Config.Options",
        "Datastore.Audit",
        "Datastore.AllocateSpace",
    ];
    world
        .sim
        .set_rights(world.sim.token_id(), Some(vec![Rights::new("/", &rights)]))
        .unwrap();
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(media(&world), [medium]);
    world.wait_event("web", "MediumStays", "Datastore.Allocate").await;
}

#[tokio::test]
async fn copy_of_a_machine_with_user_data_gets_its_own_and_leaves_that_of_its_source() {
    let world = world("seed-copy").await;
    write_secret(&world, "setup", "userdata", FIRST).await;
    let stopped = MACHINE.replace("Running", "Stopped");
    world.apply_vm("web", &stopped).await;
    world.wait_ready("web").await;
    let first = media(&world);
    assert_eq!(first.len(), 1);
    let source = world.vmid("web").await;
    for (name, told) in [
        ("copy", ", cloudInit: {userDataRef: {name: setup}}"),
        ("plain", ", cloudInit: {user: ada}"),
        ("bare", ""),
    ] {
        let spec = format!("{{powerState: Running, source: {{clone: {{vmid: {source}}}}}{told}}}");
        world.apply_vm(name, &spec).await;
        world.wait_ready(name).await;
    }
    let own = inside(&world.guest("copy").await.config["ide0"]);
    assert!(own != first[0] && media(&world).contains(&own), "{own}");
    let config = world.guest("plain").await.config;
    let drives: Vec<&String> = config
        .values()
        .filter(|value| value.contains("media=cdrom"))
        .collect();
    assert!(drives.len() == 1 && drives[0].contains("cloudinit"), "{drives:?}");
    let bare = world.guest("bare").await.config;
    let drives = bare.values().filter(|value| value.contains("media=cdrom"));
    assert_eq!(drives.count(), 0, "what its source is told is not told to it");
    assert_eq!(media(&world).len(), 2, "the source has its own");
    assert_eq!(inside(&world.guest("web").await.config["ide0"]), first[0]);
}

#[tokio::test]
async fn user_data_that_is_left_to_people_is_given_once() {
    let world = world("seed-ignored").await;
    write_secret(&world, "setup", "userdata", FIRST).await;
    world
        .apply_vm("web", &format!("{MACHINE}\ndrift: {{ignore: [cloudInit]}}"))
        .await;
    world.wait_ready("web").await;
    let guest = world.guest("web").await;
    assert!(guest.running && guest.config["ide0"].contains("iso/drover-"));
    world
        .sim
        .change_config(guest.vmid, &[("ide0", Some("none,media=cdrom"))])
        .unwrap();
    let position = world.sim.position();
    world.passes("web", 3).await;
    world.wait_ready("web").await;
    assert!(world.sim.mutations().since(position).is_empty());
}

#[tokio::test]
async fn copy_whose_secret_goes_before_its_first_start_waits_for_it() {
    let world = world("seed-vanishes").await;
    write_secret(&world, "setup", "userdata", FIRST).await;
    world
        .apply_vm("web", &MACHINE.replace("Running", "Stopped"))
        .await;
    world.wait_ready("web").await;
    let source = world.vmid("web").await;
    write_secret(&world, "other", "userdata", SECOND).await;
    let clone = Matcher::new("POST", "/nodes/*/qemu/*/clone");
    world
        .sim
        .fault(Fault::delay(clone.clone(), std::time::Duration::from_secs(2)).times(1));
    let spec = format!(
        "{{powerState: Running, source: {{clone: {{vmid: {source}}}}}, cloudInit: {{userDataRef: {{name: other}}}}}}"
    );
    world.apply_vm("copy", &spec).await;
    world
        .wait_until("the copy to be asked for", async || {
            (!world
                .sim
                .requests()
                .matching("POST", "/nodes/*/qemu/*/clone")
                .0
                .is_empty())
            .then_some(())
        })
        .await;
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), &world.name);
    secrets.delete("other", &DeleteParams::default()).await.unwrap();
    world.wait_vm("copy", "Ready", "False", "SecretNotUsable").await;
    world.passes("copy", 3).await;
    assert!(
        !world.guest("copy").await.running,
        "it would start with its source's"
    );
    write_secret(&world, "other", "userdata", SECOND).await;
    world.wait_ready("copy").await;
    let config = world.guest("copy").await.config;
    let medium = world.sim.uploaded("pve1", &inside(&config["ide0"])).unwrap();
    assert!(contains(&medium, SECOND));
}
