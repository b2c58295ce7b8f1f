//! Lets a node fetch files itself. There is no network outside of the simulator: what lies where is what the seed says,
//! or a server on the loopback.

use std::sync::Arc;

use http::Method;
use serde_json::json;

use super::super::{Allow, Endpoint, Run};
use super::Call;
use super::files::{check_name, normal_name};
use super::loopback::{self, Trouble};
use super::upload::{CHECKSUM, FILE};
use crate::checksum::Checksum;
use crate::clock;
use crate::release::Release;
use crate::seed::SeedDownload;
use crate::shared::Shared;
use crate::state::{Found, Volume, outside_host};
use crate::verify::{Kind, may, need};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName, Worker};

const ASK: Allow = Allow::All("/", &["Sys.Audit", "Sys.Modify"]);
const REACH: Allow = Allow::OneOf(&[ASK, Allow::Any("/nodes/{node}", &["Sys.AccessNetwork"])]);
const PUT: Allow = Allow::Any("/storage/{storage}", &["Datastore.AllocateTemplate"]);

const URL: Kind = Kind::Pattern("https?://.*");

/// What compressed files end with, by the name that the parameter has.
const COMPRESSIONS: &[&str] = &["bz2", "gz", "lzo", "xz", "zst"];

const DOWNLOAD: &[crate::verify::Param] = &[
    may("compression", Kind::Format(compression)).from(Release::V8_4),
    need("url", URL),
    may("verify-certificates", Kind::Boolean),
];

const DOWNLOAD_PATH: &str = "/nodes/{node}/storage/{storage}/download-url";
const METADATA_PATH: &str = "/nodes/{node}/query-url-metadata";
const METADATA: &[crate::verify::Param] = &[need("url", URL), may("verify-certificates", Kind::Boolean)];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        DOWNLOAD_PATH,
        Allow::Each(&[PUT, ASK]),
        &[FILE, CHECKSUM, DOWNLOAD],
        Run::Now(download),
    )
    .until(Release::V7_4),
    Endpoint::post(
        DOWNLOAD_PATH,
        Allow::Each(&[PUT, REACH]),
        &[FILE, CHECKSUM, DOWNLOAD],
        Run::Now(download),
    )
    .from(Release::V8_4),
    Endpoint::get(
        METADATA_PATH,
        ASK,
        &[METADATA],
        Run::Later(|call| Box::pin(metadata(call))),
    )
    .until(Release::V7_4),
    Endpoint::get(
        METADATA_PATH,
        REACH,
        &[METADATA],
        Run::Later(|call| Box::pin(metadata(call))),
    )
    .from(Release::V8_4),
];

fn compression(_: &str, text: &str) -> Result<(), String> {
    if COMPRESSIONS.contains(&text) {
        Ok(())
    } else {
        let known = COMPRESSIONS.join(", ");
        Err(format!(
            "value '{text}' does not have a value in the enumeration '{known}'\n"
        ))
    }
}

async fn metadata(call: Call) -> ApiResult {
    let url = call.text("url").unwrap_or("");
    let refused = |status: &str| ApiError::internal(format!("invalid server response: '{status}'"));
    let file = match look(&call.sim, Method::HEAD, url, None).await {
        Ok(file) => file,
        Err(Trouble::Status(status)) => return Err(refused(&status)),
        Err(Trouble::NoServer) => {
            let host = outside_host(url);
            return Err(refused(&format!("500 Can't connect to {host}")));
        }
    };
    let mut answer = json!({"size": file.size, "mimetype": file.mimetype(url)});
    if let Some(name) = url.rsplit('/').next().filter(|name| !name.is_empty()) {
        answer["filename"] = json!(name);
    }
    Ok(Reply::data(answer))
}

/// What lies at a URL: what the seed says, or what a server on the loopback has.
async fn look(
    sim: &Arc<Shared>,
    method: Method,
    url: &str,
    algorithm: Option<&str>,
) -> Result<SeedDownload, Trouble> {
    match sim.world().outside.find(url) {
        Found::File(file) => return Ok(file.clone()),
        Found::NoFile => return Err(Trouble::Status("404 File not found".to_owned())),
        Found::NoServer => {}
    }
    if loopback::is_near(url) {
        loopback::ask(sim, method, url, algorithm).await
    } else {
        Err(Trouble::NoServer)
    }
}

