//! Virtual machines and containers.

use super::super::super::api::{
    DiskFormat, Kind, NewGuestOptions, Options, Timeframe, agent, firewall, guest, lxc, migrate, qemu,
    snapshots,
};
use super::super::super::versions::Release;
use super::{CT, RUNNING_VM, Round, VM, node, number, other_node, text};

fn new_guest(options: &[(&str, &str)]) -> NewGuestOptions {
    let options: Options = options.iter().copied().collect();
    options.try_into().unwrap()
}

pub(super) async fn of_both_kinds(round: &mut Round, vmid: u32, kind: Kind) {
    let id = number(vmid);
    round
        .ask(guest::GuestConfig {
            current: Some(true),
            ..guest::GuestConfig::new(kind, node(), id)
        })
        .await;
    round.ask(guest::GuestPending::new(kind, node(), id)).await;
    round.ask(guest::GuestStatus::new(kind, node(), id)).await;
    round
        .ask(guest::GuestStatistics::new(kind, node(), id, Timeframe::Week))
        .await;
    round
        .ask(guest::GuestFeature::new(
            kind,
            node(),
            id,
            guest::Feature::Snapshot,
        ))
        .await;
    round.change(vmid, guest::Start::new(kind)).await;
    round.change(vmid, guest::Suspend::new(kind)).await;
    round.change(vmid, guest::Resume::new(kind)).await;
    if kind == Kind::Qemu {
        round.change(vmid, qemu::SuspendToDisk::new(true)).await;
        round.change(vmid, guest::Start::new(kind)).await;
    }
    round
        .change(
            vmid,
            guest::Reboot {
                timeout: Some(5),
                ..guest::Reboot::new(kind)
            },
        )
        .await;
    let forced = guest::Shutdown {
        timeout: Some(5),
        force_stop: Some(true),
        ..guest::Shutdown::new(kind)
    };
    round.change(vmid, forced).await;
    round.change(vmid, guest::Stop::new(kind)).await;
    let disk = if kind == Kind::Lxc { "rootfs" } else { "scsi0" };
    round
        .change(vmid, guest::Resize::new(kind, text(disk), text("+1G")))
        .await;
}

pub(super) async fn of_firewall_and_snapshots(round: &mut Round, vmid: u32, kind: Kind) {
    let id = number(vmid);
    round
        .change(
            vmid,
            firewall::UpdateFirewallOptions {
                enable: Some(true),
                policy_in: Some(firewall::FirewallPolicy::Drop),
                ..firewall::UpdateFirewallOptions::new(kind)
            },
        )
        .await;
    round.ask(firewall::FirewallOptions::new(kind, node(), id)).await;
    let settings = firewall::RuleSettings {
        enable: Some(1),
        proto: Some(text("tcp")),
        dport: Some(text("22")),
        comment: Some(text("c")),
        ..firewall::RuleSettings::default()
    };
    let direction = firewall::RuleDirection::In;
    let create = firewall::CreateFirewallRule {
        settings,
        ..firewall::CreateFirewallRule::new(kind, direction, text("ACCEPT"))
    };
    round.change(vmid, create).await;
    round.ask(firewall::FirewallRules::new(kind, node(), id)).await;
    let action = Some(text("DROP"));
    round
        .change(
            vmid,
            firewall::UpdateFirewallRule {
                action,
                ..firewall::UpdateFirewallRule::new(kind, 0)
            },
        )
        .await;
    round
        .change(vmid, firewall::DeleteFirewallRule::new(kind, 0))
        .await;

    if kind == Kind::Lxc {
        round
            .change(vmid, snapshots::TakeContainerSnapshot::new(text("s1")))
            .await;
    } else {
        let take = snapshots::TakeVirtualMachineSnapshot {
            description: Some(text("d")),
            vmstate: Some(false),
            ..snapshots::TakeVirtualMachineSnapshot::new(text("s1"))
        };
        round.change(vmid, take).await;
    }
    round.ask(snapshots::Snapshots::new(kind, node(), id)).await;
    round
        .ask(snapshots::SnapshotConfig::new(kind, node(), id, text("s1")))
        .await;
    let description = Some(text("e"));
    round
        .change(
            vmid,
            snapshots::DescribeSnapshot {
                description,
                ..snapshots::DescribeSnapshot::new(kind, text("s1"))
            },
        )
        .await;
    round
        .change(vmid, snapshots::Rollback::new(kind, text("s1")))
        .await;
    round
        .change(vmid, snapshots::DeleteSnapshot::new(kind, text("s1")))
        .await;
}

