//! Hosts are looked at once a cluster, say what they are, and let in whom their owner names.

use std::time::Instant;

use drover::api::ProxmoxNode;
use kube::ResourceExt;
use pve_sim::{Fault, Matcher, Requests, Seed, SeedToken};
use serde_json::json;

use crate::{
    create::SMALL,
    support::{World, condition},
};

#[tokio::test]
async fn ready_host_shows_what_it_is_and_has() {
    let world = World::builder("host")
        .seed(|s| Seed { nodes: 2, ..s }.with_foreign_vms(6))
        .start()
        .await;
    let host = world.wait_host("Ready", "True", "Usable").await;
    for type_ in ["Reachable", "Authenticated", "Quorate"] {
        assert_eq!(condition(&host, type_).unwrap().status, "True", "{type_}");
    }
    assert!(condition(&host, "Reconciling").is_none() && condition(&host, "Stalled").is_none());
    let status = host.status.unwrap();
    assert!(status.version.unwrap().starts_with("9."));
    assert_eq!(status.node_name.as_deref(), Some("pve1"));
    let cluster = status.cluster.unwrap();
    let digits = |text: &str| text.replace(':', "").to_ascii_lowercase();
    assert_eq!(digits(&cluster.id), digits(world.sim.ca_fingerprint()));
    assert_eq!(cluster.members, ["pve1", "pve2"]);
    let capacity = status.capacity.unwrap();
    assert_eq!((capacity.cpus, capacity.memory.0.as_str()), (16, "128Gi"));
    let of_node = |guest: &pve_sim::GuestView| guest.node == "pve1";
    let guests = world.sim.guests();
    let count = guests.iter().filter(|g| of_node(g)).count();
    assert_eq!(status.guests.unwrap().virtual_machines as usize, count);
    let running = guests.iter().filter(|g| of_node(g) && g.running).count();
    assert!(running > 0 && status.allocated.unwrap().cpus > 0);
    let storages: Vec<_> = status
        .storages
        .iter()
        .map(|s| (s.name.as_str(), s.active))
        .collect();
    assert_eq!(storages, [("local", true), ("local-lvm", true)]);
    let local = &status.storages[0];
    assert!(local.type_ == "dir" && local.content.contains(&"iso".to_owned()) && !local.shared);
}

#[tokio::test]
async fn namespace_must_be_named_by_the_hosts_owner() {
    let world = World::builder("namespaces")
        .host(json!({"allowedNamespaces": null}))
        .start()
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    world.apply_vm("web", SMALL).await;
    let vm = world
        .wait_vm("web", "Stalled", "True", "NamespaceNotAllowed")
        .await;
    assert!(vm.finalizers().is_empty());
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains("spec.allowedNamespaces") && message.contains(&world.name),
        "{message}"
    );

    let selector = json!({"from": "Selector", "selector": {"matchLabels": {"team": world.name}}});
    world
        .patch_host(&world.name, json!({"spec": {"allowedNamespaces": selector}}))
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    world
        .wait_vm("web", "Stalled", "True", "NamespaceNotAllowed")
        .await;
    assert!(world.sim.mutations().is_empty());

    world.kubectl(&["label", "namespace", &world.name, &format!("team={}", world.name)]);
    world.wait_ready("web").await;
    // Taken away again, nothing new is made; the machine that is there can still be deleted.
    world
        .patch_host(
            &world.name,
            json!({"spec": {"allowedNamespaces": {"from": "None", "selector": null}}}),
        )
        .await;
    world
        .wait_vm("web", "Stalled", "True", "NamespaceNotAllowed")
        .await;
    let vmid = world.vmid("web").await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
}

