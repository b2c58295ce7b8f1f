//! The display: `vga` (qemu-server, `QemuServer.pm`).

use crate::hypervisor::proxmox::property::{Whole, choices, property_string};

choices! {
    /// The graphics card, or a serial terminal in its place.
    VgaType {
        /// Cirrus Logic.
        Cirrus = "cirrus",
        /// SPICE.
        Qxl = "qxl",
        /// SPICE with two monitors.
        Qxl2 = "qxl2",
        /// SPICE with three monitors.
        Qxl3 = "qxl3",
        /// SPICE with four monitors.
        Qxl4 = "qxl4",
        /// No display.
        None = "none",
        /// A serial terminal.
        Serial0 = "serial0",
        /// A serial terminal.
        Serial1 = "serial1",
        /// A serial terminal.
        Serial2 = "serial2",
        /// A serial terminal.
        Serial3 = "serial3",
        /// The standard one.
        Std = "std",
        /// virtio-gpu.
        Virtio = "virtio",
        /// virtio-gpu with 3D.
        VirtioGl = "virtio-gl",
        /// VMware's.
        Vmware = "vmware",
    }

    /// What shares the clipboard.
    Clipboard {
        /// VNC.
        Vnc = "vnc",
    }
}

property_string! {
    /// The display.
    Vga, "type" {
        /// The graphics card.
        kind: VgaType = "type";
        /// Its memory in MiB.
        memory: Whole<4, 512> = "memory";
        /// What shares the clipboard, from 8.1.
        clipboard: Clipboard = "clipboard";
    }
}
