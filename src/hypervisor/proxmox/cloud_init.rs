//! What cloud-init is told, from the options of a configuration and into them.

use std::collections::BTreeMap;

use super::changes::Unfit;
use super::config::{Options, is_drive};
use super::devices::{Drive, IpConfig, Media, Medium, SshKeys};
use super::property::{BadProperty, Format as _, Reason, Value as _};
use crate::model::{Addresses, CloudInit, CloudInitChange};

const MOST: &str = "ipconfig";

/// Reads what cloud-init is told. An option that can't be understood is left out.
pub(super) fn read(options: &Options) -> CloudInit {
    let text = |key: &str| options.get(key).map(String::as_str).unwrap_or_default();
    let list = |key: &str| text(key).split_whitespace().map(str::to_owned).collect();
    let keys = text("sshkeys").parse::<SshKeys>().unwrap_or_default();
    let is_medium = |value: &str| {
        Drive::lenient(value)
            .file
            .as_ref()
            .is_some_and(Medium::is_cloud_init)
    };
    let mut drives = options
        .iter()
        .filter(|(slot, value)| is_drive(slot) && is_medium(value));
    let addresses = options.iter().filter_map(|(key, value)| {
        let number = key.strip_prefix(MOST)?;
        Some((format!("net{number}"), addresses(value)))
    });
    CloudInit {
        drive: drives.next().map(|(slot, _)| slot.clone()),
        user: text("ciuser").to_owned(),
        password: !text("cipassword").is_empty(),
        ssh_keys: keys.keys().map(str::to_owned).collect(),
        addresses: addresses.collect::<BTreeMap<_, _>>(),
        nameservers: list("nameserver"),
        search_domains: list("searchdomain"),
    }
}

fn addresses(value: &str) -> Addresses {
    let config = IpConfig::lenient(value);
    Addresses {
        ipv4: config.ip.map(|ip| ip.write().to_string()),
        gateway4: config.gw.map(|ip| ip.to_string()),
        ipv6: config.ip6.map(|ip| ip.write().to_string()),
        gateway6: config.gw6.map(|ip| ip.to_string()),
    }
}

/// The option that brings a change about.
pub(super) fn parameter<'a>(
    change: &CloudInitChange,
    option: impl Fn(&str) -> Option<&'a str>,
) -> Result<(String, String), Unfit> {
    let told = |key: &str, value: String| Ok((key.to_owned(), value));
    match change {
        CloudInitChange::Drive { slot, .. } if !is_drive(slot) => Err(Unfit::NoDrive(slot.clone())),
        CloudInitChange::Drive { slot, .. } if option(slot).is_some() => {
            Err(Unfit::DriveExists(slot.clone()))
        }
        CloudInitChange::Drive { slot, storage } => {
            let storage = storage
                .parse()
                .map_err(|reason| BadProperty::new("file", reason))?;
            let drive = Drive {
                file: Some(Medium::NewCloudInit(storage)),
                media: Some(Media::Cdrom),
                ..Drive::default()
            };
            told(slot, drive.to_string())
        }
        CloudInitChange::User(user) => told("ciuser", user.clone()),
        CloudInitChange::Password(password) => told("cipassword", password.expose().to_owned()),
        CloudInitChange::SshKeys(keys) => told("sshkeys", SshKeys::of_lines(&keys.join("\n")).to_string()),
        CloudInitChange::Addresses { slot, addresses } => {
            let number = slot
                .strip_prefix("net")
                .ok_or_else(|| Unfit::NoNic(slot.clone()))?;
            told(&format!("{MOST}{number}"), ip_config(addresses)?.to_string())
        }
        CloudInitChange::Nameservers(servers) => told("nameserver", servers.join(" ")),
        CloudInitChange::SearchDomains(domains) => told("searchdomain", domains.join(" ")),
    }
}

fn ip_config(addresses: &Addresses) -> Result<IpConfig, BadProperty> {
    fn value<T>(
        key: &'static str,
        text: Option<&String>,
        read: impl Fn(&str) -> Result<T, Reason>,
    ) -> Result<Option<T>, BadProperty> {
        let read = text.map(|text| read(text)).transpose();
        read.map_err(|reason| BadProperty::new(key, reason))
    }
    use super::devices::{Ipv4Setting, Ipv6Setting};
    Ok(IpConfig {
        ip: value("ip", addresses.ipv4.as_ref(), Ipv4Setting::read)?,
        gw: value("gw", addresses.gateway4.as_ref(), std::net::Ipv4Addr::read)?,
        ip6: value("ip6", addresses.ipv6.as_ref(), Ipv6Setting::read)?,
        gw6: value("gw6", addresses.gateway6.as_ref(), std::net::Ipv6Addr::read)?,
        ..IpConfig::default()
    })
}