#[tokio::test]
async fn rotated_secret_is_taken_up_without_a_restart() {
    let world = World::new("rotated").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    world
        .sim
        .change_secret(world.sim.token_id(), "11111111-1111-4111-8111-111111111111")
        .unwrap();
    let host = world.wait_host("Stalled", "True", "CredentialsRefused").await;
    assert_eq!(condition(&host, "Authenticated").unwrap().status, "False");
    world
        .patch_vm("web", json!({"spec": {"memory": {"size": "128Mi"}}}))
        .await;
    world
        .wait_vm("web", "Ready", "Unknown", "CredentialsRefused")
        .await;

    world.write_secret("11111111-1111-4111-8111-111111111111").await;
    world.wait_host("Ready", "True", "Usable").await;
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.config["memory"], "128");
}

#[tokio::test]
async fn a_user_with_a_password_stands_for_a_token_and_its_ticket_is_renewed() {
    let world = World::builder("password")
        .seed(|seed| seed.with_root_password("pa;ss"))
        .start()
        .await;
    world
        .write_credentials(&[("username", "root@pam"), ("password", "wrong")])
        .await;
    world.wait_host("Stalled", "True", "CredentialsRefused").await;
    world
        .write_credentials(&[("username", "root@pam"), ("password", "pa;ss")])
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let users = |requests: &Requests| {
        requests
            .iter()
            .filter(|r| r.user.as_deref() == Some("root@pam"))
            .count()
    };
    assert!(users(&world.sim.mutations()) > 0);

    let logins = || world.sim.requests().matching("POST", "/access/ticket").len();
    let before = logins();
    world
        .sim
        .fault(Fault::status(Matcher::new("GET", "/cluster/resources"), 401, "No ticket").times(1));
    world
        .wait_until("another login", async || (logins() == before + 1).then_some(()))
        .await;
    world
        .patch_vm("web", json!({"spec": {"memory": {"size": "128Mi"}}}))
        .await;
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.config["memory"], "128");
    assert_eq!(logins(), before + 1);
}

#[tokio::test]
async fn two_hosts_of_one_cluster_share_one_watcher() {
    let world = World::builder("shared")
        .seed(|s| Seed { nodes: 2, ..s })
        .start()
        .await;
    let alone = rate(&world).await;
    let poll = json!({"tasks": "200ms", "resources": "500ms", "sweep": "1h"});
    let second = format!("{}-2", world.name);
    world
        .declare(
            &second,
            json!({"nodeName": "pve2", "poll": poll, "allowedNamespaces": {"from": "All"}, "defaults": {"storage": "local-lvm"}}),
        )
        .await;
    let hosts = world.hosts();
    let two: ProxmoxNode = world.wait_for(&hosts, &second, "Ready", "True", "Usable").await;
    let one = world.wait_host("Ready", "True", "Usable").await;
    let cluster = |host: &ProxmoxNode| host.status.as_ref().unwrap().cluster.clone().unwrap().id;
    assert_eq!(cluster(&one), cluster(&two));
    assert_eq!(two.status.unwrap().node_name.as_deref(), Some("pve2"));
    let both = rate(&world).await;
    assert!(
        both < alone * 1.5,
        "{both:.2} instead of {alone:.2} bulk lists a second"
    );

    let spec = format!("{SMALL}\nhostRef: {{kind: ProxmoxNode, name: {second}}}");
    world.apply_vm("web", &spec).await;
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.node, "pve2");
}

/// How many times a second the bulk list and the tasks are asked for.
async fn rate(world: &World) -> f64 {
    world.wait_host("Ready", "True", "Usable").await;
    let position = world.sim.position();
    let since = Instant::now();
    let mut count = 0;
    world
        .wait_until("enough polls to tell", async || {
            let polls = world.sim.requests().since(position);
            count = polls.matching("GET", "/cluster/resources").len()
                + polls.matching("GET", "/cluster/tasks").len();
            (count >= 30).then_some(())
        })
        .await;
    f64::from(u32::try_from(count).unwrap()) / since.elapsed().as_secs_f64()
}

