//! Realms and second factors.

use pve_sim::{Release, Seed, SeedUser};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Lab};

#[tokio::test]
async fn a_realm_can_be_added_changed_and_removed() {
    let lab = Lab::instant(Seed::default()).await;
    let directory = [
        ("realm", "company"),
        ("type", "ldap"),
        ("base_dn", "dc=example,dc=com"),
        ("server1", "ldap.example.com"),
        ("user_attr", "uid"),
        ("password", "bind-secret"),
        ("port", "636"),
        ("default", "1"),
    ];
    let lacking = lab.post("/access/domains", &directory[..4]).await;
    assert_eq!(
        lacking.reason,
        "add auth server failed: missing value for required option 'user_attr'"
    );
    assert_eq!(lab.post("/access/domains", &directory).await.status, 200);
    assert_eq!(
        lab.post("/access/domains", &directory).await.reason,
        "add auth server failed: domain 'company' already exists"
    );
    let shown = lab.get("/access/domains/company").await.data();
    assert_eq!((&shown["port"], &shown["default"]), (&json!(636), &json!(1)));
    assert_eq!(shown["password"], Value::Null);
    let digest = shown["digest"].as_str().unwrap();
    let change = [("comment", "c"), ("delete", "port"), ("digest", digest)];
    assert_eq!(lab.put("/access/domains/company", &change).await.status, 200);
    let stale = lab.put("/access/domains/company", &change).await;
    assert!(
        stale.reason.contains("detected modified configuration"),
        "{stale:?}"
    );
    let listed = lab.get("/access/domains").await.data();
    assert_eq!(
        listed[0],
        json!({"realm": "company", "type": "ldap", "comment": "c", "default": 1})
    );
    assert_eq!(
        lab.post("/access/users", &[("userid", "eve@company")])
            .await
            .status,
        200
    );
    let login = [("username", "eve@company"), ("password", "x")];
    assert_eq!(lab.post("/access/ticket", &login).await.status, 401);
    assert_eq!(lab.delete("/access/domains/company").await.status, 200);
    assert_eq!(
        lab.get("/access/domains/company").await.reason,
        "domain 'company' does not exist"
    );
}

#[tokio::test]
async fn who_looks_for_realms_needs_no_login() {
    let mut lab = Lab::instant(Seed::default()).await;
    lab.token = String::new();
    let realms = lab.get("/access/domains").await.data();
    let names: Vec<&str> = realms
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["realm"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["pam", "pve"]);
    assert_eq!(lab.get("/access/domains/pam").await.status, 401);
}

#[tokio::test]
async fn a_second_factor_is_shown_and_taken_away_by_ticket_alone() {
    let mut user = SeedUser::new("carol@pve").with_password("wonder-land");
    user.totp = Some("123456".to_owned());
    let lab = Lab::instant(Seed::default().with_root_password("root-secret").with_user(user)).await;
    let listed = lab.get("/access/tfa").await.data();
    assert_eq!(listed[0]["userid"], "carol@pve");
    let id = listed[0]["entries"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/access/tfa/carol@pve/{id}");
    assert_eq!(lab.get(&path).await.data()["type"], "totp");
    assert_eq!(lab.delete(&path).await.status, 403);
    let root = [("username", "root@pam"), ("password", "root-secret")];
    let root = lab.post("/access/ticket", &root).await.data();
    let request = lab
        .http
        .request(Method::DELETE, format!("{}/api2/json{path}", lab.sim.url()))
        .header(
            "Cookie",
            format!("PVEAuthCookie={}", root["ticket"].as_str().unwrap()),
        )
        .header(
            "CSRFPreventionToken",
            root["CSRFPreventionToken"].as_str().unwrap(),
        );
    assert_eq!(Answer::of(request.send().await.unwrap()).await.status, 200);
    assert_eq!(lab.get("/access/tfa").await.data(), json!([]));
    assert_eq!(lab.get(&path).await.status, 404);
    let login = [("username", "carol@pve"), ("password", "wonder-land")];
    assert_eq!(
        lab.post("/access/ticket", &login).await.data()["NeedTFA"],
        Value::Null
    );
}

#[tokio::test]
async fn tokens_look_at_second_factors_since_8() {
    for (release, status) in [(Release::V7_4, 403), (Release::V8_4, 200)] {
        let lab = Lab::instant(Seed::default().with_release(release)).await;
        assert_eq!(lab.get("/access/tfa").await.status, status, "{release}");
    }
}
