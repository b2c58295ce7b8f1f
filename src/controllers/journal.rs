//! Kubernetes Events: what happened to a resource, for `kubectl describe`. Published on transitions and for
//! finished actions, never once a pass; a lost Event never fails a pass.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};

use crate::api::Host;
use crate::api::conditions::truncate;
use crate::api::names;
use crate::runtime::Clock;

/// The API server refuses longer notes (`events.k8s.io/v1`).
const NOTE_LIMIT: usize = 1024;

/// Within this time the same thing is counted on the Event that is there, instead of being written again.
const SERIES: Duration = Duration::from_mins(6);

/// Writes Events.
///
/// A recorder takes all Events of a reason about an object for one, and drops the notes of the later ones; so
/// each note has a recorder of its own.
#[derive(Clone)]
pub(super) struct Journal {
    client: Client,
    clock: Clock,
    reporter: Reporter,
    recorders: Arc<Mutex<HashMap<Key, (Recorder, Instant)>>>,
}

/// UID, reason and note.
type Key = (Option<String>, &'static str, String);

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Whether a person should look at it.
    pub(super) warning: bool,
    /// One of the reasons in `api::conditions`.
    pub(super) reason: &'static str,
    /// In words.
    pub(super) note: String,
}

impl Entry {
    /// Something that went as it should.
    pub(super) fn normal(reason: &'static str, note: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason,
            note: note.into(),
        }
    }

    /// Something that a person should look at.
    pub(super) fn warning(reason: &'static str, note: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason,
            note: note.into(),
        }
    }
}

impl Journal {
    /// A journal that reports as this process.
    pub(super) fn new(client: Client, clock: Clock, instance: Option<String>) -> Self {
        let reporter = Reporter {
            controller: names::MANAGER.to_owned(),
            instance,
        };
        Self {
            client,
            clock,
            reporter,
            recorders: Arc::default(),
        }
    }

    fn recorder(&self, key: Key) -> Recorder {
        let now = self.clock.instant();
        let mut recorders = self.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        recorders.retain(|_, (_, last)| now.duration_since(*last) < SERIES);
        let (recorder, last) = recorders
            .entry(key)
            .or_insert_with(|| (Recorder::new(self.client.clone(), self.reporter.clone()), now));
        *last = now;
        recorder.clone()
    }

    /// Publishes entries about a resource.
    pub(super) async fn publish<K: Resource<DynamicType = ()>>(&self, object: &K, entries: Vec<Entry>) {
        self.publish_on(object.object_ref(&()), entries).await;
    }

    /// The same, of a host.
    pub(super) async fn publish_on_host(&self, host: &Host, entries: Vec<Entry>) {
        self.publish_on(host.object_ref(), entries).await;
    }

    async fn publish_on(&self, regarding: ObjectReference, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        for entry in entries {
            let mut note = entry.note;
            truncate(&mut note, NOTE_LIMIT);
            let key = (regarding.uid.clone(), entry.reason, note.clone());
            let recorder = self.recorder(key);
            let event = Event {
                type_: if entry.warning {
                    EventType::Warning
                } else {
                    EventType::Normal
                },
                reason: entry.reason.to_owned(),
                note: Some(note),
                action: entry.reason.to_owned(),
                secondary: None,
            };
            // Once more: for what no longer has a resource, the Event is all that is left.
            let mut published = recorder.publish(&event, &regarding).await;
            if published.is_err() {
                published = recorder.publish(&event, &regarding).await;
            }
            if let Err(error) = published {
                tracing::warn!(reason = entry.reason, error = %error, "an event could not be published");
            }
        }
    }
}
