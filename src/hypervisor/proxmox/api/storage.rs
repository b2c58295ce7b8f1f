//! Storages and what lies on them. Sending and fetching files is `transfer`'s, removing volumes that of `volumes`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kinds::{ChecksumAlgorithm, Consolidation, Timeframe};
use super::nodes::Sample;
use super::parameter::words;
use super::request::{answers, requests, wire_name};
use crate::model::{NodeName, Upid, Vmid, VolumeId};

words! {
    /// What a file is that is brought to a storage.
    FileContent {
        /// An ISO image.
        Iso = "iso",
        /// A template of containers.
        Template = "vztmpl",
        /// A disk image to import (from 8.2).
        Import = "import",
    }

    /// The format of a new volume.
    VolumeFormat {
        /// Raw.
        Raw = "raw",
        /// QEMU's own.
        Qcow2 = "qcow2",
        /// A directory for a container.
        Subvol = "subvol",
    }
}

requests! {
    /// The storages of the cluster, as configured.
    Get "/storage" StorageConfigs () {} -> Vec<StorageConfig>;

    /// One storage, as configured.
    Get "/storage/{storage}" StorageConfigInfo (storage: String) {} -> StorageConfig;

    /// The storages of a node, with their room.
    Get "/nodes/{node}/storage" NodeStorages (node: NodeName) {
        /// Those that may hold this content.
        content: Option<String>,
        /// Only enabled ones.
        enabled: Option<bool>,
        /// This one alone.
        storage: Option<String>,
        /// Those that are on this node, too.
        target: Option<NodeName>,
    } -> Vec<NodeStorage>;

    /// The room of one storage.
    Get "/nodes/{node}/storage/{storage}/status" StorageStatus (node: NodeName, storage: String) {} -> StorageRoom;

    /// Figures of a storage over time.
    Get "/nodes/{node}/storage/{storage}/rrddata" StorageStatistics (node: NodeName, storage: String;
        /// How far back.
        timeframe: Timeframe
    ) {
        /// How several values are made into one.
        cf: Option<Consolidation>,
    } -> Vec<Sample>;

    /// The volumes of a storage.
    Get "/nodes/{node}/storage/{storage}/content" Content (node: NodeName, storage: String) {
        /// Of this content.
        content: Option<String>,
        /// Of this guest.
        vmid: Option<Vmid>,
    } -> Vec<ContentRow>;

    /// One volume.
    Get "/nodes/{node}/storage/{storage}/content/{volume}" VolumeInfo
        (node: NodeName, storage: String, volume: VolumeId) {} -> VolumeAttributes;

    /// Changes the notes or the protection of a volume.
    Put "/nodes/{node}/storage/{storage}/content/{volume}" UpdateVolume
        (node: NodeName, storage: String, volume: VolumeId) {
        /// For people.
        notes: Option<String>,
        /// Whether it is protected against removal.
        protected: Option<bool>,
    } -> ();

    /// Makes an empty volume for a guest. Its whole name is answered.
    Post "/nodes/{node}/storage/{storage}/content" AllocateVolume (node: NodeName, storage: String;
        /// For which guest.
        vmid: Vmid,
        /// Its name: `vm-100-disk-7`.
        filename: String,
        /// Its size: `10G`, or in KiB.
        size: String
    ) {
        /// Its format.
        format: Option<VolumeFormat>,
    } -> VolumeId;

    /// Lets the node download a file.
    Post "/nodes/{node}/storage/{storage}/download-url" DownloadUrl (node: NodeName, storage: String;
        /// From where.
        url: String,
        /// What it is.
        content: FileContent,
        /// Its name here.
        filename: String
    ) {
        /// Its checksum; needs the algorithm.
        checksum: Option<String>,
        /// The algorithm of the checksum.
        checksum_algorithm: Option<ChecksumAlgorithm>,
        /// How it is compressed: `gz`, `lzo`, `zst` (from 8.0).
        compression: Option<String>,
        /// Whether the server's certificate is checked.
        verify_certificates: Option<bool>,
    } -> Upid;

    /// What is in an archive of Proxmox Backup Server.
    Get "/nodes/{node}/storage/{storage}/file-restore/list" FilesInBackup (node: NodeName, storage: String;
        /// The archive.
        volume: VolumeId,
        /// A path in it, in base64; `/` for the root.
        filepath: String
    ) {} -> Vec<FileInBackup>;

    /// A file of such an archive; for [`Proxmox::download`](crate::hypervisor::proxmox::Proxmox::download).
    Get "/nodes/{node}/storage/{storage}/file-restore/download" FileFromBackup (node: NodeName, storage: String;
        /// The archive.
        volume: VolumeId,
        /// A path in it, in base64.
        filepath: String
    ) {
        /// As a tar archive, instead of a zip archive, if it is a directory (from 8.0).
        tar: Option<bool>,
    } -> Value;
}

