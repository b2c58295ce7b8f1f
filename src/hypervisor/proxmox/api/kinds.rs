//! Words and values that calls of several families have in common.

use super::parameter::words;
use crate::model::GuestKind;

words! {
    /// The two sorts of guests, as paths have them.
    Kind {
        /// A virtual machine.
        Qemu = "qemu",
        /// A container.
        Lxc = "lxc",
    }

    /// A period of statistics.
    Timeframe {
        /// 60 values, one a minute.
        Hour = "hour",
        /// A day.
        Day = "day",
        /// A week.
        Week = "week",
        /// A month.
        Month = "month",
        /// A year.
        Year = "year",
    }

    /// How several values are made into one.
    Consolidation {
        /// Their mean.
        Average = "AVERAGE",
        /// The greatest.
        Maximum = "MAX",
    }

    /// How a guest is backed up.
    BackupMode {
        /// While it runs.
        Snapshot = "snapshot",
        /// Suspended meanwhile.
        Suspend = "suspend",
        /// Stopped meanwhile.
        Stop = "stop",
    }

    /// How an archive is compressed.
    Compression {
        /// Not at all.
        None = "0",
        /// By gzip.
        Gzip = "gzip",
        /// By lzo.
        Lzo = "lzo",
        /// By zstd.
        Zstd = "zstd",
    }

    /// The algorithm of a checksum.
    ChecksumAlgorithm {
        /// MD5.
        Md5 = "md5",
        /// SHA-1.
        Sha1 = "sha1",
        /// SHA-224.
        Sha224 = "sha224",
        /// SHA-256.
        Sha256 = "sha256",
        /// SHA-384.
        Sha384 = "sha384",
        /// SHA-512.
        Sha512 = "sha512",
    }

    /// The format of a disk image.
    DiskFormat {
        /// Raw.
        Raw = "raw",
        /// QEMU's own.
        Qcow2 = "qcow2",
        /// `VMware`'s.
        Vmdk = "vmdk",
    }
}

impl From<GuestKind> for Kind {
    fn from(kind: GuestKind) -> Self {
        match kind {
            GuestKind::VirtualMachine => Self::Qemu,
            GuestKind::Container => Self::Lxc,
        }
    }
}
