//! Files: sent to a storage, and fetched from the host, each as a stream of bounded memory.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, Stream, StreamExt as _};
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Response};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use uuid::Uuid;

use super::Proxmox;
use super::answers::lenient;
use super::api::storage::FileContent;
use super::api::{ChecksumAlgorithm, Request};
use super::call::{Call, Method};
use super::failure::{BadFile, Failure};
use super::member::{Content, Member, Sending};
use super::pulse::Pulse;
use super::verdict::Head;
use crate::hypervisor::Error;
use crate::model::{NodeName, Upid};

/// How much of a file is in memory at a time.
const PIECE: usize = 64 << 10;

/// A file to be sent to a storage.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The node that takes it.
    pub node: NodeName,
    /// The storage that gets it.
    pub storage: String,
    /// What it is.
    pub content: FileContent,
    /// Its name there. A file of that name is overwritten.
    pub filename: String,
    /// Its size in bytes, which is announced before it is read.
    pub size: u64,
    /// Its checksum, which the host compares.
    pub checksum: Option<(ChecksumAlgorithm, String)>,
}

impl Upload {
    fn call(&self) -> Call {
        Call::new(
            Method::Post,
            "/nodes/{node}/storage/{storage}/upload",
            &[&self.node, &self.storage],
        )
    }

    /// What comes before the file, and after it. Proxmox VE reads the parts in this order alone, and takes what
    /// comes after the file for a part of it (pve-http-server, `AnyEvent.pm`, `file_upload_multipart`).
    fn frame(&self, boundary: &str) -> Result<(String, String), String> {
        if self.filename.is_empty() || self.filename.contains(['"', '\\', '/', '\r', '\n']) {
            return Err(format!("'{}' is no name of a file", self.filename.escape_debug()));
        }
        let mut fields = vec![("content", self.content.to_string())];
        if let Some((algorithm, checksum)) = &self.checksum {
            if !checksum.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(format!("'{}' is no checksum", checksum.escape_debug()));
            }
            fields.push(("checksum-algorithm", algorithm.to_string()));
            fields.push(("checksum", checksum.clone()));
        }
        let mut parts: Vec<String> = fields
            .iter()
            .map(|(name, value)| {
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            })
            .collect();
        parts.push(format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.filename
        ));
        Ok((parts.concat(), format!("\r\n--{boundary}--\r\n")))
    }
}

impl Proxmox {
    /// Sends a file to a storage, and answers the task that puts it into place. It is sent once: a file can't be
    /// read again, so a ticket that the host takes no longer is an error here, and good at the next call.
    pub async fn upload<R>(&self, upload: &Upload, file: R) -> Result<Upid, Error>
    where
        R: AsyncRead + Send + Unpin + 'static,
    {
        let call = upload.call();
        let boundary = Uuid::new_v4().simple().to_string();
        let (before, after) = upload
            .frame(&boundary)
            .map_err(|reason| call.unbuildable(reason))?;
        let around = u64::try_from(before.len() + after.len()).unwrap_or(u64::MAX);
        let pulse = Pulse::new();
        let beating = pulse.clone();
        let piece = |text: String| stream::once(async move { Ok::<Bytes, BadFile>(Bytes::from(text)) });
        let body = piece(before)
            .chain(exactly(file, upload.size))
            .chain(piece(after))
            .inspect(move |_| beating.beat());
        let content = Content {
            kind: format!("multipart/form-data; boundary={boundary}"),
            length: upload.size.saturating_add(around),
            body: Body::wrap_stream(body),
        };
        let wire = &self.client.wire;
        let proof = self.client.proof().await?;
        // A login may have come before.
        pulse.beat();
        let result = wire
            .change_with(&call, &proof, content, &pulse, lenient::<Upid>)
            .await;
        result.inspect_err(|error| {
            self.client.may_renew(&proof, error);
        })
    }

    /// Fetches a file into `into`, of `limit` bytes at most, and answers how many came. What is written before an
    /// error is not to be used.
    pub async fn download<R, W>(&self, request: &R, into: &mut W, limit: u64) -> Result<u64, Error>
    where
        R: Request,
        W: AsyncWrite + Send + Unpin,
    {
        let call = request.call();
        let proof = self.client.proof().await?;
        let wire = &self.client.wire;
        let result = wire
            .fetch(&call, &proof, async |member, sending| {
                fetch(member, sending, into, limit).await
            })
            .await;
        result.inspect_err(|error| {
            self.client.may_renew(&proof, error);
        })
    }
}

/// The count of bytes, and the status.
async fn fetch<W: AsyncWrite + Send + Unpin>(
    member: &Member,
    sending: &Sending<'_>,
    into: &mut W,
    limit: u64,
) -> Result<(u64, u16), Failure> {
    let mut response = member.open(sending, None).await?;
    let status = response.status().as_u16();
    let count = take(member, sending, &mut response, into, limit).await;
    match count {
        Ok(count) => Ok((count, status)),
        Err(failure) => Err(failure.with_status(status)),
    }
}

async fn take<W: AsyncWrite + Send + Unpin>(
    member: &Member,
    sending: &Sending<'_>,
    response: &mut Response,
    into: &mut W,
    limit: u64,
) -> Result<u64, Failure> {
    let call = sending.call;
    let too_long = || Failure::of(call.unreadable(format!("it is longer than {limit} bytes")));
    let head = Head::of(response);
    if !response.status().is_success() {
        let body = member.body(sending, response).await?;
        head.judge(call, &body).map_err(Failure::of)?;
        return Err(Failure::of(call.unreadable("it is no file")));
    }
    head.judge(call, &[]).map_err(Failure::of)?;
    let announced = response.headers().get(CONTENT_LENGTH);
    let announced: Option<u64> = announced.and_then(|l| l.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_long());
    }
    let unwritten =
        |error: io::Error| Failure::of(call.unbuildable(format!("the file can't be written: {error}")));
    let mut count = 0_u64;
    while let Some(piece) = member.piece(sending, response).await? {
        count = count.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if count > limit {
            return Err(too_long());
        }
        into.write_all(&piece).await.map_err(unwritten)?;
    }
    into.flush().await.map_err(unwritten)?;
    Ok(count)
}

/// Exactly as many bytes as were announced. A file of another length ends in an error, before the host has all of
/// the body and acts upon it.
fn exactly<R>(file: R, size: u64) -> impl Stream<Item = Result<Bytes, BadFile>> + Send + 'static
where
    R: AsyncRead + Send + Unpin + 'static,
{
    let failed = |error: io::Error| BadFile::Read(Arc::new(error));
    stream::try_unfold((file, size), move |(mut file, left)| async move {
        if left == 0 {
            let more = file.read(&mut [0; 1]).await.map_err(failed)?;
            return if more == 0 {
                Ok(None)
            } else {
                Err(BadFile::Longer(size))
            };
        }
        let mut piece = BytesMut::with_capacity(PIECE);
        let most = u64::try_from(PIECE).unwrap_or(left).min(left);
        let read = (&mut file)
            .take(most)
            .read_buf(&mut piece)
            .await
            .map_err(failed)?;
        let read = u64::try_from(read).unwrap_or(left);
        if read == 0 {
            let came = size - left;
            return Err(BadFile::Shorter { came, size });
        }
        Ok(Some((piece.freeze(), (file, left - read))))
    })
}
