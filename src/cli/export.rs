//! `drover export`: machines that exist, as declarations that adopt them.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use kube::ResourceExt;

use super::{
    Failure, complain,
    mistakes::Mistakes,
    reach::{self, Reach},
    say,
};
use crate::api::{ProxmoxNode, VirtualMachine};
use crate::hypervisor::Hypervisor as _;
use crate::model::{GuestId, GuestKind, Vmid};
use crate::plan::export::{self, Declared};

/// The flags of `drover export`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    reach: Reach,
    /// Only machines on this ProxmoxNode; may be given several times [default: all]
    #[arg(long, env = "DROVER_EXPORT_HOST", value_name = "NAME", value_delimiter = ',')]
    host: Vec<String>,
    /// Only machines with these numbers; may be given several times [default: all]
    #[arg(long, env = "DROVER_EXPORT_VMID", value_name = "VMID", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(100..=999_999_999))]
    vmid: Vec<u32>,
    /// The namespace of the declarations [default: none is written]
    #[arg(long, short, env = "DROVER_EXPORT_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
    /// Only look on: managementPolicy Observe, instead of adoption
    #[arg(long, env = "DROVER_EXPORT_OBSERVE", value_parser = clap::builder::FalseyValueParser::new())]
    observe: bool,
}

pub(super) fn main(arguments: &Args, mistakes: Mistakes) -> Result<(), Failure> {
    let tokio = tokio::runtime::Runtime::new().context("can't start the async runtime")?;
    tokio.block_on(async {
        let client = arguments.reach.client(mistakes).await?;
        export(arguments, client).await.map_err(Failure::from)
    })
}

async fn export(arguments: &Args, client: kube::Client) -> anyhow::Result<()> {
    let hosts = reach::hosts(&client).await?;
    let mut numbers: BTreeSet<u32> = arguments.vmid.iter().copied().collect();
    let mut seen = BTreeSet::new();
    let mut names = BTreeSet::new();
    for host in reach::chosen(&hosts, &arguments.host)? {
        let found = of_host(arguments, &client, host, &hosts, &mut names).await;
        let found = found.with_context(|| format!("ProxmoxNode '{}'", host.name_any()))?;
        for id in found {
            numbers.retain(|number| id.number().map(Vmid::get) != Some(*number));
            seen.insert(id);
        }
    }
    if let Some(missing) = numbers.first() {
        bail!(
            "no host shows a virtual machine {missing}; if it exists, the token lacks VM.Audit on /vms/{missing}"
        );
    }
    complain(&format!("drover: {} machines looked at\n", seen.len()));
    Ok(())
}

/// Gives a resource a name of its own: names on hosts are not unique, and those of two machines may be spelt alike here.
fn tell_apart(machine: &mut VirtualMachine, names: &mut BTreeSet<String>) {
    let name = machine.name_any();
    if names.insert(name.clone()) {
        return;
    }
    let mut own = format!("{name}-{}", machine.spec.vmid.unwrap_or_default());
    machine.spec.name.get_or_insert(name);
    // Somebody's machine may have the name with the number.
    while !names.insert(own.clone()) {
        own.push_str("-x");
    }
    machine.metadata.name = Some(own);
}

/// Prints the machines of one host; returns their numbers. `names` are those that were given already.
async fn of_host(
    arguments: &Args,
    client: &kube::Client,
    host: &ProxmoxNode,
    hosts: &[ProxmoxNode],
    names: &mut BTreeSet<String>,
) -> anyhow::Result<Vec<GuestId>> {
    let driver = reach::driver(client, host, hosts).await?;
    let overview = driver.overview().await?;
    let here = |name: &str| reach::node_of(host).is_none_or(|node| node == name);
    let chosen = |id: GuestId| {
        arguments.vmid.is_empty()
            || id
                .number()
                .is_some_and(|vmid| arguments.vmid.contains(&vmid.get()))
    };
    let mut found = Vec::new();
    for row in &overview.guests {
        let machine = row.kind == GuestKind::VirtualMachine;
        if !machine || !here(row.node.as_str()) || !chosen(row.id) {
            continue;
        }
        found.push(row.id);
        let config = driver.guest_config(&row.address()).await?;
        match export::declaration(row, &config, &host.name_any(), arguments.observe) {
            Declared::Owned(owner) => {
                complain(&format!(
                    "drover: machine {} is kept by {owner} already\n",
                    row.id
                ));
            }
            Declared::Machine(mut machine) => {
                machine.metadata.namespace.clone_from(&arguments.namespace);
                tell_apart(&mut machine, names);
                let text = serde_saphyr::to_string(&machine).context("can't write a machine as YAML")?;
                say(&format!("---\n{text}"));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::VirtualMachineSpec;

    #[test]
    fn each_machine_has_a_name_of_its_own_and_keeps_that_on_its_host() {
        let mut names = BTreeSet::new();
        let mut given = |name: &str, vmid| {
            let spec = VirtualMachineSpec {
                vmid: Some(vmid),
                ..VirtualMachineSpec::default()
            };
            let mut machine = VirtualMachine::new(name, spec);
            tell_apart(&mut machine, &mut names);
            (machine.name_any(), machine.spec.name)
        };
        assert_eq!(given("web", 101), ("web".to_owned(), None));
        assert_eq!(given("web-102", 103), ("web-102".to_owned(), None));
        assert_eq!(
            given("web", 102),
            ("web-102-x".to_owned(), Some("web".to_owned()))
        );
        assert_eq!(given("web", 104), ("web-104".to_owned(), Some("web".to_owned())));
    }
}
