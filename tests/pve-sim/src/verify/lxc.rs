//! The options of a container: their types, and the privilege that changing each needs.

use super::lxc_devices::{DEVICE, FEATURES, MOUNT_POINT, NET, ROOTFS, UNUSED};
use super::{Kind, Param, address, at_least, format, may, up_to};
use crate::release::Release;

/// Every option that create and config accept (the calls' own parameters are in their own tables), but for those that
/// only some releases have another form of.
pub(crate) const CT_CONFIG: &[Param] = &[
    may(
        "arch",
        Kind::Enum(&["amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"]),
    ),
    may("cmode", Kind::Enum(&["shell", "console", "tty"])),
    may("console", Kind::Boolean),
    may("cores", Kind::Integer(1, 8192)),
    may("cpulimit", Kind::Number(0.0, 8192.0)),
    may("cpuunits", up_to(500_000)),
    may("debug", Kind::Boolean),
    may("description", Kind::Text(8192)),
    may("dev[n]", Kind::Properties(&DEVICE)).from(Release::V8_4),
    may("entrypoint", Kind::Pattern(r"(?:[^\x00-\x08\x0a-\x1F\x7F]+)")).from(Release::V9_2),
    may(
        "env",
        Kind::Pattern(r"(?:(?:\w+=[^\x00-\x08\x0a-\x1F\x7F]*)(?:\x00\w+=[^\x00-\x08\x0a-\x1F\x7F]*)*)"),
    )
    .from(Release::V9_2),
    may("features", Kind::Properties(&FEATURES)),
    may("hookscript", Kind::Format(format::volume_id)),
    may("hostname", Kind::LongFormat(format::dns_name, 255)),
    may(
        "lock",
        Kind::Enum(&[
            "backup",
            "create",
            "destroyed",
            "disk",
            "fstrim",
            "migrate",
            "mounted",
            "rollback",
            "snapshot",
            "snapshot-delete",
        ]),
    ),
    may("memory", at_least(16)),
    may("mp[n]", Kind::Properties(&MOUNT_POINT)),
    may("nameserver", Kind::List(address::name_servers)),
    may("net[n]", Kind::Properties(&NET)),
    may("onboot", Kind::Boolean),
    may(
        "ostype",
        Kind::Enum(&[
            "debian",
            "devuan",
            "ubuntu",
            "centos",
            "fedora",
            "opensuse",
            "archlinux",
            "alpine",
            "gentoo",
            "nixos",
            "unmanaged",
        ]),
    ),
    may("protection", Kind::Boolean),
    may("rootfs", Kind::Properties(&ROOTFS)),
    may("searchdomain", Kind::List(format::dns_name_list)),
    may("startup", Kind::Format(format::startup_order)),
    may("swap", at_least(0)),
    may("tags", Kind::List(format::tags)),
    may("template", Kind::Boolean),
    may("timezone", Kind::Format(format::time_zone)),
    may("tty", up_to(6)),
    may("unprivileged", Kind::Boolean),
    may("unused[n]", Kind::Properties(&UNUSED)),
];

fn find(option: &str) -> Option<&'static Param> {
    CT_CONFIG.iter().find(|p| p.is_named(option))
}

/// Whether there is such an option of containers.
pub(crate) fn ct_option_is_known(option: &str) -> bool {
    find(option).is_some()
}

/// Whether an option is shown as a number: those declared integer or boolean are.
pub(crate) fn ct_option_is_number(option: &str) -> bool {
    find(option).is_some_and(|p| p.kind().is_shown_as_number())
}

/// The property string that an option is, if it is one.
pub(crate) fn ct_option_properties(option: &str) -> Option<&'static super::Properties> {
    match find(option)?.kind() {
        Kind::Properties(properties) => Some(properties),
        _ => None,
    }
}

/// The privileges on `/vms/{vmid}` one of which setting or removing an option needs; nothing for what nobody but
/// `root@pam` may (pve-container, `check_ct_modify_config_perm`).
pub(crate) fn ct_option_privileges(option: &str) -> Option<&'static [&'static str]> {
    let stem = option.trim_end_matches(|c: char| c.is_ascii_digit());
    Some(match stem {
        "cores" | "cpuunits" | "cpulimit" => &["VM.Config.CPU"],
        "rootfs" | "mp" | "unused" => &["VM.Config.Disk"],
        "memory" | "swap" => &["VM.Config.Memory"],
        "net" | "nameserver" | "searchdomain" | "hostname" => &["VM.Config.Network"],
        "features" => &["VM.Allocate"],
        "dev" | "hookscript" => return None,
        _ => &["VM.Config.Options"],
    })
}
