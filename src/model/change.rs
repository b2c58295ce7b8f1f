//! Guests to make, and changes of the configuration of one that there is.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::guest::GuestAddress;
use super::hardware::Addresses;
use super::ids::VolumeId;
use super::secret::SecretText;

/// A new machine.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateGuest {
    /// Where it is to be, under the number reserved for it.
    pub at: GuestAddress,
    /// Its name on the host.
    pub name: String,
    /// The description, with the sealed mark.
    pub description: String,
    /// The identity it is given.
    pub uuid: Uuid,
    /// The pool that it is made in.
    pub pool: Option<String>,
    /// What it is made of: the changes that lead there from a configuration in which nothing stands.
    pub changes: Vec<Change>,
}

impl CreateGuest {
    /// The storages on which disks are allocated.
    pub fn storages(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().filter_map(Change::storage)
    }
}

/// A copy of another guest.
#[derive(Clone, Debug, PartialEq)]
pub struct CloneGuest {
    /// The guest to copy.
    pub source: GuestAddress,
    /// Where the copy is to be, under the number reserved for it. Another node than the source's works
    /// only if the source's disks lie on shared storage.
    pub at: GuestAddress,
    /// The copy's name on the host.
    pub name: String,
    /// The description, with the mark, not sealed yet: the host gives each clone a random UUID.
    pub description: String,
    /// The storage for the copy's disks; absent: where the source's are.
    pub storage: Option<String>,
    /// The pool that it is made in.
    pub pool: Option<String>,
    /// Whether the copy only holds what differs from its source, which is a template.
    pub linked: bool,
    /// The source's snapshot to copy.
    pub snapshot: Option<String>,
}

/// A machine out of a backup.
#[derive(Clone, Debug, PartialEq)]
pub struct RestoreGuest {
    /// Where it is to be, under the number reserved for it.
    pub at: GuestAddress,
    /// The archive.
    pub archive: VolumeId,
    /// Its name on the host.
    pub name: String,
    /// The description, with the sealed mark, in place of the archive's.
    pub description: String,
    /// The identity it is given, in place of the archive's.
    pub uuid: Uuid,
    /// The storage for its disks; absent: where those of the machine were that was backed up.
    pub storage: Option<String>,
    /// The pool that it is made in.
    pub pool: Option<String>,
    /// Whether its interfaces get new hardware addresses.
    pub new_addresses: bool,
}

/// A disk to allocate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewDisk {
    /// Its slot (`scsi0`).
    pub slot: String,
    /// The storage to allocate it on.
    pub storage: String,
    /// Its size in bytes; of a copy, that of the original.
    pub size: u64,
    /// The format of its image.
    pub format: Option<&'static str>,
    /// The volume that it is a copy of.
    pub copy_of: Option<VolumeId>,
    /// Its options.
    pub settings: DiskSettings,
}

/// Options of a disk. What is absent stays as it is; in a new disk, as the host gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiskSettings {
    /// How the host caches.
    pub cache: Option<&'static str>,
    /// Whether discards are passed on.
    pub discard: Option<bool>,
    /// Whether the guest is told that it does not rotate.
    pub ssd: Option<bool>,
    /// Whether it has a thread of its own.
    pub iothread: Option<bool>,
    /// Whether backups hold it.
    pub backup: Option<bool>,
}

/// Settings of a network interface. What is absent stays as it is; in a new interface, as the host gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NicSettings {
    /// Emulated card (`virtio`).
    pub model: Option<String>,
    /// The bridge to plug it into.
    pub bridge: Option<String>,
    /// The virtual network to plug it into, in place of a bridge, on hosts whose networks have names of their own.
    pub network: Option<String>,
    /// Hardware address.
    pub mac: Option<String>,
    /// Its VLAN; 0 for none.
    pub vlan: Option<u16>,
    /// The greatest packet.
    pub mtu: Option<u16>,
    /// Whether the firewall's rules are applied to it.
    pub firewall: Option<bool>,
    /// Megabits a second; 0 for no limit.
    pub rate_mbps: Option<u32>,
}

