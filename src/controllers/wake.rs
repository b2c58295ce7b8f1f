//! From what the fleet noticed to who must look: hosts and machines are told apart and addressed by name.

use std::sync::Arc;

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc;

use super::context::Context;
use crate::api::{ProxmoxNode, VirtualMachine};
use crate::fleet::{FleetEvent, FleetEvents};
use crate::model::ClusterId;
use crate::plan::discovery;

/// How many wakes may wait; a full queue holds the dispatcher back, and the fleet's queue coalesces.
const QUEUE: usize = 1024;

/// The receiving ends, one a controller.
pub struct Wakes {
    /// Machines to look at.
    pub machines: mpsc::Receiver<ObjectRef<VirtualMachine>>,
    /// Hosts to look at.
    pub hosts: mpsc::Receiver<ObjectRef<ProxmoxNode>>,
}

/// The sending ends.
pub struct Senders {
    machines: mpsc::Sender<ObjectRef<VirtualMachine>>,
    hosts: mpsc::Sender<ObjectRef<ProxmoxNode>>,
}

impl Wakes {
    /// The two ends.
    #[must_use]
    pub fn new() -> (Senders, Self) {
        let (machine_sender, machines) = mpsc::channel(QUEUE);
        let (host_sender, hosts) = mpsc::channel(QUEUE);
        (
            Senders {
                machines: machine_sender,
                hosts: host_sender,
            },
            Self { machines, hosts },
        )
    }
}

/// Passes the fleet's events on until the fleet or the controllers end.
pub async fn dispatch(context: Arc<Context>, mut events: FleetEvents, senders: Senders) {
    while let Some(event) = events.recv().await {
        let sent = match event {
            FleetEvent::Host(name) => {
                let machines = of_host(&context, &name);
                if senders.hosts.send(ObjectRef::new(&name)).await.is_err() {
                    return;
                }
                send_all(&senders, machines).await
            }
            FleetEvent::Guest { cluster, id } => {
                // Whoever made it: a number that was given once is not given again.
                context.numbers.saw(&cluster, id);
                for host in discovering(&context, &cluster) {
                    if senders.hosts.send(host).await.is_err() {
                        return;
                    }
                }
                send_all(&senders, context.numbers.concerned(&cluster, id)).await
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The hosts of a cluster that show what no resource speaks of.
fn discovering(context: &Context, cluster: &ClusterId) -> Vec<ObjectRef<ProxmoxNode>> {
    let hosts = context.stores.hosts.state();
    hosts
        .iter()
        .filter(|host| discovery::namespace(host).is_some())
        .filter(|host| {
            let status = host.status.as_ref();
            status
                .and_then(|s| s.cluster.as_ref())
                .is_some_and(|c| c.id == cluster.as_str())
        })
        .map(|host| ObjectRef::from_obj(host.as_ref()))
        .collect()
}

async fn send_all(
    senders: &Senders,
    machines: Vec<ObjectRef<VirtualMachine>>,
) -> Result<(), mpsc::error::SendError<ObjectRef<VirtualMachine>>> {
    for machine in machines {
        senders.machines.send(machine).await?;
    }
    Ok(())
}

/// The machines of a host: each finds out by itself, without a call, whether the change concerns it.
fn of_host(context: &Context, name: &str) -> Vec<ObjectRef<VirtualMachine>> {
    let machines = context.stores.machines.state();
    let host = context.host(name);
    machines
        .iter()
        .filter(|m| match &host {
            Some(host) => Context::concerns(host, m),
            None => m.spec.host_ref.name == name,
        })
        .map(|m| ObjectRef::new(&m.name_any()).within(&m.namespace().unwrap_or_default()))
        .collect()
}
