//! Takes a file that a client sends. It has been received when the call is carried out; what is wrong with it is found
//! out in the task.

use super::super::{Allow, Endpoint, Run};
use super::Call;
use super::files::{check_name, normal_name};
use crate::checksum::ALGORITHMS;
use crate::release::Release;
use crate::state::{TemporaryFile, Volume};
use crate::verify::{Kind, Param, TEXT, may, need};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

/// What a file is checked by.
pub(super) const CHECKSUM: &[Param] = &[
    may("checksum", TEXT).requires("checksum-algorithm"),
    may("checksum-algorithm", Kind::Enum(ALGORITHMS)).requires("checksum"),
];

/// What it is.
pub(super) const FILE: &[Param] = &[
    need("content", Kind::Enum(&["iso", "vztmpl"])).until(Release::V7_4),
    need("content", Kind::Enum(&["iso", "vztmpl", "import"])).from(Release::V8_4),
    need("filename", Kind::Text(255)),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::post(
    "/nodes/{node}/storage/{storage}/upload",
    Allow::Any("/storage/{storage}", &["Datastore.AllocateTemplate"]),
    &[
        FILE,
        CHECKSUM,
        &[
            may("tmpfilename", TEXT).until(Release::V7_4),
            may("tmpfilename", Kind::Pattern("/var/tmp/pveupload-[0-9a-f]+")).from(Release::V8_4),
        ],
    ],
    Run::Now(upload),
)];

fn upload(call: &Call) -> ApiResult {
    let (node, name) = (call.node().to_owned(), call.text("storage").unwrap_or(""));
    let content = call.text("content").unwrap_or("").to_owned();
    let mut world = call.world();
    let temporary = call.text("tmpfilename").unwrap_or("").to_owned();
    let uploaded = world.outside.uploads.remove(&temporary);
    let storage = world.storage_on(&node, name)?.clone();
    if !storage.has_files() {
        let text = format!("can't upload to storage type '{}'", storage.kind);
        return Err(ApiError::internal(text));
    }
    if temporary.is_empty() {
        return Err(ApiError::internal("missing temporary file name"));
    }
    let uploaded = uploaded.ok_or_else(|| format!("temporary file '{temporary}' does not exist"))?;
    let file = normal_name(call.text("filename").unwrap_or(""));
    check_name(&content, &file)?;
    if !storage.allows(&content) {
        let text = format!("storage '{name}' does not support '{content}' content");
        return Err(ApiError::internal(text));
    }
    drop(world);
    let import = Import {
        node,
        volid: format!("{name}:{content}/{file}"),
        path: storage.file(&content, &file).unwrap_or_default(),
        temporary,
        uploaded,
        checksum: call.text("checksum").map(str::to_owned),
    };
    let task = TaskName {
        kind: "imgcopy",
        id: String::new(),
    };
    let reply = worker::start(call, &task, move |worker| import.run(worker), |_| {});
    Ok(reply.closing())
}

struct Import {
    node: String,
    volid: String,
    path: String,
    temporary: String,
    uploaded: TemporaryFile,
    checksum: Option<String>,
}

impl Import {
    fn is_qcow2(&self) -> bool {
        self.path.rsplit('.').next() == Some("qcow2")
    }

    async fn run(self, worker: Worker) -> Result<(), String> {
        let temporary = &self.temporary;
        worker.log(format!("starting file import from: {temporary}"));
        let uploaded = &self.uploaded;
        if let (Some(expected), Some(got)) = (&self.checksum, &uploaded.checksum) {
            if !expected.eq_ignore_ascii_case(got) {
                worker.log("calculating checksum...");
                return Err(format!("checksum mismatch: got '{got}' != expect '{expected}'"));
            }
            worker.log("calculating checksum...OK, checksum verified");
        }
        if self.is_qcow2() && !uploaded.head.starts_with(b"QFI\xfb") {
            worker.log(format!(
                "command '/usr/bin/qemu-img info '--output=json' {temporary} -f qcow2' failed: exit code 1"
            ));
            return Err(format!(
                "qemu-img: Could not open '{temporary}': Image is not in qcow2 format"
            ));
        }
        worker.log(format!("target node: {}", self.node));
        worker.log(format!("target file: {}", self.path));
        worker.log(format!("file size is: {}", uploaded.size));
        worker.log(format!("command: cp -- {temporary} {}", self.path));
        worker
            .pause(|t| t.backup(uploaded.size).saturating_sub(t.backup_base))
            .await;
        let mut world = worker.world();
        world
            .check_room(&self.node, &self.volid, uploaded.size)
            .map_err(|()| "import failed: exit code 1".to_owned())?;
        world.add_volume(Volume {
            head: uploaded.head.clone(),
            ..Volume::file(&self.node, self.volid.clone(), uploaded.size)
        });
        world.tasks.log(&worker.upid, "finished file import successfully");
        drop(world);
        Ok(())
    }
}

/// A path for a file that is being uploaded.
pub(crate) fn temporary_path() -> String {
    format!("/var/tmp/pveupload-{}", uuid::Uuid::new_v4().simple())
}
