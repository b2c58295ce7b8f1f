//! Users, groups, roles, tokens and the access control list: what is set reads back, and decides.

use pve_sim::{Release, Rights, Seed, SeedToken, SeedUser};
use serde_json::json;

use crate::client::{Answer, Lab};

/// A lab with a user without rights, who comes with a token that has all that he may.
async fn lab(release: Release) -> Lab {
    let seed = Seed::default()
        .with_release(release)
        .with_foreign_vms(3)
        .with_user(SeedUser::new("alice@pve"))
        .with_token(SeedToken::full("alice@pve!all", "s"));
    Lab::instant(seed).await
}

/// The same call as somebody else.
async fn as_alice(lab: &mut Lab, call: impl AsyncFnOnce(&Lab) -> Answer) -> Answer {
    let own = std::mem::replace(&mut lab.token, "PVEAPIToken=alice@pve!all=s".to_owned());
    let answer = call(lab).await;
    lab.token = own;
    answer
}

async fn grant(lab: &Lab, form: &[(&str, &str)]) {
    assert_eq!(lab.put("/access/acl", form).await.status, 200);
}

async fn vmids(lab: &mut Lab) -> Vec<u64> {
    let rows = as_alice(lab, async |lab| lab.get("/nodes/pve1/qemu").await)
        .await
        .data();
    let mut vmids: Vec<u64> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["vmid"].as_u64().unwrap())
        .collect();
    vmids.sort_unstable();
    vmids
}

#[tokio::test]
async fn a_role_on_a_path_shows_and_allows_what_it_says() {
    let mut lab = lab(Release::V9_2).await;
    assert_eq!(vmids(&mut lab).await, Vec::<u64>::new());
    grant(
        &lab,
        &[("path", "/vms"), ("roles", "PVEAuditor"), ("users", "alice@pve")],
    )
    .await;
    assert_eq!(vmids(&mut lab).await, [100, 101, 102, 9000]);
    grant(
        &lab,
        &[
            ("path", "/vms/101"),
            ("roles", "NoAccess"),
            ("users", "alice@pve"),
        ],
    )
    .await;
    assert_eq!(vmids(&mut lab).await, [100, 102, 9000]);
    let start = as_alice(&mut lab, async |lab| {
        lab.post("/nodes/pve1/qemu/100/status/start", &[]).await
    })
    .await;
    assert_eq!(start.reason, "Permission check failed (/vms/100, VM.PowerMgmt)");
    grant(
        &lab,
        &[
            ("path", "/vms"),
            ("roles", "PVEAuditor"),
            ("users", "alice@pve"),
            ("delete", "1"),
        ],
    )
    .await;
    assert_eq!(vmids(&mut lab).await, Vec::<u64>::new());
}

