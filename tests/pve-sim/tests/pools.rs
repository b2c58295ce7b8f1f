//! Pools: members, the rights that they give, and when they can go.

use pve_sim::{Release, Rights, Seed, SeedPool, SeedToken, SeedUser};
use serde_json::{Value, json};

use crate::client::Lab;

fn seed() -> Seed {
    Seed::default().with_foreign_vms(3)
}

fn members(pool: &Value) -> Vec<String> {
    let rows = pool["members"].as_array().unwrap();
    rows.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_pool_has_guests_and_storages_and_reads_back_in_both_forms() {
    let lab = Lab::instant(seed()).await;
    let make = [("poolid", "web"), ("comment", "c")];
    assert_eq!(lab.post("/pools", &make).await.data(), Value::Null);
    assert_eq!(
        lab.post("/pools", &make).await.reason,
        "create pool failed: pool 'web' already exists"
    );
    let add = [("vms", "100"), ("storage", "local")];
    assert_eq!(lab.put("/pools/web", &add).await.status, 200);
    let add = [("poolid", "web"), ("vms", "101")];
    assert_eq!(lab.put("/pools", &add).await.status, 200);
    let ids = ["qemu/100", "qemu/101", "storage/pve1/local"];
    assert_eq!(members(&lab.get("/pools/web").await.data()), ids);
    let found = lab.get("/pools?poolid=web").await.data();
    assert_eq!(members(&found[0]), ids);
    let storages = lab.get("/pools?poolid=web&type=storage").await.data();
    assert_eq!(members(&storages[0]), ["storage/pve1/local"]);
    assert_eq!(
        lab.get("/pools").await.data(),
        json!([{"poolid": "web", "comment": "c"}])
    );
    assert_eq!(
        lab.get("/pools?poolid=none").await.reason,
        "pool 'none' does not exist"
    );
}

#[tokio::test]
async fn a_guest_moves_between_pools_only_when_that_is_asked_for() {
    let pool = |id: &str, guests: &[u32]| SeedPool {
        id: id.to_owned(),
        guests: guests.to_vec(),
        ..SeedPool::default()
    };
    let lab = Lab::instant(seed().with_pool(pool("one", &[100])).with_pool(pool("two", &[]))).await;
    let refused = lab.put("/pools/two", &[("vms", "100")]).await;
    assert_eq!(
        refused.reason,
        "update pools failed: VM 100 belongs already to pool 'one' and 'allow-move' is not set"
    );
    let moved = lab
        .put("/pools/two", &[("vms", "100"), ("allow-move", "1")])
        .await;
    assert_eq!(moved.status, 200);
    assert!(members(&lab.get("/pools/one").await.data()).is_empty());
    assert_eq!(members(&lab.get("/pools/two").await.data()), ["qemu/100"]);
    let twice = lab.put("/pools/two", &[("vms", "101,100")]).await;
    assert_eq!(
        twice.reason,
        "update pools failed: VM 100 is already a pool member"
    );
    // Nothing of a change that fails is kept.
    assert_eq!(members(&lab.get("/pools/two").await.data()), ["qemu/100"]);
}

#[tokio::test]
async fn a_pool_goes_when_nothing_is_in_it() {
    let pool = SeedPool {
        id: "web".to_owned(),
        guests: vec![101],
        ..SeedPool::default()
    };
    let lab = Lab::instant(seed().with_pool(pool)).await;
    assert_eq!(
        lab.delete("/pools/web").await.reason,
        "delete pool failed: pool 'web' is not empty (contains VM 101)"
    );
    lab.done(lab.delete("/nodes/pve1/qemu/101").await).await;
    assert!(members(&lab.get("/pools/web").await.data()).is_empty());
    assert_eq!(lab.delete("/pools?poolid=web").await.status, 200);
    assert_eq!(lab.get("/pools").await.data(), json!([]));
}

#[tokio::test]
async fn a_pool_gives_its_rights_on_its_members() {
    let pool = SeedPool {
        id: "web".to_owned(),
        guests: vec![100, 101],
        storages: vec!["local".to_owned()],
        comment: None,
    };
    let rights = vec![Rights::new(
        "/pool/web",
        &["VM.Audit", "Datastore.Audit", "Pool.Audit"],
    )];
    let seed = seed()
        .with_pool(pool)
        .with_pool(SeedPool {
            id: "other".to_owned(),
            ..SeedPool::default()
        })
        .with_user(SeedUser::new("alice@pve").with_rights(rights))
        .with_token(SeedToken::full("alice@pve!all", "s"));
    let mut lab = Lab::instant(seed).await;
    lab.token("alice@pve!all", "s");
    let vms = lab.get("/cluster/resources?type=vm").await.data();
    assert_eq!(vms.as_array().unwrap().len(), 2);
    assert_eq!(lab.get("/nodes/pve1/qemu/100/config").await.status, 200);
    assert_eq!(lab.get("/nodes/pve1/qemu/102/config").await.status, 403);
    let storages = lab.get("/nodes/pve1/storage").await.data();
    assert_eq!(storages[0]["storage"], "local");
    assert_eq!(storages.as_array().unwrap().len(), 1);
    assert_eq!(lab.get("/pools").await.data(), json!([{"poolid": "web"}]));
}

#[tokio::test]
async fn pools_inside_pools_need_the_outer_one() {
    let lab = Lab::instant(seed()).await;
    assert_eq!(
        lab.post("/pools", &[("poolid", "a/b")]).await.reason,
        "create pool failed: parent 'a' of pool 'a/b' does not exist"
    );
    assert_eq!(lab.post("/pools", &[("poolid", "a")]).await.status, 200);
    assert_eq!(lab.post("/pools", &[("poolid", "a/b")]).await.status, 200);
}

#[tokio::test]
async fn the_form_with_the_name_beside_the_path_came_after_7_4() {
    let lab = Lab::instant(seed().with_release(Release::V7_4)).await;
    assert_eq!(lab.post("/pools", &[("poolid", "web")]).await.status, 200);
    assert_eq!(
        lab.put("/pools", &[("poolid", "web"), ("vms", "100")])
            .await
            .status,
        501
    );
    assert_eq!(lab.put("/pools/web", &[("vms", "100")]).await.status, 200);
    assert!(
        lab.get("/pools?poolid=web")
            .await
            .error_of("poolid")
            .contains("not defined in schema")
    );
}
