//! Guests to make, and changes of the configuration of one that there is.

use uuid::Uuid;

use super::guest::GuestAddress;
use super::hardware::Addresses;
use super::ids::VolumeId;
use super::secret::Password;

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
    /// What it is made of: the changes that lead there from a configuration in which nothing stands.
    pub changes: Vec<Change>,
}

impl CreateGuest {
    /// The storages on which disks are allocated.
    pub fn storages(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().filter_map(|change| match change {
            Change::AddDisk(disk) => Some(disk.storage.as_str()),
            _ => None,
        })
    }
}

/// A full copy of another guest.
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
}

/// A disk to allocate.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDisk {
    /// Its slot (`scsi0`).
    pub slot: String,
    /// The storage to allocate it on.
    pub storage: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Settings of a network interface. What is absent stays as it is; in a new interface, as the host gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NicSettings {
    /// Emulated card (`virtio`).
    pub model: Option<String>,
    /// The bridge to plug it into.
    pub bridge: Option<String>,
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
        /// The medium.
        volume: VolumeId,
    },
    /// Tells cloud-init something.
    CloudInit(CloudInitChange),
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
    Password(Password),
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
