//! A USB device of the host that is passed through: `usb[n]` (qemu-server, `QemuServer/USB.pm`).

use crate::hypervisor::proxmox::property::{ConfigId, property_string, words};

words! {
    /// A device by its vendor and product (`1234:5678`), by bus and port (`1-2.3`), or `spice`.
    UsbHost: "a USB device (vendor:product, bus-port, or spice)",
        |text| text.eq_ignore_ascii_case("spice") || is_id(text) || is_port(text),
        "(spice|[0-9a-f]{4}:[0-9a-f]{4}|[0-9]-[0-9]{1,2}(\\.[0-9]){0,2})";
}

fn is_id(text: &str) -> bool {
    let hex = |part: &str| {
        let part = part.strip_prefix("0x").unwrap_or(part);
        part.len() == 4 && part.bytes().all(|b| b.is_ascii_hexdigit())
    };
    text.split_once(':')
        .is_some_and(|(vendor, product)| hex(vendor) && hex(product))
}

fn is_port(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('-')
        .is_some_and(|(bus, port)| number(bus) && port.split('.').all(number))
}

property_string! {
    /// A USB device of the host. Either `host` or `mapping` names it.
    Usb, "host" {
        /// The device.
        host: UsbHost = "host";
        /// The name of a mapping of the cluster, from 8.0.
        mapping: ConfigId = "mapping";
        /// Whether it is on a USB 3 bus.
        usb3: bool = "usb3";
    }
}
