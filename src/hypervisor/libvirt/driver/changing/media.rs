//! Media that Drover makes: brought to a pool, and removed from it.

use std::collections::BTreeMap;

use virt::connect::Connect;
use virt::error::Error as Complaint;
use virt::storage_vol::StorageVol;
use virt::stream::Stream;

use super::changer::{CHANGE_DEADLINE, Changer, refused, unreadable};
use super::{references, volumes};
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::libvirt::xml::volume::NewVolume;
use crate::hypervisor::{Error, Refusal, seed_image};
use crate::model::{Progress, VolumeId};
use crate::plan::seed::Seed;
use crate::plan::seed::record::Disused;

/// How much is sent at once.
const PIECE: usize = 64 * 1024;

impl Changer {
    /// Takes the place of a volume of the same name: the caller made sure that there is none but a part of this one.
    pub(in super::super) async fn upload_seed(&self, seed: &Seed) -> Result<Progress, Error> {
        let operation = "upload_seed";
        let image = seed_image(seed.documents()).map_err(|reason| Error::Unbuildable {
            operation: operation.to_owned(),
            reason,
        })?;
        let volume = seed.volume().clone();
        let bring = move |conn: &Connect| bring(conn, operation, &volume, &image);
        self.change(CHANGE_DEADLINE, operation, None, bring).await?;
        Ok(Progress::Done)
    }

    pub(in super::super) async fn remove_medium(&self, medium: &Disused) -> Result<Progress, Error> {
        let operation = "remove_medium";
        let volume = medium.volume().clone();
        let remove = move |conn: &Connect| remove(conn, operation, &volume);
        self.change(CHANGE_DEADLINE, operation, None, remove).await?;
        Ok(Progress::Done)
    }
}

/// Removes a medium that no domain refers to.
fn remove(conn: &Connect, operation: &str, medium: &VolumeId) -> Result<(), Trouble> {
    let (pool, _) = volumes::pool(conn, operation, medium.storage())?;
    let Some(volume) = volumes::lookup(&pool, medium.volume())? else {
        return Ok(());
    };
    let volumes = BTreeMap::from([(volume.path()?, volume)]);
    references::none(conn, operation, &volumes, None)?;
    volumes.values().try_for_each(|volume| Ok(volume.delete(0)?))
}

/// The volume begins without any size, and grows with what is sent: what breaks off is seen to be a part.
pub(super) fn bring(conn: &Connect, operation: &str, medium: &VolumeId, image: &[u8]) -> Result<(), Trouble> {
    remove(conn, operation, medium)?;
    let (pool, _) = volumes::pool(conn, operation, medium.storage())?;
    let new = NewVolume {
        name: medium.volume(),
        capacity: 0,
        format: Some("raw"),
        backing: None,
    };
    let xml = new.write().map_err(|error| unreadable(operation, &error))?;
    let volume = StorageVol::create_xml(&pool, &xml, 0)?;
    send(conn, &volume, image)?;
    let size = volume.info()?.capacity;
    if usize::try_from(size).ok() != Some(image.len()) {
        let message = format!("of {} bytes {size} arrived", image.len());
        return Err(refused(operation, Refusal::Other, message));
    }
    Ok(())
}

fn send(conn: &Connect, volume: &StorageVol, image: &[u8]) -> Result<(), Complaint> {
    let stream = Stream::new(conn, 0)?;
    let length = u64::try_from(image.len()).unwrap_or(u64::MAX);
    volume.upload(&stream, 0, length, 0)?;
    let mut rest = image;
    while !rest.is_empty() {
        let piece = rest.get(..PIECE).unwrap_or(rest);
        match stream.send(piece) {
            Ok(0) => break,
            Ok(sent) => {
                let sent = usize::try_from(sent).unwrap_or_default();
                rest = rest.get(sent..).unwrap_or_default();
            }
            Err(complaint) => {
                // A stream that is dropped is not ended by that.
                let _ = stream.abort();
                return Err(complaint);
            }
        }
    }
    stream.finish()
}
