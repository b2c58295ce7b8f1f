//! What nobody declared is found: machines of others, further members of a cluster, privileges that are missing.

use drover::api::ManagementPolicy;
use kube::{ResourceExt, api::ListParams};
use pve_sim::{Rights, Seed, SeedGuest};
use serde_json::json;

use crate::{
    create::SMALL,
    support::{World, condition, drover},
};

#[tokio::test]
async fn machines_of_others_are_shown_and_go_when_they_are_gone() {
    let world = World::builder("discovery")
        .seed(|seed| seed.with_foreign_vms(3))
        .host(json!({"tenancy": null}))
        .start()
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    world
        .patch_host(
            &world.name,
            json!({"spec": {"discovery": "Observe", "discoveryNamespace": world.name, "allowedNamespaces": {"from": "None"}}}),
        )
        .await;
    let found = world
        .wait_until("the machines to be shown", async || {
            let all = world.vms().list(&ListParams::default()).await.unwrap().items;
            // The template and three others.
            (all.len() == 4).then_some(all)
        })
        .await;
    for vm in &found {
        assert_eq!(vm.labels()["drover.dev/discovered-by"], world.name);
        assert_eq!(vm.spec.management_policy, Some(ManagementPolicy::Observe));
        let ready = world.wait_ready(&vm.name_any()).await;
        assert_eq!(condition(&ready, "Ready").unwrap().reason, "Observed");
        assert!(ready.finalizers().is_empty());
    }
    let first = found
        .iter()
        .find(|vm| vm.spec.vmid == Some(101))
        .unwrap()
        .name_any();
    assert!(first.ends_with("-101"), "{first}");
    world.sim.destroy(101).unwrap();
    world.wait_vm_gone(&first).await;
    // One that appears is shown too, and one that somebody declares belongs to that resource alone.
    let seed = SeedGuest::new(150, "newcomer");
    world.sim.add_guest(seed).unwrap();
    world.wait_ready("newcomer-150").await;
    world
        .patch_host(
            &world.name,
            json!({"spec": {"allowedNamespaces": {"from": "All"}, "tenancy": {"mode": "Trusted"}}}),
        )
        .await;
    let adopting = json!({"apiVersion": "drover.dev/v1alpha1", "kind": "VirtualMachine",
        "metadata": {"name": "mine", "annotations": {"drover.dev/adopt": "true"}},
        "spec": {"hostRef": {"kind": "ProxmoxNode", "name": world.name}, "vmid": 150}});
    world.apply(&adopting.to_string()).await;
    world.wait_ready("mine").await;
    world.wait_vm_gone("newcomer-150").await;
    assert!(world.sim.guest(150).is_some());
    let sent = world.sim.mutations();
    assert_eq!(sent.len(), 1, "{sent:?}");
}

#[tokio::test]
async fn a_list_that_a_token_may_not_see_any_more_takes_no_resource_away() {
    let world = World::builder("discovery-rights")
        .seed(|seed| seed.with_foreign_vms(2))
        .start()
        .await;
    world
        .patch_host(
            &world.name,
            json!({"spec": {"discovery": "Observe", "discoveryNamespace": world.name}}),
        )
        .await;
    let count = async || {
        world
            .vms()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len()
    };
    world
        .wait_until("the machines to be shown", async || {
            (count().await == 3).then_some(())
        })
        .await;
    world
        .sim
        .set_rights(world.sim.token_id(), Some(vec![Rights::new("/", &["Sys.Audit"])]))
        .unwrap();
    world
        .wait_until("the machines to be seen no longer", async || {
            let host = world.hosts().get(&world.name).await.unwrap();
            let guests = host.status?.guests?;
            (guests.virtual_machines == 0).then_some(())
        })
        .await;
    world.passes_of_host(2).await;
    assert_eq!(count().await, 3);
}

