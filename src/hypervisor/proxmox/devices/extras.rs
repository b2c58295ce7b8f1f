//! Small devices of a virtual machine that are one property string each: sound, entropy, watchdog, shared
//! memory, shared folders, SPICE (qemu-server, `QemuServer.pm`, `QemuServer/RNG.pm`, `QemuServer/Virtiofs.pm`).

use crate::hypervisor::proxmox::property::{ConfigId, Whole, choices, property_string, words};

choices! {
    /// A sound card.
    AudioDevice {
        /// Intel HD Audio of ICH9.
        Ich9 = "ich9-intel-hda",
        /// Intel HD Audio of ICH6.
        IntelHda = "intel-hda",
        /// AC'97.
        Ac97 = "AC97",
    }

    /// Where the sound goes.
    AudioDriver {
        /// To SPICE.
        Spice = "spice",
        /// Nowhere.
        None = "none",
    }

    /// Where entropy comes from.
    EntropySource {
        /// /dev/urandom
        Urandom = "/dev/urandom",
        /// /dev/random
        Random = "/dev/random",
        /// The host's generator.
        Hwrng = "/dev/hwrng",
    }

    /// A watchdog.
    WatchdogModel {
        /// Intel's, the default.
        I6300esb = "i6300esb",
        /// On ISA.
        Ib700 = "ib700",
    }

    /// What a watchdog does when the guest is silent.
    WatchdogAction {
        /// Resets the machine.
        Reset = "reset",
        /// Asks the guest to shut down.
        Shutdown = "shutdown",
        /// Switches the machine off.
        PowerOff = "poweroff",
        /// Pauses the machine.
        Pause = "pause",
        /// Writes a line into the log.
        Debug = "debug",
        /// Nothing.
        None = "none",
    }

    /// What a shared folder caches.
    FolderCache {
        /// As the guest asks.
        Auto = "auto",
        /// Everything.
        Always = "always",
        /// Attributes alone.
        Metadata = "metadata",
        /// Nothing.
        Never = "never",
    }

    /// Which video is streamed.
    VideoStreaming {
        /// None.
        Off = "off",
        /// All.
        All = "all",
        /// What looks like video.
        Filter = "filter",
    }
}

words! {
    /// The name of shared memory.
    MemoryName: "letters, digits and '-'",
        |text| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
        "[a-zA-Z0-9-]{1,10}";
}

property_string! {
    /// A sound card: `audio0`.
    Audio, "" {
        /// The card.
        device: AudioDevice = "device", required;
        /// Where the sound goes.
        driver: AudioDriver = "driver";
    }
}

property_string! {
    /// A source of entropy: `rng0`. `/dev/hwrng` may be set by `root@pam` alone.
    Rng, "source" {
        /// Where it comes from.
        source: EntropySource = "source", required;
        /// How many bytes a period gives; 0 for no limit.
        max_bytes: Whole<0> = "max_bytes";
        /// How long a period is, in milliseconds.
        period: Whole<0> = "period";
    }
}

property_string! {
    /// A watchdog: `watchdog`.
    Watchdog, "model" {
        /// Its model.
        model: WatchdogModel = "model";
        /// What it does when the guest is silent.
        action: WatchdogAction = "action";
    }
}

property_string! {
    /// Memory that is shared with programs on the host: `ivshmem`.
    SharedMemory, "" {
        /// Its size in MiB.
        size: Whole<1> = "size", required;
        /// Its name; `pve-shm-` and the number of the machine by default.
        name: MemoryName = "name";
    }
}

property_string! {
    /// A folder of the host that the guest sees: `virtiofs[n]`, from 8.4.
    SharedFolder, "dirid" {
        /// The name of a mapping of the cluster.
        dirid: ConfigId = "dirid", required;
        /// What is cached.
        cache: FolderCache = "cache";
        /// Whether the guest's direct I/O is honoured.
        direct_io: bool = "direct-io";
        /// Whether the guest sees POSIX ACLs.
        expose_acl: bool = "expose-acl";
        /// Whether the guest sees extended attributes.
        expose_xattr: bool = "expose-xattr";
    }
}

property_string! {
    /// What SPICE does besides: `spice_enhancements`.
    SpiceEnhancements, "" {
        /// Whether folders are shared.
        foldersharing: bool = "foldersharing";
        /// Which video is streamed.
        videostreaming: VideoStreaming = "videostreaming";
    }
}
