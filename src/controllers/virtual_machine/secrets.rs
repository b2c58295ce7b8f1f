//! What Secrets hold for a machine.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};

use super::pass::{Flow, Pass};
use crate::api::SecretKeyRef;
use crate::model::SecretText;
use crate::plan::desired::{self, Desired, UserData};

/// The key of a password where none is named.
const PASSWORD: &str = "password";
/// The key of a document where none is named.
const USER_DATA: &str = "userdata";

/// Reads what a machine's spec names for cloud-init, as [`fill`] does.
pub(super) async fn of(pass: &Pass<'_>, desired: &mut Desired) -> Flow<Option<String>> {
    let namespace = pass.vm.metadata.namespace.as_deref();
    Ok(fill(&pass.ctx.client, namespace, desired).await?)
}

/// Reads what the spec names for cloud-init. What is wrong with it is a sentence.
pub(crate) async fn fill(
    client: &kube::Client,
    namespace: Option<&str>,
    desired: &mut Desired,
) -> Result<Option<String>, kube::Error> {
    let namespace = namespace.unwrap_or_default();
    let secrets = &Api::namespaced(client.clone(), namespace);
    let Some(cloud_init) = &mut desired.cloud_init else {
        return Ok(None);
    };
    if let Some(named) = &cloud_init.password_ref {
        let key = named.key.as_deref().unwrap_or(PASSWORD);
        match read(secrets, namespace, (named, key), "passwordRef").await? {
            Ok((version, text)) => match password(&text) {
                Some(password) => cloud_init.password = Some(desired::Secret { version, password }),
                None => {
                    return Ok(Some(format!(
                        "the Secret '{}' holds no password under the key '{key}' (spec.cloudInit.passwordRef): it must be \
                         one line of text",
                        named.name
                    )));
                }
            },
            Err(problem) => return Ok(Some(problem)),
        }
    }
    if let Some(named) = &cloud_init.user_data_ref {
        let key = named.key.as_deref().unwrap_or(USER_DATA);
        match read(secrets, namespace, (named, key), "userDataRef").await? {
            Ok((version, text)) => {
                let text = SecretText::new(text);
                cloud_init.user_data = Some(UserData { version, text });
            }
            Err(problem) => return Ok(Some(problem)),
        }
    }
    Ok(None)
}

/// Files that are made into Secrets often end in a line break, which no password means.
fn password(text: &str) -> Option<SecretText> {
    let text = text.trim_end_matches(['\r', '\n']);
    let fits = !text.is_empty() && !text.contains(char::is_control);
    fits.then(|| SecretText::new(text))
}

/// The version of a Secret, and the text in it.
async fn read(
    secrets: &Api<Secret>,
    namespace: &str,
    (named, key): (&SecretKeyRef, &str),
    field: &str,
) -> Result<Result<(String, String), String>, kube::Error> {
    let name = &named.name;
    let Some(secret) = secrets.get_opt(name).await? else {
        return Ok(Err(format!(
            "there is no Secret '{name}' in the namespace '{namespace}' (spec.cloudInit.{field}): make it with the key \
             '{key}'"
        )));
    };
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    let text = bytes.and_then(|bytes| std::str::from_utf8(&bytes.0).ok());
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(Err(format!(
            "the Secret '{name}' holds no text under the key '{key}' (spec.cloudInit.{field}); it has: {}",
            keys(&secret)
        )));
    };
    let version = format!(
        "{}/{}",
        secret.uid().unwrap_or_default(),
        secret.resource_version().unwrap_or_default()
    );
    Ok(Ok((version, text.to_owned())))
}

fn keys(secret: &Secret) -> String {
    let keys: Vec<&str> = secret
        .data
        .iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect();
    if keys.is_empty() {
        "nothing".to_owned()
    } else {
        keys.join(", ")
    }
}