#[tokio::test]
async fn doctor_looks_at_members_that_nobody_declared_and_compares_their_versions() {
    let mut guest = SeedGuest::new(150, "elsewhere");
    guest.node = Some("pve2".to_owned());
    let lost = "0f0f0f0f-0000-4000-8000-0123456789ab";
    let mark = format!(
        "<!-- drover/v1 cluster={lost} kind=VirtualMachine namespace=a name=b uid=0b7e0a64-0f2c-4b1e-9d3f-1c2d3e4f5a6b id=150 -->"
    );
    guest.config.insert("description".to_owned(), mark);
    let world = World::builder("doctor-members")
        .seed(|seed| Seed { nodes: 2, ..seed }.with_guest(guest))
        .start()
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    let told = drover(&["doctor", "--host", &world.name]);
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in [
        "ok       versions     all members alike: pve1 ",
        &format!(
            "warning  marks        1 machines on pve1, pve2 carry marks of another Kubernetes cluster ({lost})"
        ),
    ] {
        assert!(told.printed.contains(part), "{part} in:\n{}", told.printed);
    }

    world.sim.set_node_version("pve2", "8.4.1");
    let told = drover(&["doctor", "--host", &world.name]);
    assert!(
        told.printed
            .contains("warning  versions     the members' releases differ"),
        "{told:?}"
    );
}

#[tokio::test]
async fn doctor_warns_of_nodes_of_the_same_name_in_different_clusters() {
    let named = |seed| Seed {
        node_names: vec!["namesake".to_owned()],
        ..seed
    };
    let one = World::builder("doctor-namesake").seed(named).start().await;
    one.wait_host("Ready", "True", "Usable").await;
    let told = drover(&["doctor", "--host", &one.name]);
    assert!(
        told.code == Some(0) && !told.printed.contains("node namesake too"),
        "{told:?}"
    );
    let two = World::builder("doctor-namesake-2").seed(named).start().await;
    two.wait_host("Ready", "True", "Usable").await;
    let told = drover(&["doctor", "--host", &one.name]);
    let line = format!(
        "warning  node         other clusters have a node namesake too (ProxmoxNode {}): ",
        two.name
    );
    assert!(told.code == Some(0) && told.printed.contains(&line), "{told:?}");
}

#[tokio::test]
async fn further_members_of_a_cluster_are_declared() {
    let world = World::builder("members")
        .seed(|seed| Seed { nodes: 3, ..seed })
        .host(json!({"discoverMembers": true}))
        .start()
        .await;
    for node in ["pve2", "pve3"] {
        let found = world
            .wait_until(&format!("{node} to be declared"), async || {
                let of_test = ListParams::default().labels(&format!("test={}", world.name));
                let hosts = world.hosts().list(&of_test).await.unwrap().items;
                hosts
                    .into_iter()
                    .find(|h| h.spec.node_name.as_deref() == Some(node))
            })
            .await;
        let name = found.name_any();
        world
            .wait_for(&world.hosts(), &name, "Ready", "True", "Usable")
            .await;
        assert_eq!(found.spec.connection_ref.unwrap().name, world.name);
        assert_eq!(found.spec.defaults.unwrap().storage.as_deref(), Some("local-lvm"));
        let machine = format!("on-{node}");
        let spec = format!("{SMALL}\nhostRef: {{kind: ProxmoxNode, name: {name}}}");
        world.apply_vm(&machine, &spec).await;
        world.wait_ready(&machine).await;
        assert_eq!(world.guest(&machine).await.node, node);
    }
    world.wait_event(&world.name, "Discovered", "node pve3").await;
    let of_test = ListParams::default().labels(&format!("test={}", world.name));
    assert_eq!(world.hosts().list(&of_test).await.unwrap().items.len(), 3);
}

