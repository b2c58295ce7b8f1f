//! A serial port: `serial[n]` (qemu-server, `QemuServer.pm`). No property string: the whole option is one value.

use super::paths::DevicePath;
use crate::hypervisor::proxmox::property::{Reason, Text, Value};

/// What is at the other end of a serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SerialPort {
    /// A socket on the host, which `vga: serial0` shows.
    Socket,
    /// A device of the host. Only `root@pam` may set it.
    Device(DevicePath),
}

impl Value for SerialPort {
    fn read(text: &str) -> Result<Self, Reason> {
        match text {
            "socket" => Ok(Self::Socket),
            _ => text
                .parse()
                .map(Self::Device)
                .map_err(|_| Reason::not(text, "'socket' or a path under /dev")),
        }
    }

    fn write(&self) -> Text {
        match self {
            Self::Socket => Text::of("socket"),
            Self::Device(path) => Text::of(path),
        }
    }
}

#[cfg(test)]
impl crate::hypervisor::proxmox::property::sample::Sample for SerialPort {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        prop_oneof![Just(Self::Socket), DevicePath::sample().prop_map(Self::Device)].boxed()
    }
}