#[tokio::test]
async fn a_role_without_propagation_holds_on_its_path_alone() {
    let mut lab = lab(Release::V9_2).await;
    grant(
        &lab,
        &[
            ("path", "/vms"),
            ("roles", "PVEAuditor"),
            ("users", "alice@pve"),
            ("propagate", "0"),
        ],
    )
    .await;
    assert_eq!(vmids(&mut lab).await, Vec::<u64>::new());
    let shown = as_alice(&mut lab, async |lab| lab.get("/access/permissions").await)
        .await
        .data();
    assert_eq!(shown["/vms"]["VM.Audit"], 0);
    assert_eq!(shown.as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_group_gives_its_members_its_rights() {
    let mut lab = lab(Release::V9_2).await;
    assert_eq!(
        lab.post("/access/groups", &[("groupid", "staff")]).await.status,
        200
    );
    grant(
        &lab,
        &[("path", "/vms/100"), ("roles", "PVEVMUser"), ("groups", "staff")],
    )
    .await;
    assert_eq!(vmids(&mut lab).await, Vec::<u64>::new());
    let member = lab.put("/access/users/alice@pve", &[("groups", "staff")]).await;
    assert_eq!(member.status, 200, "{member:?}");
    assert_eq!(vmids(&mut lab).await, [100]);
    assert_eq!(
        lab.get("/access/groups/staff").await.data()["members"],
        json!(["alice@pve"])
    );
    assert_eq!(lab.delete("/access/groups/staff").await.status, 200);
    assert_eq!(vmids(&mut lab).await, Vec::<u64>::new());
    assert_eq!(lab.get("/access/acl").await.data(), json!([]));
}

#[tokio::test]
async fn a_role_of_ones_own_can_be_made_changed_and_removed() {
    let mut lab = lab(Release::V9_2).await;
    let make = [("roleid", "Looker"), ("privs", "VM.Audit")];
    assert_eq!(lab.post("/access/roles", &make).await.status, 200);
    assert_eq!(
        lab.post("/access/roles", &make).await.reason,
        "create role failed: role 'Looker' already exists"
    );
    let more = lab
        .put(
            "/access/roles/Looker",
            &[("privs", "VM.PowerMgmt"), ("append", "1")],
        )
        .await;
    assert_eq!(more.status, 200);
    assert_eq!(
        lab.get("/access/roles/Looker").await.data(),
        json!({"VM.Audit": 1, "VM.PowerMgmt": 1})
    );
    grant(
        &lab,
        &[("path", "/vms/100"), ("roles", "Looker"), ("users", "alice@pve")],
    )
    .await;
    assert_eq!(vmids(&mut lab).await, [100]);
    assert_eq!(lab.delete("/access/roles/Looker").await.status, 200);
    assert_eq!(vmids(&mut lab).await, Vec::<u64>::new());
    let reserved = lab.post("/access/roles", &[("roleid", "PVEMine")]).await;
    assert!(reserved.error_of("roleid").contains("'PVE' namespace"));
    assert_eq!(
        lab.put("/access/roles/PVEAdmin", &[("privs", "VM.Audit")])
            .await
            .reason,
        "auto-generated role 'PVEAdmin' cannot be modified"
    );
}

#[tokio::test]
async fn a_privilege_that_went_with_9_is_one_before() {
    for (release, status) in [(Release::V7_4, 200), (Release::V8_4, 200), (Release::V9_2, 400)] {
        let lab = lab(release).await;
        let role = [("roleid", "Monitor"), ("privs", "VM.Monitor")];
        assert_eq!(lab.post("/access/roles", &role).await.status, status, "{release}");
    }
}

#[tokio::test]
async fn a_separated_token_needs_an_entry_of_its_own() {
    let mut lab = lab(Release::V9_2).await;
    grant(
        &lab,
        &[("path", "/vms"), ("roles", "PVEVMAdmin"), ("users", "alice@pve")],
    )
    .await;
    let path = "/access/users/alice@pve/token/own";
    let made = lab.post(path, &[("comment", "c")]).await.data();
    assert_eq!(made["full-tokenid"], "alice@pve!own");
    assert_eq!(made["info"], json!({"comment": "c", "privsep": 1}));
    let root = lab.token.clone();
    lab.token("alice@pve!own", made["value"].as_str().unwrap());
    let own = std::mem::replace(&mut lab.token, root);
    let seen = async |lab: &mut Lab| {
        let root = std::mem::replace(&mut lab.token, own.clone());
        let rows = lab.get("/cluster/resources?type=vm").await.data();
        lab.token = root;
        rows.as_array().unwrap().len()
    };
    assert_eq!(seen(&mut lab).await, 0);
    grant(
        &lab,
        &[
            ("path", "/vms/100"),
            ("roles", "PVEAuditor"),
            ("tokens", "alice@pve!own"),
        ],
    )
    .await;
    assert_eq!(seen(&mut lab).await, 1);
    assert_eq!(lab.put(path, &[("privsep", "0")]).await.data()["privsep"], 0);
    assert_eq!(seen(&mut lab).await, 4);
}

#[tokio::test]
async fn a_token_can_get_a_new_secret_since_9() {
    let mut lab = lab(Release::V9_2).await;
    let path = "/access/users/alice@pve/token/all";
    let changed = lab.put(path, &[("regenerate", "1")]).await.data();
    lab.token("alice@pve!all", "s");
    assert_eq!(lab.get("/version").await.status, 401);
    lab.token("alice@pve!all", changed["value"].as_str().unwrap());
    assert_eq!(lab.get("/version").await.status, 200);
    let old = Lab::instant(
        Seed::default()
            .with_release(Release::V8_4)
            .with_token(SeedToken::full("alice@pve!all", "s")),
    )
    .await;
    let refused = old.put(path, &[("regenerate", "1")]).await;
    assert!(refused.error_of("regenerate").contains("not defined in schema"));
}

/// A path, a form, and the sentence of the refusal.
type Refused = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

#[tokio::test]
async fn who_may_not_change_access_is_told_what_is_missing() {
    let mut lab = lab(Release::V9_2).await;
    let cases: [Refused; 4] = [
        (
            "/access/users",
            &[("userid", "bob@pve")],
            "Permission check failed (/access/realm/pve, Realm.AllocateUser)",
        ),
        (
            "/access/groups",
            &[("groupid", "g")],
            "Permission check failed (/access/groups, Group.Allocate)",
        ),
        (
            "/access/users/root@pam/token/tt",
            &[("privsep", "0")],
            "Permission check failed",
        ),
        (
            "/pools",
            &[("poolid", "p")],
            "Permission check failed (/pool/p, Pool.Allocate)",
        ),
    ];
    for (path, form, sentence) in cases {
        let answer = as_alice(&mut lab, async |lab| lab.post(path, form).await).await;
        assert_eq!((answer.status, answer.reason.as_str()), (403, sentence), "{path}");
    }
    let acl = [
        ("path", "/vms/100"),
        ("roles", "PVEVMUser"),
        ("users", "alice@pve"),
    ];
    let answer = as_alice(&mut lab, async |lab| lab.put("/access/acl", &acl).await).await;
    assert_eq!(
        answer.reason,
        "Permission check failed (/vms/100, Permissions.Modify|VM.Allocate)"
    );
}

#[tokio::test]
async fn who_owns_a_guest_gives_away_no_more_than_he_has() {
    let mut lab = lab(Release::V9_2).await;
    let role = [("roleid", "Owner"), ("privs", "VM.Allocate,VM.Audit")];
    assert_eq!(lab.post("/access/roles", &role).await.status, 200);
    grant(
        &lab,
        &[("path", "/vms/100"), ("roles", "Owner"), ("users", "alice@pve")],
    )
    .await;
    let give = async |lab: &Lab, role: &str| {
        let form = [("path", "/vms/100"), ("roles", role), ("users", "root@pam")];
        lab.put("/access/acl", &form).await
    };
    let all = as_alice(&mut lab, async |lab| give(lab, "PVEVMAdmin").await).await;
    assert_eq!(
        (all.status, all.reason.as_str()),
        (500, "ACL update failed: 400 Parameter verification failed.")
    );
    let own = as_alice(&mut lab, async |lab| give(lab, "Owner").await).await;
    assert_eq!(own.status, 200, "{own:?}");
}

#[tokio::test]
async fn a_user_who_is_disabled_or_gone_is_nobody() {
    let mut lab = lab(Release::V8_4).await;
    let disable = lab.put("/access/users/alice@pve", &[("enable", "0")]).await;
    assert_eq!(disable.status, 200);
    let refused = as_alice(&mut lab, async |lab| lab.get("/version").await).await;
    assert_eq!(
        (refused.status, refused.reason.as_str()),
        (401, "user 'alice@pve' is disabled")
    );
    assert_eq!(lab.delete("/access/users/alice@pve").await.status, 200);
    let refused = as_alice(&mut lab, async |lab| lab.get("/version").await).await;
    assert_eq!(refused.reason, "no such user ('alice@pve')");
    assert_eq!(
        lab.get("/access/users/alice@pve").await.reason,
        "no such user ('alice@pve')"
    );
}

#[tokio::test]
async fn a_token_sees_its_own_tasks_and_a_user_those_of_his_tokens() {
    let seed = Seed::default()
        .with_foreign_vms(2)
        .with_user(SeedUser::new("alice@pve").with_rights(vec![Rights::new("/vms", &["VM.PowerMgmt"])]))
        .with_token(SeedToken::full("alice@pve!one", "s"))
        .with_token(SeedToken::full("alice@pve!two", "s"));
    let mut lab = Lab::instant(seed).await;
    lab.token("alice@pve!one", "s");
    let started = lab.post("/nodes/pve1/qemu/101/status/start", &[]).await;
    lab.done(started).await;
    assert_eq!(
        lab.get("/nodes/pve1/tasks").await.data()[0]["user"],
        "alice@pve!one"
    );
    lab.token("alice@pve!two", "s");
    assert_eq!(lab.get("/nodes/pve1/tasks").await.data(), json!([]));
}
