//! What of a host a domain's XML depends on.

/// What a host can do for its domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// How domains run.
    pub domain_type: DomainType,
    /// The architecture of its processors (`x86_64`).
    pub arch: String,
    /// The program that runs domains; the host's own choice when absent.
    pub emulator: Option<String>,
    /// The board of a domain that names none (`q35`).
    pub machine: String,
    /// Whether it has UEFI for domains.
    pub efi: bool,
    /// Whether its UEFI can check what it boots.
    pub secure_boot: bool,
    /// Whether it can emulate a TPM.
    pub tpm: bool,
}

/// How a host runs domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainType {
    /// By the processor's own means.
    Kvm,
    /// By emulation, which is slow.
    Qemu,
}

impl DomainType {
    /// As libvirt spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
        }
    }
}
