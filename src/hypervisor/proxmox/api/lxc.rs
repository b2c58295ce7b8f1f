//! Containers: making them, and what they alone know.

use secrecy::SecretString;

use super::new_guest::NewGuestOptions;
use super::parameter::{List, Options};
use super::request::{answers, guest_changes, requests, wire_name};
use crate::model::{NodeName, Upid, Vmid};

requests! {
    /// The containers of a node.
    Get "/nodes/{node}/lxc" Containers (node: NodeName) {} -> Vec<ContainerRow>;

    /// Makes a container under a number that was reserved.
    Post "/nodes/{node}/lxc" CreateContainer (node: NodeName;
        /// Its number.
        vmid: Vmid,
        /// The template, a volume.
        ostemplate: String
    ) {
        /// What is set, by the names of Proxmox VE.
        options: NewGuestOptions,
        /// Where to, if `rootfs` does not say.
        storage: Option<String>,
        /// Whether its root is not the host's. It can't be changed later.
        unprivileged: Option<bool>,
        /// Its root's password, of 5 characters at least.
        password: Option<SecretString>,
        /// Keys that may log in as root, one a line.
        ssh_public_keys: Option<String>,
        /// The pool that it joins.
        pool: Option<String>,
        /// Limit in KiB/s.
        bwlimit: Option<f64>,
        /// Starts it when it is made.
        start: Option<bool>,
    } -> Option<Upid>;

    /// Makes a container of an archive, under a number that was reserved. It never overwrites a guest.
    Post "/nodes/{node}/lxc" RestoreContainer (node: NodeName;
        /// Its number.
        vmid: Vmid,
        /// The archive.
        ostemplate: String,
        /// Must be true.
        restore: bool
    ) {
        /// Where to; where it was when absent.
        storage: Option<String>,
        /// Gives it new addresses.
        unique: Option<bool>,
        /// Whether its root is not the host's; as in the archive when absent.
        unprivileged: Option<bool>,
        /// The pool that it joins.
        pool: Option<String>,
        /// Limit in KiB/s.
        bwlimit: Option<f64>,
        /// Starts it when it is made.
        start: Option<bool>,
        /// What is set otherwise than in the archive.
        options: NewGuestOptions,
    } -> Option<Upid>;

    /// Makes a copy of a container or template under a number that was reserved.
    Post "/nodes/{node}/lxc/{vmid}/clone" CloneContainer (node: NodeName, vmid: Vmid;
        /// The number of the copy.
        newid: Vmid
    ) {
        /// Its name.
        hostname: Option<String>,
        /// Its description.
        description: Option<String>,
        /// Copies the volumes, instead of linking to them.
        full: Option<bool>,
        /// Where to, of a full copy.
        storage: Option<String>,
        /// The node that gets it; the storage must be shared.
        target: Option<NodeName>,
        /// The state to copy.
        snapname: Option<String>,
        /// The pool that it joins.
        pool: Option<String>,
        /// Limit in KiB/s.
        bwlimit: Option<f64>,
    } -> Option<Upid>;

    /// The addresses of a container that runs; absent of one that does not (from 8.0).
    Get "/nodes/{node}/lxc/{vmid}/interfaces" ContainerInterfaces
        (node: NodeName, vmid: Vmid) {} -> Option<Vec<ContainerInterface>>;
}

guest_changes! {
    /// Changes a container's configuration; what can't come while it runs is pending.
    Put "/nodes/{node}/lxc/{vmid}/config" UpdateContainer () {
        /// What is to be.
        options: Options,
        /// What is set no longer.
        delete: List,
        /// What is pending and shall not come.
        revert: List,
    } by digest -> ();

    /// Moves a volume to another storage. Handing it to another container changes two of them, and is no part of this.
    Post "/nodes/{node}/lxc/{vmid}/move_volume" MoveVolume (;
        /// The slot.
        volume: String
    ) {
        /// The storage that gets it.
        storage: Option<String>,
        /// Removes the original, which else stays as an unused volume.
        delete: Option<bool>,
        /// Limit in KiB/s.
        bwlimit: Option<f64>,
    } by digest -> Option<Upid>;
}

answers! {
    /// A container of a node.
    ContainerRow {
        /// Its number.
        vmid: Vmid,
        /// Its name.
        name: Option<String>,
        /// `running` or `stopped`.
        status: String,
        /// Its lock.
        lock: Option<String>,
        /// Its tags, with semicolons.
        tags: Option<String>,
        /// Whether it is a template.
        template: Option<bool>,
        /// Memory in bytes.
        maxmem: Option<u64>,
        /// Root disk in bytes.
        maxdisk: Option<u64>,
        /// Processors.
        cpus: Option<f64>,
        /// Seconds since it was started.
        uptime: Option<u64>,
    }

    /// An interface of a container.
    ContainerInterface {
        /// Its name.
        name: String,
        /// Its MAC address.
        hwaddr: Option<String>,
        /// An IPv4 address with the prefix's length.
        inet: Option<String>,
        /// An IPv6 address likewise.
        inet6: Option<String>,
        /// All its addresses (from 8.4).
        ip_addresses: Option<Vec<super::agent::AgentAddress>>,
    }
}
