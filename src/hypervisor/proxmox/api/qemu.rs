//! Virtual machines: making them, and what they alone know.

use serde_json::Value;

use super::kinds::DiskFormat;
use super::new_guest::NewGuestOptions;
use super::parameter::{List, Options, words};
use super::request::{answers, guest_changes, requests, wire_name};
use crate::model::{NodeName, Upid, Vmid};

words! {
    /// A part of what cloud-init is given.
    CloudInitPart {
        /// Users and packages.
        User = "user",
        /// The network.
        Network = "network",
        /// The instance.
        Meta = "meta",
    }
}

requests! {
    /// The virtual machines of a node.
    Get "/nodes/{node}/qemu" VirtualMachines (node: NodeName) {
        /// With QEMU's own status of those that run.
        full: Option<bool>,
    } -> Vec<VirtualMachineRow>;

    /// Makes a virtual machine under a number that was reserved.
    Post "/nodes/{node}/qemu" CreateVirtualMachine (node: NodeName;
        /// Its number.
        vmid: Vmid
    ) {
        /// What is set, by the names of Proxmox VE.
        options: NewGuestOptions,
        /// The pool that it joins.
        pool: Option<String>,
        /// Starts it when it is made; whether that worked, the task does not tell.
        start: Option<bool>,
    } -> Option<Upid>;

    /// Makes a virtual machine of an archive, under a number that was reserved. It never overwrites a guest.
    Post "/nodes/{node}/qemu" RestoreVirtualMachine (node: NodeName;
        /// Its number.
        vmid: Vmid,
        /// The archive.
        archive: String
    ) {
        /// Where to; where it was when absent.
        storage: Option<String>,
        /// Gives it new addresses and a new identity.
        unique: Option<bool>,
        /// The pool that it joins.
        pool: Option<String>,
        /// Limit in KiB/s.
        bwlimit: Option<u32>,
        /// Starts it when it is made.
        start: Option<bool>,
        /// Boots from the archive while it is being read.
        live_restore: Option<bool>,
        /// What is set otherwise than in the archive.
        options: NewGuestOptions,
    } -> Option<Upid>;

    /// Makes a copy of a virtual machine or template under a number that was reserved.
    Post "/nodes/{node}/qemu/{vmid}/clone" CloneVirtualMachine (node: NodeName, vmid: Vmid;
        /// The number of the copy.
        newid: Vmid
    ) {
        /// Its name.
        name: Option<String>,
        /// Its description.
        description: Option<String>,
        /// Copies the volumes, instead of linking to them.
        full: Option<bool>,
        /// Where to, of a full copy.
        storage: Option<String>,
        /// The format there.
        format: Option<DiskFormat>,
        /// The node that gets it; the storage must be shared.
        target: Option<NodeName>,
        /// The state to copy.
        snapname: Option<String>,
        /// The pool that it joins.
        pool: Option<String>,
        /// Limit in KiB/s.
        bwlimit: Option<u32>,
    } -> Option<Upid>;

    /// What cloud-init is given, and what would be given if it were made anew.
    Get "/nodes/{node}/qemu/{vmid}/cloudinit" CloudInit (node: NodeName, vmid: Vmid) {} -> Vec<CloudInitRow>;

    /// A file of what cloud-init is given.
    Get "/nodes/{node}/qemu/{vmid}/cloudinit/dump" CloudInitFile (node: NodeName, vmid: Vmid;
        /// Which.
        part as "type": CloudInitPart
    ) {} -> String;
}

guest_changes! {
    /// Saves a running machine's memory to disk and stops it.
    Post "/nodes/{node}/qemu/{vmid}/status/suspend" SuspendToDisk (;
        /// Always so: without it the machine is only paused.
        todisk: bool
    ) {} while fresh -> Upid;

    /// Changes a virtual machine's configuration at once, as far as that goes while it runs; the rest is pending.
    Put "/nodes/{node}/qemu/{vmid}/config" UpdateVirtualMachine () {
        /// What is to be.
        options: Options,
        /// What is set no longer.
        delete: List,
        /// What is pending and shall not come.
        revert: List,
        /// With `delete`: of unused volumes and running devices too.
        force: Option<bool>,
    } by digest -> ();

    /// Likewise in a task, for what takes its time: new volumes, imports.
    Post "/nodes/{node}/qemu/{vmid}/config" UpdateVirtualMachineInTask () {
        /// What is to be.
        options: Options,
        /// What is set no longer.
        delete: List,
        /// What is pending and shall not come.
        revert: List,
        /// With `delete`: of unused volumes and running devices too.
        force: Option<bool>,
        /// How long to wait for the end, in seconds: done by then, no task is answered.
        background_delay as "background_delay": Option<u32>,
    } by digest -> Option<Upid>;

    /// Resets a virtual machine that runs.
    Post "/nodes/{node}/qemu/{vmid}/status/reset" Reset () {} while fresh -> Option<Upid>;

    /// Writes a virtual machine's memory to its disk, and powers it off.
    Post "/nodes/{node}/qemu/{vmid}/status/suspend" Hibernate (;
        /// Must be true.
        todisk: bool
    ) {
        /// Where to.
        statestorage: Option<String>,
    } while fresh -> Option<Upid>;

    /// Moves a volume to another storage. Handing it to another guest changes two of them, and is no part of this.
    Post "/nodes/{node}/qemu/{vmid}/move_disk" MoveDisk (;
        /// The slot.
        disk: String
    ) {
        /// The storage that gets it.
        storage: Option<String>,
        /// The format there.
        format: Option<DiskFormat>,
        /// Removes the original, which else stays as an unused volume.
        delete: Option<bool>,
        /// Limit in KiB/s.
        bwlimit: Option<u32>,
    } by digest -> Option<Upid>;

    /// Takes volumes out of the configuration.
    Put "/nodes/{node}/qemu/{vmid}/unlink" Unlink (;
        /// The slots, with commas.
        idlist: String
    ) {
        /// Removes the volumes, too.
        force: Option<bool>,
    } while fresh -> ();

    /// Makes the drive of cloud-init anew.
    Put "/nodes/{node}/qemu/{vmid}/cloudinit" RegenerateCloudInit () {} while fresh -> ();
}

answers! {
    /// A virtual machine of a node.
    VirtualMachineRow {
        /// Its number.
        vmid: Vmid,
        /// Its name.
        name: Option<String>,
        /// `running` or `stopped`.
        status: String,
        /// QEMU's own word, where it was asked for.
        qmpstatus: Option<String>,
        /// Its lock.
        lock: Option<String>,
        /// Its tags, with semicolons.
        tags: Option<String>,
        /// Whether it is a template.
        template: Option<bool>,
        /// Memory in bytes.
        maxmem: Option<u64>,
        /// Disk in bytes.
        maxdisk: Option<u64>,
        /// Processors.
        cpus: Option<f64>,
        /// Seconds since it was started.
        uptime: Option<u64>,
    }

    /// An option of cloud-init.
    CloudInitRow {
        /// Its name.
        key: String,
        /// What is given now.
        value: Option<Value>,
        /// What would be given.
        pending: Option<Value>,
        /// 1 if it would go.
        delete: Option<u32>,
    }
}
