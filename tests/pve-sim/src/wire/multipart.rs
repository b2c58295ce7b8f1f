//! Uploads: a multipart body is read as it comes, its fields are kept and its file is only counted and hashed.
//!
//! Proxmox VE's server takes the fields in one order and no other, the file last (`PVE::APIServer::AnyEvent`,
//! `file_upload_multipart`). What comes in another order it takes for part of a value, and then answers with a reason
//! that isn't one: a bare `400 Bad Request`.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::checksum::Checksum;
use crate::state::TemporaryFile;

/// The fields that may come before the file, in this order.
const ORDER: &[&str] = &["content", "checksum-algorithm", "checksum"];

/// More than this before the file isn't fields.
const MOST_FIELDS: usize = 64 * 1024;

/// What an upload brought.
pub(super) struct Upload {
    pub(super) fields: BTreeMap<String, String>,
    pub(super) file: TemporaryFile,
}

/// The boundary that a content type names.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let (kind, rest) = content_type.split_once(';')?;
    let boundary = rest
        .split(';')
        .find_map(|part| part.trim().strip_prefix("boundary="))?;
    (kind.trim() == "multipart/form-data").then(|| boundary.trim_matches('"').to_owned())
}

/// Reads the body; nothing if it isn't what Proxmox takes.
pub(super) async fn read(mut body: Incoming, boundary: &str) -> Option<Upload> {
    let upload = parse(&mut body, boundary).await;
    // Who is refused has to have sent everything before he reads why.
    while chunk(&mut body).await.is_some() {}
    upload
}

async fn parse(body: &mut Incoming, boundary: &str) -> Option<Upload> {
    let mut buffer = BytesMut::new();
    let mut fields = BTreeMap::new();
    let mut next = 0;
    let opening = format!("--{boundary}\r\n");
    let name = loop {
        if let Some(part) = take_part(&mut buffer, &opening) {
            match part {
                Part::File(name) => break name,
                Part::Field(name, value) => {
                    let at = ORDER.iter().position(|known| *known == name)?;
                    if at < next {
                        return None;
                    }
                    next = at + 1;
                    fields.insert(name, value);
                }
                Part::Unknown => return None,
            }
        } else {
            if buffer.len() > MOST_FIELDS {
                return None;
            }
            buffer.extend_from_slice(&chunk(body).await?);
        }
    };
    let algorithm = fields.get("checksum-algorithm").map(String::as_str);
    let mut sink = Sink::new(algorithm.and_then(Checksum::named), boundary);
    sink.write(&buffer);
    while let Some(chunk) = chunk(body).await {
        sink.write(&chunk);
    }
    fields.insert("filename".to_owned(), name);
    Some(Upload {
        fields,
        file: sink.finish()?,
    })
}

/// The next bytes of the body; nothing at its end.
async fn chunk(body: &mut Incoming) -> Option<Bytes> {
    loop {
        let frame = body.frame().await?.ok()?;
        if let Ok(data) = frame.into_data() {
            return Some(data);
        }
    }
}

enum Part {
    Field(String, String),
    /// By the name of the file; its content follows.
    File(String),
    Unknown,
}

/// Takes a whole field, or a file's head, off the front of the buffer.
fn take_part(buffer: &mut BytesMut, opening: &str) -> Option<Part> {
    let start = find(buffer, opening.as_bytes())?;
    let head_at = start + opening.len();
    let head_end = head_at + find(&buffer[head_at..], b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&buffer[head_at..head_end]).into_owned();
    let body_at = head_end + 4;
    let line = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))
        .unwrap_or("");
    let value = |key: &str| {
        let (_, rest) = line.split_once(&format!("; {key}=\""))?;
        Some(rest.split('"').next().unwrap_or("").to_owned())
    };
    match (value("name"), value("filename")) {
        (Some(name), Some(file)) if name == "filename" => {
            let _head = buffer.split_to(body_at);
            Some(Part::File(file))
        }
        (Some(name), None) => {
            let end = find(
                &buffer[body_at..],
                format!("\r\n{}", opening.trim_end()).as_bytes(),
            )?;
            let value = String::from_utf8_lossy(&buffer[body_at..body_at + end])
                .trim()
                .to_owned();
            // The boundary that ends it begins the next.
            let _part = buffer.split_to(body_at + end + 2);
            Some(Part::Field(name, value))
        }
        _ => Some(Part::Unknown),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Counts and hashes a file up to the boundary that ends it.
struct Sink {
    ending: Vec<u8>,
    /// Bytes that may be the beginning of the ending.
    held: BytesMut,
    ended: bool,
    size: u64,
    head: Vec<u8>,
    checksum: Option<Checksum>,
}

/// How much of a file's beginning is kept, to see what it is; a small one whole.
const HEAD: usize = 256 * 1024;

impl Sink {
    fn new(checksum: Option<Checksum>, boundary: &str) -> Self {
        Self {
            ending: format!("\r\n--{boundary}--").into_bytes(),
            held: BytesMut::new(),
            ended: false,
            size: 0,
            head: Vec::new(),
            checksum,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        self.held.extend_from_slice(bytes);
        let ending = find_ending(&self.held, &self.ending);
        self.ended = ending.is_some();
        let sure = ending.unwrap_or_else(|| self.held.len().saturating_sub(self.ending.len() - 1));
        let content = self.held.split_to(sure);
        self.take(&content);
    }

    fn take(&mut self, content: &[u8]) {
        self.size += content.len() as u64;
        let room = HEAD.saturating_sub(self.head.len()).min(content.len());
        self.head.extend_from_slice(&content[..room]);
        if let Some(checksum) = &mut self.checksum {
            checksum.update(content);
        }
    }

    fn finish(self) -> Option<TemporaryFile> {
        self.ended.then(|| TemporaryFile {
            size: self.size,
            head: self.head,
            checksum: self.checksum.map(Checksum::finish),
        })
    }
}

/// As [`find`], for long texts: only where a line begins can it be.
fn find_ending(haystack: &[u8], ending: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + haystack.get(from..)?.iter().position(|b| *b == b'\r')?;
        if haystack[at..].starts_with(ending) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_found_across_chunks() {
        let mut sink = Sink::new(Checksum::named("sha256"), "B");
        for byte in b"abc\r\nd\r\n--B--\r\n" {
            sink.write(&[*byte]);
        }
        let file = sink.finish().unwrap();
        assert_eq!((file.size, file.head.as_slice()), (6, b"abc\r\nd".as_slice()));
    }

    #[test]
    fn a_file_without_an_ending_is_none() {
        let mut sink = Sink::new(None, "B");
        sink.write(b"abc");
        assert!(sink.finish().is_none());
    }

    #[test]
    fn the_boundary_is_named_by_the_type() {
        let named = boundary("multipart/form-data; boundary=\"xx\"");
        assert_eq!(named.as_deref(), Some("xx"));
        assert_eq!(boundary("text/plain; boundary=x"), None);
    }
}
