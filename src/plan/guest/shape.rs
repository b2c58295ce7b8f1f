//! CPUs, memory and the agent's channel.

use super::Compare;
use crate::api::{MIB, Size};
use crate::model::{Change, Hardware};
use crate::plan::desired::Desired;

pub(super) fn compare(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    let Desired {
        sockets,
        cores,
        agent,
        cpu_type,
        on_boot,
        startup_order,
        startup_delay,
        boot_devices,
        protection,
        ..
    } = desired;
    compare.field("cpu.sockets", sockets.as_ref(), &next.sockets, Change::Sockets);
    compare.field("cpu.cores", cores.as_ref(), &next.cores, Change::Cores);
    if let Some(want) = desired.memory_mib.filter(|want| *want != next.memory_mib) {
        let text = |mib: u64| Size::of_bytes(mib.saturating_mul(MIB)).0;
        compare.differs(
            "memory.size",
            text(want),
            text(next.memory_mib),
            Change::MemoryMib(want),
        );
    }
    let unnamed = || "default".to_owned();
    let model = next.cpu_type.clone().unwrap_or_else(unnamed);
    compare.field("cpu.type", cpu_type.as_ref(), &model, Change::CpuType);
    compare.field("boot.onBoot", on_boot.as_ref(), &next.on_boot, Change::OnBoot);
    let number = |n: Option<u32>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
    if let Some(want) = startup_order.filter(|want| next.startup_order != Some(*want)) {
        let have = number(next.startup_order);
        compare.differs("boot.order", want.to_string(), have, Change::StartupOrder(want));
    }
    if let Some(want) = startup_delay.filter(|want| next.startup_delay != Some(*want)) {
        let have = number(next.startup_delay);
        compare.differs("boot.delay", format!("{want}s"), have, Change::StartupDelay(want));
    }
    if !boot_devices.is_empty() && *boot_devices != next.boot_devices {
        let text = |devices: &[String]| devices.join(", ");
        compare.differs(
            "boot.devices",
            text(boot_devices),
            text(&next.boot_devices),
            Change::BootDevices(boot_devices.clone()),
        );
    }
    compare.field(
        "protection",
        protection.as_ref(),
        &next.protection,
        Change::Protection,
    );
    compare.field("agent.enabled", agent.as_ref(), &next.agent, Change::Agent);
}
