//! The admin API.

use pve_sim::Seed;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Lab;

async fn order(lab: &Lab, method: Method, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}{path}", lab.sim.admin_url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.request(method, url).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn faults_are_ordered_listed_and_cleared() {
    let lab = Lab::instant(Seed::default()).await;
    let fault = json!({"method": "GET", "path": "/version", "fault": "status", "status": 500, "message": "no", "times": 1});
    let (status, id) = order(&lab, Method::POST, "/faults", fault).await;
    assert_eq!(status, 200);
    assert_eq!(lab.get("/version").await.reason, "no");
    assert_eq!(lab.get("/version").await.status, 200);
    let (_, faults) = order(&lab, Method::GET, "/faults", json!({})).await;
    assert_eq!(
        (&faults[0]["id"], &faults[0]["hits"], &faults[0]["fault"]),
        (&id["id"], &json!(1), &json!("status"))
    );
    let task = json!({"fault": "task-error", "task": "qmcreate", "exit": "no luck"});
    order(&lab, Method::POST, "/faults", task).await;
    let create = lab.post("/nodes/pve1/qemu", &[("vmid", "100")]).await;
    assert_eq!(lab.exit_of(&create).await, "no luck");
    order(&lab, Method::DELETE, "/faults", json!({})).await;
    assert_eq!(lab.sim.faults().len(), 0);
    let (status, _) = order(&lab, Method::POST, "/faults", json!({"fault": "nonsense"})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_hold_is_ordered_waited_for_and_released() {
    let lab = Lab::instant(Seed::default()).await;
    let asked = json!({"method": "POST", "path": "/nodes/*/qemu", "mark": "before-act"});
    let (_, hold) = order(&lab, Method::POST, "/holds", asked).await;
    let id = hold["id"].clone();
    let call = lab.post("/nodes/pve1/qemu", &[("vmid", "100")]);
    let hands = async {
        let (_, row) = order(&lab, Method::GET, &format!("/holds/{id}?wait=20"), json!({})).await;
        assert_eq!(row["reached"], true);
        assert!(lab.sim.guest(100).is_none());
        order(&lab, Method::DELETE, &format!("/holds/{id}"), json!({})).await
    };
    let (answer, (status, _)) = tokio::join!(call, hands);
    assert_eq!((answer.status, status), (200, 200));
}

#[tokio::test]
async fn people_have_hands_here_too() {
    let lab = Lab::instant(Seed::nodes(2)).await;
    lab.create(100).await;
    let uuid = lab.sim.guest(100).unwrap().uuid.unwrap();
    let orders = [
        (Method::POST, "/guests/100/power-on", json!({})),
        (
            Method::PUT,
            "/guests/100/config",
            json!({"description": "x", "agent": null}),
        ),
        (
            Method::POST,
            "/guests/100/copy",
            json!({"vmid": 300, "name": "copy"}),
        ),
        (Method::POST, "/guests/100/move", json!({"node": "pve2"})),
        (
            Method::PUT,
            "/guests/100/behaviour",
            json!({"shutdown": "ignores", "agent": false}),
        ),
        (Method::POST, "/guests/100/recycle", json!({})),
        (
            Method::POST,
            "/guests",
            json!({"vmid": 400, "node": "pve2", "running": true}),
        ),
        (Method::DELETE, "/guests/400", json!({})),
        (Method::PUT, "/nodes/pve2", json!({"online": false})),
        (Method::PUT, "/quorum", json!({"quorate": false})),
        (Method::POST, "/nodes/pve1/isos", json!({"iso": "new.iso"})),
        (
            Method::DELETE,
            "/nodes/pve1/volumes",
            json!({"volid": "local:iso/new.iso"}),
        ),
        (
            Method::POST,
            "/tokens",
            json!({"id": "a@pam!tt", "secret": "s", "rights": []}),
        ),
        (Method::PUT, "/tokens", json!({"id": "a@pam!tt", "rights": null})),
        (Method::PUT, "/timing", json!({"time_scale": 10, "create": 0.5})),
        (Method::POST, "/resources/refresh", json!({})),
        (Method::POST, "/listener/stop", json!({})),
        (Method::POST, "/listener/start", json!({})),
    ];
    for (method, path, body) in orders {
        let (status, answer) = order(&lab, method, path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
    let timing = lab.sim.timing();
    assert_eq!((timing.create.as_millis(), timing.start.as_millis()), (500, 1));
    let (_, guest) = order(&lab, Method::GET, "/guests/100", json!({})).await;
    assert_eq!(guest["node"], "pve2");
    assert_ne!(guest["uuid"], uuid);
    let (_, log) = order(
        &lab,
        Method::GET,
        "/requests?mutating=1&path=/nodes/*/qemu",
        json!({}),
    )
    .await;
    assert_eq!(
        (&log["count"], &log["requests"][0]["params"][0][0]),
        (&json!(1), &json!("agent"))
    );
    let (status, _) = order(&lab, Method::DELETE, "/tokens", json!({"id": "nobody@pam!t"})).await;
    assert_eq!(status, 400);
    assert_eq!(order(&lab, Method::GET, "/nonsense", json!({})).await.0, 404);
}

#[tokio::test]
async fn what_an_order_does_not_know_is_refused_by_name() {
    let lab = Lab::instant(Seed::default().with_foreign_vms(1)).await;
    let orders = [
        (
            Method::POST,
            "/faults",
            json!({"fault": "refuse", "pth": "/version"}),
            "pth",
        ),
        (
            Method::POST,
            "/holds",
            json!({"mark": "before-act", "pth": "/version"}),
            "pth",
        ),
        (
            Method::POST,
            "/scenarios",
            json!({"steps": [{"faults": [{"fault": "refuse", "pth": "/version"}]}]}),
            "pth",
        ),
        (
            Method::POST,
            "/guests",
            json!({"vmid": 300, "nod": "pve1"}),
            "nod",
        ),
        (Method::POST, "/guests/100/power-on", json!({"vmid": 101}), "vmid"),
        (Method::POST, "/guests/100/recycle", json!({"name": "x"}), "name"),
        (
            Method::POST,
            "/guests/100/copy",
            json!({"vmid": 300, "nam": "x"}),
            "nam",
        ),
        (Method::POST, "/guests/100/copy", json!({}), "vmid"),
        (
            Method::PUT,
            "/guests/100/behaviour",
            json!({"shutdwn": "ignores"}),
            "shutdwn",
        ),
        (Method::DELETE, "/guests/100", json!({"vmid": 101}), "vmid"),
        (Method::PUT, "/nodes/pve1", json!({"onlin": false}), "onlin"),
        (Method::PUT, "/nodes/pve1", json!({}), "online"),
        (Method::PUT, "/quorum", json!({"quorat": false}), "quorat"),
        (
            Method::PUT,
            "/tokens",
            json!({"id": "root@pam!drover", "right": []}),
            "right",
        ),
        (Method::PUT, "/tokens", json!({"id": "root@pam!drover"}), "rights"),
        (
            Method::DELETE,
            "/tokens",
            json!({"id": "root@pam!drover", "all": true}),
            "all",
        ),
        (Method::PUT, "/timing", json!({"time_scale": 0}), "above zero"),
        (Method::PUT, "/timing", json!({"time_scael": 2}), "time_scael"),
        (
            Method::POST,
            "/happenings",
            json!({"happen": "power-off", "vmid": 100, "x": 1}),
            "x",
        ),
    ];
    for (method, path, body, named) in orders {
        let (status, answer) = order(&lab, method, path, body.clone()).await;
        assert_eq!(status, 400, "{path} {body}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(named), "{path} {body}: {error}");
    }
    assert_eq!(lab.sim.faults().len(), 0);
    assert_eq!(lab.get("/version").await.status, 200);
    assert!(lab.sim.guest(100).unwrap().running);
}

#[tokio::test]
async fn a_node_takes_both_orders_at_once() {
    let lab = Lab::instant(Seed::nodes(2)).await;
    let both = json!({"online": true, "proxy": "refuses"});
    assert_eq!(order(&lab, Method::PUT, "/nodes/pve2", both).await.0, 200);
    assert_eq!(lab.get("/nodes/pve2/status").await.status, 595);
}
