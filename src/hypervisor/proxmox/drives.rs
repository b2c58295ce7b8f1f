//! Disks, CD drives and what the firmware keeps: how a change of one is spelt.

use super::changes::Unfit;
use super::config::is_drive;
use super::devices::{
    Backing, Discard, Drive, EfiDisk, EfiType, ImportSource, Media, Medium, TpmState, TpmVersion,
};
use super::property::{BadProperty, Format as _};
use crate::model::{Change, DiskSettings, NewDisk};

/// The option and its value; nothing for a change of something else.
pub(super) fn parameter<'a>(
    change: &Change,
    option: impl Fn(&str) -> Option<&'a str>,
) -> Result<Option<(String, String)>, Unfit> {
    let spelt = match change {
        Change::AddDisk(disk) if !is_drive(&disk.slot) => Err(Unfit::NoDrive(disk.slot.clone())),
        Change::AddDisk(disk) if option(&disk.slot).is_some() => Err(Unfit::DriveExists(disk.slot.clone())),
        Change::AddDisk(disk) => Ok((disk.slot.clone(), new_disk(disk)?.to_string())),
        Change::Cdrom { slot, volume } => {
            let medium = volume
                .clone()
                .map_or(Medium::None, |volume| Medium::Backing(Backing::Volume(volume)));
            match option(slot).map(Drive::lenient) {
                None if is_drive(slot) => Ok((slot.clone(), cdrom(medium).to_string())),
                Some(mut drive)
                    if drive.is_cdrom() && !drive.file.as_ref().is_some_and(Medium::is_cloud_init) =>
                {
                    drive.insert(medium);
                    Ok((slot.clone(), drive.to_string()))
                }
                None | Some(_) => Err(Unfit::NoCdrom(slot.clone())),
            }
        }
        Change::Disk { slot, settings } if is_drive(slot) && option(slot).is_some() => {
            let mut drive = Drive::lenient(option(slot).unwrap_or_default());
            set_drive(&mut drive, settings)?;
            Ok((slot.clone(), drive.to_string()))
        }
        Change::Disk { slot, .. } => Err(Unfit::NoDrive(slot.clone())),
        Change::EfiDisk { storage, secure_boot } => {
            let disk = EfiDisk {
                efitype: Some(EfiType::FourMebibytes),
                pre_enrolled_keys: Some(*secure_boot),
                file: Some(new_volume(storage)?),
                ..EfiDisk::default()
            };
            Ok(("efidisk0".to_owned(), disk.to_string()))
        }
        Change::Tpm { storage } => {
            let state = TpmState {
                version: Some(TpmVersion::V2),
                file: Some(new_volume(storage)?),
                ..TpmState::default()
            };
            Ok(("tpmstate0".to_owned(), state.to_string()))
        }
        _ => return Ok(None),
    };
    spelt.map(Some)
}

/// A volume to be made for the firmware, whose size Proxmox VE settles by itself.
fn new_volume(storage: &str) -> Result<Medium, BadProperty> {
    let storage = storage
        .parse()
        .map_err(|reason| BadProperty::new("file", reason))?;
    Ok(Medium::Backing(Backing::New {
        storage: Some(storage),
        mebibytes: 1024,
    }))
}

/// Puts options into a drive; what they do not name stays.
fn set_drive(drive: &mut Drive, settings: &DiskSettings) -> Result<(), BadProperty> {
    let DiskSettings {
        cache,
        discard,
        ssd,
        iothread,
        backup,
    } = settings;
    if let Some(cache) = cache {
        drive.cache = Some(
            cache
                .parse()
                .map_err(|reason| BadProperty::new("cache", reason))?,
        );
    }
    if let Some(discard) = discard {
        drive.discard = Some(if *discard { Discard::On } else { Discard::Ignore });
    }
    drive.ssd = ssd.or(drive.ssd);
    drive.iothread = iothread.or(drive.iothread);
    drive.backup = backup.or(drive.backup);
    Ok(())
}

/// A new CD drive.
fn cdrom(medium: Medium) -> Drive {
    Drive {
        file: Some(medium),
        media: Some(Media::Cdrom),
        ..Drive::default()
    }
}

/// A new disk.
fn new_disk(disk: &NewDisk) -> Result<Drive, BadProperty> {
    let storage = disk
        .storage
        .parse()
        .map_err(|reason| BadProperty::new("file", reason))?;
    let new = Backing::New {
        storage: Some(storage),
        // A copy is as large as its original, and grown after that.
        mebibytes: if disk.copy_of.is_some() {
            0
        } else {
            disk.size.div_ceil(1 << 20)
        },
    };
    let format = disk.format.map(str::parse).transpose();
    let mut drive = Drive {
        file: Some(Medium::Backing(new)),
        format: format.map_err(|reason| BadProperty::new("format", reason))?,
        import_from: disk.copy_of.clone().map(ImportSource::Volume),
        ..Drive::default()
    };
    set_drive(&mut drive, &disk.settings)?;
    Ok(drive)
}
