//! The types of storages: what each has to be given, what it may be, and what may lie there (the plugins of
//! `PVE::Storage`, `options` and `plugindata`).

/// One type.
pub(super) struct Type {
    pub(super) name: &'static str,
    /// Options without which there is none.
    pub(super) required: &'static [&'static str],
    /// Options besides those that every storage has.
    pub(super) optional: &'static [&'static str],
    /// Options that don't change.
    pub(super) fixed: &'static [&'static str],
    /// What may lie there, and what does when nothing is said.
    pub(super) content: (&'static [&'static str], &'static [&'static str]),
    /// Whether all nodes see the same by its nature.
    pub(super) shared: bool,
    /// Whether a server has to answer before one is added.
    pub(super) remote: bool,
}

/// Options of all.
const COMMON: &[&str] = &["nodes", "disable", "content", "bwlimit"];

const FILES: &[&str] = &[
    "images", "rootdir", "vztmpl", "iso", "backup", "snippets", "none", "import",
];
const IMAGES: &[&str] = &["images", "rootdir", "none"];
const FILE_OPTIONS: &[&str] = &[
    "content-dirs",
    "create-base-path",
    "create-subdirs",
    "format",
    "max-protected-backups",
    "maxfiles",
    "mkdir",
    "preallocation",
    "prune-backups",
    "snapshot-as-volume-chain",
];

const TYPES: &[Type] = &[
    Type {
        name: "dir",
        required: &["path"],
        optional: &["shared", "is_mountpoint"],
        fixed: &["path"],
        content: (FILES, &["images", "rootdir"]),
        shared: false,
        remote: false,
    },
    Type {
        name: "btrfs",
        required: &["path"],
        optional: &["shared", "is_mountpoint", "nocow"],
        fixed: &["path"],
        content: (FILES, &["images", "rootdir"]),
        shared: false,
        remote: false,
    },
    Type {
        name: "nfs",
        required: &["server", "export"],
        optional: &["path", "options"],
        fixed: &["path", "export"],
        content: (FILES, &["images"]),
        shared: true,
        remote: true,
    },
    Type {
        name: "cifs",
        required: &["server", "share"],
        optional: &[
            "path",
            "subdir",
            "username",
            "password",
            "domain",
            "smbversion",
            "options",
        ],
        fixed: &["path", "share"],
        content: (FILES, &["images"]),
        shared: true,
        remote: true,
    },
    Type {
        name: "cephfs",
        required: &[],
        optional: &[
            "path", "monhost", "subdir", "username", "fuse", "options", "fs-name", "keyring",
        ],
        fixed: &["path"],
        content: (&["vztmpl", "iso", "backup", "snippets", "import"], &["backup"]),
        shared: true,
        remote: true,
    },
    Type {
        name: "lvm",
        required: &["vgname"],
        optional: &[
            "shared",
            "saferemove",
            "saferemove-stepsize",
            "saferemove_throughput",
            "base",
            "tagged_only",
            "snapshot-as-volume-chain",
        ],
        fixed: &["vgname", "base"],
        content: (IMAGES, &["images"]),
        shared: false,
        remote: false,
    },
    Type {
        name: "lvmthin",
        required: &["thinpool", "vgname"],
        optional: &[],
        fixed: &["thinpool", "vgname"],
        content: (IMAGES, &["images", "rootdir"]),
        shared: false,
        remote: false,
    },
    Type {
        name: "zfspool",
        required: &["pool"],
        optional: &["blocksize", "sparse", "mountpoint"],
        fixed: &["pool"],
        content: (IMAGES, &["images", "rootdir"]),
        shared: false,
        remote: false,
    },
    Type {
        name: "pbs",
        required: &["server", "datastore"],
        optional: &[
            "namespace",
            "port",
            "username",
            "password",
            "encryption-key",
            "master-pubkey",
            "fingerprint",
            "prune-backups",
            "max-protected-backups",
            "maxfiles",
            "skip-cert-verification",
        ],
        fixed: &["datastore"],
        content: (&["backup", "none"], &["backup"]),
        shared: true,
        remote: true,
    },
    Type {
        name: "iscsi",
        required: &["portal", "target"],
        optional: &[],
        fixed: &["portal", "target"],
        content: (&["images", "none"], &["images"]),
        shared: true,
        remote: true,
    },
    Type {
        name: "iscsidirect",
        required: &["portal", "target"],
        optional: &[],
        fixed: &["portal", "target"],
        content: (&["images", "none"], &["images"]),
        shared: true,
        remote: true,
    },
    Type {
        name: "rbd",
        required: &[],
        optional: &[
            "monhost",
            "pool",
            "data-pool",
            "namespace",
            "username",
            "krbd",
            "keyring",
        ],
        fixed: &[],
        content: (&["images", "rootdir"], &["images"]),
        shared: true,
        remote: true,
    },
    Type {
        name: "zfs",
        required: &["pool", "portal", "target", "iscsiprovider"],
        optional: &[
            "blocksize",
            "nowritecache",
            "sparse",
            "comstar_hg",
            "comstar_tg",
            "lio_tpg",
            "zfs-base-path",
        ],
        fixed: &["pool", "portal", "target", "iscsiprovider", "blocksize"],
        content: (&["images"], &["images"]),
        shared: true,
        remote: true,
    },
    Type {
        name: "glusterfs",
        required: &["volume"],
        optional: &["path", "server", "server2", "transport"],
        fixed: &["path", "volume"],
        content: (
            &["images", "vztmpl", "iso", "backup", "snippets", "import"],
            &["images"],
        ),
        shared: true,
        remote: true,
    },
    Type {
        name: "esxi",
        required: &["server", "username", "password"],
        optional: &["port", "skip-cert-verification"],
        fixed: &[],
        content: (&["import"], &["import"]),
        shared: true,
        remote: true,
    },
];

impl Type {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TYPES.iter().find(|kind| kind.name == name)
    }

    /// Whether its files lie in a directory.
    fn has_files(&self) -> bool {
        ["dir", "btrfs", "nfs", "cifs", "cephfs", "glusterfs"].contains(&self.name)
    }

    /// Whether it has an option at all.
    pub(super) fn takes(&self, option: &str) -> bool {
        COMMON.contains(&option)
            || self.required.contains(&option)
            || self.optional.contains(&option)
            || (self.has_files() && FILE_OPTIONS.contains(&option))
    }
}
