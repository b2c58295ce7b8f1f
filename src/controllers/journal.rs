//! Kubernetes Events: what happened to a resource, for `kubectl describe`. Published on transitions and for
//! finished actions, never once a pass; a lost Event never fails a pass.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};

use crate::api::conditions::truncate;
use crate::api::names;

/// The API server refuses longer notes (`events.k8s.io/v1`).
const NOTE_LIMIT: usize = 1024;

/// Writes Events.
#[derive(Clone)]
pub(super) struct Journal {
    recorder: Recorder,
}

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
    pub(super) fn new(client: Client, instance: Option<String>) -> Self {
        let reporter = Reporter {
            controller: names::MANAGER.to_owned(),
            instance,
        };
        Self {
            recorder: Recorder::new(client, reporter),
        }
    }

    /// Publishes entries about a resource.
    pub(super) async fn publish<K: Resource<DynamicType = ()>>(&self, object: &K, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let regarding: ObjectReference = object.object_ref(&());
        for entry in entries {
            let mut note = entry.note;
            truncate(&mut note, NOTE_LIMIT);
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
            if let Err(error) = self.recorder.publish(&event, &regarding).await {
                tracing::debug!(reason = entry.reason, error = %error, "an event could not be published");
            }
        }
    }
}
