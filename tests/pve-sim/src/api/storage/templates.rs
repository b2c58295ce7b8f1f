//! Templates of containers that Proxmox offers, and getting one. The list is the simulator's own, a small one.

use serde_json::json;

use super::super::{Allow, Endpoint, Run};
use super::Call;
use super::download::Fetch;
use crate::checksum::Checksum;
use crate::seed::SeedDownload;
use crate::verify::{Kind, STORAGE, need};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/nodes/{node}/aplinfo", Allow::Everyone, &[], Run::Show(list)),
    Endpoint::post(
        "/nodes/{node}/aplinfo",
        Allow::Any("/storage/{storage}", &["Datastore.AllocateTemplate"]),
        &[&[need("storage", STORAGE), need("template", Kind::Text(255))]],
        Run::Now(get),
    ),
];

/// One template on offer.
struct Template {
    package: &'static str,
    version: &'static str,
    file: &'static str,
    system: &'static str,
    section: &'static str,
    headline: &'static str,
    size: u64,
}

const MIB: u64 = 1 << 20;

const TEMPLATES: &[Template] = &[
    Template {
        package: "alpine-3.22-default",
        version: "20250617",
        file: "alpine-3.22-default_20250617_amd64.tar.xz",
        system: "alpine",
        section: "system",
        headline: "LXC default image for alpine 3.22 (20250617)",
        size: 3 * MIB,
    },
    Template {
        package: "debian-12-standard",
        version: "12.12-1",
        file: "debian-12-standard_12.12-1_amd64.tar.zst",
        system: "debian-12",
        section: "system",
        headline: "Debian 12 Bookworm (standard)",
        size: 121 * MIB,
    },
    Template {
        package: "debian-13-standard",
        version: "13.6-1",
        file: "debian-13-standard_13.6-1_amd64.tar.zst",
        system: "debian-13",
        section: "system",
        headline: "Debian 13 Trixie (standard)",
        size: 124 * MIB,
    },
    Template {
        package: "ubuntu-24.04-standard",
        version: "24.04-2",
        file: "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
        system: "ubuntu-24.04",
        section: "system",
        headline: "Ubuntu 24.04 Noble (standard)",
        size: 135 * MIB,
    },
    Template {
        package: "proxmox-mail-gateway-9.1-standard",
        version: "9.1-1",
        file: "proxmox-mail-gateway-9.1-standard_9.1-1_amd64.tar.zst",
        system: "debian-13",
        section: "mail",
        headline: "Proxmox Mail Gateway 9.1",
        size: 390 * MIB,
    },
];

const SOURCE: &str = "http://download.proxmox.com/images";

impl Template {
    fn location(&self) -> String {
        format!("{SOURCE}/{}/{}", self.section, self.file)
    }

    /// As of any file that is downloaded here, that of its URL.
    fn checksum(&self, algorithm: &str) -> String {
        Checksum::of(algorithm, &self.location()).unwrap_or_default()
    }
}

fn list(_: &Call) -> Reply {
    let rows = TEMPLATES.iter().map(|template| {
        json!({
            "template": template.file,
            "package": template.package,
            "version": template.version,
            "os": template.system,
            "section": template.section,
            "type": "lxc",
            "architecture": "amd64",
            "headline": template.headline,
            "description": "",
            "infopage": "https://pve.proxmox.com/wiki/Linux_Container#pct_supported_distributions",
            "maintainer": "Proxmox Support Team <support@proxmox.com>",
            "source": SOURCE,
            "location": template.location(),
            "md5sum": template.checksum("md5"),
            "sha512sum": template.checksum("sha512"),
        })
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn get(call: &Call) -> ApiResult {
    let (node, name) = (call.node().to_owned(), call.text("storage").unwrap_or(""));
    let wanted = call.text("template").unwrap_or("");
    let template = TEMPLATES.iter().find(|template| template.file == wanted);
    let template = template.ok_or_else(|| ApiError::parameter("template", "no such template"))?;
    let mut world = call.world();
    let storage = world.storage_on(&node, name)?;
    if !storage.has_files() {
        let text = format!("unknown template type '{}'", storage.kind);
        return Err(ApiError::internal(text));
    }
    if !storage.allows("vztmpl") {
        let text = format!("storage '{name}' does not support templates");
        return Err(ApiError::internal(text));
    }
    let fetch = Fetch {
        path: storage.file("vztmpl", template.file).unwrap_or_default(),
        volid: format!("{name}:vztmpl/{}", template.file),
        url: template.location(),
        checksum: None,
        node,
    };
    let file = SeedDownload::new(template.size);
    world.outside.downloads.entry(fetch.url.clone()).or_insert(file);
    drop(world);
    let task = TaskName {
        kind: "download",
        id: template.file.to_owned(),
    };
    Ok(worker::start(
        call,
        &task,
        move |worker| fetch.run(worker),
        |_| {},
    ))
}
