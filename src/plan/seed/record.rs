//! Which media Drover made: only those that a status recorded, by volume and time of creation (`identity.md`). A file has
//! no place for a mark.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::SeedMedium;
use crate::model::{Volume, VolumeId};

/// How it stands with a medium that a machine is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    There,
    /// It is there, and when it was made is not recorded yet.
    Unrecorded(Timestamp),
    /// It is not there, or only a part of it.
    Missing,
    /// A file of this name is there, which Drover did not make, and which is not what is wanted.
    Occupied,
}

/// How it stands with a medium of `size` bytes; `listed` is what lies on its storage.
#[must_use]
pub fn standing(volume: &VolumeId, size: u64, listed: &[Volume], recorded: &[SeedMedium]) -> Standing {
    let Some(found) = listed.iter().find(|there| there.id == *volume) else {
        return Standing::Missing;
    };
    let ours = recorded.iter().find(|medium| medium.volume == volume.to_string());
    let made = created(found);
    match ours.map(|medium| medium.created_at.as_ref()) {
        // As long as nobody noted when it was made, it is the one that is being uploaded.
        Some(None) if found.size == size => made.map_or(Standing::There, Standing::Unrecorded),
        Some(None) => Standing::Missing,
        Some(Some(noted)) if found.size != size && Some(noted.0) == made => Standing::Missing,
        _ if found.size == size => Standing::There,
        _ => Standing::Occupied,
    }
}

fn created(volume: &Volume) -> Option<Timestamp> {
    Timestamp::from_second(volume.created?).ok()
}

/// Records that a medium is about to be made.
pub fn intend(recorded: &mut Vec<SeedMedium>, volume: &VolumeId) {
    note(recorded, volume, None);
}

/// Records when a medium was made.
pub fn made(recorded: &mut Vec<SeedMedium>, volume: &VolumeId, at: Timestamp) {
    note(recorded, volume, Some(Time(at)));
}

fn note(recorded: &mut Vec<SeedMedium>, volume: &VolumeId, created_at: Option<Time>) {
    let name = volume.to_string();
    recorded.retain(|medium| medium.volume != name);
    recorded.push(SeedMedium {
        volume: name,
        created_at,
    });
}

/// A medium that Drover made, and that no machine of the resource needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disused(VolumeId);

impl Disused {
    /// The volume.
    #[must_use]
    pub const fn volume(&self) -> &VolumeId {
        &self.0
    }
}

/// The storages of the recorded media that are not in use.
#[must_use]
pub fn to_look_at(recorded: &[SeedMedium], in_use: &BTreeSet<VolumeId>) -> BTreeSet<String> {
    let volumes = recorded.iter().filter_map(|medium| medium.volume.parse().ok());
    let disused = volumes.filter(|volume: &VolumeId| !in_use.contains(volume));
    disused.map(|volume| volume.storage().to_owned()).collect()
}

/// Forgets the recorded media on a storage that are neither in use nor there as they were made, and returns those that are
/// there.
pub fn sort_out(
    recorded: &mut Vec<SeedMedium>,
    storage: &str,
    listed: &[Volume],
    in_use: &BTreeSet<VolumeId>,
) -> Vec<Disused> {
    let mut disused = Vec::new();
    recorded.retain(|medium| {
        let Ok(volume) = medium.volume.parse::<VolumeId>() else {
            return false;
        };
        if volume.storage() != storage || in_use.contains(&volume) {
            return true;
        }
        let found = listed.iter().find(|there| there.id == volume);
        let as_made = found.is_some_and(|found| match &medium.created_at {
            Some(noted) => Some(noted.0) == created(found),
            None => true,
        });
        if as_made {
            disused.push(Disused(volume));
        }
        as_made
    });
    disused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> VolumeId {
        let uid = "0b7e0a64-0f2c-4b1e-9d3f-1c2d3e4f5a6b";
        format!("local:iso/drover-{uid}-0123456789abcdef.iso")
            .parse()
            .unwrap()
    }

    fn listed(size: u64, created: i64) -> Volume {
        Volume {
            id: id(),
            content: "iso".into(),
            size,
            guest: None,
            created: Some(created),
        }
    }

    fn recorded(created: Option<i64>) -> Vec<SeedMedium> {
        let created_at = created.map(|at| Time(Timestamp::from_second(at).unwrap()));
        vec![SeedMedium {
            volume: id().to_string(),
            created_at,
        }]
    }

    #[test]
    fn a_medium_is_used_sent_again_or_left_alone() {
        let at = Timestamp::from_second(7).unwrap();
        for (there, noted, expected) in [
            (None, recorded(None), Standing::Missing),
            (None, recorded(Some(7)), Standing::Missing),
            (Some(listed(10, 7)), recorded(None), Standing::Unrecorded(at)),
            (Some(listed(3, 7)), recorded(None), Standing::Missing),
            (Some(listed(10, 7)), recorded(Some(7)), Standing::There),
            (Some(listed(3, 7)), recorded(Some(7)), Standing::Missing),
            (Some(listed(3, 8)), recorded(Some(7)), Standing::Occupied),
            (Some(listed(10, 7)), Vec::new(), Standing::There),
            (Some(listed(3, 7)), Vec::new(), Standing::Occupied),
        ] {
            let list: Vec<Volume> = there.into_iter().collect();
            assert_eq!(standing(&id(), 10, &list, &noted), expected, "{list:?} {noted:?}");
        }
    }

    #[test]
    fn only_what_was_recorded_as_it_was_made_is_removed() {
        let nothing = BTreeSet::new();
        for (noted, there, removed) in [
            (recorded(Some(7)), Some(listed(10, 7)), true),
            (recorded(None), Some(listed(10, 7)), true),
            (recorded(Some(7)), Some(listed(10, 8)), false),
            (recorded(Some(7)), None, false),
            (Vec::new(), Some(listed(10, 7)), false),
        ] {
            let list: Vec<Volume> = there.into_iter().collect();
            let mut media = noted.clone();
            let disused = sort_out(&mut media, "local", &list, &nothing);
            assert_eq!(!disused.is_empty(), removed, "{noted:?} {list:?}");
            assert_eq!(!media.is_empty(), removed, "kept in the record until it is gone");
        }
        let mut media = recorded(Some(7));
        let in_use = BTreeSet::from([id()]);
        assert!(sort_out(&mut media, "local", &[listed(10, 7)], &in_use).is_empty());
        assert!(sort_out(&mut media, "nfs", &[], &nothing).is_empty());
        assert_eq!(media.len(), 1);
        assert!(to_look_at(&media, &in_use).is_empty());
        assert_eq!(to_look_at(&media, &nothing), BTreeSet::from(["local".to_owned()]));
    }
}
