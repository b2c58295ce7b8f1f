//! What cloud-init sets up inside a machine.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What cloud-init sets up inside the machine at its next start. What is absent is left as it is.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(self.userDataRef) || (!has(self.user) && !has(self.passwordRef) && (!has(self.sshAuthorizedKeys) || size(self.sshAuthorizedKeys) == 0))", "the document in userDataRef says who may log in: leave out user, passwordRef and sshAuthorizedKeys"))]
pub struct CloudInit {
    /// The user that is made; the image's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z_][a-z0-9_\-]*$"))]
    pub user: Option<String>,
    /// The user's password, as a Secret holds it. A change of the Secret is taken up when the machine's configuration
    /// is read next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_ref: Option<SecretKeyRef>,
    /// The keys that may log in as the user, as lines of `authorized_keys`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(min = 16, max = 4096), regex(pattern = r"^[^\s]+ [^\r\n]+$"))
    )]
    pub ssh_authorized_keys: Vec<String>,
    /// The machine's name for itself, where that is not its name on the host. On Proxmox VE it goes the way of
    /// `userDataRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(
            pattern = r"^[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?)*$"
        )
    )]
    pub hostname: Option<String>,
    /// The addresses of its network interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub networks: Vec<CloudInitNetwork>,
    /// Name servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 2, max = 45)))]
    #[x_kube(validation = ("self.all(a, isIP(a))", "nameservers are IP addresses"))]
    pub nameservers: Vec<String>,
    /// Domains in which short names are looked up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        inner(length(min = 1, max = 253), regex(pattern = r"^[a-zA-Z0-9.\-]+$"))
    )]
    pub search_domains: Vec<String>,
    /// A document of one's own in place of user, password and keys (`#cloud-config`, a script, or what else the machine's
    /// cloud-init knows as user data), as a Secret holds it. Proxmox VE takes none, so Drover puts it on a medium of its
    /// own, which it brings to `spec.defaults.isoStorage` of the host and removes when it is needed no longer. When the
    /// document changes, the machine takes itself for a new one at its next start, and carries all of it out again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data_ref: Option<SecretKeyRef>,
}

/// A key of a Secret in the machine's namespace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key within it; when absent, `password` for a password and `userdata` for user data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub key: Option<String>,
}

/// The addresses of a network interface.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(self.gateway4) || (has(self.ipv4) && self.ipv4 != 'dhcp')", "gateway4 stands beside an address in ipv4"))]
#[x_kube(validation = ("!has(self.gateway6) || (has(self.ipv6) && self.ipv6 != 'dhcp' && self.ipv6 != 'auto')", "gateway6 stands beside an address in ipv6"))]
#[x_kube(validation = ("has(self.ipv4) || has(self.ipv6)", "give ipv4 or ipv6"))]
pub struct CloudInitNetwork {
    /// The interface: `net0`, …
    #[schemars(length(min = 4, max = 5), regex(pattern = r"^net([0-9]|[12][0-9]|3[01])$"))]
    pub name: String,
    /// `dhcp`, or an IPv4 address with the length of its prefix (`192.0.2.7/24`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = 18))]
    #[x_kube(validation = ("self == 'dhcp' || (isCIDR(self) && cidr(self).ip().family() == 4 && cidr(self).prefixLength() > 0)", "ipv4 is dhcp or an address with its prefix, like 192.0.2.7/24"))]
    pub ipv4: Option<String>,
    /// The IPv4 gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 7, max = 15))]
    #[x_kube(validation = ("isIP(self) && ip(self).family() == 4", "gateway4 is an IPv4 address"))]
    pub gateway4: Option<String>,
    /// `auto` (router advertisements), `dhcp`, or an IPv6 address with the length of its prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = 43))]
    #[x_kube(validation = ("self == 'dhcp' || self == 'auto' || (isCIDR(self) && cidr(self).ip().family() == 6 && cidr(self).prefixLength() > 0)", "ipv6 is auto, dhcp or an address with its prefix, like 2001:db8::7/64"))]
    pub ipv6: Option<String>,
    /// The IPv6 gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 39))]
    #[x_kube(validation = ("isIP(self) && ip(self).family() == 6", "gateway6 is an IPv6 address"))]
    pub gateway6: Option<String>,
}
