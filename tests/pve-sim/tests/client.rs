//! A small client of the API for the tests.

use std::time::{Duration, Instant};

use pve_sim::{Seed, Simulator, Timing};
use reqwest::{Certificate, Client, Method, Response};
use serde_json::Value;

/// How long a test waits for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A simulator and a client with its token.
pub(crate) struct Lab {
    pub(crate) sim: Simulator,
    pub(crate) http: Client,
    pub(crate) token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let reason = response.extensions().get::<hyper::ext::ReasonPhrase>();
        let reason = reason.map(|r| String::from_utf8_lossy(r.as_bytes()).into_owned());
        Self {
            status: response.status().as_u16(),
            reason: reason.unwrap_or_default(),
            text: response.text().await.unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// `data` of a success.
    pub(crate) fn data(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["data"].clone()
    }

    /// The sentence about one parameter.
    pub(crate) fn error_of(&self, parameter: &str) -> String {
        assert_eq!(
            (self.status, self.reason.as_str()),
            (400, "Parameter verification failed.")
        );
        self.json()["errors"][parameter]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

impl Lab {
    /// A simulator whose tasks take no time.
    pub(crate) async fn instant(seed: Seed) -> Self {
        Self::start(seed.with_timing(Timing::instant())).await
    }

    pub(crate) async fn start(seed: Seed) -> Self {
        let sim = Simulator::start(seed).await.unwrap();
        let ca = Certificate::from_pem(sim.ca_pem().as_bytes()).unwrap();
        let http = Client::builder()
            .tls_certs_only([ca])
            .no_proxy()
            .http1_only()
            .pool_idle_timeout(Duration::from_secs(3))
            .build()
            .unwrap();
        let token = format!("PVEAPIToken={}={}", sim.token_id(), sim.token_secret());
        Self { sim, http, token }
    }

    /// The same with another token.
    pub(crate) fn token(&mut self, id: &str, secret: &str) {
        self.token = format!("PVEAPIToken={id}={secret}");
    }

    pub(crate) async fn try_call(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let url = format!("{}/api2/json{path}", self.sim.url());
        let request = self
            .http
            .request(method, url)
            .header("Authorization", &self.token);
        let request = if form.is_empty() {
            request
        } else {
            request.form(form)
        };
        Ok(Answer::of(request.send().await?).await)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.try_call(Method::GET, path, &[]).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.try_call(Method::POST, path, form).await.unwrap()
    }

    pub(crate) async fn put(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.try_call(Method::PUT, path, form).await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.try_call(Method::DELETE, path, &[]).await.unwrap()
    }

    /// Waits for the task that an answer names, and gives its exit status.
    pub(crate) async fn exit_of(&self, answer: &Answer) -> String {
        let upid = answer.data().as_str().unwrap().to_owned();
        let node = upid.split(':').nth(1).unwrap().to_owned();
        let path = format!("/nodes/{node}/tasks/{upid}/status");
        let begun = Instant::now();
        loop {
            let status = self.get(&path).await.data();
            if let Some(exit) = status["exitstatus"].as_str() {
                return exit.to_owned();
            }
            assert!(begun.elapsed() < DEADLINE, "{upid} doesn't end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A task that has to go well.
    pub(crate) async fn done(&self, answer: Answer) {
        assert_eq!(self.exit_of(&answer).await, "OK");
    }

    /// Creates a guest with a disk, and waits for it.
    pub(crate) async fn create(&self, vmid: u32) {
        let vmid = vmid.to_string();
        let form = [
            ("vmid", vmid.as_str()),
            ("name", "web"),
            ("memory", "1024"),
            ("cores", "1"),
            ("agent", "1"),
            ("net0", "virtio,bridge=vmbr0"),
            ("scsi0", "local-lvm:4"),
        ];
        self.done(self.post("/nodes/pve1/qemu", &form).await).await;
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < DEADLINE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
