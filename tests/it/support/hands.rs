//! The hands of people on a test's host, and what it was sent.

use pve_sim::{GuestView, Requests};

use super::world::{HOSTS, World};

impl World {
    /// Somebody changes something on the host by its API, as from its page.
    pub(crate) async fn as_person(&self, path: &str, body: &str) {
        self.as_person_by(reqwest::Method::POST, path, body).await;
    }

    /// The same, by another method.
    pub(crate) async fn as_person_by(&self, method: reqwest::Method, path: &str, body: &str) {
        let client = reqwest::Client::builder()
            .danger_accept_invalid_certs(true)
            .build()
            .unwrap();
        let token = format!("PVEAPIToken={}={}", self.sim.token_id(), self.sim.token_secret());
        let answer = client
            .request(
                method,
                format!("https://127.0.0.1:{}/api2/json{path}", self.sim.port()),
            )
            .header("Authorization", token)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// The number of a machine's guest.
    pub(crate) async fn vmid(&self, name: &str) -> u32 {
        self.vm(name).await.status.and_then(|s| s.vmid).expect("a number")
    }

    /// The guest of a machine.
    pub(crate) async fn guest(&self, name: &str) -> GuestView {
        let vmid = self.vmid(name).await;
        self.sim.guest(vmid).unwrap_or_else(|| panic!("no guest {vmid}"))
    }

    /// What was sent to change something, with a method and a path pattern.
    pub(crate) fn sent(&self, method: &str, path: &str) -> Requests {
        self.sim.mutations().matching(method, path)
    }

    /// How often Drover tried in vain to reach a host since it was started.
    pub(crate) fn vain_probes(&self, host: &str) -> u64 {
        let labels = format!("host=\"{host}\",operation=\"probe\",outcome=\"unreachable\"");
        let drover = self.drover.as_ref().expect("it runs");
        drover.counted(&format!("drover_host_requests_total{{{labels}}}"))
    }

    /// The simulated host is up again, after [`Simulator::stop_listener`].
    pub(crate) async fn host_up(&self) {
        let _entered = HOSTS.enter();
        self.sim.start_listener().await.unwrap();
    }
}
