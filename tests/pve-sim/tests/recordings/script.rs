//! What a person writes about a file of recordings: the state that the machine was in, who sent what, the parts of
//! requests that the recorder left out, and what happened to the machine between two requests.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use pve_sim::{Seed, Simulator, Timing};

use super::client::Request;
use super::session::{Sender, Session, encode};

type Edit = Box<dyn Fn(&mut Request, &Session) + Send + Sync>;
type Happening = Box<dyn Fn(&Simulator) + Send + Sync>;

/// How one file is replayed.
pub(crate) struct Script {
    pub(crate) seed: Seed,
    pub(crate) user: String,
    pub(crate) token: Option<String>,
    pub(crate) passwords: BTreeMap<String, String>,
    pub(crate) senders: BTreeMap<usize, Sender>,
    edits: BTreeMap<usize, Vec<Edit>>,
    happenings: BTreeMap<usize, Vec<Happening>>,
    pub(crate) still_running: BTreeSet<usize>,
    pub(crate) ended: BTreeSet<usize>,
}

/// The password of `root@pam` in every replay.
pub(crate) const ROOT_PASSWORD: &str = "five-gates-of-brass";

impl Script {
    /// A machine in this state. Durations are the replay's own, whatever the seed says.
    pub(crate) fn new(mut seed: Seed) -> Self {
        seed.timing = timing();
        seed.root_password = Some(ROOT_PASSWORD.to_owned());
        Self {
            seed,
            user: "root@pam".to_owned(),
            token: None,
            passwords: BTreeMap::from([("root@pam".to_owned(), ROOT_PASSWORD.to_owned())]),
            senders: BTreeMap::new(),
            edits: BTreeMap::new(),
            happenings: BTreeMap::new(),
            still_running: BTreeSet::new(),
            ended: BTreeSet::new(),
        }
    }

    /// The token, by its full id, that `auth: token` stands for. Its secret is learnt when a request makes it.
    pub(crate) fn token(mut self, id: &str) -> Self {
        self.token = Some(id.to_owned());
        self
    }

    /// A user's password: he logs in with it when he first sends something, and it stands for `REDACTED` in forms
    /// with his `username` or `userid`.
    pub(crate) fn password(mut self, user: &str, password: &str) -> Self {
        self.passwords.insert(user.to_owned(), password.to_owned());
        self
    }

    /// These requests come from somebody else, with a ticket.
    pub(crate) fn by_user(mut self, at: impl IntoIterator<Item = usize>, user: &str) -> Self {
        let sender = Sender::User(user.to_owned());
        self.senders.extend(at.into_iter().map(|i| (i, sender.clone())));
        self
    }

    /// These requests come with another token, by its full id.
    pub(crate) fn by_token(mut self, at: impl IntoIterator<Item = usize>, id: &str) -> Self {
        let sender = Sender::Token(id.to_owned());
        self.senders.extend(at.into_iter().map(|i| (i, sender.clone())));
        self
    }

    /// Fills in what the recorder left out of a request. Runs last, over the finished request.
    pub(crate) fn at(
        mut self,
        index: usize,
        edit: impl Fn(&mut Request, &Session) + Send + Sync + 'static,
    ) -> Self {
        self.edits.entry(index).or_default().push(Box::new(edit));
        self
    }

    /// Something was done to the machine, not over its API, before a request.
    pub(crate) fn before(
        mut self,
        index: usize,
        happening: impl Fn(&Simulator) + Send + Sync + 'static,
    ) -> Self {
        self.happenings
            .entry(index)
            .or_default()
            .push(Box::new(happening));
        self
    }

    /// Before these requests enough time had passed that `/cluster/resources` had new figures. Without it they are
    /// those of the beginning.
    pub(crate) fn figures(mut self, at: impl IntoIterator<Item = usize>) -> Self {
        for index in at {
            self = self.before(index, Simulator::refresh_resources);
        }
        self
    }

    /// These requests were sent while the tasks before them still ran. Requests about tasks are, unless they are among
    /// [`Self::ended_before`].
    pub(crate) fn still_running(mut self, at: impl IntoIterator<Item = usize>) -> Self {
        self.still_running.extend(at);
        self
    }

    /// These requests about tasks were sent when the tasks before them had ended.
    pub(crate) fn ended_before(mut self, at: impl IntoIterator<Item = usize>) -> Self {
        self.ended.extend(at);
        self
    }

    /// What happens before a request. It panics where it can't, which is that exchange's trouble alone.
    pub(crate) fn happen(&self, index: usize, sim: &Simulator) -> Result<(), String> {
        for happening in self.happenings.get(&index).into_iter().flatten() {
            let done = catch_unwind(AssertUnwindSafe(|| happening(sim)));
            done.map_err(|_| "what should happen before it couldn't".to_owned())?;
        }
        Ok(())
    }

    pub(crate) fn edit(&self, index: usize, request: &mut Request, session: &Session) {
        for edit in self.edits.get(&index).into_iter().flatten() {
            edit(request, session);
        }
    }
}

/// Everything soon; new figures for `/cluster/resources` only where a script says so.
fn timing() -> Timing {
    Timing {
        resources_refresh: Duration::from_hours(1),
        ..Timing::instant()
    }
}

/// A part of a multipart body.
pub(crate) enum Part<'a> {
    /// A form field.
    Field(&'a str, &'a str),
    /// A file: the field's name, the file's, its content.
    File(&'a str, &'a str, &'a [u8]),
}

impl Request {
    /// Sets a header, in place of one of this name.
    pub(crate) fn header(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Takes a header away.
    pub(crate) fn without(&mut self, name: &str) -> &mut Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self
    }

    /// Sets the whole body.
    pub(crate) fn body(&mut self, body: impl Into<Vec<u8>>) -> &mut Self {
        self.body = Some(body.into());
        self
    }

    /// Sets one field of a form, which is encoded here.
    pub(crate) fn field(&mut self, name: &str, value: &str) -> &mut Self {
        let body = String::from_utf8(self.body.take().unwrap_or_default()).unwrap();
        let own = format!("{}=", encode(name));
        let mut pairs: Vec<String> = body.split('&').map(str::to_owned).collect();
        pairs.retain(|p| !p.is_empty() && !p.starts_with(&own));
        pairs.push(format!("{own}{}", encode(value)));
        self.body(pairs.join("&"))
    }

    /// Sets a multipart body, with the boundary that the content type names.
    pub(crate) fn multipart(&mut self, parts: &[Part<'_>]) -> &mut Self {
        let content_type = self.headers.iter().find(|(n, _)| n == "Content-Type");
        let boundary = content_type.and_then(|(_, v)| v.split_once("boundary="));
        let boundary = boundary.map(|(_, b)| b.to_owned()).unwrap();
        let mut body = Vec::new();
        for part in parts {
            let disposition = "Content-Disposition: form-data";
            let (head, content) = match part {
                Part::Field(name, value) => (format!("{disposition}; name=\"{name}\""), value.as_bytes()),
                Part::File(name, file, content) => (
                    format!(
                        "{disposition}; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: application/octet-stream"
                    ),
                    *content,
                ),
            };
            body.extend(format!("--{boundary}\r\n{head}\r\n\r\n").into_bytes());
            body.extend(content);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{boundary}--\r\n").into_bytes());
        self.body(body)
    }
}
