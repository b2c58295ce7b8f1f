//! What is read of a host: numbers, tasks, its identity, addresses of guests.

use super::server::{Deed, Server, answer};
use super::{UPID, at, data};
use crate::hypervisor::{Hypervisor, Refusal, TaskFilter};
use crate::model::{NumberState, TaskExit, TaskState, Upid};

#[tokio::test]
async fn only_a_clear_word_makes_a_number_free_or_taken() {
    let taken = r#"{"data":null,"errors":{"vmid":"VM 100 already exists"},"message":"x\n"}"#;
    let other = r#"{"data":null,"errors":{"vmid":"invalid format"},"message":"x\n"}"#;
    for (text, expected) in [
        (data("\"100\""), Some(NumberState::Free)),
        (data("100"), Some(NumberState::Free)),
        (
            answer("400 Parameter verification failed.", taken),
            Some(NumberState::Taken),
        ),
        (data("\"101\""), None),
        (data("null"), None),
        (answer("400 Parameter verification failed.", other), None),
        (answer("500 VM 100 already exists", r#"{"data":null}"#), None),
        (answer("200 OK", ""), None),
    ] {
        let server = Server::saying(text.clone()).await;
        let state = server.driver().number_state(at().id).await.ok();
        assert_eq!(state, expected, "{text}");
    }
}

#[tokio::test]
async fn a_task_is_running_ended_or_forgotten() {
    let upid: Upid = UPID.parse().unwrap();
    let forgotten = r#"{"data":null,"errors":{"upid":"no such task"},"message":"x\n"}"#;
    for (text, expected) in [
        (data(r#"{"status":"running"}"#), TaskState::Running),
        (
            data(r#"{"status":"stopped","exitstatus":"WARNINGS: 1"}"#),
            TaskState::Ended(TaskExit::Ok { warnings: 1 }),
        ),
        (
            data(r#"{"status":"stopped","exitstatus":"no space left"}"#),
            TaskState::Ended(TaskExit::Failed("no space left".into())),
        ),
        (
            answer("400 Parameter verification failed.", forgotten),
            TaskState::Forgotten,
        ),
    ] {
        let server = Server::saying(text).await;
        assert_eq!(server.driver().task(&upid).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_long_list_of_tasks_is_read_to_its_end() {
    let server = Server::start(|_, seen| {
        let first = seen.line.contains("start=0 ");
        let numbers = if first { 0..500 } else { 499..510 };
        let rows: Vec<String> = numbers
            .map(|n| {
                format!(
                    r#"{{"upid":"UPID:pve1:{n:08X}:00000000:00000001:qmstart:100:root@pam:","status":"OK","endtime":1}}"#
                )
            })
            .collect();
        Deed::Answer(data(&format!("[{}]", rows.join(","))))
    })
    .await;
    let filter = TaskFilter {
        guest: Some(at().id),
        since: Some(1),
        ..TaskFilter::default()
    };
    let tasks = server.driver().node_tasks(&at().node, &filter).await.unwrap();
    assert_eq!(tasks.len(), 510);
    let line = &server.seen()[1].line;
    assert!(
        line.contains("?source=all&vmid=100&since=1&limit=500&start=500 "),
        "{line}"
    );
}

#[tokio::test]
async fn the_identity_of_the_cluster_is_its_root_certificate() {
    let fingerprint = ["1C"; 32].join(":");
    let server = Server::saying(data(&format!(
        r#"[{{"filename":"pve-ssl.pem","fingerprint":"00"}},{{"filename":"pve-root-ca.pem","fingerprint":"{fingerprint}"}}]"#
    )))
    .await;
    let id = server.driver().cluster_id(&at().node).await.unwrap();
    assert_eq!(id.as_str(), "1c".repeat(32));
    let without = Server::saying(data("[]")).await;
    assert!(without.driver().cluster_id(&at().node).await.is_err());
}

#[tokio::test]
async fn addresses_of_a_guest_are_read_and_a_silent_agent_is_busy() {
    let server = Server::saying(data(
        r#"{"result":[{"name":"lo","ip-addresses":[{"ip-address":"127.0.0.1"}]},{"name":"x"},
        {"name":"eth0","ip-addresses":[{"ip-address":"192.0.2.5"},{"ip-address":"fe80::1"},
        {"ip-address":"2001:db8::5"},{"ip-address":"192.0.2.5"}]}]}"#,
    ))
    .await;
    let addresses = server.driver().guest_addresses(&at()).await.unwrap();
    assert_eq!(
        addresses,
        [
            "192.0.2.5".parse::<std::net::IpAddr>().unwrap(),
            "2001:db8::5".parse().unwrap()
        ]
    );
    let silent = Server::saying(answer("500 QEMU guest agent is not running", r#"{"data":null}"#)).await;
    let error = silent.driver().guest_addresses(&at()).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::AgentNotRunning));
}
