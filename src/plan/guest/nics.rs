//! Network interfaces: added and plugged over, never taken away.

use super::{Compare, Problem};
use crate::model::{Change, Hardware, Nic, NicSettings};
use crate::plan::desired::{Desired, DesiredNic};

pub(super) fn compare(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    for want in &desired.nics {
        match next.nics.get(&want.slot) {
            Some(have) => change(want, have, compare),
            None => add(want, compare),
        }
    }
}

fn change(want: &DesiredNic, have: &Nic, compare: &mut Compare) {
    let slot = &want.slot;
    if let Some(bridge) = want.bridge.as_ref().filter(|b| have.bridge.as_ref() != Some(b)) {
        let settings = NicSettings {
            bridge: Some(bridge.clone()),
            ..NicSettings::default()
        };
        let observed = have.bridge.clone().unwrap_or_default();
        let change = Change::Nic {
            slot: slot.clone(),
            settings,
        };
        compare.differs(&want.field("bridge"), bridge.clone(), observed, change);
    }
}

fn add(want: &DesiredNic, compare: &mut Compare) {
    let Some(bridge) = want.bridge.clone() else {
        compare.problem(Problem::BridgeMissing {
            slot: want.slot.clone(),
        });
        return;
    };
    let change = Change::AddNic {
        slot: want.slot.clone(),
        settings: NicSettings {
            model: Some(want.model.to_owned()),
            bridge: Some(bridge.clone()),
        },
    };
    compare.differs(&want.field("bridge"), bridge, "none".to_owned(), change);
}