/// One change of a configuration. What is not named stays as it is, within a device too.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The model of the processor.
    CpuType(String),
    /// Whether it is started with its host.
    OnBoot(bool),
    /// Its place among those that are.
    StartupOrder(u32),
    /// The pause after its start, in seconds.
    StartupDelay(u32),
    /// What it boots from, in this order.
    BootDevices(Vec<String>),
    /// Whether it is protected against removal.
    Protection(bool),
    /// The name on the host.
    Name(String),
    /// The description.
    Description(String),
    /// The UUID in `smbios1`.
    Uuid(Uuid),
    /// CPU sockets.
    Sockets(u32),
    /// Cores a socket.
    Cores(u32),
    /// Memory in MiB.
    MemoryMib(u64),
    /// The guest agent's channel.
    Agent(bool),
    /// Allocates a disk.
    AddDisk(NewDisk),
    /// Changes options of a disk that there is.
    Disk {
        /// The disk (`scsi0`).
        slot: String,
        /// What is to be different.
        settings: DiskSettings,
    },
    /// Unplugs a disk, an interface or a device of the host. The volume of a disk stays with the guest, unused.
    Unplug(String),
    /// Deletes an unused volume (`unused0`) with its data.
    DeleteUnused(String),
    /// CPUs whose time it may use; 0 for no limit.
    CpuLimit(f64),
    /// Its weight; 0 for the host's default.
    CpuUnits(u32),
    /// How far ballooning may shrink its memory, in MiB.
    MemoryMinimumMib(u64),
    /// All of its tags.
    Tags(BTreeSet<String>),
    /// What starts it (`ovmf`).
    Bios(&'static str),
    /// The board.
    Machine(String),
    /// Allocates the disk of UEFI's variables.
    EfiDisk {
        /// Where.
        storage: String,
        /// Whether the keys for secure boot are enrolled.
        secure_boot: bool,
    },
    /// Allocates the state of a TPM of version 2.0.
    Tpm {
        /// Where.
        storage: String,
    },
    /// Gives it a device of the host.
    AddDevice {
        /// Its slot (`hostpci0`).
        slot: String,
        /// The mapping of the cluster.
        mapping: String,
    },
    /// Sets an option that has no change of its own, or takes it off.
    Option {
        /// The option.
        key: String,
        /// Its value; absent takes it off.
        value: Option<String>,
    },
    /// Adds an interface.
    AddNic {
        /// Its slot (`net0`).
        slot: String,
        /// Its settings.
        settings: NicSettings,
    },
    /// Changes settings of an interface that there is.
    Nic {
        /// The interface (`net0`).
        slot: String,
        /// What is to be different.
        settings: NicSettings,
    },
    /// Puts a medium into the CD drive at this slot.
    Cdrom {
        /// The drive (`ide2`).
        slot: String,
        /// The medium; absent for none.
        volume: Option<VolumeId>,
    },
    /// Tells cloud-init something.
    CloudInit(CloudInitChange),
}

impl Change {
    /// The storage on which the host makes a volume for it, which may take long.
    #[must_use]
    pub fn storage(&self) -> Option<&str> {
        match self {
            Self::AddDisk(disk) => Some(&disk.storage),
            Self::EfiDisk { storage, .. }
            | Self::Tpm { storage }
            | Self::CloudInit(CloudInitChange::Drive { storage, .. }) => Some(storage),
            _ => None,
        }
    }
}

/// What cloud-init is told anew.
#[derive(Clone, Debug, PartialEq)]
pub enum CloudInitChange {
    /// Adds the drive that the host writes for it.
    Drive {
        /// Its slot (`ide2`).
        slot: String,
        /// The storage of its medium.
        storage: String,
    },
    /// The user that is made.
    User(String),
    /// The user's password.
    Password(SecretText),
    /// The keys that may log in.
    SshKeys(Vec<String>),
    /// The addresses of an interface.
    Addresses {
        /// The interface (`net0`).
        slot: String,
        /// All of its addresses.
        addresses: Addresses,
    },
    /// Name servers.
    Nameservers(Vec<String>),
    /// Domains in which short names are looked up.
    SearchDomains(Vec<String>),
}
