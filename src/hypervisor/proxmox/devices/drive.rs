//! Drives of a virtual machine: `ide[n]`, `sata[n]`, `scsi[n]`, `virtio[n]` (qemu-server,
//! `QemuServer/Drive.pm`).

use super::encoded::Encoded;
use super::medium::Medium;
use super::paths::HostPath;
use super::size::DiskSize;
use crate::hypervisor::proxmox::property::{
    BadProperty, Format, Number, Reason, Text, Value, Whole, choices, property_string, words,
};
use crate::model::VolumeId;

choices! {
    /// The bus of a drive, the first part of its option.
    Bus {
        /// Four drives, 0 to 3.
        Ide = "ide",
        /// Six drives.
        Sata = "sata",
        /// Thirty-one drives.
        Scsi = "scsi",
        /// Sixteen drives.
        Virtio = "virtio",
    }

    /// What a drive is to the guest.
    Media {
        /// A CD drive.
        Cdrom = "cdrom",
        /// A disk.
        Disk = "disk",
    }

    /// How the host caches.
    Cache {
        /// Not on the host.
        None = "none",
        /// Reads only.
        WriteThrough = "writethrough",
        /// Reads and writes.
        WriteBack = "writeback",
        /// Flushes are ignored.
        Unsafe = "unsafe",
        /// Not at all, and every write is flushed.
        DirectSync = "directsync",
    }

    /// How the host reads and writes.
    Aio {
        /// Linux AIO.
        Native = "native",
        /// A pool of threads.
        Threads = "threads",
        /// The kernel's rings, the default.
        IoUring = "io_uring",
    }

    /// What becomes of discards.
    Discard {
        /// Nothing.
        Ignore = "ignore",
        /// They are passed to the storage.
        On = "on",
    }

    /// The format of an image.
    ImageFormat {
        /// raw
        Raw = "raw",
        /// cow, until 7.4
        Cow = "cow",
        /// qcow
        Qcow = "qcow",
        /// qed
        Qed = "qed",
        /// qcow2
        Qcow2 = "qcow2",
        /// vmdk
        Vmdk = "vmdk",
        /// cloop
        Cloop = "cloop",
    }

    /// What is done on a failed read.
    ReadError {
        /// Nothing.
        Ignore = "ignore",
        /// The guest is told.
        Report = "report",
        /// The machine is paused.
        Stop = "stop",
    }

    /// What is done on a failed write.
    WriteError {
        /// The machine is paused if space ran out, else the guest is told.
        NoSpace = "enospc",
        /// Nothing.
        Ignore = "ignore",
        /// The guest is told.
        Report = "report",
        /// The machine is paused.
        Stop = "stop",
    }

    /// How the geometry is translated (until 8.4).
    Translation {
        /// Not at all.
        None = "none",
        /// As LBA.
        Lba = "lba",
        /// QEMU guesses.
        Auto = "auto",
    }
}

words! {
    /// A world wide name.
    WorldWideName: "0x and 16 hexadecimal digits",
        |text| text.strip_prefix("0x").is_some_and(|hex| {
            hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_hexdigit())
        }),
        "0x[0-9a-f]{16}";
    /// The product that a SCSI drive shows.
    Product: "at most 16 letters, digits, '-', '_', blanks", |text| is_inquiry(text, 16), "[A-Za-z0-9_-]{1,16}";
    /// The vendor that a SCSI drive shows.
    Vendor: "at most 8 letters, digits, '-', '_', blanks", |text| is_inquiry(text, 8), "[A-Za-z0-9_-]{1,8}";
}

fn is_inquiry(text: &str, most: usize) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ');
    text.len() <= most && text.chars().all(fits)
}

/// Where a new disk is copied from: a volume, or a path that only `root@pam` may name. Since 7.4 not for
/// volumes of other guests without rights on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportSource {
    /// A volume.
    Volume(VolumeId),
    /// A path.
    Path(HostPath),
}

impl Value for ImportSource {
    fn read(text: &str) -> Result<Self, Reason> {
        if text.starts_with('/') {
            return text.parse().map(Self::Path);
        }
        text.parse()
            .map(Self::Volume)
            .map_err(|_| Reason::not(text, "a volume (storage:volume) or an absolute path"))
    }

    fn write(&self) -> Text {
        match self {
            Self::Volume(volume) => Text::of(volume),
            Self::Path(path) => Text::of(path),
        }
    }
}

