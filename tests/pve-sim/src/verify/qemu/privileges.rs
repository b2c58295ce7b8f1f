//! Which privilege a change of an option needs (qemu-server, `check_vm_modify_config_perm` in `PVE::API2::Qemu`).

/// What somebody else than `root@pam` needs to change an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// One of these on `/vms/{vmid}`.
    OneOf(&'static [&'static str]),
    /// All of these on `/vms/{vmid}`.
    AllOf(&'static [&'static str]),
    /// It depends on the value: drives, serial ports, devices of the host.
    ByValue,
    /// Nobody else may.
    Root,
}

/// See [`Needs`].
pub(crate) fn option_privileges(option: &str) -> Needs {
    let stem = option.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = stem.len() < option.len();
    match stem {
        "ide" | "sata" | "scsi" | "virtio" | "efidisk" | "tpmstate" | "cdrom" | "unused" | "serial"
        | "usb" | "hostpci" => Needs::ByValue,
        "cores" | "cpu" | "cpulimit" | "cpuunits" | "numa" | "smp" | "sockets" | "vcpus" => {
            Needs::OneOf(&["VM.Config.CPU"])
        }
        "memory" | "balloon" | "shares" | "allow-ksm" => Needs::OneOf(&["VM.Config.Memory"]),
        "acpi" | "audio" | "hotplug" | "kvm" | "machine" | "rng" | "scsihw" | "smbios" | "tablet" | "vga"
        | "virtiofs" | "watchdog" => Needs::OneOf(&["VM.Config.HWType"]),
        "agent" | "autostart" | "bios" | "description" | "keyboard" | "localtime" | "migrate_downtime"
        | "migrate_speed" | "name" | "onboot" | "ostype" | "protection" | "reboot" | "spice_enhancements"
        | "startdate" | "startup" | "tags" | "tdf" | "template" | "vmgenid" => {
            Needs::OneOf(&["VM.Config.Options"])
        }
        "freeze" => Needs::OneOf(&["VM.PowerMgmt"]),
        "boot" | "bootdisk" | "vmstatestorage" => Needs::OneOf(&["VM.Config.Disk"]),
        "net" if numbered => Needs::OneOf(&["VM.Config.Network"]),
        "cicustom" | "cipassword" | "citype" | "ciupgrade" | "ciuser" | "ipconfig" | "nameserver"
        | "searchdomain" | "sshkeys" => Needs::OneOf(&["VM.Config.Cloudinit", "VM.Config.Network"]),
        "vmstate" => Needs::AllOf(&["VM.Config.Disk", "VM.PowerMgmt"]),
        _ => Needs::Root,
    }
}
