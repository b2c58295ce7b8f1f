//! A request as it was received: wholly, and with what is wrong about it on the level of HTTP.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::decode::{Given, collect, decode_body, decode_pairs, percent_decode};
use super::multipart::{self, Upload};
use super::reply::ApiError;
use super::response::{Format, Wanted};
use crate::release::Release;
use crate::state::TemporaryFile;

/// The greatest body that isn't an upload.
const BODY_LIMIT: usize = 512 * 1024;

/// The header of a request, with the empty line that ends it, has fewer lines than this, and fewer bytes in them.
const MOST_LINES: usize = 64;
const MOST_BYTES: usize = 8 * 1024;

/// A request that was received wholly.
pub(super) struct Received {
    pub(super) method: String,
    /// Below `/api2/json`, decoded.
    pub(super) segments: Vec<String>,
    /// The decoded path, as logged and matched.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) wanted: Wanted,
    query: Vec<(String, String)>,
    content_type: String,
    body: Bytes,
    /// The fields of an upload, and its file.
    upload: Option<Upload>,
    /// What is wrong with it, which only those are told who may ask at all.
    pub(super) refusal: Option<ApiError>,
}

/// Whether the header is more than Proxmox reads.
pub(super) fn is_oversized(headers: &HeaderMap) -> bool {
    let bytes = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + 2 + value.len());
    headers.len() + 1 >= MOST_LINES || bytes.sum::<usize>() >= MOST_BYTES
}

impl Received {
    /// Reads a request, or says why nobody is answered who sends it so.
    pub(super) async fn read(request: Request<Incoming>) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let method = head.method.as_str().to_owned();
        if ![Method::GET, Method::POST, Method::PUT, Method::DELETE].contains(&head.method) {
            return Err(ApiError::empty(501, format!("method '{method}' not available")));
        }
        let text = |name| header_text(&head.headers, name);
        if let Some(encoding) = text(header::TRANSFER_ENCODING) {
            let sentence = if encoding.eq_ignore_ascii_case("chunked") {
                "chunked transfer encoding not supported".to_owned()
            } else {
                format!("Unknown transfer encoding '{encoding}'")
            };
            return Err(ApiError::plain(501, sentence));
        }
        let path = head.uri.path();
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        if segments.next() != Some("api2") {
            return Err(ApiError::plain(501, format!("no such file '{path}'\n")));
        }
        let name = segments.next().filter(|name| is_format(name));
        let name = name.ok_or_else(|| ApiError::plain(501, "no such uri"))?;
        let segments: Vec<String> = segments.map(|segment| percent_decode(segment, false)).collect();
        let path = format!("/{}", segments.join("/"));
        let format = Format::named(name);
        let length: usize = text(header::CONTENT_LENGTH)
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        let mut received = Self {
            wanted: Wanted::new(format.unwrap_or(Format::Json), head.version, &head.headers),
            segments,
            path,
            query: decode_pairs(head.uri.query().unwrap_or("")),
            content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
            headers: head.headers.clone(),
            body: Bytes::new(),
            upload: None,
            refusal: None,
            method,
        };
        let takes_content = head.method == Method::POST || head.method == Method::PUT;
        if length > 0 && !takes_content {
            let sentence = format!("Unexpected content for method '{}'", received.method);
            received.refusal = Some(ApiError::plain(501, sentence));
        } else if let Some(boundary) = received.boundary() {
            let upload = multipart::read(body, &boundary).await;
            received.upload = Some(upload.ok_or_else(|| ApiError::empty(400, "Bad Request"))?);
        } else if length > BODY_LIMIT {
            received.refusal = Some(ApiError::plain(501, "for data too large"));
        } else {
            received.body = match Limited::new(body, BODY_LIMIT).collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) if error.is::<LengthLimitError>() => {
                    return Err(ApiError::plain(501, "for data too large"));
                }
                Err(_) => return Err(ApiError::empty(400, "Bad Request")),
            };
        }
        if received.refusal.is_none() && format.is_none() {
            let sentence = format!("no formatter for uri {}, {name}", received.path);
            received.refusal = Some(ApiError::plain(501, sentence));
        }
        Ok(received)
    }

    /// What ends the parts of an upload.
    fn boundary(&self) -> Option<String> {
        self.is_upload()
            .then(|| multipart::boundary(&self.content_type))
            .flatten()
    }

    /// The file of an upload, which is then at a path.
    pub(super) fn take_file(&mut self, path: String) -> Option<TemporaryFile> {
        let upload = self.upload.as_mut()?;
        upload.fields.insert("tmpfilename".to_owned(), path);
        Some(upload.file.clone())
    }

    /// Body and query together; the query wins.
    pub(super) fn parameters(&self, release: Release) -> Result<BTreeMap<String, Given>, ApiError> {
        let mut given = if self.body.is_empty() {
            BTreeMap::new()
        } else {
            decode_body(&self.content_type, &self.body, release)?
        };
        if let Some(upload) = &self.upload {
            let fields = upload.fields.iter();
            given.extend(fields.map(|(name, value)| (name.clone(), Given::Text(value.clone()))));
        }
        given.extend(collect(&self.query));
        // With it browsers keep answers out of their caches.
        given.remove("_dc");
        Ok(given)
    }

    /// Whether it brings a file, which comes in a body of its own and from forms that can't set headers.
    pub(super) fn is_upload(&self) -> bool {
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        self.method == "POST" && matches!(segments.as_slice(), ["nodes", _, "storage", _, "upload"])
    }
}

fn is_format(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && name.len() > 1
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}