property_string! {
    /// A drive. Not every bus knows every key: see [`Drive::check_for`].
    Drive, "file" {
        /// What is in it.
        file: Medium = "file" or "volume", required;
        /// What it is to the guest; a disk by default.
        media: Media = "media";
        /// Its size; told by Proxmox VE, of no effect in a request.
        size: DiskSize = "size";
        /// The format of its image.
        format: ImageFormat = "format";
        /// What a new volume is copied from.
        import_from: ImportSource = "import-from";
        /// How the host caches.
        cache: Cache = "cache";
        /// How the host reads and writes.
        aio: Aio = "aio";
        /// What becomes of discards.
        discard: Discard = "discard";
        /// Whether runs of zeros are found.
        detect_zeroes: bool = "detect_zeroes";
        /// Whether it has a thread of its own.
        iothread: bool = "iothread";
        /// Whether the guest is told that it does not rotate.
        ssd: bool = "ssd";
        /// Whether the guest may only read.
        ro: bool = "ro";
        /// Whether backups hold it.
        backup: bool = "backup";
        /// Whether replication holds it.
        replicate: bool = "replicate";
        /// Whether all nodes see it by other means.
        shared: bool = "shared";
        /// Whether changes are dropped at the end.
        snapshot: bool = "snapshot";
        /// What is done on a failed read.
        rerror: ReadError = "rerror";
        /// What is done on a failed write.
        werror: WriteError = "werror";
        /// The serial number that the guest sees.
        serial: Encoded<60> = "serial";
        /// The model that the guest sees.
        model: Encoded<120> = "model";
        /// The world wide name that the guest sees.
        wwn: WorldWideName = "wwn";
        /// The product that the guest sees.
        product: Product = "product";
        /// The vendor that the guest sees.
        vendor: Vendor = "vendor";
        /// How many queues there are.
        queues: Whole<2> = "queues";
        /// Whether the host's device is passed through as a whole.
        scsiblock: bool = "scsiblock";
        /// Bytes a second.
        bps: Whole<0, { u64::MAX }> = "bps";
        /// How long a burst may last, in seconds.
        bps_max_length: Whole<1> = "bps_max_length";
        /// Bytes read a second.
        bps_rd: Whole<0, { u64::MAX }> = "bps_rd";
        /// How long a burst of reads may last, in seconds.
        bps_rd_max_length: Whole<1> = "bps_rd_max_length" or "bps_rd_length";
        /// Bytes written a second.
        bps_wr: Whole<0, { u64::MAX }> = "bps_wr";
        /// How long a burst of writes may last, in seconds.
        bps_wr_max_length: Whole<1> = "bps_wr_max_length" or "bps_wr_length";
        /// Operations a second.
        iops: Whole<0> = "iops";
        /// Operations a second in a burst.
        iops_max: Whole<0> = "iops_max";
        /// How long a burst may last, in seconds.
        iops_max_length: Whole<1> = "iops_max_length";
        /// Reads a second.
        iops_rd: Whole<0> = "iops_rd";
        /// Reads a second in a burst.
        iops_rd_max: Whole<0> = "iops_rd_max";
        /// How long a burst of reads may last, in seconds.
        iops_rd_max_length: Whole<1> = "iops_rd_max_length" or "iops_rd_length";
        /// Writes a second.
        iops_wr: Whole<0> = "iops_wr";
        /// Writes a second in a burst.
        iops_wr_max: Whole<0> = "iops_wr_max";
        /// How long a burst of writes may last, in seconds.
        iops_wr_max_length: Whole<1> = "iops_wr_max_length" or "iops_wr_length";
        /// Megabytes a second.
        mbps: Number = "mbps";
        /// Megabytes a second in a burst.
        mbps_max: Number = "mbps_max";
        /// Megabytes read a second.
        mbps_rd: Number = "mbps_rd";
        /// Megabytes read a second in a burst.
        mbps_rd_max: Number = "mbps_rd_max";
        /// Megabytes written a second.
        mbps_wr: Number = "mbps_wr";
        /// Megabytes written a second in a burst.
        mbps_wr_max: Number = "mbps_wr_max";
        /// Cylinders, until 8.4.
        cyls: Whole<0> = "cyls";
        /// Heads, until 8.4.
        heads: Whole<0> = "heads";
        /// Sectors, until 8.4.
        secs: Whole<0> = "secs";
        /// How the geometry is translated, until 8.4.
        trans: Translation = "trans";
    }
}

/// Keys that only some buses know.
const OF_SOME: &[(&str, &[Bus])] = &[
    ("iothread", &[Bus::Scsi, Bus::Virtio]),
    ("model", &[Bus::Ide]),
    ("product", &[Bus::Scsi]),
    ("queues", &[Bus::Scsi]),
    ("ro", &[Bus::Scsi, Bus::Virtio]),
    ("scsiblock", &[Bus::Scsi]),
    ("ssd", &[Bus::Ide, Bus::Sata, Bus::Scsi]),
    ("vendor", &[Bus::Scsi]),
    ("wwn", &[Bus::Ide, Bus::Sata, Bus::Scsi]),
];

