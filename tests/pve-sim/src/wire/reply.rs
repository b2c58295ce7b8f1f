//! Answers and errors, and how they are written.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::ext::ReasonPhrase;
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock;
use crate::release::Release;

/// What a call answers when it went well: the body.
#[derive(Clone, Debug)]
pub(crate) struct Reply(Bytes);

impl Reply {
    /// `{"data": …}`.
    pub(crate) fn data(data: impl Serialize) -> Self {
        #[derive(Serialize)]
        struct Envelope<T> {
            data: T,
        }
        Self(serde_json::to_vec(&Envelope { data }).unwrap_or_default().into())
    }

    /// `{"data": null}`.
    pub(crate) fn null() -> Self {
        Self::data(Value::Null)
    }

    /// A page of a list, with how long the whole of it is.
    pub(crate) fn page(data: Vec<Value>, total: Option<usize>) -> Self {
        match total {
            Some(total) => Self(json!({"data": data, "total": total}).to_string().into()),
            None => Self::data(data),
        }
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.0));
        common_headers(&mut response, true, false);
        response
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

    pub(crate) fn into_response(self, release: Release) -> Response<Full<Bytes>> {
        let (body, json) = match &self.body {
            ErrorBody::Empty => (String::new(), false),
            ErrorBody::Text => (self.reason.clone(), false),
            ErrorBody::Json { line_feed, errors } => {
                let end = if *line_feed { "\n" } else { "" };
                let mut body = json!({"data": null});
                if release.tells_in_body() {
                    body["message"] = json!(format!("{}{end}", self.reason));
                }
                if !errors.is_empty() {
                    body["errors"] = json!(errors);
                }
                (body.to_string(), true)
            }
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // A sentence of several lines can't stand in the status line: Proxmox ends it at the first.
        let line = self
            .reason
            .split(['\r', '\n'])
            .next()
            .unwrap_or("")
            .as_bytes()
            .to_vec();
        if let Ok(reason) = ReasonPhrase::try_from(line) {
            response.extensions_mut().insert(reason);
        }
        common_headers(&mut response, json, true);
        response
    }
}

/// The sentences of the state are errors of the kind 500.
impl From<String> for ApiError {
    fn from(sentence: String) -> Self {
        Self::internal(sentence)
    }
}

/// Proxmox keeps a connection after a success and closes it after any error.
fn common_headers(response: &mut Response<Full<Bytes>>, json: bool, close: bool) {
    let headers = response.headers_mut();
    let connection = if close { "close" } else { "Keep-Alive" };
    headers.insert(header::CONNECTION, HeaderValue::from_static(connection));
    headers.insert(header::SERVER, HeaderValue::from_static("pve-api-daemon/3.0"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=0"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    if let Ok(now) = HeaderValue::from_str(&clock::http_date()) {
        headers.insert(header::EXPIRES, now);
    }
    if json {
        let json = HeaderValue::from_static("application/json;charset=UTF-8");
        headers.insert(header::CONTENT_TYPE, json);
    }
}
