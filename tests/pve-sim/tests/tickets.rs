//! Logging in: tickets, what has to come with them, how long they hold, second factors.

use std::time::Duration;

use pve_sim::{Release, Rights, Seed, SeedUser, Timing};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Lab};

const PASSWORD: &str = "wonder-land";

fn seed() -> Seed {
    Seed::default()
        .with_root_password("root-secret")
        .with_user(SeedUser::new("alice@pve").with_password(PASSWORD))
}

async fn log_in(lab: &Lab, user: &str, password: &str) -> Answer {
    let form = [("username", user), ("password", password)];
    lab.post("/access/ticket", &form).await
}

/// A ticket and the token against forged requests.
async fn ticket(lab: &Lab, user: &str, password: &str) -> (String, String) {
    let data = log_in(lab, user, password).await.data();
    let text = |name: &str| data[name].as_str().unwrap().to_owned();
    (text("ticket"), text("CSRFPreventionToken"))
}

async fn with_ticket(lab: &Lab, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let url = format!("{}/api2/json{path}", lab.sim.url());
    let request = headers
        .iter()
        .fold(lab.http.request(method, url), |request, (name, value)| {
            request.header(*name, *value)
        });
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_ticket_is_for_reading_and_with_its_token_for_changing() {
    let lab = Lab::instant(seed()).await;
    let (ticket, csrf) = ticket(&lab, "root@pam", "root-secret").await;
    assert!(ticket.starts_with("PVE:root@pam:"), "{ticket}");
    let cookie = format!("PVEAuthCookie={ticket}");
    let read = with_ticket(&lab, Method::GET, "/version", &[("Cookie", &cookie)]).await;
    assert_eq!(read.status, 200);
    let group = "/access/groups?groupid=g1";
    let forged = with_ticket(&lab, Method::POST, group, &[("Cookie", &cookie)]).await;
    assert_eq!(
        (forged.status, forged.reason.as_str(), forged.text.as_str()),
        (401, "Permission denied - invalid csrf token", "")
    );
    let headers = [("Cookie", cookie.as_str()), ("CSRFPreventionToken", &csrf)];
    assert_eq!(with_ticket(&lab, Method::POST, group, &headers).await.status, 200);
}

#[tokio::test]
async fn an_upload_needs_no_token_against_forged_requests() {
    let lab = Lab::instant(seed()).await;
    let (ticket, _) = ticket(&lab, "root@pam", "root-secret").await;
    let cookie = format!("PVEAuthCookie={ticket}");
    let upload = "/nodes/pve1/storage/local/upload";
    let answer = with_ticket(&lab, Method::POST, upload, &[("Cookie", &cookie)]).await;
    assert_ne!(answer.status, 401, "{answer:?}");
}

#[tokio::test]
async fn a_wrong_login_says_nothing_of_the_cause() {
    let lab = Lab::instant(seed()).await;
    for (user, password) in [
        ("root@pam", "wrong"),
        ("nobody@pve", PASSWORD),
        ("alice@nowhere", PASSWORD),
        ("alice", PASSWORD),
    ] {
        let answer = log_in(&lab, user, password).await;
        assert_eq!(
            (answer.status, answer.reason.as_str()),
            (401, "authentication failure")
        );
        assert_eq!(answer.json()["message"], "authentication failure\n");
    }
    let missing = lab.post("/access/ticket", &[("username", "alice@pve")]).await;
    assert_eq!(
        missing.error_of("password"),
        "property is missing and it is not optional"
    );
}

#[tokio::test]
async fn a_login_tells_what_its_user_may_and_in_a_cluster_its_name() {
    let seed = Seed {
        nodes: 2,
        ..seed().with_user(
            SeedUser::new("bob@pve")
                .with_password(PASSWORD)
                .with_rights(vec![Rights::new("/vms/100", &["VM.Audit"])]),
        )
    };
    let lab = Lab::instant(seed).await;
    let root = log_in(&lab, "root@pam", "root-secret").await.data();
    assert_eq!(root["clustername"], "sim");
    assert_eq!(root["cap"]["dc"]["Sys.Audit"], 1);
    let bob = log_in(&lab, "bob@pve", PASSWORD).await.data();
    assert_eq!(bob["cap"]["vms"], json!({"VM.Audit": 1}));
    assert_eq!(bob["cap"]["storage"], json!({}));
    assert_eq!(bob["clustername"], Value::Null);
}

#[tokio::test]
async fn a_ticket_dies_of_age_and_is_renewed_before() {
    let mut timing = Timing::instant();
    timing.ticket_lifetime = Duration::from_secs(2);
    let lab = Lab::start(seed().with_timing(timing)).await;
    let (first, _) = ticket(&lab, "alice@pve", PASSWORD).await;
    let (second, _) = ticket(&lab, "alice@pve", &first).await;
    let cookie = |ticket: &str| format!("PVEAuthCookie={ticket}");
    let read = async |ticket: &str| {
        let cookie = cookie(ticket);
        let answer = with_ticket(&lab, Method::GET, "/version", &[("Cookie", &cookie)]).await;
        (answer.status, answer.reason)
    };
    assert_eq!(read(&second).await.0, 200);
    crate::client::eventually("the ticket is too old", async || read(&second).await.0 == 401).await;
    assert_eq!(read(&second).await.1, "Authentication failed!");
    assert_eq!(log_in(&lab, "alice@pve", &second).await.status, 401);
}

#[tokio::test]
async fn a_second_factor_completes_a_login() {
    let mut carol = SeedUser::new("carol@pve").with_password(PASSWORD);
    carol.totp = Some("123456".to_owned());
    let lab = Lab::instant(seed().with_user(carol)).await;
    let half = log_in(&lab, "carol@pve", PASSWORD).await.data();
    assert_eq!(half["NeedTFA"], 1);
    let challenge = half["ticket"].as_str().unwrap().to_owned();
    assert!(challenge.starts_with("PVE:!tfa!"), "{challenge}");
    let cookie = format!("PVEAuthCookie={challenge}");
    let read = with_ticket(&lab, Method::GET, "/version", &[("Cookie", &cookie)]).await;
    assert_eq!(read.status, 401);
    let complete = async |code: &str, user: &str| {
        let form = [
            ("username", user),
            ("password", code),
            ("tfa-challenge", challenge.as_str()),
        ];
        lab.post("/access/ticket", &form).await
    };
    assert_eq!(complete("totp:654321", "carol@pve").await.status, 401);
    assert_eq!(complete("totp:123456", "alice@pve").await.status, 401);
    let whole = complete("totp:123456", "carol@pve").await.data();
    assert_eq!(whole["NeedTFA"], Value::Null);
    let cookie = format!("PVEAuthCookie={}", whole["ticket"].as_str().unwrap());
    let read = with_ticket(&lab, Method::GET, "/version", &[("Cookie", &cookie)]).await;
    assert_eq!(read.status, 200);
}

#[tokio::test]
async fn the_cause_of_a_401_is_told_before_9() {
    let cases = [
        (
            "PVEAPIToken=root@pam!nope=x",
            "no such token 'nope' for user 'root@pam'",
        ),
        ("PVEAPIToken=root@pam!drover", "no tokenid specified"),
        (
            "PVEAuthCookie=PVE:root@pam:0::x",
            "permission denied - invalid PVE ticket",
        ),
    ];
    for release in Release::ALL {
        let mut lab = Lab::instant(seed().with_release(release)).await;
        for (header, cause) in cases {
            lab.token = header.to_owned();
            let told = if release < Release::V9_2 {
                cause
            } else {
                "Authentication failed!"
            };
            let answer = lab.get("/version").await;
            assert_eq!((answer.status, answer.reason.as_str()), (401, told), "{release}");
            assert_eq!(answer.text, "");
        }
        lab.token = "Bearer x".to_owned();
        assert_eq!(lab.get("/version").await.reason, "No ticket");
        assert_eq!(lab.get("/access/domains").await.status, 200);
    }
}

#[tokio::test]
async fn a_user_changes_his_own_password_by_ticket_alone() {
    let lab = Lab::instant(seed()).await;
    let by_token = lab
        .put(
            "/access/password",
            &[("userid", "alice@pve"), ("password", "new-secret")],
        )
        .await;
    assert_eq!(by_token.status, 403);
    assert!(
        by_token
            .reason
            .starts_with("Permission check failed (URI '/access/password' not available"),
        "{by_token:?}"
    );
    let (ticket, csrf) = ticket(&lab, "alice@pve", PASSWORD).await;
    let cookie = format!("PVEAuthCookie={ticket}");
    let headers = [("Cookie", cookie.as_str()), ("CSRFPreventionToken", &csrf)];
    let change = async |query: &str| {
        let path = format!("/access/password?password=new-secret&{query}");
        with_ticket(&lab, Method::PUT, &path, &headers).await
    };
    let unconfirmed = change("userid=alice@pve").await;
    assert_eq!(
        unconfirmed.error_of("confirmation-password"),
        "password is required to modify user"
    );
    let of_root = change("userid=root@pam&confirmation-password=wonder-land").await;
    assert_eq!(
        of_root.reason,
        "Permission check failed (/access/realm/pam, Realm.AllocateUser)"
    );
    let confirmed = change("userid=alice@pve&confirmation-password=wonder-land").await;
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    assert_eq!(log_in(&lab, "alice@pve", "new-secret").await.status, 200);
    assert_eq!(log_in(&lab, "alice@pve", PASSWORD).await.status, 401);
}