#[tokio::test]
async fn privileges_that_are_missing_are_named_with_the_commands_that_grant_them() {
    let world = World::new("privileges").await;
    world.wait_host("Ready", "True", "Usable").await;
    let all = world.hosts().get(&world.name).await.unwrap();
    assert!(all.status.unwrap().missing_privileges.is_empty());
    let fine = drover(&["doctor", "--host", &world.name]);
    assert_eq!(fine.code, Some(0), "{fine:?}");
    for part in [
        "ok       privileges",
        "ok       clock",
        "'local-lvm' (lvmthin)",
        "vmbr0",
        "nothing is wrong",
    ] {
        assert!(fine.printed.contains(part), "{part} in:\n{}", fine.printed);
    }
    assert!(!fine.printed.contains("only some machines need"), "{fine:?}");

    let few = [
        "Sys.Audit",
        "VM.Audit",
        "Datastore.Audit",
        "Datastore.AllocateSpace",
    ];
    world
        .sim
        .set_rights(world.sim.token_id(), Some(vec![Rights::new("/", &few)]))
        .unwrap();
    world
        .patch_host(
            &world.name,
            json!({"spec": {"defaults": {"isoStorage": "nowhere"}, "tenancy": {"bridges": ["vmbr7"], "pools": ["lab"]}}}),
        )
        .await;
    let host = world
        .wait_until("the missing privileges", async || {
            let host = world.hosts().get(&world.name).await.unwrap();
            let told = &host.status.as_ref()?.missing_privileges;
            let all = [
                "VM.Migrate on /vms",
                "SDN.Use on /sdn/zones/localnetwork/vmbr7",
                "Pool.Allocate on /pool/lab",
            ];
            let told = all.iter().all(|one| told.iter().any(|row| row == one));
            told.then_some(host)
        })
        .await;
    let message = &condition(&host, "Ready").unwrap().message;
    assert!(
        !message.contains("Sys.Console"),
        "only some machines need it: {message}"
    );
    assert!(
        message.contains("VM.Migrate on /vms") && message.contains("drover doctor"),
        "{message}"
    );
    let ill = drover(&["doctor", "--host", &world.name]);
    assert_eq!(ill.code, Some(1), "{ill:?}");
    for part in [
        "WRONG    privileges",
        "pveum role add DroverMissing-vms",
        "pveum acl modify /vms --tokens",
        "pveum acl modify /pool/lab --tokens",
        "lacks what only some machines need: Sys.Console on / (highAvailability), ",
        "Datastore.Allocate on /storage/nowhere",
        "no storage 'nowhere'",
        "no bridge or virtual network 'vmbr7'",
    ] {
        assert!(ill.printed.contains(part), "{part} in:\n{}", ill.printed);
    }
    // Without this one the cluster can't even be looked at.
    world
        .sim
        .set_rights(world.sim.token_id(), Some(vec![Rights::new("/", &["VM.Audit"])]))
        .unwrap();
    let ill = drover(&["doctor", "--host", &world.name]);
    assert!(
        ill.printed.contains("Sys.Audit") && ill.printed.contains("pveum role add"),
        "{ill:?}"
    );
    let unknown = drover(&["doctor", "--host", "nobody"]);
    assert!(
        unknown.code == Some(1) && unknown.said.contains("there is no ProxmoxNode 'nobody'"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn doctor_tells_a_host_that_does_not_answer_one_that_is_doubled_and_marks_of_others() {
    let world = World::new("doctor").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let notes = world.guest("web").await.config["description"].clone();
    let twin = format!("{}-twin", world.name);
    world.declare(&twin, json!({})).await;
    world
        .wait_for(&world.hosts(), &twin, "Ready", "True", "Usable")
        .await;
    let told = drover(&["doctor", "--host", &world.name]);
    assert!(
        told.code == Some(1)
            && told
                .printed
                .contains(&format!("'{twin}' stands for the same node")),
        "{told:?}"
    );
    assert!(
        told.printed
            .contains("1 machines are of this Kubernetes cluster (on pve1)"),
        "{told:?}"
    );

    // As if another Kubernetes cluster had made it.
    let mut parts = notes.split_whitespace();
    let cluster = parts
        .find_map(|part| part.strip_prefix("cluster="))
        .unwrap()
        .to_owned();
    let lost = "0f0f0f0f-0000-4000-8000-0123456789ab";
    world
        .sim
        .change_config(vmid, &[("description", Some(&notes.replace(&cluster, lost)))])
        .unwrap();
    let told = drover(&["doctor", "--host", &world.name]);
    assert!(
        told.printed.contains(&format!("--recover-from {lost}")),
        "{told:?}"
    );

    world.sim.stop_listener();
    let told = drover(&["doctor", "--host", &world.name]);
    assert!(
        told.code == Some(1) && told.printed.contains("WRONG    connection"),
        "{told:?}"
    );
    world.host_up().await;
}