impl Drive {
    /// Whether all keys are such as a drive of this bus knows. Proxmox VE refuses others.
    pub fn check_for(&self, bus: Bus) -> Result<(), BadProperty> {
        let properties = self.properties();
        let stranger = properties.iter().find(|(key, _)| {
            let known = OF_SOME.iter().find(|(name, _)| name == key);
            known.is_some_and(|(_, buses)| !buses.contains(&bus))
        });
        stranger.map_or(Ok(()), |(key, _)| Err(BadProperty::new(key, Reason::OtherBus)))
    }

    /// Whether it is a CD drive to the guest.
    #[must_use]
    pub fn is_cdrom(&self) -> bool {
        self.media == Some(Media::Cdrom)
    }

    /// Puts another medium in, whose size is not known yet.
    pub fn insert(&mut self, medium: Medium) {
        self.file = Some(medium);
        self.size = None;
        self.origin.remove("size");
    }
}

#[cfg(test)]
impl crate::hypervisor::proxmox::property::sample::Sample for ImportSource {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        let volume = "[a-z]{2,8}:import/[a-z0-9]{1,8}\\.qcow2".prop_map(|t| Self::Volume(t.parse().unwrap()));
        prop_oneof![volume, HostPath::sample().prop_map(Self::Path)].boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::proxmox::devices::Backing;

    #[test]
    fn a_disk_is_read() {
        let drive: Drive = "local:100/vm-100-disk-0.raw,discard=on,iothread=1,mbps_rd=1.5,size=32G,ssd=1"
            .parse()
            .unwrap();
        let volume = drive.file.as_ref().and_then(Medium::volume).unwrap();
        assert_eq!(volume.to_string(), "local:100/vm-100-disk-0.raw");
        assert_eq!(drive.size, Some(DiskSize { bytes: 32 << 30 }));
        assert_eq!(
            (drive.discard, drive.iothread, drive.ssd),
            (Some(Discard::On), Some(true), Some(true))
        );
        assert_eq!(drive.mbps_rd.map(Number::get), Some(1.5));
        assert!(!drive.is_cdrom());
    }

    #[test]
    fn what_is_in_a_drive_is_told_apart() {
        let medium = |text: &str| text.parse::<Drive>().unwrap().file.unwrap();
        assert_eq!(medium("none,media=cdrom"), Medium::None);
        assert_eq!(medium("cdrom,media=cdrom"), Medium::HostCdrom);
        assert_eq!(
            medium("local:cloudinit"),
            Medium::NewCloudInit("local".parse().unwrap())
        );
        assert_eq!(
            medium("local-lvm:0,import-from=local:import/debian.qcow2"),
            Medium::Backing(Backing::New {
                storage: Some("local-lvm".parse().unwrap()),
                mebibytes: 0
            })
        );
        assert_eq!(
            medium("volume=/dev/disk/by-path/pci-0000:00:1f.2"),
            Medium::Backing(Backing::Path(
                "/dev/disk/by-path/pci-0000:00:1f.2".parse().unwrap()
            ))
        );
    }

    #[test]
    fn a_bad_value_names_its_key_and_the_reason() {
        let error = |text: &str| text.parse::<Drive>().unwrap_err().to_string();
        assert_eq!(
            error("local:8,media=tape"),
            "media: 'tape' is not one of cdrom, disk"
        );
        assert_eq!(
            error("local:8,queues=1"),
            "queues: 1 is not within 2 to 4294967295"
        );
        assert_eq!(error("local:8,ssd=maybe"), "ssd: 'maybe' is not a truth (0 or 1)");
        assert_eq!(error("local:8,volume=local:9"), "file: it is given twice");
        assert_eq!(error("ssd=1"), "file: it is missing");
    }

    #[test]
    fn a_bad_value_does_not_hide_the_others_and_is_kept() {
        let mut drive = Drive::lenient("local:100/vm-100-disk-0.raw,size=huge,ssd=1,newer=x");
        assert_eq!((drive.size, drive.ssd), (None, Some(true)));
        drive.ssd = Some(false);
        assert_eq!(
            drive.to_string(),
            "local:100/vm-100-disk-0.raw,size=huge,ssd=0,newer=x"
        );
    }

    #[test]
    fn keys_of_another_bus_are_told() {
        let drive: Drive = "local:8,iothread=1".parse().unwrap();
        assert_eq!(drive.check_for(Bus::Scsi), Ok(()));
        assert_eq!(
            drive.check_for(Bus::Sata),
            Err(BadProperty::new("iothread", Reason::OtherBus))
        );
    }

    #[test]
    fn another_medium_takes_the_place_and_forgets_the_size() {
        let mut drive: Drive = "media=cdrom,size=600M,volume=local:iso/old.iso".parse().unwrap();
        drive.insert(Medium::read("local:iso/new.iso").unwrap());
        assert_eq!(drive.to_string(), "media=cdrom,volume=local:iso/new.iso");
    }
}
