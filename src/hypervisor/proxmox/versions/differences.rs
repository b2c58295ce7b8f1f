//! Differences that no parameter shows: in answers, and in the names of rights.

use super::release::{Release, Span};

/// Something that hosts of some releases do, and others don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// An error's body repeats the sentence as `message`. Before, it stands in the reason phrase alone
    /// (libpve-http-server-perl 5.2.0, fix #6503; updated hosts of 8.3 have it too).
    MessageInErrors,
    /// Enlarging a virtual machine's disk begins a task. Before, it is done when the answer comes, which is
    /// `null` (qemu-server, `API2/Qemu.pm`, `resize_vm`).
    ResizeIsTask,
    /// `memory` of a virtual machine is a text in answers. Before, it is a number (qemu-server 8.0.8).
    MemoryIsText,
    /// Plugging a card into a bridge needs [`Privilege::UseBridge`] (pve-access-control 8.0.0).
    BridgesNeedRight,
    /// Rows of `/cluster/resources` about networks have the type `network`. Before, it is `sdn` (pve-manager 9.1).
    NetworkRows,
    /// Storages can hold images for import, the content `import` (pve-storage 8.2.2). Before, a new disk can only
    /// be copied from another guest's volume or from a path.
    ImportContent,
    /// The command of the guest agent's `exec` is an array. Before, it is one text of words.
    ExecTakesArray,
    /// Every refused token or ticket is answered with `Authentication failed!`. Before, each cause has a sentence
    /// of its own.
    OneSentenceFor401,
    /// HA knows rules. Before, it has groups (pve-ha-manager 5.0).
    HaRules,
    /// Time series reach back ten years, and a day has a point a minute (pve-cluster 9.0, `RRD.pm`).
    DecadeOfSeries,
    /// Tags that are given at creation are stored sorted, each once. Before, they stay as they were given
    /// until they are changed.
    TagsSortedAtCreation,
}

impl Difference {
    const fn span(self) -> Span {
        match self {
            Self::ResizeIsTask | Self::BridgesNeedRight | Self::ExecTakesArray => Span::from(8, 0),
            Self::MemoryIsText => Span::from(8, 1),
            Self::MessageInErrors | Self::ImportContent => Span::from(8, 4),
            Self::OneSentenceFor401 | Self::HaRules | Self::DecadeOfSeries | Self::TagsSortedAtCreation => {
                Span::from(9, 0)
            }
            Self::NetworkRows => Span::from(9, 1),
        }
    }
}

/// A right whose name depends on the release. `VM.Monitor` went with 9.0, and a role that names it is refused
/// there (`invalid privilege 'VM.Monitor'`); finer ones took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// To ask the guest agent for addresses and other facts.
    AgentAudit,
    /// To read files by the guest agent.
    AgentFileRead,
    /// To write files by the guest agent.
    AgentFileWrite,
    /// To freeze and trim file systems by the guest agent.
    AgentFileSystems,
    /// To run commands by the guest agent.
    AgentUnrestricted,
    /// To plug a card into a bridge.
    UseBridge,
    /// To set up replication of a guest. Before 9.0 the right is one on `/storage`.
    Replicate,
}

impl Release {
    /// Whether hosts of this release do so.
    #[must_use]
    pub fn has(self, difference: Difference) -> bool {
        difference.span().contains(self)
    }

    /// What a right is called; none where it takes none.
    #[must_use]
    pub fn privilege(self, privilege: Privilege) -> Option<&'static str> {
        let fine = self >= Self::new(9, 0);
        let of_agent = |name| Some(if fine { name } else { "VM.Monitor" });
        match privilege {
            Privilege::AgentAudit => of_agent("VM.GuestAgent.Audit"),
            Privilege::AgentFileRead => of_agent("VM.GuestAgent.FileRead"),
            Privilege::AgentFileWrite => of_agent("VM.GuestAgent.FileWrite"),
            Privilege::AgentFileSystems => of_agent("VM.GuestAgent.FileSystemMgmt"),
            Privilege::AgentUnrestricted => of_agent("VM.GuestAgent.Unrestricted"),
            Privilege::UseBridge => self.has(Difference::BridgesNeedRight).then_some("SDN.Use"),
            Privilege::Replicate => Some(if fine {
                "VM.Replicate"
            } else {
                "Datastore.Allocate"
            }),
        }
    }
}
