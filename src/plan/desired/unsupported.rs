//! Takes out of what is wanted what a host can't do, and says so.

use super::{Datasource, Desired, Origin};
use crate::api::conditions::reason;
use crate::model::Capabilities;
use crate::plan::status::Outcome;

/// Takes out of what is wanted what the host can't do, and notes it.
///
/// # Errors
///
/// What nothing sensible is left of.
pub fn leave_out_unsupported(desired: &mut Desired, host: &Capabilities) -> Result<(), Outcome> {
    let product = host.product;
    if desired.template && !host.templates {
        return Err(refused(
            product,
            "template",
            "keep a machine that is not started, and copy it by spec.source.clone",
        ));
    }
    if matches!(desired.origin, Origin::Restore(_)) && !host.backups {
        return Err(refused(
            product,
            "source.backup",
            "bring the disk to a pool, and copy it",
        ));
    }
    let mut lost: Vec<String> = Vec::new();
    let mut lacks = |there: bool, able: bool, field: &str, what: &str| {
        let dropped = there && !able;
        if dropped {
            lost.push(format!("{field}: {product} {what}"));
        }
        dropped
    };
    if lacks(desired.pool.is_some(), host.pools, "pool", "knows no pools") {
        desired.pool = None;
    }
    let ha = desired.high_availability.is_some();
    if lacks(ha, host.high_availability, "highAvailability", "has none") {
        desired.high_availability = None;
    }
    let order = desired.startup_order.is_some() || desired.startup_delay.is_some();
    if lacks(
        order,
        host.startup_order,
        "boot.order and boot.delay",
        "starts machines in no order",
    ) {
        (desired.startup_order, desired.startup_delay) = (None, None);
    }
    let protected = desired.protection == Some(true);
    if lacks(
        protected,
        host.protection,
        "protection",
        "does not protect machines; spec.deletionPolicy: Retain keeps this one",
    ) || !host.protection
    {
        desired.protection = None;
    }
    let settings = &mut desired.settings;
    let minimum = settings.memory_minimum_mib.is_some();
    if lacks(
        minimum,
        host.memory_minimum,
        "memory.minimum",
        "keeps no such bound",
    ) {
        settings.memory_minimum_mib = None;
    }
    let devices = !settings.devices.is_empty();
    if lacks(devices, host.device_mappings, "hostDevices", "knows no mappings") {
        settings.devices.clear();
    }
    let extra = !settings.extra.is_empty();
    if lacks(
        extra,
        host.options,
        "extraConfig",
        "has no options besides the fields of the spec",
    ) {
        settings.extra.clear();
    }
    for nic in &mut desired.nics {
        let filtered = nic.firewall == Some(true);
        let field = nic.field("firewall");
        if lacks(filtered, host.firewall, &field, "has no firewall for it") || !host.firewall {
            nic.firewall = None;
        }
    }
    desired.unsupported.extend(lost);
    if !host.writes_cloud_init
        && let Some(told) = &mut desired.cloud_init
        && told.source == Datasource::Host
    {
        told.source = Datasource::Seed(None);
    }
    if !host.high_availability_groups
        && let Some(setting) = &mut desired.high_availability
        && let Some(group) = setting.group.take()
    {
        desired.unsupported.push(format!(
            "highAvailability.group: {product} 9 knows no groups, so '{group}' is not set; rules of the cluster say where \
             machines run (Datacenter, HA, Affinity Rules)"
        ));
    }
    Ok(())
}

fn refused(product: &str, field: &str, instead: &str) -> Outcome {
    let message = format!("spec.{field}: {product} can't do that; {instead}");
    Outcome::stalled(reason::UNSUPPORTED, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HaSetting;

    fn wanted() -> Desired {
        let mut desired = Desired {
            pool: Some("team".into()),
            high_availability: Some(HaSetting {
                state: "started".into(),
                group: Some("fast".into()),
            }),
            startup_order: Some(1),
            protection: Some(true),
            ..Desired::default()
        };
        desired.settings.memory_minimum_mib = Some(512);
        desired.settings.devices = vec!["gpu1".into()];
        desired.settings.extra.insert("args".into(), "-x".into());
        desired
    }

    #[test]
    fn what_libvirt_has_not_is_left_out_and_told() {
        let mut desired = wanted();
        leave_out_unsupported(&mut desired, &Capabilities::libvirt()).unwrap();
        let told: Vec<&str> = desired
            .unsupported
            .iter()
            .filter_map(|line| line.split(':').next())
            .collect();
        assert_eq!(
            told,
            [
                "pool",
                "highAvailability",
                "boot.order and boot.delay",
                "protection",
                "memory.minimum",
                "hostDevices",
                "extraConfig"
            ]
        );
        desired.unsupported.clear();
        assert_eq!(desired, Desired::default());
    }

    #[test]
    fn what_proxmox_has_stays() {
        for major in [None, Some(8)] {
            let mut desired = wanted();
            leave_out_unsupported(&mut desired, &Capabilities::proxmox(major)).unwrap();
            assert_eq!(desired, wanted());
        }
        let mut desired = wanted();
        leave_out_unsupported(&mut desired, &Capabilities::proxmox(Some(9))).unwrap();
        assert_eq!(desired.high_availability.unwrap().group, None);
        assert_eq!(desired.unsupported.len(), 1);
    }

    #[test]
    fn machine_that_can_only_be_something_else_is_refused() {
        for desired in [
            Desired {
                template: true,
                ..Desired::default()
            },
            Desired {
                origin: Origin::Restore("local:backup/x".parse().unwrap()),
                ..Desired::default()
            },
        ] {
            let mut wanted = desired.clone();
            let outcome = leave_out_unsupported(&mut wanted, &Capabilities::libvirt()).unwrap_err();
            assert_eq!(outcome.reason, reason::UNSUPPORTED);
            leave_out_unsupported(&mut wanted, &Capabilities::proxmox(None)).unwrap();
        }
    }
}
