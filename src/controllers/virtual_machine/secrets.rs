//! What Secrets hold for a machine.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};

use super::pass::{Flow, Pass};
use crate::api::SecretKeyRef;
use crate::model::Password;
use crate::plan::desired::{self, Desired};

/// The key of a password where none is named.
const PASSWORD: &str = "password";

/// Reads the password for cloud-init, if the spec names one. What is wrong with it is a sentence.
pub(super) async fn fill(pass: &Pass<'_>, desired: &mut Desired) -> Flow<Option<String>> {
    let Some(cloud_init) = &mut desired.cloud_init else {
        return Ok(None);
    };
    let Some(named) = &cloud_init.password_ref else {
        return Ok(None);
    };
    match read(pass, named).await? {
        Ok(secret) => {
            cloud_init.password = Some(secret);
            Ok(None)
        }
        Err(problem) => Ok(Some(problem)),
    }
}

async fn read(pass: &Pass<'_>, named: &SecretKeyRef) -> Flow<Result<desired::Secret, String>> {
    let namespace = pass.vm.namespace().unwrap_or_default();
    let key = named.key.as_deref().unwrap_or(PASSWORD);
    let name = &named.name;
    let secrets: Api<Secret> = Api::namespaced(pass.ctx.client.clone(), &namespace);
    let Some(secret) = secrets.get_opt(name).await? else {
        return Ok(Err(format!(
            "there is no Secret '{name}' in the namespace '{namespace}' (spec.cloudInit.passwordRef): make it with the \
             key '{key}'"
        )));
    };
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    let text = bytes.and_then(|bytes| std::str::from_utf8(&bytes.0).ok());
    // Files that are made into Secrets often end in a line break, which no password means.
    let text = text.map(|text| text.trim_end_matches(['\r', '\n']));
    let Some(text) = text.filter(|text| !text.is_empty() && !text.contains(char::is_control)) else {
        return Ok(Err(format!(
            "the Secret '{name}' holds no password under the key '{key}' (spec.cloudInit.passwordRef): it must be one \
             line of text"
        )));
    };
    let version = format!(
        "{}/{}",
        secret.uid().unwrap_or_default(),
        secret.resource_version().unwrap_or_default()
    );
    Ok(Ok(desired::Secret {
        version,
        password: Password::new(text),
    }))
}
