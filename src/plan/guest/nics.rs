//! Network interfaces: added, changed and plugged over.

use super::{Compare, Managed, Problem};
use crate::api::NicModel;
use crate::model::{Change, Hardware, Nic, NicSettings};
use crate::plan::desired::{Desired, DesiredNic};

/// Takes out what the spec named once and names no longer.
pub(super) fn remove(desired: &Desired, next: &Hardware, managed: &Managed, compare: &mut Compare) {
    let named = |slot: &String| desired.nics.iter().any(|want| want.slot == *slot);
    for slot in managed.nics.iter().filter(|slot| !named(slot)) {
        if let Some(have) = next.nics.get(slot) {
            let plug = have.bridge.clone().or_else(|| have.network.clone());
            let plug = plug.unwrap_or_else(|| "no bridge".to_owned());
            let field = format!("networks[{slot}]");
            compare.differs(&field, "none".to_owned(), plug, Change::Unplug(slot.clone()));
        }
    }
}

pub(super) fn compare(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    for want in &desired.nics {
        match next.nics.get(&want.slot) {
            Some(have) => change(want, have, compare),
            None => add(want, compare),
        }
    }
}

/// The fields of one interface that are compared by themselves; the changes of all of them are one setting of it.
struct Fields<'a> {
    want: &'a DesiredNic,
    compare: &'a mut Compare,
    settings: NicSettings,
}

impl Fields<'_> {
    fn field<T: Clone + PartialEq>(
        &mut self,
        name: &str,
        want: Option<&T>,
        have: &T,
        text: impl Fn(&T) -> String,
        set: impl FnOnce(&mut NicSettings, T),
    ) {
        let differs = want.filter(|want| *want != have);
        let mended = differs.filter(|want| {
            let field = self.want.field(name);
            self.compare.drifted(&field, text(want), text(have))
        });
        if let Some(want) = mended {
            set(&mut self.settings, want.clone());
        }
    }
}

fn change(want: &DesiredNic, have: &Nic, compare: &mut Compare) {
    let mut fields = Fields {
        want,
        compare,
        settings: NicSettings::default(),
    };
    let or_none = |text: &String| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text.clone()
        }
    };
    let bridge = have.bridge.clone().unwrap_or_default();
    fields.field("bridge", want.bridge.as_ref(), &bridge, or_none, |s, to| {
        s.bridge = Some(to);
    });
    let network = have.network.clone().unwrap_or_default();
    fields.field("network", want.network.as_ref(), &network, or_none, |s, to| {
        s.network = Some(to);
    });
    let model = want.model.map(str::to_owned);
    fields.field("model", model.as_ref(), &have.model, String::clone, |s, to| {
        s.model = Some(to);
    });
    let mac = have.mac.clone().unwrap_or_default();
    fields.field("mac", want.mac.as_ref(), &mac, or_none, |s, to| s.mac = Some(to));
    let number = |n: &u16| if *n == 0 { "none".to_owned() } else { n.to_string() };
    fields.field("vlan", want.vlan.as_ref(), &have.vlan, number, |s, to| {
        s.vlan = Some(to);
    });
    let mtu = have.mtu.unwrap_or_default();
    fields.field("mtu", want.mtu.as_ref(), &mtu, number, |s, to| s.mtu = Some(to));
    fields.field(
        "firewall",
        want.firewall.as_ref(),
        &have.firewall,
        bool::to_string,
        |s, to| {
            s.firewall = Some(to);
        },
    );
    let rate = want.rate_mbps.map(|mbps| u64::from(mbps).saturating_mul(1000));
    fields.field(
        "rateMbps",
        rate.as_ref(),
        &have.rate_kbps,
        |kbps| rate_text(*kbps),
        |s, _| {
            s.rate_mbps = want.rate_mbps;
        },
    );
    let settings = fields.settings;
    if settings != NicSettings::default() {
        compare.changes.push(Change::Nic {
            slot: want.slot.clone(),
            settings,
        });
    }
}

/// In megabits a second.
fn rate_text(kbps: u64) -> String {
    match (kbps / 1000, kbps % 1000) {
        (0, 0) => "none".to_owned(),
        (whole, 0) => whole.to_string(),
        (whole, thousandths) => format!("{whole}.{thousandths:03}"),
    }
}

fn add(want: &DesiredNic, compare: &mut Compare) {
    let (name, plug) = match (&want.bridge, &want.network) {
        (Some(bridge), _) => ("bridge", Some(bridge.clone())),
        (None, network) => ("network", network.clone()),
    };
    let Some(plug) = plug else {
        compare.problem(Problem::BridgeMissing {
            slot: want.slot.clone(),
        });
        return;
    };
    let settings = NicSettings {
        model: Some(want.model.unwrap_or(NicModel::default().as_str()).to_owned()),
        bridge: want.bridge.clone(),
        network: want.network.clone(),
        mac: want.mac.clone(),
        vlan: want.vlan,
        mtu: want.mtu,
        firewall: want.firewall,
        rate_mbps: want.rate_mbps,
    };
    let change = Change::AddNic {
        slot: want.slot.clone(),
        settings,
    };
    compare.differs(&want.field(name), plug, "none".to_owned(), change);
}
