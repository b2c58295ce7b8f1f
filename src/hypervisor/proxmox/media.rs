//! Media that Drover makes: brought to a storage for ISO images, and removed from it.

use std::fmt::Write as _;
use std::io::Cursor;

use sha2::{Digest as _, Sha256};

use super::api::ChecksumAlgorithm;
use super::api::storage::FileContent;
use super::api::volumes::{DeleteVolume, StoredFile};
use super::client::progress;
use super::{Proxmox, Upload};
use crate::hypervisor::{Error, seed_image};
use crate::model::{NodeName, Progress};
use crate::plan::seed::Seed;
use crate::plan::seed::record::Disused;

/// How long the host may take to remove a file before a task goes on with it, in seconds.
const PATIENCE: u32 = 5;

impl Proxmox {
    /// Takes the place of a file of the same name: the caller made sure that there is none but a part of this one.
    pub(super) async fn bring_seed(&self, node: &NodeName, seed: &Seed) -> Result<Progress, Error> {
        let image = seed_image(seed.documents()).map_err(|reason| Error::Unbuildable {
            operation: "upload_seed".to_owned(),
            reason,
        })?;
        let mut checksum = String::new();
        for byte in Sha256::digest(&image) {
            let _ = write!(checksum, "{byte:02x}");
        }
        let upload = Upload {
            node: node.clone(),
            storage: seed.volume().storage().to_owned(),
            content: FileContent::Iso,
            filename: seed.file_name().to_owned(),
            size: u64::try_from(image.len()).unwrap_or(u64::MAX),
            checksum: Some((ChecksumAlgorithm::Sha256, checksum)),
        };
        self.upload(&upload, Cursor::new(image))
            .await
            .map(Progress::Running)
    }

    pub(super) async fn remove_disused(&self, node: &NodeName, medium: &Disused) -> Result<Progress, Error> {
        let volume = medium.volume();
        let storage = volume.storage().to_owned();
        let file = StoredFile::try_from(volume.clone()).map_err(|e| Error::Unbuildable {
            operation: "remove_medium".to_owned(),
            reason: e.to_string(),
        })?;
        let request = DeleteVolume {
            delay: Some(PATIENCE),
            ..DeleteVolume::new(node.clone(), storage, file)
        };
        self.client.ask(&request).await.map(progress)
    }
}
