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
    compare.field("agent.enabled", agent.as_ref(), &next.agent, Change::Agent);
}
