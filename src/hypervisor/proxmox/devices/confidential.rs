//! Memory that the host can't read: `amd-sev`, from 8.4, and `intel-tdx`, from 9.1 (qemu-server,
//! `QemuServer/CPUConfig.pm`).

use crate::hypervisor::proxmox::property::{Whole, choices, property_string};

choices! {
    /// A generation of AMD's encryption.
    SevType {
        /// SEV.
        Std = "std",
        /// SEV-ES.
        Es = "es",
        /// SEV-SNP.
        Snp = "snp",
    }

    /// Intel's encryption.
    TdxType {
        /// TDX.
        Tdx = "tdx",
    }
}

property_string! {
    /// Encryption by AMD's processors.
    AmdSev, "type" {
        /// The generation.
        kind: SevType = "type", required;
        /// Whether debugging is forbidden.
        no_debug: bool = "no-debug";
        /// Whether sharing keys with other guests is forbidden.
        no_key_sharing: bool = "no-key-sharing";
        /// Whether simultaneous multithreading is allowed; SEV-SNP alone.
        allow_smt: bool = "allow-smt";
        /// Whether the kernel is measured.
        kernel_hashes: bool = "kernel-hashes";
    }
}

property_string! {
    /// Encryption by Intel's processors.
    IntelTdx, "type" {
        /// The generation.
        kind: TdxType = "type", required;
        /// Whether the guest can prove its state.
        attestation: bool = "attestation";
        /// The context of the service that signs the proof.
        vsock_cid: Whole<2> = "vsock-cid";
        /// The port of that service.
        vsock_port: Whole<0> = "vsock-port";
    }
}
