//! Somebody clones a guest at the shell, in full: the copy has volumes, MAC addresses and a UUID of its own, and all else
//! as the source has it, the notes too.

use crate::hands::HandsError;
use crate::seed::SeedGuest;
use crate::simulator::Core;
use crate::state::{
    Config, Guest, GuestKind, Target, VolumeName, World, drive_volume, is_disk, is_mount, is_net, with_mac,
    with_new_address,
};

/// What a copy doesn't take along.
const LEFT: &[&str] = &["lock", "parent", "smbios1", "template", "vmgenid"];

impl Core {
    pub(crate) fn copy(&self, vmid: u32, new_vmid: u32, name: &str) -> Result<(), HandsError> {
        let mut world = self.world();
        let source = world.guests.get(&vmid).ok_or(HandsError::NoGuest(vmid))?.clone();
        if world.guests.contains_key(&new_vmid) {
            return Err(HandsError::GuestExists(new_vmid));
        }
        let mut made = Vec::new();
        let config = match configuration(&mut world, &source, new_vmid, &mut made) {
            Ok(config) => config,
            Err(error) => {
                for volid in made {
                    world.free_volume(&source.node, &volid);
                }
                return Err(HandsError::Copy(error));
            }
        };
        let mut copy = SeedGuest::new(new_vmid, name).on(source.node);
        copy.kind = source.kind;
        copy.config = config;
        let option = source.kind.name_option().to_owned();
        copy.config.insert(option, name.to_owned());
        world.place(copy);
        Ok(())
    }
}

/// The source's configuration with cards and volumes for another number; `made` are the volumes that it names then.
fn configuration(
    world: &mut World,
    source: &Guest,
    vmid: u32,
    made: &mut Vec<String>,
) -> Result<Config, String> {
    let mut config = Config::new();
    for (key, value) in &source.config {
        if LEFT.contains(&key.as_str()) || key.starts_with("unused") {
            continue;
        }
        let value = match source.kind {
            GuestKind::Qemu if is_net(key) => with_mac(world.release, value, true),
            GuestKind::Lxc if is_net(key) => with_new_address(key, value),
            _ if is_disk(key) || is_mount(key) => {
                let volid = drive_volume(value);
                let copied = copy_volume(world, &source.node, volid, vmid)?;
                made.extend(copied.clone());
                copied.map_or_else(|| value.clone(), |copied| value.replacen(volid, &copied, 1))
            }
            _ => value.clone(),
        };
        config.insert(key.clone(), value);
    }
    Ok(config)
}

/// Another guest's volume with the same data. What is no guest's, as an ISO or a directory of the host, is used as it is.
fn copy_volume(world: &mut World, node: &str, volid: &str, vmid: u32) -> Result<Option<String>, String> {
    let Some(name) = VolumeName::parse(volid) else {
        return Ok(None);
    };
    let volume = world.volume(node, volid).cloned();
    let volume = volume.ok_or_else(|| format!("volume '{volid}' does not exist"))?;
    let what = name.what();
    let target = Target {
        node,
        storage: name.storage,
        vmid,
        format: Some(name.extension().unwrap_or(&volume.format)),
        what: Some(what).filter(|what| !what.starts_with("disk-")),
    };
    let copy = world.allocate(&target, volume.size)?.volid;
    if let Some(written) = world.volume_mut(node, &copy) {
        written.used = volume.used;
        written.content = volume.content;
    }
    Ok(Some(copy))
}
