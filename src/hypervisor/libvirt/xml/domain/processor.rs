//! The processors of a domain: how many, and of which model.

use super::unfit::Unfit;
use super::{DomainType, Host};
use crate::hypervisor::libvirt::xml::tree::Element;

/// Sockets, and cores of each, so that they make the number that the domain has online.
pub(super) fn count(domain: &Element) -> (u32, u32) {
    let Some(vcpu) = domain.child("vcpu") else {
        return (1, 1);
    };
    let all = vcpu.text().trim().parse().unwrap_or_default();
    let online: u32 = vcpu
        .attribute("current")
        .and_then(|n| n.parse().ok())
        .unwrap_or(all);
    let sockets = domain
        .at(&["cpu", "topology"])
        .and_then(|topology| topology.attribute("sockets"))
        .and_then(|sockets| sockets.parse().ok())
        .filter(|sockets| *sockets > 0 && online.is_multiple_of(*sockets));
    let sockets = sockets.unwrap_or(1);
    (sockets, online / sockets)
}

/// Gives it so many sockets and cores, all of them online.
pub(super) fn set_count(domain: &mut Element, sockets: u32, cores: u32) -> Result<u32, Unfit> {
    let total = sockets
        .checked_mul(cores)
        .filter(|total| *total > 0)
        .ok_or_else(|| Unfit::unsupported("domains without processors or with that many"))?;
    if domain.at(&["cpu", "numa"]).is_some() {
        return Err(Unfit::unsupported(
            "change of processors that are assigned to NUMA cells",
        ));
    }
    if let Some(vcpus) = domain.child("vcpus")
        && vcpus.all("vcpu").count() != total as usize
    {
        // Which of them are online stands there one by one.
        domain.remove("vcpus");
    }
    domain.edit("vcpu", |vcpu| {
        vcpu.unset("current");
        vcpu.set_text(total.to_string());
    });
    domain.edit("cpu", |cpu| {
        cpu.edit("topology", |topology| {
            // Threads and dies stay where the cores can be shared out among them.
            let number = |name: &str| {
                topology
                    .attribute(name)
                    .and_then(|n| n.parse().ok())
                    .unwrap_or(1_u32)
            };
            let each = ["dies", "clusters", "threads"].map(number);
            let inner = each.iter().try_fold(1_u32, |product, n| product.checked_mul(*n));
            let whole = inner.filter(|inner| *inner > 0 && cores.is_multiple_of(*inner));
            if whole.is_none() {
                topology.unset("dies");
                topology.unset("clusters");
                topology.set("threads", "1");
            }
            topology.set("sockets", sockets.to_string());
            topology.set("cores", (cores / whole.unwrap_or(1)).to_string());
            if topology.attribute("threads").is_none() {
                topology.set("threads", "1");
            }
        });
    });
    Ok(total)
}

/// The model, where the domain names one.
pub(super) fn model(domain: &Element) -> Option<String> {
    let cpu = domain.child("cpu")?;
    match cpu.attribute("mode") {
        Some("host-passthrough") => Some("host".to_owned()),
        Some("maximum") => Some("max".to_owned()),
        Some("host-model") => Some("host-model".to_owned()),
        _ => cpu.text_of("model").filter(|model| !model.is_empty()),
    }
}

/// The processor of a domain of which none is named: the host's own, or all that can be emulated.
pub(super) const fn default_model(domain_type: DomainType) -> &'static str {
    match domain_type {
        DomainType::Kvm => "host",
        DomainType::Qemu => "max",
    }
}

/// Names a model. Features that somebody asked for stay.
pub(super) fn set_model(domain: &mut Element, model: &str, host: &Host) -> Result<(), Unfit> {
    let mode = match model {
        "host" if host.domain_type == DomainType::Qemu => {
            return Err(Unfit::Host("processors of its own for domains that are emulated"));
        }
        "host" => "host-passthrough",
        "max" => "maximum",
        "host-model" => "host-model",
        _ => "custom",
    };
    domain.edit("cpu", |cpu| {
        for name in ["match", "check", "migratable"] {
            cpu.unset(name);
        }
        cpu.remove("model");
        cpu.remove("vendor");
        cpu.set("mode", mode);
        if mode == "custom" {
            cpu.set("match", "exact");
            cpu.push(Element::new("model").with("fallback", "forbid").saying(model));
        }
    });
    Ok(())
}

/// The CPUs whose time all of its processors may use together; 0 for no limit.
pub(super) fn limit(domain: &Element) -> f64 {
    let number = |name: &str| domain.child("cputune")?.text_of(name)?.parse::<u32>().ok();
    let (sockets, cores) = count(domain);
    let rate = |quota: &str, period: &str, times: u32| {
        let quota = number(quota).filter(|quota| *quota > 0)?;
        let period = number(period).filter(|period| *period > 0).unwrap_or(PERIOD);
        Some(f64::from(quota) / f64::from(period) * f64::from(times))
    };
    rate("global_quota", "global_period", 1)
        .or_else(|| rate("quota", "period", sockets.saturating_mul(cores)))
        .unwrap_or_default()
}

/// In microseconds: what libvirt takes where none is named.
const PERIOD: u32 = 100_000;

/// Sets it, if it can be read back as it is: the host counts whole microseconds, a thousand of them at least.
pub(super) fn set_limit(domain: &mut Element, cpus: f64) -> Result<(), Unfit> {
    let quota = (cpus * f64::from(PERIOD)).round();
    let exact = (quota / f64::from(PERIOD)).to_bits() == cpus.to_bits() && (1e3..4e9).contains(&quota);
    if cpus != 0.0 && !exact {
        return Err(Unfit::unsupported(format!("limit of {cpus} CPUs (cpu.limit)")));
    }
    let mut tune = domain
        .remove("cputune")
        .unwrap_or_else(|| Element::new("cputune"));
    for name in ["quota", "period", "global_quota", "global_period"] {
        tune.remove(name);
    }
    if cpus > 0.0 {
        tune.push(Element::new("global_period").saying(PERIOD.to_string()));
        tune.push(Element::new("global_quota").saying(format!("{quota:.0}")));
    }
    put_tune(domain, tune);
    Ok(())
}

/// Its weight; 0 for the host's default.
pub(super) fn units(domain: &Element) -> u32 {
    let shares = domain.child("cputune").and_then(|tune| tune.text_of("shares"));
    shares.and_then(|shares| shares.parse().ok()).unwrap_or_default()
}

pub(super) fn set_units(domain: &mut Element, units: u32) {
    let mut tune = domain
        .remove("cputune")
        .unwrap_or_else(|| Element::new("cputune"));
    tune.remove("shares");
    if units > 0 {
        tune.push(Element::new("shares").saying(units.to_string()));
    }
    put_tune(domain, tune);
}

fn put_tune(domain: &mut Element, tune: Element) {
    if tune.children().next().is_some() {
        domain.push(tune);
    }
}
