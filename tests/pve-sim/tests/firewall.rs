//! The firewall's files: what is written reads back, in its order.

use pve_sim::{Seed, SeedGuest};
use serde_json::{Value, json};

use crate::client::Lab;

async fn lab() -> Lab {
    Lab::instant(Seed::default().with_guest(SeedGuest::new(100, "web"))).await
}

const GUEST: &str = "/nodes/pve1/qemu/100/firewall";

async fn rule(lab: &Lab, comment: &str) {
    let form = [("type", "in"), ("action", "ACCEPT"), ("comment", comment)];
    lab.post(&format!("{GUEST}/rules"), &form).await.data();
}

async fn comments(lab: &Lab) -> Vec<String> {
    let rules = lab.get(&format!("{GUEST}/rules")).await.data();
    let rules = rules.as_array().unwrap().iter().enumerate();
    let texts = rules.map(|(at, rule)| {
        assert_eq!(rule["pos"], json!(at));
        rule["comment"].as_str().unwrap().to_owned()
    });
    texts.collect()
}

#[tokio::test]
async fn options_are_set_and_deleted() {
    let lab = lab().await;
    let path = format!("{GUEST}/options");
    lab.put(&path, &[("enable", "1"), ("policy_in", "DROP")])
        .await
        .data();
    let options = lab.get(&path).await.data();
    assert_eq!(
        (&options["enable"], &options["policy_in"]),
        (&json!(1), &json!("DROP"))
    );
    let stale = lab.put(&path, &[("enable", "0"), ("digest", "0123")]).await;
    assert_eq!(
        stale.reason,
        "detected modified configuration - file changed by other user? Try again."
    );
    lab.put(&path, &[("delete", "policy_in")]).await.data();
    assert!(lab.get(&path).await.data().get("policy_in").is_none());
    let cluster = lab.get("/cluster/firewall/options").await.data();
    assert!(cluster.get("enable").is_none(), "each file is one of its own");
}

#[tokio::test]
async fn a_new_rule_comes_first_and_can_be_moved() {
    let lab = lab().await;
    for comment in ["c", "b", "a"] {
        rule(&lab, comment).await;
    }
    assert_eq!(comments(&lab).await, ["a", "b", "c"]);
    lab.put(&format!("{GUEST}/rules/0"), &[("moveto", "2")])
        .await
        .data();
    assert_eq!(comments(&lab).await, ["b", "a", "c"]);
    lab.put(&format!("{GUEST}/rules/2"), &[("moveto", "0")])
        .await
        .data();
    assert_eq!(comments(&lab).await, ["c", "b", "a"]);
    lab.delete(&format!("{GUEST}/rules/1")).await.data();
    assert_eq!(comments(&lab).await, ["c", "a"]);
    let missing = lab.get(&format!("{GUEST}/rules/7")).await;
    assert_eq!(
        (missing.status, missing.reason.as_str()),
        (500, "no rule at position 7")
    );
}

#[tokio::test]
async fn a_rule_makes_sense_as_a_whole() {
    let lab = lab().await;
    let path = format!("{GUEST}/rules");
    let ports = [("type", "in"), ("action", "ACCEPT"), ("dport", "22")];
    let answer = lab.post(&path, &ports).await;
    assert_eq!(
        answer.error_of("proto"),
        "missing property - 'dport' requires this property"
    );
    let group = [("type", "group"), ("action", "nosuch")];
    let answer = lab.post(&path, &group).await;
    assert_eq!(answer.error_of("action"), "no such security group 'nosuch'");
    let address = [
        ("type", "in"),
        ("action", "ACCEPT"),
        ("source", "192.0.2.1,2001:db8::1"),
    ];
    let answer = lab.post(&path, &address).await;
    assert!(answer.error_of("source").contains("mixed ipv4/ipv6"));
}

#[tokio::test]
async fn a_security_group_is_removed_when_it_is_empty() {
    let lab = lab().await;
    lab.post("/cluster/firewall/groups", &[("group", "web")])
        .await
        .data();
    let twice = lab.post("/cluster/firewall/groups", &[("group", "web")]).await;
    assert_eq!(twice.error_of("group"), "Security group 'web' already exists");
    let form = [
        ("type", "in"),
        ("action", "ACCEPT"),
        ("proto", "tcp"),
        ("dport", "443"),
    ];
    lab.post("/cluster/firewall/groups/web", &form).await.data();
    let full = lab.delete("/cluster/firewall/groups/web").await;
    assert_eq!(full.reason, "Security group 'web' is not empty");
    lab.delete("/cluster/firewall/groups/web/0").await.data();
    lab.delete("/cluster/firewall/groups/web").await.data();
    assert_eq!(lab.get("/cluster/firewall/groups").await.data(), json!([]));
}

#[tokio::test]
async fn sets_and_aliases_keep_addresses() {
    let lab = lab().await;
    let alias = [("name", "Office"), ("cidr", "192.0.2.0/24")];
    lab.post("/cluster/firewall/aliases", &alias).await.data();
    let shown = lab.get("/cluster/firewall/aliases/office").await.data();
    assert_eq!(
        (&shown["name"], &shown["cidr"]),
        (&json!("office"), &json!("192.0.2.0/24"))
    );
    let sets = format!("{GUEST}/ipset");
    lab.post(&sets, &[("name", "trusted")]).await.data();
    lab.post(&format!("{sets}/trusted"), &[("cidr", "192.0.2.7")])
        .await
        .data();
    let again = lab
        .post(&format!("{sets}/trusted"), &[("cidr", "192.0.2.7")])
        .await;
    assert_eq!(again.error_of("cidr"), "address '192.0.2.7' already exists");
    let referable = lab.get(&format!("{GUEST}/refs")).await.data();
    let names: Vec<&str> = referable
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["ref"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["dc/office", "+guest/trusted"]);
    let full = lab.delete(&format!("{sets}/trusted")).await;
    assert_eq!(full.reason, "IPSet 'trusted' is not empty");
    assert_eq!(
        lab.delete(&format!("{sets}/trusted?force=1")).await.data(),
        Value::Null
    );
}
