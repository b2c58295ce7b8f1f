//! How answers are written: status line, headers, and the form that the path asked for (`PVE::APIServer::AnyEvent`,
//! `PVE::APIServer::Formatter`).

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header};
use http_body_util::Full;
use hyper::ext::ReasonPhrase;
use serde_json::Value;

use super::reply::{ApiError, ApiResult, Reply};
use crate::clock;
use crate::release::Release;

/// Bodies up to this length are never compressed.
const COMPRESSED_FROM: usize = 1024;

const JSON: &str = "application/json;charset=UTF-8";
const HTML: &str = "text/html;charset=UTF-8";

/// The form of an answer: the part of the path after `/api2/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    /// Status 200 always, the real one in the body.
    ExtJs,
    /// A page for people.
    Html,
}

impl Format {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "extjs" => Some(Self::ExtJs),
            "html" => Some(Self::Html),
            _ => None,
        }
    }
}

/// How a client wants its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) format: Format,
    gzip: bool,
    close: bool,
}

impl Wanted {
    pub(super) fn new(format: Format, version: Version, headers: &HeaderMap) -> Self {
        let mentions = |name: HeaderName, word: &str| {
            let values = headers.get_all(name);
            let mut texts = values.iter().filter_map(|value| value.to_str().ok());
            texts.any(|text| text.to_ascii_lowercase().contains(word))
        };
        Self {
            format,
            gzip: mentions(header::ACCEPT_ENCODING, "gzip"),
            close: mentions(header::CONNECTION, "close")
                || (version < Version::HTTP_11 && !headers.contains_key(header::CONNECTION)),
        }
    }
}

/// Writes what a call answered.
pub(super) fn write(result: &ApiResult, wanted: Wanted, release: Release) -> Response<Full<Bytes>> {
    match result {
        Ok(reply) => {
            let close = wanted.close || reply.closes();
            let (body, kind) = success(reply, wanted.format);
            assemble(200, None, (body, Some(kind)), close, wanted.gzip)
        }
        Err(error) if wanted.format == Format::ExtJs && error.is_of_a_call() => {
            let body = Bytes::from(error.ext_js().to_string());
            assemble(200, None, (body, Some(JSON)), wanted.close, wanted.gzip)
        }
        Err(error) if wanted.format == Format::Html && error.status == 401 => {
            let body = page("Login Required", "");
            assemble(401, Some("Login Required"), (body, Some(HTML)), true, wanted.gzip)
        }
        Err(error) => failure(error, wanted, release),
    }
}

fn success(reply: &Reply, format: Format) -> (Bytes, &'static str) {
    let json = reply.json();
    match format {
        Format::Json => (json.clone(), JSON),
        Format::ExtJs => {
            let mut body = json.to_vec();
            body.pop();
            body.extend_from_slice(br#","success":1}"#);
            (body.into(), JSON)
        }
        Format::Html => (shown(json), HTML),
    }
}

fn failure(error: &ApiError, wanted: Wanted, release: Release) -> Response<Full<Bytes>> {
    let (body, json) = error.body(release);
    let (body, kind) = match wanted.format {
        Format::Html if json => (shown(&body), Some(HTML)),
        _ => (body, json.then_some(JSON)),
    };
    // A sentence of several lines can't stand in the status line: it ends at the first.
    let line = error.reason().split('\n').next().unwrap_or("");
    if line.contains('\r') {
        return assemble(400, Some("Bad Request"), (Bytes::new(), None), true, false);
    }
    assemble(error.status, Some(line), (body, kind), true, wanted.gzip)
}

/// Data as a page.
fn shown(json: &[u8]) -> Bytes {
    let data: Value = serde_json::from_slice(json).unwrap_or_default();
    let text = format!("{data:#}");
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    page("pve-sim", &format!("<pre>{escaped}</pre>"))
}

fn page(title: &str, content: &str) -> Bytes {
    format!("<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1>{content}</body>\n</html>\n")
        .into()
}

/// The connection is kept after a success and closed after any failure.
fn assemble(
    status: u16,
    reason: Option<&str>,
    (body, content_type): (Bytes, Option<&'static str>),
    close: bool,
    gzip: bool,
) -> Response<Full<Bytes>> {
    let compressed = (gzip && body.len() > COMPRESSED_FROM)
        .then(|| compress(&body))
        .flatten();
    let encoded = compressed.is_some();
    let mut response = Response::new(Full::new(compressed.unwrap_or(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(reason) = reason.and_then(|line| ReasonPhrase::try_from(line.as_bytes().to_vec()).ok()) {
        response.extensions_mut().insert(reason);
    }
    let headers = response.headers_mut();
    let connection = if close { "close" } else { "Keep-Alive" };
    headers.insert(header::CONNECTION, HeaderValue::from_static(connection));
    headers.insert(header::SERVER, HeaderValue::from_static("pve-api-daemon/3.0"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=0"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    if let Ok(now) = HeaderValue::from_str(&clock::http_date()) {
        headers.insert(header::EXPIRES, now);
    }
    if let Some(kind) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if encoded {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn compress(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(error: ApiError) -> Response<Full<Bytes>> {
        let wanted = Wanted::new(Format::Json, Version::HTTP_11, &HeaderMap::new());
        write(&Err(error), wanted, Release::V9_2)
    }

    fn line(response: &Response<Full<Bytes>>) -> String {
        let reason = response.extensions().get::<ReasonPhrase>().unwrap();
        let reason = String::from_utf8_lossy(reason.as_bytes()).into_owned();
        format!("{} {reason}", response.status().as_u16())
    }

    #[test]
    fn a_sentence_of_several_lines_ends_at_the_first() {
        assert_eq!(line(&written(ApiError::new(403, "one\ntwo"))), "403 one");
    }

    #[test]
    fn a_carriage_return_in_a_sentence_makes_it_a_bad_request() {
        assert_eq!(
            line(&written(ApiError::new(501, "one\r\ntwo"))),
            "400 Bad Request"
        );
    }
}
