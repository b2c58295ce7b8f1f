//! Machines in backups: what one holds, and how it is made a machine again.

use super::api::backup::ExtractConfig;
use super::api::qemu::RestoreVirtualMachine;
use super::api::{NewGuestOptions, Options as Given, Request as _};
use super::changes;
use super::client::{Client, progress};
use super::config::{self, Options};
use super::encode::unpercent;
use super::number;
use crate::hypervisor::Error;
use crate::model::{GuestConfig, NodeName, Progress, RestoreGuest, VolumeId};

impl Client {
    pub(super) async fn archived(&self, node: &NodeName, archive: &VolumeId) -> Result<GuestConfig, Error> {
        let text = self
            .ask(&ExtractConfig::new(node.clone(), archive.clone()))
            .await?;
        Ok(config::archived(options(&text)))
    }

    pub(super) async fn restore(&self, guest: &RestoreGuest) -> Result<Progress, Error> {
        let request = restore(guest)?;
        self.ask(&request).await.map(progress)
    }
}

fn restore(guest: &RestoreGuest) -> Result<RestoreVirtualMachine, Error> {
    let request = RestoreVirtualMachine {
        storage: guest.storage.clone(),
        pool: guest.pool.clone(),
        unique: Some(guest.new_addresses),
        ..RestoreVirtualMachine::new(
            guest.at.node.clone(),
            number(&guest.at)?,
            guest.archive.to_string(),
        )
    };
    let smbios = changes::new_smbios(guest.uuid).to_string();
    let given = Given::from_iter([
        ("name", guest.name.as_str()),
        ("description", guest.description.as_str()),
        ("smbios1", smbios.as_str()),
    ]);
    let options = NewGuestOptions::try_from(given);
    let options = options.map_err(|e| request.call().unbuildable(e.to_string()))?;
    Ok(RestoreVirtualMachine { options, ..request })
}

/// Reads a configuration file (qemu-server, `QemuServer.pm`, `parse_vm_config`): comments are the description, percent-encoded,
/// those of `vzdump` excepted. A section would be a snapshot's or what is pending: neither is restored.
fn options(text: &str) -> Options {
    let mut options = Options::new();
    let mut description = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            break;
        }
        if let Some(comment) = line.strip_prefix('#') {
            let of_tools = ["qmdump#", "vzdump#"]
                .iter()
                .any(|tool| comment.starts_with(tool));
            if !of_tools {
                description.push(unpercent(comment).unwrap_or_else(|| comment.to_owned()));
            }
        } else if let Some((key, value)) = line.split_once(':') {
            options.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    if !description.is_empty() {
        options.insert("description".to_owned(), description.join("\n"));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_in_an_archive_is_read_with_its_description() {
        let text = "#first%3A line\n#100%25\nboot: order=scsi0\nname: web\nscsi0: local-lvm:vm-101-disk-0,size=8G\n\
                    smbios1: uuid=00000000-0000-0000-0000-000000000001\n#qmdump#map:scsi0:drive-scsi0:local-lvm:raw:\n\n\
                    [before]\nname: older\n";
        let config = config::archived(options(text));
        assert_eq!(config.description, "first: line\n100%");
        assert_eq!(config.name.as_deref(), Some("web"));
        assert_eq!(config.uuid, Some(uuid::Uuid::from_u128(1)));
        assert_eq!(config.next.disks["scsi0"].size, Some(8 << 30));
        assert_eq!(config.digest, "");
    }

    #[test]
    fn restored_guest_gets_name_mark_and_identity_in_the_same_call() {
        let guest = RestoreGuest {
            at: crate::model::GuestAddress {
                node: "pve1".parse().unwrap(),
                id: 105.try_into().unwrap(),
            },
            archive: "local:backup/vzdump-qemu-101-2026_11_22-03_19_27.vma.zst"
                .parse()
                .unwrap(),
            name: "web".into(),
            description: "marked".into(),
            uuid: uuid::Uuid::from_u128(1),
            storage: Some("local-lvm".into()),
            pool: None,
            new_addresses: true,
        };
        let call = restore(&guest).unwrap().call();
        let sent = |name: &str| {
            call.parameters()
                .iter()
                .find(|(k, _)| k == name)
                .map(|(_, v)| v.as_str())
        };
        assert_eq!(sent("description"), Some("marked"));
        assert_eq!(sent("name"), Some("web"));
        assert_eq!(sent("smbios1"), Some("uuid=00000000-0000-0000-0000-000000000001"));
        assert_eq!((sent("unique"), sent("storage")), (Some("1"), Some("local-lvm")));
        assert_eq!(sent("force"), None);
    }
}
