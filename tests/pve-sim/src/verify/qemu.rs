//! The options of a QEMU guest: their types, and the privilege that changing each needs.

use super::properties::NamedValues;
use super::{DNS_NAME, Kind, Param, Properties, STORAGE, TEXT, at_least, format, may, need};
use crate::state::NETWORK_MODELS;

/// Every option that create and config accept (the calls' own parameters are in their own tables).
pub(crate) const CONFIG: &[Param] = &[
    may("acpi", Kind::Boolean),
    may("affinity", TEXT),
    may("agent", Kind::Properties(&AGENT)),
    may("allow-ksm", Kind::Boolean),
    may("amd-sev", TEXT),
    may("arch", Kind::Enum(&["x86_64", "aarch64"])),
    may("args", TEXT),
    may("audio0", TEXT),
    may("autostart", Kind::Boolean),
    may("balloon", at_least(0)),
    may("bios", Kind::Enum(&["seabios", "ovmf"])),
    may("boot", TEXT),
    may("bootdisk", TEXT),
    may("cdrom", TEXT),
    may("cicustom", TEXT),
    may("cipassword", TEXT),
    may("citype", Kind::Enum(&["configdrive2", "nocloud", "opennebula"])),
    may("ciupgrade", Kind::Boolean),
    may("ciuser", TEXT),
    may("cores", at_least(1)),
    may("cpu", TEXT),
    may("cpulimit", Kind::Number(0.0, 128.0)),
    may("cpuunits", Kind::Integer(1, 262_144)),
    may("description", Kind::Text(8192)),
    may("efidisk0", TEXT),
    may("freeze", Kind::Boolean),
    may("hookscript", TEXT),
    may("hostpci[n]", TEXT),
    may("hotplug", TEXT),
    may("hugepages", Kind::Enum(&["any", "2", "1024"])),
    may("ide[n]", TEXT),
    may("intel-tdx", TEXT),
    may("ipconfig[n]", TEXT),
    may("ivshmem", TEXT),
    may("keephugepages", Kind::Boolean),
    may("keyboard", TEXT),
    may("kvm", Kind::Boolean),
    may("localtime", Kind::Boolean),
    may(
        "lock",
        Kind::Enum(&[
            "backup",
            "clone",
            "create",
            "migrate",
            "rollback",
            "snapshot",
            "snapshot-delete",
            "suspending",
            "suspended",
        ]),
    ),
    may("machine", TEXT),
    may("memory", Kind::Properties(&MEMORY)),
    may("migrate_downtime", Kind::Number(0.0, f64::MAX)),
    may("migrate_speed", at_least(0)),
    may("name", DNS_NAME),
    may("nameserver", TEXT),
    may("net[n]", Kind::Properties(&NET)),
    may("numa", Kind::Boolean),
    may("numa[n]", TEXT),
    may("onboot", Kind::Boolean),
    may(
        "ostype",
        Kind::Enum(&[
            "other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26",
            "solaris",
        ]),
    ),
    may("parallel[n]", TEXT),
    may("protection", Kind::Boolean),
    may("reboot", Kind::Boolean),
    may("rng0", TEXT),
    may("sata[n]", TEXT),
    may("scsi[n]", TEXT),
    may(
        "scsihw",
        Kind::Enum(&[
            "lsi",
            "lsi53c810",
            "virtio-scsi-pci",
            "virtio-scsi-single",
            "megasas",
            "pvscsi",
        ]),
    ),
    may("searchdomain", TEXT),
    may("serial[n]", TEXT),
    may("shares", Kind::Integer(0, 50_000)),
    may("smbios1", Kind::Text(512)),
    may("smp", at_least(1)),
    may("sockets", at_least(1)),
    may("spice_enhancements", TEXT),
    may("sshkeys", Kind::Format(format::url_encoded)),
    may("startdate", TEXT),
    may("startup", TEXT),
    may("tablet", Kind::Boolean),
    may("tags", Kind::List(format::tags)),
    may("tdf", Kind::Boolean),
    may("template", Kind::Boolean),
    may("tpmstate0", TEXT),
    may("unused[n]", TEXT),
    may("usb[n]", TEXT),
    may("vcpus", at_least(1)),
    may("vga", TEXT),
    may("virtio[n]", TEXT),
    may("virtiofs[n]", TEXT),
    may("vmgenid", TEXT),
    may("vmstatestorage", STORAGE),
    may("watchdog", TEXT),
];

const AGENT: Properties = Properties::new(
    Some("enabled"),
    &[
        need("enabled", Kind::Boolean),
        may("freeze-fs", Kind::Boolean),
        may("fstrim_cloned_disks", Kind::Boolean),
        may("type", Kind::Enum(&["virtio", "isa"])),
    ],
)
.aliases(&[
    ("freeze-fs-on-backup", "freeze-fs"),
    ("guest-fsfreeze", "freeze-fs"),
]);

const MEMORY: Properties = Properties::new(Some("current"), &[need("current", at_least(16))]);

const NET: Properties = Properties::new(
    Some("model"),
    &[
        may("bridge", TEXT),
        may("firewall", Kind::Boolean),
        may("host-tunnel", Kind::Boolean),
        may("link_down", Kind::Boolean),
        may("macaddr", TEXT),
        need("model", Kind::Enum(NETWORK_MODELS)),
        may("mtu", Kind::Integer(1, 65_520)),
        may("queues", Kind::Integer(0, 64)),
        may("rate", Kind::Number(0.0, f64::MAX)),
        may("tag", Kind::Integer(1, 4094)),
        may("trunks", TEXT),
    ],
)
.named_values(NamedValues {
    names: NETWORK_MODELS,
    name_is: "model",
    value_is: "macaddr",
});

/// What a change of configuration takes besides the options.
pub(crate) const DELETE_AND_REVERT: &[Param] = &[
    may("delete", Kind::List(format::config_id_list)),
    may("revert", Kind::List(format::config_id_list)),
];

fn find(option: &str) -> Option<&'static Param> {
    CONFIG.iter().find(|p| p.is_named(option))
}

/// Whether there is such an option.
pub(crate) fn option_is_known(option: &str) -> bool {
    find(option).is_some()
}

/// Whether an option is shown as a number: those declared integer or boolean are.
pub(crate) fn option_is_number(option: &str) -> bool {
    find(option).is_some_and(|p| p.kind().is_shown_as_number())
}

/// The privilege on `/vms/{vmid}` that setting or removing an option needs (qemu-server,
/// `check_vm_modify_config_perm`).
pub(crate) fn option_privileges(option: &str) -> &'static str {
    let stem = option.trim_end_matches(|c: char| c.is_ascii_digit());
    match stem {
        "memory" | "balloon" | "shares" => "VM.Config.Memory",
        "cores" | "sockets" | "cpu" | "cpulimit" | "cpuunits" | "vcpus" | "smp" | "numa" | "affinity"
        | "allow-ksm" => "VM.Config.CPU",
        "net" => "VM.Config.Network",
        "ciuser" | "cipassword" | "citype" | "ciupgrade" | "cicustom" | "sshkeys" | "ipconfig"
        | "nameserver" | "searchdomain" => "VM.Config.Cloudinit",
        "scsi" | "virtio" | "ide" | "sata" | "efidisk" | "tpmstate" | "unused" | "bootdisk" => {
            "VM.Config.Disk"
        }
        "acpi" | "audio" | "hotplug" | "kvm" | "machine" | "scsihw" | "smbios" | "tablet" | "vga"
        | "watchdog" | "rng" | "serial" | "usb" => "VM.Config.HWType",
        _ => "VM.Config.Options",
    }
}
