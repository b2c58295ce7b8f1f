//! Machines are made: blank, as copies, from a class; once each, and marked as ours.

use crate::support::World;

const BLANK: &str = "
powerState: Running
cpu: {cores: 2}
memory: {size: 1Gi}
disks: [{name: scsi0, size: 8Gi, storage: local-lvm}]
networks: [{name: net0, bridge: vmbr0}]
cdrom: {iso: 'local:iso/debian-12.iso'}
agent: {enabled: true}
";

#[tokio::test]
async fn blank_machine_with_an_iso_becomes_ready() {
    let world = World::new("blank").await;
    world.apply_vm("blank", BLANK).await;
    let status = world.wait_ready("blank").await.status.unwrap();
    let guest = world.sim.guest(status.vmid.unwrap()).unwrap();
    assert!(guest.running);
    assert_eq!(status.node.as_deref(), Some("pve1"));
    assert_eq!(guest.config["memory"], "1024");
    assert!(guest.config["ide2"].starts_with("local:iso/debian-12.iso"));
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
}
