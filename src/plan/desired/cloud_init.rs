//! What cloud-init is to set up.

use std::net::IpAddr;

use super::Invalid;
use crate::api::{CloudInit, CloudInitNetwork, Defaults, SecretKeyRef};
use crate::model::{Addresses, SecretText};
use crate::plan::seed::Seed;

/// What cloud-init is to be told; what is absent is left as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DesiredCloudInit {
    /// The user that is made.
    pub user: Option<String>,
    /// Where the user's password stands.
    pub password_ref: Option<SecretKeyRef>,
    /// The password and the version of its Secret, once it was read.
    pub password: Option<Secret>,
    /// The keys that may log in.
    pub ssh_keys: Option<Vec<String>>,
    /// The addresses of interfaces, by slot, in the order of the spec.
    pub addresses: Vec<(String, Addresses)>,
    /// Name servers.
    pub nameservers: Option<Vec<String>>,
    /// Domains in which short names are looked up.
    pub search_domains: Option<Vec<String>>,
    /// The machine's name for itself.
    pub hostname: Option<String>,
    /// Where a document stands that is given in place of user, password and keys.
    pub user_data_ref: Option<SecretKeyRef>,
    /// The document and the version of its Secret, once it was read.
    pub user_data: Option<UserData>,
    /// Which medium tells the machine.
    pub source: Datasource,
    /// The storage for media that Drover makes.
    pub iso_storage: Option<String>,
}

/// The medium that tells a machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Datasource {
    /// The one that the host writes.
    #[default]
    Host,
    /// One that Drover makes; absent while not all is known that goes into it.
    Seed(Option<Box<Seed>>),
}

/// A document as a Secret holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct UserData {
    /// What tells this version of the Secret from others.
    pub version: String,
    /// The document.
    pub text: SecretText,
}

impl DesiredCloudInit {
    /// The field of the spec because of which Drover makes the medium.
    #[must_use]
    pub const fn why_seed(&self) -> &'static str {
        if self.user_data_ref.is_some() {
            "cloudInit.userDataRef"
        } else {
            "cloudInit.hostname"
        }
    }

    /// Whether it says something that only Secrets tell.
    #[must_use]
    pub const fn needs_secrets(&self) -> bool {
        self.password_ref.is_some() || self.user_data_ref.is_some()
    }
}

/// A password as a Secret holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    /// What tells this version of the Secret from others.
    pub version: String,
    /// The password.
    pub password: SecretText,
}

/// `name` is the machine's on its host.
pub(super) fn resolve(
    spec: &CloudInit,
    name: &str,
    defaults: &Defaults,
) -> Result<DesiredCloudInit, Invalid> {
    // Proxmox VE's medium gives a machine the name that it has there, up to the first dot.
    let told_by_host = |hostname: &String| hostname == name && !name.contains('.');
    let named_otherwise = spec.hostname.as_ref().is_some_and(|told| !told_by_host(told));
    let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let keys = spec
        .ssh_authorized_keys
        .iter()
        .map(|key| key.trim().to_owned())
        .collect();
    let nameservers: Result<Vec<String>, Invalid> = spec
        .nameservers
        .iter()
        .map(|text| address("nameservers", text).map(|ip| ip.to_string()))
        .collect();
    Ok(DesiredCloudInit {
        user: spec.user.clone(),
        password_ref: spec.password_ref.clone(),
        password: None,
        ssh_keys: some(&keys),
        addresses: spec.networks.iter().map(of_network).collect::<Result<_, _>>()?,
        nameservers: some(&nameservers?),
        search_domains: some(&spec.search_domains),
        hostname: spec.hostname.clone(),
        user_data_ref: spec.user_data_ref.clone(),
        user_data: None,
        source: if spec.user_data_ref.is_some() || named_otherwise {
            Datasource::Seed(None)
        } else {
            Datasource::Host
        },
        iso_storage: defaults.iso_storage.clone(),
    })
}

fn of_network(network: &CloudInitNetwork) -> Result<(String, Addresses), Invalid> {
    let field = |name: &str| format!("networks[{}].{name}", network.name);
    let setting = |name: &str, text: &Option<String>| match text.as_deref() {
        None => Ok(None),
        Some(word @ ("dhcp" | "auto")) => Ok(Some(word.to_owned())),
        Some(text) => with_prefix(&field(name), text).map(Some),
    };
    let gateway = |name: &str, text: &Option<String>| {
        let ip = text.as_ref().map(|text| address(&field(name), text)).transpose();
        ip.map(|ip| ip.map(|ip| ip.to_string()))
    };
    let addresses = Addresses {
        ipv4: setting("ipv4", &network.ipv4)?,
        gateway4: gateway("gateway4", &network.gateway4)?,
        ipv6: setting("ipv6", &network.ipv6)?,
        gateway6: gateway("gateway6", &network.gateway6)?,
    };
    Ok((network.name.clone(), addresses))
}

fn address(field: &str, text: &str) -> Result<IpAddr, Invalid> {
    let invalid = || {
        Invalid::new(
            format!("spec.cloudInit.{field}"),
            format!("'{text}' is no IP address"),
        )
    };
    text.parse().map_err(|_| invalid())
}

/// An address with its prefix, as its standard spells it.
fn with_prefix(field: &str, text: &str) -> Result<String, Invalid> {
    let problem = format!("'{text}' is no address with the length of its prefix, like 192.0.2.7/24");
    let invalid = || Invalid::new(format!("spec.cloudInit.{field}"), problem.clone());
    let (ip, prefix) = text.split_once('/').ok_or_else(invalid)?;
    let ip: IpAddr = ip.parse().map_err(|_| invalid())?;
    let prefix: u8 = prefix.parse().map_err(|_| invalid())?;
    Ok(format!("{ip}/{prefix}"))
}
