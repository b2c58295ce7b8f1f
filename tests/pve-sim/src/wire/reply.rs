//! What calls answer: data, or a failure with its sentence.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::release::Release;

/// What a call answers when it went well: the body.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    body: Bytes,
    closes: bool,
}

impl Reply {
    fn of(body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            closes: false,
        }
    }

    /// As it is sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// `{"data": …}`.
    pub(crate) fn data(data: impl Serialize) -> Self {
        #[derive(Serialize)]
        struct Envelope<T> {
            data: T,
        }
        Self::of(serde_json::to_vec(&Envelope { data }).unwrap_or_default())
    }

    /// `{"data": null}`.
    pub(crate) fn null() -> Self {
        Self::data(Value::Null)
    }

    /// A page of a list, with how long the whole of it is.
    pub(crate) fn page(data: Vec<Value>, total: Option<usize>) -> Self {
        match total {
            Some(total) => Self::of(json!({"data": data, "total": total}).to_string()),
            None => Self::data(data),
        }
    }

    /// The body in JSON.
    pub(super) fn json(&self) -> &Bytes {
        &self.body
    }

    /// After it the connection is closed, as after an upload.
    #[must_use]
    pub(crate) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    pub(super) fn closes(&self) -> bool {
        self.closes
    }
}

/// A call that failed: a status, a sentence in the reason phrase, and mostly a body that repeats it.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    reason: String,
    body: ErrorBody,
}

#[derive(Clone, Debug)]
enum ErrorBody {
    Empty,
    /// Not JSON: the sentence itself.
    Text,
    /// `{"data":null,"message":"…"}`, the sentence ending in a line feed or not.
    Json {
        line_feed: bool,
        errors: BTreeMap<String, String>,
    },
}

/// What a handler returns.
pub(crate) type ApiResult = Result<Reply, ApiError>;

impl ApiError {
    /// A sentence with a status.
    pub(crate) fn new(status: u16, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            body: ErrorBody::Json {
                line_feed: true,
                errors: BTreeMap::new(),
            },
        }
    }

    /// 500, which is what Proxmox answers to almost everything.
    pub(crate) fn internal(reason: impl Into<String>) -> Self {
        Self::new(500, reason)
    }

    /// 403 with what was missing where.
    pub(crate) fn denied(path: &str, privileges: &[&str]) -> Self {
        Self::new(
            403,
            format!("Permission check failed ({path}, {})", privileges.join("|")),
        )
    }

    /// 400 with a sentence for each parameter.
    pub(crate) fn parameters(errors: BTreeMap<String, String>) -> Self {
        Self {
            status: 400,
            reason: "Parameter verification failed.".to_owned(),
            body: ErrorBody::Json {
                line_feed: true,
                errors,
            },
        }
    }

    /// 400 with a sentence for one parameter.
    pub(crate) fn parameter(name: &str, error: impl Into<String>) -> Self {
        Self::parameters(BTreeMap::from([(name.to_owned(), error.into())]))
    }

    /// The reason phrase.
    pub(crate) fn sentence(&self) -> &str {
        self.reason.trim_end()
    }

    /// What is said of each parameter.
    #[cfg(test)]
    pub(crate) fn errors(&self) -> BTreeMap<String, String> {
        match &self.body {
            ErrorBody::Json { errors, .. } => errors.clone(),
            ErrorBody::Empty | ErrorBody::Text => BTreeMap::new(),
        }
    }

    /// An empty body: 401, 59x, methods that don't exist.
    pub(crate) fn empty(status: u16, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            body: ErrorBody::Empty,
        }
    }

    /// A body that isn't JSON.
    pub(crate) fn plain(status: u16, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            body: ErrorBody::Text,
        }
    }

    /// An unknown path or a method that it hasn't.
    pub(crate) fn not_implemented(method: &str, path: &str) -> Self {
        Self {
            status: 501,
            reason: format!("Method '{method} {path}' not implemented"),
            body: ErrorBody::Json {
                line_feed: false,
                errors: BTreeMap::new(),
            },
        }
    }

    /// The sentence, of one line or more.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// The body, and whether it is JSON.
    pub(super) fn body(&self, release: Release) -> (Bytes, bool) {
        match &self.body {
            ErrorBody::Empty => (Bytes::new(), false),
            ErrorBody::Text => (self.reason.clone().into(), false),
            ErrorBody::Json { line_feed, errors } => {
                let end = if *line_feed { "\n" } else { "" };
                let mut body = json!({"data": null});
                if release.tells_in_body() {
                    body["message"] = json!(format!("{}{end}", self.reason));
                }
                if !errors.is_empty() {
                    body["errors"] = json!(errors);
                }
                (body.to_string().into(), true)
            }
        }
    }

    /// As the web interface wants it: always with a message.
    pub(super) fn ext_js(&self) -> Value {
        let (end, errors) = match &self.body {
            ErrorBody::Json {
                line_feed: true,
                errors,
            } => ("\n", errors.clone()),
            ErrorBody::Json { errors, .. } => ("", errors.clone()),
            ErrorBody::Empty | ErrorBody::Text => ("", BTreeMap::new()),
        };
        let message = format!("{}{end}", self.reason);
        let mut body = json!({"data": null, "success": 0, "status": self.status, "message": message});
        if !errors.is_empty() {
            body["errors"] = json!(errors);
        }
        body
    }

    /// Whether it came from a call, and not from the HTTP layer.
    pub(super) fn is_of_a_call(&self) -> bool {
        matches!(self.body, ErrorBody::Json { .. })
    }
}

/// The sentences of the state are errors of the kind 500.
impl From<String> for ApiError {
    fn from(sentence: String) -> Self {
        Self::internal(sentence)
    }
}
