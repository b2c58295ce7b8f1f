//! From what the fleet noticed to who must look: hosts and machines are told apart and addressed by name.

use std::sync::Arc;

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc;

use super::context::Context;
use crate::api::{Host, HostKind, LibvirtHost, ProxmoxNode, VirtualMachine};
use crate::fleet::{FleetEvent, FleetEvents};
use crate::model::ClusterId;
use crate::plan::discovery;

/// How many wakes may wait; a full queue holds the dispatcher back, and the fleet's queue coalesces.
const QUEUE: usize = 1024;

/// The receiving ends, one a controller.
pub struct Wakes {
    /// Machines to look at.
    pub machines: mpsc::Receiver<ObjectRef<VirtualMachine>>,
    /// Nodes of Proxmox VE to look at.
    pub nodes: mpsc::Receiver<ObjectRef<ProxmoxNode>>,
    /// Hosts with libvirt to look at.
    pub libvirt: mpsc::Receiver<ObjectRef<LibvirtHost>>,
}

/// The sending ends.
pub struct Senders {
    machines: mpsc::Sender<ObjectRef<VirtualMachine>>,
    nodes: mpsc::Sender<ObjectRef<ProxmoxNode>>,
    libvirt: mpsc::Sender<ObjectRef<LibvirtHost>>,
}

impl Wakes {
    /// The two ends.
    #[must_use]
    pub fn new() -> (Senders, Self) {
        let (machine_sender, machines) = mpsc::channel(QUEUE);
        let (node_sender, nodes) = mpsc::channel(QUEUE);
        let (libvirt_sender, libvirt) = mpsc::channel(QUEUE);
        (
            Senders {
                machines: machine_sender,
                nodes: node_sender,
                libvirt: libvirt_sender,
            },
            Self {
                machines,
                nodes,
                libvirt,
            },
        )
    }
}

impl Senders {
    async fn host(&self, (kind, name): (HostKind, &str)) -> Result<(), Ended> {
        match kind {
            HostKind::ProxmoxNode => self.nodes.send(ObjectRef::new(name)).await.map_err(|_| Ended),
            HostKind::LibvirtHost => self.libvirt.send(ObjectRef::new(name)).await.map_err(|_| Ended),
        }
    }
}

/// The controllers have ended.
struct Ended;

/// Passes the fleet's events on until the fleet or the controllers end.
pub async fn dispatch(context: Arc<Context>, mut events: FleetEvents, senders: Senders) {
    while let Some(event) = events.recv().await {
        let sent = match event {
            FleetEvent::Host(key) => {
                let machines = of_host(&context, &key);
                if senders.host(HostKind::of_key(&key)).await.is_err() {
                    return;
                }
                send_all(&senders, machines).await
            }
            FleetEvent::Guest { cluster, id } => {
                // Whoever made it: a number that was given once is not given again.
                context.numbers.saw(&cluster, id);
                for host in discovering(&context, &cluster) {
                    if senders.host((host.kind(), &host.name_any())).await.is_err() {
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
fn discovering(context: &Context, cluster: &ClusterId) -> Vec<Arc<Host>> {
    let hosts = context.hosts.all();
    hosts
        .into_iter()
        .filter(|host| discovery::namespace(host).is_some())
        .filter(|host| {
            let status = host.status.as_ref();
            status
                .and_then(|s| s.cluster.as_ref())
                .is_some_and(|c| c.id == cluster.as_str())
        })
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
fn of_host(context: &Context, key: &str) -> Vec<ObjectRef<VirtualMachine>> {
    let machines = context.stores.machines.state();
    let (kind, name) = HostKind::of_key(key);
    let host = context.host(kind, name);
    machines
        .iter()
        .filter(|m| match &host {
            Some(host) => Context::concerns(host, m),
            None => m.spec.host_ref.kind == kind && m.spec.host_ref.name == name,
        })
        .map(|m| ObjectRef::new(&m.name_any()).within(&m.namespace().unwrap_or_default()))
        .collect()
}
