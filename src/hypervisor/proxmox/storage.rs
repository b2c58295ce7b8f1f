//! Volumes on storages.

use serde::Deserialize;

use super::answers::number;
use super::call::Call;
use super::client::Client;
use crate::hypervisor::Error;
use crate::model::{NodeName, Vmid, Volume};

#[derive(Deserialize)]
struct VolumeRow {
    volid: String,
    #[serde(default)]
    content: String,
    #[serde(default, deserialize_with = "number")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    vmid: Option<u64>,
}

impl VolumeRow {
    /// None for a name that can't be addressed (a file with a comma in it, put there by hand).
    fn volume(self) -> Option<Volume> {
        let vmid = self.vmid.and_then(|n| u32::try_from(n).ok());
        Some(Volume {
            id: self.volid.parse().ok()?,
            content: self.content,
            size: self.size.unwrap_or_default(),
            vmid: vmid.and_then(|n| Vmid::try_from(n).ok()),
        })
    }
}

impl Client {
    pub(super) async fn volumes(
        &self,
        node: &NodeName,
        storage: &str,
        content: Option<&str>,
        vmid: Option<Vmid>,
    ) -> Result<Vec<Volume>, Error> {
        let call = Call::get("/nodes/{node}/storage/{storage}/content", &[node, &storage])
            .with_some("content", content)
            .with_some("vmid", vmid);
        let rows: Vec<VolumeRow> = self.read(&call).await?;
        Ok(rows.into_iter().filter_map(VolumeRow::volume).collect())
    }
}
