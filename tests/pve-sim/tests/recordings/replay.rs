//! One file's replay against one simulator.

use pve_sim::{Release, Simulator};

use super::call::Call;
use super::client::{Client, Request};
use super::compare::{Difference, compare};
use super::files::File;
use super::flip::{Tally, Tried};
use super::known::Known;
use super::library::{self, Recorded};
use super::names::Bindings;
use super::script::Script;
use super::session::{Sender, Session, usual_sender};
use super::{gate, left_out};

/// How one exchange came out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Equal,
    Unequal(Vec<Difference>),
    /// It differs for a reason that is listed.
    Known(&'static str),
    /// It is listed as different in a place that is equal.
    KnownButEqual(&'static str),
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
        tried: Vec::new(),
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
            let known = Known::of(release, file.name, index);
            let differences = replay.exchange(index, recorded, &call, known).await;
            match known {
                Some(known) => known.verdict(differences),
                None if differences.is_empty() => Verdict::Equal,
                None => Verdict::Unequal(differences),
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
    let tried = replay.tried;
    let flips = tokio::task::spawn_blocking(move || {
        let mut tally = Tally::default();
        for tried in &tried {
            tried.try_all(&mut tally);
        }
        tally
    });
    (outcomes, flips.await.unwrap())
}

struct Replay {
    sim: Simulator,
    script: Script,
    client: Client,
    session: Session,
    bindings: Bindings,
    /// What came out as it should.
    tried: Vec<Tried>,
}

impl Replay {
    async fn exchange(
        &mut self,
        index: usize,
        recorded: &Recorded,
        call: &Call,
        known: Option<&'static Known>,
    ) -> Vec<Difference> {
        let still_running = self.script.still_running.contains(&index)
            || (call.looks_at_tasks() && !self.script.ended.contains(&index));
        gate::before(&self.sim, still_running).await;
        if let Err(trouble) = self.script.happen(index, &self.sim) {
            return vec![Difference::at("request", trouble)];
        }
        let request = match self.request(index, recorded).await {
            Ok(request) => request,
            Err(trouble) => return vec![Difference::at("request", trouble)],
        };
        let own = match self.client.send(&request).await {
            Ok(own) => own,
            Err(trouble) => return vec![Difference::at("request", trouble)],
        };
        self.session.learn(&own);
        let theirs = recorded.answer(&own);
        self.bindings.settle();
        let before = self.bindings.clone();
        let differences = compare(theirs, &own, call, &mut self.bindings);
        if differences.iter().all(|d| known.is_some_and(|k| k.allows(d))) {
            self.tried.push(Tried {
                index,
                recorded: theirs.clone(),
                own,
                call: call.clone(),
                known,
                bindings: before,
                differences: differences.clone(),
            });
        }
        differences
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
