//! The kubeconfig of a control plane of one's own.

use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};
use secrecy::SecretString;

use super::Error;

/// The name of cluster and context, as `kubectl config get-contexts` shows it.
const NAME: &str = "drover-standalone";

/// A kubeconfig for one user of the API server on a port of the loopback interface; it carries the authority.
pub(super) fn render(port: u16, ca: &str, user: &str, token: &str) -> Result<String, Error> {
    Ok(serde_saphyr::to_string(&build(port, ca, user, token))?)
}

/// A client's configuration from the same facts.
pub(super) async fn client_config(
    port: u16,
    ca: &str,
    user: &str,
    token: &str,
) -> Result<kube::Config, Error> {
    let kubeconfig = build(port, ca, user, token);
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(Error::Kubeconfig)?;
    // A proxy of the environment can't reach our loopback interface.
    config.proxy_url = None;
    Ok(config)
}

fn build(port: u16, ca: &str, user: &str, token: &str) -> Kubeconfig {
    Kubeconfig {
        clusters: vec![NamedCluster {
            name: NAME.to_owned(),
            cluster: Some(Cluster {
                server: Some(format!("https://127.0.0.1:{port}")),
                certificate_authority_data: Some(base64(ca)),
                ..Cluster::default()
            }),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: user.to_owned(),
            auth_info: Some(AuthInfo {
                token: Some(SecretString::from(token.to_owned())),
                ..AuthInfo::default()
            }),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: NAME.to_owned(),
            context: Some(Context {
                cluster: NAME.to_owned(),
                user: Some(user.to_owned()),
                ..Context::default()
            }),
            ..NamedContext::default()
        }],
        current_context: Some(NAME.to_owned()),
        kind: Some("Config".to_owned()),
        api_version: Some("v1".to_owned()),
        ..Kubeconfig::default()
    }
}

/// Kubernetes' own type for binary data is the encoder at hand.
fn base64(text: &str) -> String {
    let data = k8s_openapi::ByteString(text.as_bytes().to_vec());
    match serde_json::to_value(data) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeconfig_carries_authority_and_token_and_reads_back() {
        let text = render(6443, "-----PEM", "admin", "s3cret").unwrap();
        let back = Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(back.current_context.as_deref(), Some(NAME));
        let cluster = back.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://127.0.0.1:6443"));
        assert_eq!(
            cluster.certificate_authority_data.as_deref(),
            Some("LS0tLS1QRU0=")
        );
        assert!(text.contains("token: s3cret"), "{text}");
    }
}