pub(super) async fn of_virtual_machines(round: &mut Round) {
    round
        .ask(qemu::VirtualMachines {
            full: Some(true),
            ..qemu::VirtualMachines::new(node())
        })
        .await;
    let create = qemu::CreateVirtualMachine {
        options: new_guest(&[
            ("name", "new"),
            ("scsi0", "local-lvm:1"),
            ("net0", "virtio,bridge=vmbr0"),
        ]),
        ..qemu::CreateVirtualMachine::new(node(), number(160))
    };
    round.ask(create).await;
    let archive = text("local:backup/vzdump-qemu-150-2026_01_01-00_00_00.vma.zst");
    let restore = qemu::RestoreVirtualMachine {
        unique: Some(true),
        storage: Some(text("local-lvm")),
        ..qemu::RestoreVirtualMachine::new(node(), number(161), archive)
    };
    round.ask(restore).await;
    let clone = qemu::CloneVirtualMachine {
        name: Some(text("copy")),
        full: Some(true),
        format: Some(DiskFormat::Raw),
        storage: Some(text("local-lvm")),
        ..qemu::CloneVirtualMachine::new(node(), number(9000), number(162))
    };
    round.ask(clone).await;
    let options = || {
        Options::from_iter([
            ("cores", "2"),
            ("ciuser", "admin"),
            ("ide2", "local-lvm:cloudinit"),
        ])
    };
    round
        .change(
            VM,
            qemu::UpdateVirtualMachine {
                options: options(),
                ..qemu::UpdateVirtualMachine::new()
            },
        )
        .await;
    let in_task = qemu::UpdateVirtualMachineInTask {
        options: Options::from_iter([("scsi1", "local-lvm:1")]),
        background_delay: Some(5),
        ..qemu::UpdateVirtualMachineInTask::new()
    };
    round.change(VM, in_task).await;
    round.ask(qemu::CloudInit::new(node(), number(VM))).await;
    round
        .ask(qemu::CloudInitFile::new(
            node(),
            number(VM),
            qemu::CloudInitPart::User,
        ))
        .await;
    round.change(VM, qemu::RegenerateCloudInit::new()).await;
    let to = qemu::MoveDisk {
        storage: Some(text("local")),
        delete: Some(true),
        ..qemu::MoveDisk::new(text("scsi1"))
    };
    round.change(VM, to).await;
    round
        .change(
            VM,
            qemu::Unlink {
                force: Some(true),
                ..qemu::Unlink::new(text("scsi1"))
            },
        )
        .await;
}

pub(super) async fn of_running_machines(round: &mut Round) {
    round.change(RUNNING_VM, qemu::Reset::new()).await;
    round.ask(agent::AgentPing::new(node(), number(RUNNING_VM))).await;
    round
        .ask(agent::AgentInterfaces::new(node(), number(RUNNING_VM)))
        .await;
    round
        .ask(agent::AgentSystem::new(node(), number(RUNNING_VM)))
        .await;
    // Before 8.0 the program was one text, and an array is no such thing.
    if round.release >= Release::new(8, 0) {
        let echo = agent::AgentExec::new(vec!["echo".into(), "a b".into()]);
        round.change(RUNNING_VM, echo).await;
    }
    round
        .ask(agent::AgentExecStatus::new(node(), number(RUNNING_VM), 7))
        .await;
    round
        .ask(migrate::MigrationCheck {
            target: Some(other_node()),
            ..migrate::MigrationCheck::new(node(), number(RUNNING_VM))
        })
        .await;
    round.change(RUNNING_VM, qemu::Hibernate::new(true)).await;
    let online = migrate::MigrateVirtualMachine {
        online: Some(true),
        with_local_disks: Some(true),
        ..migrate::MigrateVirtualMachine::new(other_node())
    };
    round.change(RUNNING_VM, online).await;
    round.change(VM, guest::MakeTemplate::new(Kind::Qemu)).await;
    round
        .change(
            VM,
            guest::Destroy {
                purge: Some(true),
                ..guest::Destroy::new(Kind::Qemu)
            },
        )
        .await;
}

pub(super) async fn of_containers(round: &mut Round) {
    round.ask(lxc::Containers::new(node())).await;
    let create = lxc::CreateContainer {
        options: new_guest(&[("hostname", "new"), ("rootfs", "local-lvm:4")]),
        storage: Some(text("local-lvm")),
        unprivileged: Some(true),
        password: Some("s3cret".into()),
        ..lxc::CreateContainer::new(
            node(),
            number(164),
            text("local:vztmpl/debian-12-standard.tar.zst"),
        )
    };
    round.ask(create).await;
    let archive = text("local:backup/nosuch.tar.zst");
    let restored = lxc::RestoreContainer {
        storage: Some(text("local-lvm")),
        ..lxc::RestoreContainer::new(node(), number(165), archive, true)
    };
    round.ask(restored).await;
    let clone = lxc::CloneContainer {
        hostname: Some(text("copy")),
        full: Some(true),
        ..lxc::CloneContainer::new(node(), number(CT), number(166))
    };
    round.ask(clone).await;
    round.ask(lxc::ContainerInterfaces::new(node(), number(CT))).await;
    let options = Options::from_iter([("cores", "2"), ("memory", "256")]);
    round
        .change(
            CT,
            lxc::UpdateContainer {
                options,
                ..lxc::UpdateContainer::new()
            },
        )
        .await;
    let to = lxc::MoveVolume {
        storage: Some(text("local-lvm")),
        ..lxc::MoveVolume::new(text("rootfs"))
    };
    round.change(CT, to).await;
    let restart = migrate::MigrateContainer {
        restart: Some(true),
        ..migrate::MigrateContainer::new(other_node())
    };
    round.change(CT, restart).await;
}
