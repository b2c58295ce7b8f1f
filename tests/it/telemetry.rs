//! The built program as a platform runs it: probes, metrics, logs, an orderly end, and mistakes named at once.

use std::{process::Command, time::Duration};

use serde_json::json;

use crate::{create::SMALL, support::World};

#[tokio::test]
async fn program_serves_probes_and_metrics_and_ends_in_order() {
    let world = World::builder("telemetry").without_drover().start().await;
    let mut drover = world.drover_process().await;
    assert_eq!(drover.get("/livez").await, (200, "ok\n".to_owned()));
    world
        .wait_until("readiness", async || {
            let (status, _) = drover.get("/readyz").await;
            (status == 200).then_some(())
        })
        .await;
    let (_, report) = drover.get("/readyz?verbose").await;
    assert!(
        report.contains("[+]caches ok") && report.contains("[+]hosts ok"),
        "{report}"
    );

    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let (status, metrics) = drover.get("/metrics").await;
    assert_eq!(status, 200);
    for part in [
        "drover_reconcile_total{",
        "kind=\"VirtualMachine\"",
        "drover_host_requests_total{",
        &format!("host=\"{}\"", world.name),
        "drover_host_up{",
        "drover_actions_total{",
        "action=\"create\"",
        "drover_kubernetes_writes_total{",
    ] {
        assert!(metrics.contains(part), "{part} in\n{metrics}");
    }
    let up = format!("drover_host_up{{host=\"{}\"}} 1", world.name);
    assert!(metrics.contains(&up), "{up} in\n{metrics}");
    assert!(
        !metrics.contains(world.sim.token_secret()) && !drover.log_text().contains(world.sim.token_secret())
    );

    assert_eq!(drover.terminate().await.code(), Some(0), "{}", drover.log_text());
    let lines = drover.log_lines();
    assert!(
        lines
            .iter()
            .all(|line| line["timestamp"].is_string() && line["level"].is_string())
    );
    let about_it = |line: &&serde_json::Value| line["span"]["machine.name"] == json!("web");
    let created = lines
        .iter()
        .filter(about_it)
        .find(|line| line["action"] == json!("create"))
        .unwrap();
    assert!(
        created["guest.id"].as_str().is_some() && created["task.id"].as_str().is_some(),
        "{created}"
    );
    assert_eq!(created["span"]["machine.namespace"], json!(world.name));
    assert!(lines.iter().any(|line| line["message"] == json!("shutting down")));
    let loud = lines.iter().find(|line| line["level"] == json!("ERROR"));
    assert!(loud.is_none(), "{loud:?}");
}

#[tokio::test]
async fn not_ready_before_the_hosts_were_tried() {
    let world = World::builder("readiness").without_drover().start().await;
    let slow = pve_sim::Matcher::new("GET", "/version");
    let held = world.sim.hold(slow, pve_sim::Mark::BeforeAct);
    let drover = world.drover_process().await;
    held.reached().await;
    let (status, report) = drover.get("/readyz").await;
    assert_eq!(status, 503, "{report}");
    assert!(report.contains("[-]"), "{report}");
    assert_eq!(drover.get("/livez").await.0, 200);
    held.release();
    world
        .wait_until("readiness", async || {
            (drover.get("/readyz").await.0 == 200).then_some(())
        })
        .await;
}

#[tokio::test]
async fn host_that_is_down_does_not_keep_the_program_from_being_ready() {
    let world = World::builder("ready-down").without_drover().start().await;
    world.sim.stop_listener();
    let drover = world.drover_process().await;
    world
        .wait_until("readiness", async || {
            (drover.get("/readyz").await.0 == 200).then_some(())
        })
        .await;
    let down = format!("drover_host_up{{host=\"{}\"}} 0", world.name);
    world
        .wait_until("the metric", async || {
            drover.get("/metrics").await.1.contains(&down).then_some(())
        })
        .await;
}

#[tokio::test]
async fn program_that_was_killed_goes_on_where_it_was() {
    let world = World::builder("killed").without_drover().start().await;
    let drover = world.drover_process().await;
    // Killed when the host has done it and has not answered yet.
    let held = world.sim.hold(
        pve_sim::Matcher::new("POST", "/nodes/*/qemu"),
        pve_sim::Mark::AfterAct,
    );
    world.apply_vm("web", SMALL).await;
    held.reached().await;
    drover.kill();
    held.release();
    let _second = world.drover_process().await;
    world.wait_ready("web").await;
    assert_eq!(world.sim.guests().iter().filter(|g| !g.template).count(), 1);
}

#[test]
fn mistakes_of_the_configuration_are_named_all_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_drover"))
        .args([
            "run",
            "--kubeconfig=/does/not/exist",
            "--workers=none",
            "--log-format=xml",
        ])
        .args(["--host-selector", "a in ("])
        .env("DROVER_SHUTDOWN_GRACE", "soon")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    for part in [
        "5 mistakes",
        "--kubeconfig (KUBECONFIG)",
        "/does/not/exist",
        "--workers (DROVER_WORKERS)",
        "--log-format (DROVER_LOG_FORMAT)",
        "--host-selector (DROVER_HOST_SELECTOR)",
        "--shutdown-grace (DROVER_SHUTDOWN_GRACE)",
        "give text or json",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[tokio::test]
async fn drover_that_is_told_to_end_while_it_starts_ends() {
    let mut world = World::builder("early-end").without_drover().start().await;
    world.apply_vm("web", SMALL).await;
    // Instants from before the first call to after the caches are filled.
    for step in 0..40 {
        world.start_drover();
        tokio::time::sleep(Duration::from_millis(step * 4)).await;
        world.stop_drover().await;
    }
}
