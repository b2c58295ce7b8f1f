//! Reboots that Drover makes by itself.

use serde_json::json;

use super::{machine, planned};
use crate::support::World;

#[tokio::test]
async fn reboot_by_policy_is_told_with_its_time() {
    let world = World::new("plan-reboots").await;
    let spec = |cores: u32, more: &str| {
        format!(
            "powerState: Running\ncpu: {{cores: {cores}}}\nmemory: {{size: 64Mi}}\ndisks: [{{name: scsi0, size: 1Gi}}]\n{more}"
        )
    };
    world.apply(&machine(&world, "web", &spec(1, ""))).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let told = async |cores, more: &str| planned(&world, &machine(&world, "web", &spec(cores, more))).await;
    let waits = "cpu.cores: 1 -> 2 (waits for a reboot)\n";

    let never = told(2, "").await;
    assert!(
        never.printed.contains(waits)
            && !never.printed.contains("reboots the machine")
            && never.printed.ends_with("\n1 changes\n"),
        "{never:?}"
    );
    // What needs none leads to none, and one that does not run needs none.
    let other = told(1, "rebootPolicy: WhenRequired\ntags: [prod]").await;
    assert!(!other.printed.contains("reboots the machine"), "{other:?}");
    let required = told(2, "rebootPolicy: WhenRequired").await;
    let at_once = "reboots the machine for what waits for that, as soon as all else is done (rebootPolicy: WhenRequired)\n";
    assert!(
        required.code == Some(2)
            && required.printed.contains(at_once)
            && required.printed.ends_with("\n2 changes\n"),
        "{required:?}"
    );

    // In a window, if there is one: at its start, or now.
    let closed = told(2, "rebootPolicy: InWindow").await;
    assert!(!closed.printed.contains("reboots the machine"), "{closed:?}");
    let made = world.vm("web").await.metadata.creation_timestamp.unwrap().0;
    let later = (made + jiff::SignedDuration::from_hours(48)).to_zoned(jiff::tz::TimeZone::UTC);
    let day = later.strftime("%a").to_string().to_lowercase();
    let window = |schedule: &str, duration: &str| json!({"spec": {"maintenanceWindow": {"schedule": schedule, "duration": duration, "timeZone": null}}});
    world
        .patch_host(&world.name, window(&format!("{day} 12:00"), "1h"))
        .await;
    let then = told(2, "rebootPolicy: InWindow").await;
    let opens = format!(
        "reboots the machine for what waits for that, when the maintenance window opens at {}T12:00:00Z (rebootPolicy: InWindow)\n",
        later.strftime("%Y-%m-%d")
    );
    assert!(then.printed.contains(&opens), "{opens} in {then:?}");
    let zone = json!({"spec": {"maintenanceWindow": {"timeZone": "Mars/Base"}}});
    world.patch_host(&world.name, zone).await;
    let bad = told(2, "rebootPolicy: InWindow").await;
    assert!(
        bad.code == Some(1) && bad.printed.contains("needs a person (InvalidSpec): ProxmoxNode"),
        "{bad:?}"
    );
    world.patch_host(&world.name, window("0:00", "24h")).await;
    let open = told(2, "rebootPolicy: InWindow").await;
    assert!(open.printed.contains("as soon as all else is done"), "{open:?}");

    // What it told is what is done; and what was written already waits until somebody allows it.
    world.apply(&machine(&world, "web", &spec(2, ""))).await;
    world
        .wait_vm("web", "RebootRequired", "True", "PendingChanges")
        .await;
    world.wait_ready("web").await;
    let pending = told(2, "").await;
    assert!(
        pending.code == Some(0) && pending.printed.contains("cores waits for the next reboot"),
        "{pending:?}"
    );
    let due = told(2, "rebootPolicy: WhenRequired").await;
    assert!(
        due.code == Some(2) && due.printed.contains(at_once) && due.printed.ends_with("\n1 changes\n"),
        "{due:?}"
    );
    assert!(world.sent("POST", "/nodes/*/qemu/*/status/reboot").is_empty());
    world
        .apply(&machine(&world, "web", &spec(2, "rebootPolicy: WhenRequired")))
        .await;
    world
        .wait_guest(vmid, "to run with two cores", |guest| {
            guest.running && guest.config["cores"] == "2"
        })
        .await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/reboot").len(), 1);
}
