//! What the agent inside a guest says, when there is one and it is up.

use serde_json::json;

use super::Call;
use crate::state::{drive_property, is_net};
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) fn interfaces(call: &Call) -> ApiResult {
    let timing = call.sim.timing();
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    if !guest.is_running() {
        return Err(ApiError::internal(format!("VM {} is not running", guest.vmid)));
    }
    if !guest.agent_enabled() {
        return Err(ApiError::internal("No QEMU guest agent configured"));
    }
    if !guest.agent_inside || guest.booted.elapsed() < timing.real(timing.agent_boot) {
        return Err(ApiError::internal("QEMU guest agent is not running"));
    }
    let mut rows = vec![json!({
        "name": "lo",
        "hardware-address": "00:00:00:00:00:00",
        "ip-addresses": [
            {"ip-address": "127.0.0.1", "ip-address-type": "ipv4", "prefix": 8},
            {"ip-address": "::1", "ip-address-type": "ipv6", "prefix": 128},
        ],
    })];
    let cards = guest.config.iter().filter(|(key, _)| is_net(key));
    for (at, (_, card)) in cards.enumerate() {
        let mac = card
            .split(',')
            .next()
            .and_then(|m| m.split_once('='))
            .map_or("", |(_, mac)| mac);
        let (address, prefix) = guest.address();
        let mut addresses = vec![];
        if at == 0 && drive_property(card, "link_down") != Some("1") {
            addresses.push(json!({"ip-address": address, "ip-address-type": "ipv4", "prefix": prefix}));
        }
        rows.push(json!({
            "name": format!("eth{at}"),
            "hardware-address": mac.to_lowercase(),
            "ip-addresses": addresses,
        }));
    }
    Ok(Reply::data(json!({"result": rows})))
}
