//! The Proxmox VE host that `drover standalone` declares by itself: the simulator, or the one box that the
//! environment names.

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::Error;
use crate::runtime::DEFAULT_NAMESPACE;

/// The owner of the fields that are declared here. Apply never takes a field from somebody else: what a
/// person changed stays changed.
const FIELD_MANAGER: &str = "drover-standalone";

/// How a Proxmox VE host is reached.
#[derive(Clone, Debug)]
pub struct HostAccess {
    /// The name of the `ProxmoxNode`, and of the Secret.
    pub name: String,
    /// The name of the Secret beside it, in `drover-system`.
    pub secret: String,
    /// A name or an address.
    pub host: String,
    /// Usually 8006.
    pub port: u16,
    /// The node's own name, if it must be given.
    pub node_name: Option<String>,
    /// Who Drover is there.
    pub credentials: HostCredentials,
    /// How its certificate is checked.
    pub trust: Trust,
}

/// Who Drover is on a host.
#[derive(Clone, Debug)]
pub enum HostCredentials {
    /// An API token.
    Token {
        /// Such as `root@pam!drover`.
        id: String,
        /// Its secret.
        secret: SecretString,
    },
    /// A user.
    Password {
        /// Such as `root@pam`.
        username: String,
        /// The password.
        password: SecretString,
    },
}

impl HostCredentials {
    /// What the Secret holds. It goes into `data`, not `stringData`: the keys of the other sort, which an earlier
    /// start declared, then leave the Secret.
    fn data(&self) -> Value {
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        match self {
            Self::Token { id, secret } => {
                json!({"tokenId": bytes(id), "tokenSecret": bytes(secret.expose_secret())})
            }
            Self::Password { username, password } => {
                json!({"username": bytes(username), "password": bytes(password.expose_secret())})
            }
        }
    }
}

/// How a host's certificate is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// By the authorities that this machine trusts.
    System,
    /// By its SHA-256 fingerprint.
    Fingerprint(String),
    /// Not at all.
    Insecure,
}

impl HostAccess {
    /// The `ProxmoxNode`. All namespaces may use it: it has one owner, who has this machine.
    fn proxmox_node(&self) -> Value {
        let mut spec = Map::new();
        spec.insert("host".to_owned(), json!(self.host));
        spec.insert("port".to_owned(), json!(self.port));
        spec.insert(
            "credentialsRef".to_owned(),
            json!({"namespace": DEFAULT_NAMESPACE, "name": self.secret}),
        );
        spec.insert("allowedNamespaces".to_owned(), json!({"from": "All"}));
        spec.insert("tenancy".to_owned(), json!({"mode": "Trusted"}));
        match &self.trust {
            Trust::System => {}
            Trust::Fingerprint(fingerprint) => {
                spec.insert("tls".to_owned(), json!({"fingerprint": fingerprint}));
            }
            Trust::Insecure => {
                spec.insert("tls".to_owned(), json!({"insecureSkipVerify": true}));
            }
        }
        if let Some(node) = &self.node_name {
            spec.insert("nodeName".to_owned(), json!(node));
        }
        json!({
            "apiVersion": "drover.dev/v1alpha1",
            "kind": "ProxmoxNode",
            "metadata": {"name": self.name},
            "spec": spec,
        })
    }

    fn secret(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.secret, "namespace": DEFAULT_NAMESPACE},
            "data": self.credentials.data(),
        })
    }

    /// Both as one YAML file, for `kubectl apply`.
    pub(super) fn manifest(&self) -> Result<String, Error> {
        let secret = serde_saphyr::to_string(&self.secret())?;
        let node = serde_saphyr::to_string(&self.proxmox_node())?;
        Ok(format!("{secret}---\n{node}"))
    }

    /// Declares both. A field that somebody else has changed is left to them, and said.
    pub(super) async fn declare(&self, client: &Client) -> Result<(), Error> {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        Api::<Secret>::namespaced(client.clone(), DEFAULT_NAMESPACE)
            .patch(&self.secret, &params, &Patch::Apply(self.secret()))
            .await
            .map_err(Error::kubernetes(format!("the Secret {}", self.secret)))?;

        let kind = GroupVersionKind::gvk("drover.dev", "v1alpha1", "ProxmoxNode");
        let kind = ApiResource::from_gvk_with_plural(&kind, "proxmoxnodes");
        let applied = Api::<DynamicObject>::all_with(client.clone(), &kind)
            .patch(
                &self.name,
                &PatchParams::apply(FIELD_MANAGER),
                &Patch::Apply(self.proxmox_node()),
            )
            .await;
        match applied {
            Ok(_) => tracing::info!(host.name = self.name, host.address = self.host, "declared a host"),
            Err(kube::Error::Api(status)) if status.is_conflict() => tracing::warn!(
                host.name = self.name, reason = %status.message,
                "the ProxmoxNode was changed by somebody else and stays as it is"
            ),
            Err(error) => return Err(Error::kubernetes(format!("the ProxmoxNode {}", self.name))(error)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(trust: Trust) -> HostAccess {
        HostAccess {
            name: "pve1".to_owned(),
            secret: "simulated".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: 8006,
            node_name: None,
            credentials: HostCredentials::Token {
                id: "root@pam!drover".to_owned(),
                secret: SecretString::from("s3cret".to_owned()),
            },
            trust,
        }
    }

    #[test]
    fn manifest_is_two_documents_that_refer_to_each_other() {
        let text = access(Trust::Fingerprint("AB:CD".to_owned())).manifest().unwrap();
        let documents: Vec<&str> = text.split("---\n").collect();
        let secret: Value = serde_yaml::from_str(documents[0]).unwrap();
        let node: Value = serde_yaml::from_str(documents[1]).unwrap();
        assert_eq!(secret["data"]["tokenSecret"], "czNjcmV0");
        assert_eq!(
            node["spec"]["credentialsRef"],
            json!({"namespace": "drover-system", "name": "simulated"})
        );
        assert_eq!(node["spec"]["tls"], json!({"fingerprint": "AB:CD"}));
        assert_eq!(node["spec"]["allowedNamespaces"], json!({"from": "All"}));
    }

    #[test]
    fn certificate_is_checked_unless_said_otherwise() {
        assert_eq!(access(Trust::System).proxmox_node()["spec"].get("tls"), None);
        let insecure = access(Trust::Insecure).proxmox_node();
        assert_eq!(insecure["spec"]["tls"], json!({"insecureSkipVerify": true}));
    }

    #[test]
    fn secret_does_not_reach_a_debug_print() {
        assert!(!format!("{:?}", access(Trust::System)).contains("s3cret"));
    }
}