#[tokio::test]
async fn host_takes_its_connection_from_another_one_of_its_cluster() {
    let world = World::builder("connection-ref")
        .seed(|s| Seed { nodes: 2, ..s })
        .start()
        .await;
    let second = format!("{}-2", world.name);
    let fields = json!({
        "host": null, "port": null, "credentialsRef": null, "tls": null,
        "connectionRef": {"name": world.name}, "nodeName": "pve2",
        "allowedNamespaces": {"from": "All"}, "defaults": {"storage": "local-lvm", "bridge": "vmbr0"},
    });
    world.declare(&second, fields).await;
    world
        .wait_for(&world.hosts(), &second, "Ready", "True", "Usable")
        .await;
    let spec = format!("{SMALL}\nhostRef: {{kind: ProxmoxNode, name: {second}}}");
    world.apply_vm("web", &spec).await;
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.node, "pve2");

    // The one that it needs can't go before it.
    world
        .hosts()
        .delete(&world.name, &kube::api::DeleteParams::default())
        .await
        .unwrap();
    let host = world.wait_host("Ready", "False", "InUse").await;
    let message = &condition(&host, "Ready").unwrap().message;
    assert!(message.contains(&format!("ProxmoxNode {second}")), "{message}");
}

#[tokio::test]
async fn host_that_goes_down_and_comes_back_heals_by_itself() {
    let world = World::new("outage").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let position = world.sim.position();
    world.sim.stop_listener();
    let host = world.wait_host("Ready", "Unknown", "HostUnreachable").await;
    assert_eq!(condition(&host, "Reachable").unwrap().status, "False");
    world
        .patch_vm("web", json!({"spec": {"memory": {"size": "128Mi"}}}))
        .await;
    world.wait_vm("web", "Ready", "Unknown", "HostUnreachable").await;
    assert!(world.sim.mutations().since(position).is_empty());
    world.host_up().await;
    world.wait_host("Ready", "True", "Usable").await;
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.config["memory"], "128");
}

#[tokio::test]
async fn every_way_to_check_the_certificate_works_and_a_wrong_one_is_told() {
    let world = World::builder("tls").undeclared().start().await;
    world.write_secret(world.sim.token_secret()).await;
    for (name, tls) in [
        ("ca", json!({"fingerprint": null, "caBundle": world.sim.ca_pem()})),
        ("any", json!({"fingerprint": null, "insecureSkipVerify": true})),
        ("pin", json!({"fingerprint": world.sim.fingerprint()})),
    ] {
        let name = format!("{}-{name}", world.name);
        world.declare(&name, json!({"tls": tls})).await;
        world
            .wait_for(&world.hosts(), &name, "Ready", "True", "Usable")
            .await;
    }
    let stranger = ["AB"; 32].join(":");
    for (name, tls) in [
        ("system", json!({"fingerprint": null})),
        ("other", json!({"fingerprint": stranger})),
    ] {
        let name = format!("{}-{name}", world.name);
        world.declare(&name, json!({"tls": tls})).await;
        let host = world
            .wait_for(&world.hosts(), &name, "Stalled", "True", "CertificateNotTrusted")
            .await;
        let message = &condition(&host, "Ready").unwrap().message;
        assert!(
            message.to_ascii_uppercase().contains(world.sim.fingerprint()),
            "{message}"
        );
    }
}

