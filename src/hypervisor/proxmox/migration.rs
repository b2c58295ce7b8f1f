//! Moving machines to another node.

use serde::Deserialize;

use super::api::migrate::{MigrateVirtualMachine, MigrationCheck};
use super::client::{Client, progress};
use super::number;
use crate::hypervisor::Error;
use crate::model::{GuestAddress, Migration, MigrationConditions, Progress};
use crate::plan::identity::Ownership;

/// What stands in the way on one node (qemu-server, `API2/Qemu.pm`, `migrate_vm_precondition`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Obstacles {
    unavailable_storages: Vec<String>,
    #[serde(rename = "unavailable-resources")]
    unavailable_resources: Vec<String>,
}

impl Client {
    pub(super) async fn migration_conditions(&self, at: &GuestAddress) -> Result<MigrationConditions, Error> {
        let check = MigrationCheck::new(at.node.clone(), number(at)?);
        let found = self.ask(&check).await?;
        let by_node = found
            .not_allowed_nodes
            .as_ref()
            .and_then(|nodes| nodes.as_object());
        let lacking = by_node.into_iter().flatten().map(|(node, told)| {
            let told: Obstacles = serde_json::from_value(told.clone()).unwrap_or_default();
            let lacks = [told.unavailable_storages, told.unavailable_resources].concat();
            (node.clone(), lacks)
        });
        let disks = found.local_disks.iter();
        // The drive of cloud-init is made anew there.
        let isos = disks.filter(|disk| disk.cdrom == Some(true) && !is_cloud_init(&disk.volid));
        let mapped = found.mapped_resources.unwrap_or_default();
        let bound = found.local_resources.into_iter();
        Ok(MigrationConditions {
            running: found.running,
            lacking: lacking.filter(|(_, lacks)| !lacks.is_empty()).collect(),
            local_isos: isos.map(|disk| disk.volid.clone()).collect(),
            local_disks: found
                .local_disks
                .iter()
                .any(|disk| disk.cdrom != Some(true) || is_cloud_init(&disk.volid)),
            local_devices: bound.filter(|device| !mapped.contains(device)).collect(),
            mapped_devices: mapped,
        })
    }

    pub(super) async fn migrate(&self, own: &Ownership, migration: &Migration) -> Result<Progress, Error> {
        let order = MigrateVirtualMachine {
            online: migration.live.then_some(true),
            with_local_disks: migration.local_disks.then_some(true),
            ..MigrateVirtualMachine::new(migration.target.clone())
        };
        self.change(own, &order).await.map(progress)
    }
}

/// Whether a volume is the drive of cloud-init, whose name Proxmox VE settles (`vm-105-cloudinit`).
fn is_cloud_init(volume: &str) -> bool {
    let (name, _) = volume.rsplit_once('.').unwrap_or((volume, ""));
    name.ends_with("-cloudinit")
}
