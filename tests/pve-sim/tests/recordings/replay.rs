//! One file's replay against one simulator.

use pve_sim::{Release, Simulator};

use super::call::Call;
use super::client::{Answer, Client, Request};
use super::compare::{Difference, compare};
use super::files::File;
use super::flip::{self, Tally};
use super::library::{self, Recorded};
use super::names::Bindings;
use super::script::Script;
use super::session::{Sender, Session, usual_sender};
use super::{gate, known, left_out};

/// How one exchange came out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Equal,
    Unequal(Vec<Difference>),
    /// It differs for a reason that is listed.
    Known(&'static str),
    /// It is listed as different, and is equal.
    KnownButEqual,
    LeftOut(&'static str),
}

/// One exchange, replayed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) index: usize,
    /// What the recorder called it, and the request.
    pub(crate) title: String,
    pub(crate) verdict: Verdict,
}

/// Replays a file, and tries the comparison on every answer that was equal.
pub(crate) async fn replay(file: &File, release: Release) -> (Vec<Outcome>, Tally) {
    let script = (file.script)(release);
    let sim = Simulator::start(script.seed.clone()).await.unwrap();
    sim.hold_tasks();
    let mut replay = Replay {
        client: Client::new(&sim),
        session: Session::new(&sim, script.passwords.clone()),
        bindings: Bindings::default(),
        flips: Tally::default(),
        sim,
        script,
    };
    let mut outcomes = Vec::new();
    for (index, recorded) in library::read(file.name, release).iter().enumerate() {
        let request = &recorded.request;
        let call = Call::of(request);
        let verdict = if let Some(reason) = left_out::reason(&call) {
            Verdict::LeftOut(reason)
        } else {
            let differences = replay.exchange(index, recorded, &call).await;
            match (differences.is_empty(), known::reason(release, file.name, index)) {
                (true, None) => Verdict::Equal,
                (true, Some(_)) => Verdict::KnownButEqual,
                (false, None) => Verdict::Unequal(differences),
                (false, Some(reason)) => Verdict::Known(reason),
            }
        };
        let title = format!(
            "[{}] {} {} {}",
            recorded.name.as_deref().unwrap_or_default(),
            request.method,
            request.path,
            request.body.as_deref().unwrap_or_default()
        );
        outcomes.push(Outcome {
            index,
            title,
            verdict,
        });
    }
    replay.sim.shutdown().await;
    (outcomes, replay.flips)
}

struct Replay {
    sim: Simulator,
    script: Script,
    client: Client,
    session: Session,
    bindings: Bindings,
    flips: Tally,
}

impl Replay {
    async fn exchange(&mut self, index: usize, recorded: &Recorded, call: &Call) -> Vec<Difference> {
        let still_running = self.script.still_running.contains(&index);
        gate::before(&self.sim, call, still_running).await;
        if let Err(trouble) = self.script.happen(index, &self.sim) {
            return vec![trouble];
        }
        let request = match self.request(index, recorded).await {
            Ok(request) => request,
            Err(trouble) => return vec![trouble],
        };
        let own = match self.client.send(&request).await {
            Ok(own) => own,
            Err(trouble) => return vec![trouble],
        };
        self.session.learn(&own);
        let own = match self.again_when_stopped(recorded, &request, own).await {
            Ok(own) => own,
            Err(trouble) => return vec![trouble],
        };
        let theirs = recorded.answer(&own);
        self.bindings.settle();
        let before = self.bindings.clone();
        let differences = compare(theirs, &own, call, &mut self.bindings);
        if differences.is_empty() {
            flip::try_all(index, (theirs, &own), call, &before, &mut self.flips);
        }
        differences
    }

    /// A real task may have ended before it was polled: then ours is let go on, and polled again.
    async fn again_when_stopped(
        &mut self,
        recorded: &Recorded,
        request: &Request,
        own: Answer,
    ) -> Result<Answer, String> {
        let status = |data: &serde_json::Value| data["status"].as_str().unwrap_or_default().to_owned();
        let ours = status(&own.data().unwrap_or_default());
        let theirs = status(&recorded.answer(&own).body["data"]);
        if ours == "running" && theirs == "stopped" && request.path.contains("/tasks/") {
            gate::release(&self.sim).await;
            return self.client.send(request).await;
        }
        Ok(own)
    }

    /// The recorded request in the names of this simulator, with what the script adds.
    async fn request(&mut self, index: usize, recorded: &Recorded) -> Result<Request, String> {
        let theirs = &recorded.request;
        self.bindings.pin(&theirs.path);
        self.bindings.pin(theirs.body.as_deref().unwrap_or_default());
        let path = self.bindings.translate(&theirs.path);
        let mut request = Request {
            method: theirs.method.clone(),
            path: if path.starts_with("//") {
                path
            } else {
                format!("/api2/json{path}")
            },
            headers: Vec::new(),
            body: None,
        };
        if let Some(content_type) = &theirs.content_type {
            request.header("Content-Type", content_type.as_str());
        }
        if let Some(body) = &theirs.body {
            request.body(self.bindings.translate(body));
            self.fill_in_password(&mut request);
        }
        let usual = usual_sender(theirs.auth, &self.script.user, self.script.token.as_deref());
        if let Some(sender) = self.script.senders.get(&index).cloned().or(usual) {
            if let Sender::User(user) = &sender {
                self.session.log_in(&mut self.client, user).await?;
            }
            self.session.sign(&mut request, &sender);
        }
        self.script.edit(index, &mut request, &self.session);
        Ok(request)
    }

    /// The recorder blackened passwords; a form that names the user gets his.
    fn fill_in_password(&self, request: &mut Request) {
        let body = String::from_utf8(request.body.clone().unwrap_or_default()).unwrap_or_default();
        let field = |name: &str| {
            let pair = body
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.map(|v| {
                percent_encoding::percent_decode_str(v)
                    .decode_utf8_lossy()
                    .into_owned()
            })
        };
        let user = field("userid").or_else(|| field("username")).unwrap_or_default();
        let password = self.session.password(&user);
        if field("password").as_deref() == Some("REDACTED") && !password.is_empty() {
            request.field("password", password);
        }
    }
}