#[tokio::test]
async fn mistakes_in_a_hosts_declaration_are_told_and_heal_once_mended() {
    let world = World::builder("host-mistakes").undeclared().start().await;
    let hosts = world.hosts();
    let name = world.name.as_str();
    world.declare(name, json!({})).await;
    let host = world.wait_host("Stalled", "True", "CredentialsMissing").await;
    let message = &condition(&host, "Ready").unwrap().message;
    assert!(
        message.contains("tokenId") && message.contains("tokenSecret"),
        "{message}"
    );
    world.write_secret("00000000-0000-4000-8000-000000000000").await;
    world.wait_host("Stalled", "True", "CredentialsRefused").await;
    world.write_secret(world.sim.token_secret()).await;
    world.wait_host("Ready", "True", "Usable").await;

    let unknown = format!("{name}-node");
    world.declare(&unknown, json!({"nodeName": "pve9"})).await;
    let host = world
        .wait_for(&hosts, &unknown, "Stalled", "True", "NodeNotFound")
        .await;
    assert!(
        condition(&host, "Ready").unwrap().message.contains("pve1"),
        "it names the nodes that are there"
    );

    let elsewhere = format!("{name}-elsewhere");
    world
        .declare(
            &elsewhere,
            json!({"credentialsRef": {"namespace": "kube-system", "name": "x"}}),
        )
        .await;
    world
        .wait_for(&hosts, &elsewhere, "Stalled", "True", "CredentialsNotAllowed")
        .await;

    let refused = format!("{name}-refused");
    world.declare(&refused, json!({"port": 1})).await;
    world
        .wait_for(&hosts, &refused, "Ready", "Unknown", "HostUnreachable")
        .await;
    world
        .patch_host(&refused, json!({"spec": {"port": world.sim.port()}}))
        .await;
    world.wait_for(&hosts, &refused, "Ready", "True", "Usable").await;

    let lonely = format!("{name}-lonely");
    let fields = json!({
        "host": null, "port": null, "credentialsRef": null, "tls": null,
        "connectionRef": {"name": "no-such-host"}, "nodeName": "pve1",
    });
    world.declare(&lonely, fields).await;
    world
        .wait_for(&hosts, &lonely, "Stalled", "True", "ConnectionRefInvalid")
        .await;
    assert!(world.sim.mutations().is_empty());
}

#[tokio::test]
async fn address_that_leads_to_another_cluster_is_noticed() {
    let world = World::new("cluster-changed").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let other = World::builder("cluster-other")
        .undeclared()
        .without_drover()
        .start()
        .await;
    other
        .sim
        .add_token(SeedToken::full(world.sim.token_id(), world.sim.token_secret()))
        .unwrap();
    let there = json!({"port": other.sim.port(), "tls": {"fingerprint": other.sim.fingerprint()}});
    world.patch_host(&world.name, json!({"spec": there})).await;
    world.wait_host("Stalled", "True", "ClusterChanged").await;
    world.delete_vm("web").await;
    let vm = world.wait_vm("web", "Deleting", "True", "ClusterChanged").await;
    assert!(!vm.finalizers().is_empty());
    assert!(other.sim.mutations().is_empty(), "nothing is sent to a stranger");

    let back = json!({"port": world.sim.port(), "tls": {"fingerprint": world.sim.fingerprint()}});
    world.patch_host(&world.name, json!({"spec": back})).await;
    world.wait_vm_gone("web").await;
}

#[tokio::test]
async fn cluster_without_a_majority_is_not_changed() {
    let world = World::builder("quorum")
        .seed(|s| Seed { nodes: 3, ..s })
        .start()
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    world.sim.set_quorum(false);
    world.wait_host("Quorate", "False", "*").await;
    world.apply_vm("web", SMALL).await;
    world.wait_vm("web", "Ready", "Unknown", "NotQuorate").await;
    world.passes("web", 5).await;
    world.wait_vm("web", "Ready", "Unknown", "NotQuorate").await;
    assert!(
        world.sim.mutations().is_empty(),
        "nothing is sent without a majority: {:?}",
        world.sim.mutations()
    );
    world.sim.set_quorum(true);
    world.wait_host("Ready", "True", "Usable").await;
    world.wait_ready("web").await;
    let made: Vec<_> = world.sim.guests().into_iter().filter(|g| !g.template).collect();
    assert_eq!(made.len(), 1);
}

#[tokio::test]
async fn slow_answer_of_one_call_does_not_hold_up_the_host() {
    let world = World::new("slow").await;
    world.wait_host("Ready", "True", "Usable").await;
    let slow = Matcher::new("GET", "/nodes/*/storage/*/content");
    world
        .sim
        .fault(Fault::delay(slow, std::time::Duration::from_secs(3)).times(1));
    world
        .apply_vm(
            "slow",
            &format!("{SMALL}\ncdrom: {{iso: 'local:iso/debian-12.iso'}}"),
        )
        .await;
    world.apply_vm("quick", SMALL).await;
    world.wait_ready("quick").await;
    world.wait_ready("slow").await;
}

