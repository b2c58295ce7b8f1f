//! What a machine is to be like.

use std::sync::Arc;

use anyhow::Context as _;
use kube::ResourceExt;

use super::found::Held;
use super::known::Known;
use super::site::Site;
use crate::api::VirtualMachine;
use crate::cli::complain;
use crate::controllers::virtual_machine::secrets;
use crate::plan::desired::Desired;
use crate::plan::placing;

/// With its class and the host's defaults worked in.
pub(super) async fn desired(known: &Known, site: &Site, machine: &VirtualMachine) -> Result<Desired, Held> {
    let class = known.class(machine).await?;
    let cluster = site.cluster.as_str();
    let machine_of = |name: &str| {
        let mut same = known
            .machines
            .iter()
            .filter(|m| m.namespace() == machine.namespace());
        let named: &Arc<VirtualMachine> = same.find(|m| m.name_any() == name)?;
        placing::made_on(named, cluster)
    };
    let desired = placing::declared(machine, class.as_ref(), &site.host, machine_of, &site.able)?;
    Ok(desired)
}

/// What Secrets hold for a machine; what is wrong with them is a sentence.
pub(super) async fn secrets(
    known: &Known,
    machine: &VirtualMachine,
    desired: &mut Desired,
) -> Result<Option<String>, Held> {
    let namespace = machine.metadata.namespace.as_deref();
    match secrets::fill(&known.client, namespace, desired).await {
        // A person may see machines and not what is secret of them.
        Err(kube::Error::Api(status)) if status.is_forbidden() => {
            complain(&format!(
                "drover: the Secrets of {} may not be read with this kubeconfig: what they hold is left out\n",
                machine.name_any()
            ));
            Ok(None)
        }
        filled => Ok(filled.context("can't read its Secrets")?),
    }
}
