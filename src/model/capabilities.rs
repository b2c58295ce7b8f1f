//! What a host can do, for plans that go by it: no floor above a driver asks which driver it is.

/// What a host can do. What it can't is left out of what is wanted of it, and told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an ability by itself")]
pub struct Capabilities {
    /// What the host runs, for people.
    pub product: &'static str,
    /// Whether guests have numbers; else they have the UUIDs that they are made with.
    pub numbers: bool,
    /// Whether guests are kept in pools.
    pub pools: bool,
    /// Whether it starts guests of a broken node on another one.
    pub high_availability: bool,
    /// Whether nodes form groups for that.
    pub high_availability_groups: bool,
    /// Whether a guest can be made a template for good.
    pub templates: bool,
    /// Whether guests are started with their host in an order.
    pub startup_order: bool,
    /// Whether a guest can be protected against removal.
    pub protection: bool,
    /// Whether the memory of a guest is given back within bounds.
    pub memory_minimum: bool,
    /// Whether devices of the host are known by mappings.
    pub device_mappings: bool,
    /// Whether there are options without a field of their own.
    pub options: bool,
    /// Whether it writes cloud-init's medium by itself.
    pub writes_cloud_init: bool,
    /// Whether it filters what interfaces send and receive.
    pub firewall: bool,
    /// Whether it keeps backups of guests.
    pub backups: bool,
}

impl Capabilities {
    /// Proxmox VE, of a release where that is known.
    #[must_use]
    pub const fn proxmox(major: Option<u32>) -> Self {
        let groups = match major {
            Some(major) => major < 9,
            None => true,
        };
        Self {
            product: "Proxmox VE",
            numbers: true,
            pools: true,
            high_availability: true,
            high_availability_groups: groups,
            templates: true,
            startup_order: true,
            protection: true,
            memory_minimum: true,
            device_mappings: true,
            options: true,
            writes_cloud_init: true,
            firewall: true,
            backups: true,
        }
    }

    /// Libvirt.
    #[must_use]
    pub const fn libvirt() -> Self {
        Self {
            product: "libvirt",
            numbers: false,
            pools: false,
            high_availability: false,
            high_availability_groups: false,
            templates: false,
            startup_order: false,
            protection: false,
            memory_minimum: false,
            device_mappings: false,
            options: false,
            writes_cloud_init: false,
            firewall: false,
            backups: false,
        }
    }
}