#[tokio::test]
async fn restart_takes_nothing_back_and_reads_no_unchanged_machine() {
    let mut world = World::new("restart").await;
    for name in ["one", "two", "three"] {
        world.apply_vm(name, SMALL).await;
        world.wait_ready(name).await;
    }
    world
        .wait_until("the host to count them", async || {
            let host = world.hosts().get(&world.name).await.unwrap();
            (host.status?.guests?.virtual_machines == 4).then_some(())
        })
        .await;
    let versions = async |world: &World| {
        let mut versions = vec![world.hosts().get(&world.name).await.unwrap().resource_version()];
        for name in ["one", "two", "three"] {
            versions.push(world.vm(name).await.resource_version());
        }
        versions
    };
    world.stop_drover().await;
    let (before, position) = (versions(&world).await, world.sim.position());
    world.start_drover();
    world
        .wait_until("the new Drover to have looked around", async || {
            let lists = world
                .sim
                .requests()
                .since(position)
                .matching("GET", "/cluster/resources");
            (lists.len() >= 6).then_some(())
        })
        .await;
    assert_eq!(versions(&world).await, before, "Kubernetes gets no writes");
    let about = world
        .sim
        .requests()
        .since(position)
        .matching("*", "/nodes/*/qemu/**");
    assert!(about.is_empty(), "{about:?}");
    // It is not simply blind.
    world
        .patch_vm("two", json!({"spec": {"memory": {"size": "128Mi"}}}))
        .await;
    world.wait_ready("two").await;
    assert_eq!(world.guest("two").await.config["memory"], "128");
}

/// A door to the simulated host that can be shut.
async fn door(to: u16) -> (u16, tokio::task::JoinSet<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut open = tokio::task::JoinSet::new();
    open.spawn(async move {
        let mut guests = tokio::task::JoinSet::new();
        while let Ok((mut one, _)) = listener.accept().await {
            guests.spawn(async move {
                let Ok(mut other) = tokio::net::TcpStream::connect(("127.0.0.1", to)).await else {
                    return;
                };
                let _ended = tokio::io::copy_bidirectional(&mut one, &mut other).await;
            });
        }
    });
    (port, open)
}

#[tokio::test]
async fn machines_of_a_host_that_does_not_answer_are_kept_through_another_member() {
    let mut world = World::builder("failover")
        .seed(|s| Seed { nodes: 2, ..s })
        .undeclared()
        .start()
        .await;
    world.write_secret(world.sim.token_secret()).await;
    let (port, mut open) = door(world.sim.port()).await;
    let fields = |node: &str, port: u16| {
        json!({"nodeName": node, "port": port, "timeout": "2s", "allowedNamespaces": {"from": "All"}, "tenancy": {"mode": "Trusted"},
            "poll": {"tasks": "200ms", "resources": "500ms", "sweep": "1h"}, "defaults": {"storage": "local-lvm", "bridge": "vmbr0"}})
    };
    let second = format!("{}-2", world.name);
    world.declare(&world.name.clone(), fields("pve1", port)).await;
    // The first one to be known is the one that is asked.
    world.wait_host("Ready", "True", "Usable").await;
    world.declare(&second, fields("pve2", world.sim.port())).await;
    let _two: ProxmoxNode = world
        .wait_for(&world.hosts(), &second, "Ready", "True", "Usable")
        .await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;

    open.shutdown().await;
    world.wait_host("Reachable", "False", "HostUnreachable").await;
    for memory in [96, 128] {
        world
            .patch_vm(
                "web",
                json!({"spec": {"memory": {"size": format!("{memory}Mi")}}}),
            )
            .await;
        world.wait_ready("web").await;
        assert_eq!(world.guest("web").await.config["memory"], memory.to_string());
        // A Drover that never saw the host answer knows its cluster by the status.
        world.kill_drover();
        world.start_drover();
    }
    let vmid = world.vmid("web").await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
}
