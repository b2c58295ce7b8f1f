//! Volumes on storages.

use super::api::storage::{Content, ContentRow};
use super::client::Client;
use crate::hypervisor::Error;
use crate::model::{GuestId, NodeName, Vmid, Volume};

/// None for a name that can't be addressed (a file with a comma in it, put there by hand).
fn volume(row: ContentRow) -> Option<Volume> {
    let vmid = row.vmid.and_then(|n| u32::try_from(n).ok());
    Some(Volume {
        id: row.volid.parse().ok()?,
        content: row.content.unwrap_or_default(),
        size: row.size.unwrap_or_default(),
        guest: vmid.and_then(|n| GuestId::try_from(n).ok()),
        created: row.ctime,
    })
}

impl Client {
    pub(super) async fn volumes(
        &self,
        node: &NodeName,
        storage: &str,
        content: Option<&str>,
        vmid: Option<Vmid>,
    ) -> Result<Vec<Volume>, Error> {
        let request = Content {
            content: content.map(str::to_owned),
            vmid,
            ..Content::new(node.clone(), storage.to_owned())
        };
        let rows = self.ask(&request).await?;
        Ok(rows.into_iter().filter_map(volume).collect())
    }
}