fn download(call: &Call) -> ApiResult {
    let (node, name) = (call.node().to_owned(), call.text("storage").unwrap_or(""));
    let content = call.text("content").unwrap_or("").to_owned();
    let world = call.world();
    let storage = world.storage_on(&node, name)?;
    if !storage.has_files() {
        let text = format!("can't download to storage type '{}'", storage.kind);
        return Err(ApiError::internal(text));
    }
    let file = normal_name(call.text("filename").unwrap_or(""));
    check_name(&content, &file)?;
    if !storage.allows(&content) {
        let text = format!("storage '{name}' is not configured for content-type '{content}'");
        return Err(ApiError::internal(text));
    }
    let fetch = Fetch {
        node,
        volid: format!("{name}:{content}/{file}"),
        path: storage.file(&content, &file).unwrap_or_default(),
        url: call.text("url").unwrap_or("").to_owned(),
        checksum: call
            .text("checksum-algorithm")
            .zip(call.text("checksum"))
            .map(|(algorithm, checksum)| (algorithm.to_owned(), checksum.to_owned())),
    };
    drop(world);
    let task = TaskName {
        kind: "download",
        id: file,
    };
    Ok(worker::start(
        call,
        &task,
        move |worker| fetch.run(worker),
        |_| {},
    ))
}

/// One download.
pub(super) struct Fetch {
    pub(super) node: String,
    pub(super) volid: String,
    pub(super) path: String,
    pub(super) url: String,
    /// By which algorithm, and what it has to be.
    pub(super) checksum: Option<(String, String)>,
}

impl Fetch {
    /// What `wget` and Proxmox print, and what comes of it.
    pub(super) async fn run(self, worker: Worker) -> Result<(), String> {
        let (url, path) = (&self.url, &self.path);
        worker.log(format!("downloading {url} to {path}"));
        if worker.world().volume(&self.node, &self.volid).is_some() {
            return Err(format!("refusing to override existing file '{path}'"));
        }
        let host = outside_host(url);
        let (_, address) = host.split_once("://").unwrap_or(("", host));
        worker.log(format!("--{}--  {url}", clock::date_time(clock::now())));
        let algorithm = self.checksum.as_ref().map(|(algorithm, _)| algorithm.as_str());
        let file = match look(&worker.sim, Method::GET, url, algorithm).await {
            Ok(file) => file,
            Err(Trouble::Status(status)) => {
                worker.log(format!("Connecting to {address}... connected."));
                worker.log(format!("HTTP request sent, awaiting response... {status}"));
                return Err("download failed: exit code 8".to_owned());
            }
            Err(Trouble::NoServer) => {
                worker.log(format!("wget: unable to resolve host address '{address}'"));
                return Err("download failed: exit code 4".to_owned());
            }
        };
        worker.log(format!("Connecting to {address}... connected."));
        worker.log("HTTP request sent, awaiting response... 200 OK");
        worker.log(format!("Length: {} [{}]", file.size, file.mimetype(url)));
        worker.log(format!("Saving to: '{path}.tmp_dwnl'"));
        worker
            .pause(|t| t.backup(file.size).saturating_sub(t.backup_base))
            .await;
        worker.log("     0K                                                       100%");
        worker.log(format!("'{path}.tmp_dwnl' saved [{0}/{0}]", file.size));
        if let Some((algorithm, expected)) = &self.checksum {
            let stated = file.checksums.get(algorithm).cloned();
            let got = stated
                .or_else(|| Checksum::of(algorithm, url))
                .unwrap_or_default();
            if !got.eq_ignore_ascii_case(expected) {
                worker.log("calculating checksum...");
                return Err(format!("checksum mismatch: got '{got}' != expect '{expected}'"));
            }
            worker.log("calculating checksum...OK, checksum verified");
        }
        let mut world = worker.world();
        world
            .check_room(&self.node, &self.volid, file.size)
            .map_err(|()| "download failed: exit code 3".to_owned())?;
        world.add_volume(Volume::file(&self.node, self.volid.clone(), file.size));
        world
            .tasks
            .log(&worker.upid, format!("download of '{url}' to '{path}' finished"));
        drop(world);
        Ok(())
    }
}