answers! {
    /// A storage as configured.
    StorageConfig {
        /// Its name.
        storage: String,
        /// `dir`, `lvmthin`, `zfspool`, `rbd`, `pbs`, …
        kind as "type": String,
        /// What it holds, with commas.
        content: Option<String>,
        /// The nodes that have it, with commas; all when absent.
        nodes: Option<String>,
        /// Whether it is the same on all nodes.
        shared: Option<bool>,
        /// Whether it is out of use.
        disable: Option<bool>,
        /// Of a directory: where.
        path: Option<String>,
        /// What is kept of backups.
        prune_backups: Option<Value>,
        /// The digest for changes.
        digest: Option<String>,
        /// The rest of what is set.
        #[serde(flatten)] rest: BTreeMap<String, Value>,
    }

    /// A storage of a node.
    NodeStorage {
        /// Its name.
        storage: String,
        /// Its type.
        kind as "type": String,
        /// What it holds, with commas.
        content: String,
        /// Whether it can be used now.
        active: Option<bool>,
        /// Whether it is in use.
        enabled: Option<bool>,
        /// Whether it is the same on all nodes.
        shared: Option<bool>,
        /// In bytes.
        total: Option<u64>,
        /// In bytes.
        used: Option<u64>,
        /// In bytes.
        avail: Option<u64>,
    }

    /// The room of a storage.
    StorageRoom {
        /// Its type.
        kind as "type": String,
        /// What it holds, with commas.
        content: String,
        /// Whether it can be used now.
        active: Option<bool>,
        /// Whether it is in use.
        enabled: Option<bool>,
        /// Whether it is the same on all nodes.
        shared: Option<bool>,
        /// In bytes.
        total: Option<u64>,
        /// In bytes.
        used: Option<u64>,
        /// In bytes.
        avail: Option<u64>,
    }

    /// A volume in the list. Its name is a text, as files put there by hand may have names that no call can address.
    ContentRow {
        /// Its name.
        volid: String,
        /// `images`, `rootdir`, `iso`, `vztmpl`, `backup`, `import`, `snippets`.
        content: Option<String>,
        /// Its format.
        format: Option<String>,
        /// In bytes.
        size: Option<u64>,
        /// Bytes that it takes up, where that is known.
        used: Option<u64>,
        /// The guest that it belongs to.
        vmid: Option<u64>,
        /// When it was made, in seconds since 1970.
        ctime: Option<i64>,
        /// The volume that it is linked to.
        parent: Option<String>,
        /// For people.
        notes: Option<String>,
        /// Whether it is protected against removal.
        protected: Option<bool>,
        /// Of a backup: `qemu` or `lxc`.
        subtype: Option<String>,
    }

    /// One volume.
    VolumeAttributes {
        /// Its format.
        format: String,
        /// In bytes.
        size: u64,
        /// Bytes that it takes up.
        used: Option<u64>,
        /// Where it lies.
        path: Option<String>,
        /// For people.
        notes: Option<String>,
        /// Whether it is protected against removal.
        protected: Option<bool>,
    }

    /// A file in an archive.
    FileInBackup {
        /// Its path in base64.
        filepath: String,
        /// Its name.
        text: String,
        /// `f`, `d`, `l`, `v` …
        kind as "type": String,
        /// In bytes.
        size: Option<u64>,
        /// When it was changed, in seconds since 1970.
        mtime: Option<i64>,
        /// Whether nothing is below it.
        leaf: Option<bool>,
    }
}
