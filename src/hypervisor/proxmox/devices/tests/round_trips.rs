//! Every type, written and read again.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

use crate::hypervisor::proxmox::devices::{self, *};
use crate::hypervisor::proxmox::options::*;
use crate::hypervisor::proxmox::property::sample::Sample;
use crate::hypervisor::proxmox::property::{BadProperty, Format, Properties, Value};

const CASES: u32 = 96;

fn check<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    if let Err(failure) = TestRunner::new(config).run(strategy, test) {
        panic!("{failure}");
    }
}

/// A key that no version of Proxmox VE has, somewhere in the text.
fn with_stranger(text: &str, at: Index) -> String {
    let mut parts: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
    parts.insert(at.index(parts.len() + 1), "from-the-future=a=b;c");
    parts.join(",")
}

fn round_trip<T>()
where
    T: Format + Sample + Clone + PartialEq + Display + Debug + FromStr<Err = BadProperty> + 'static,
{
    check(&T::sample(), |device| {
        let text = device.to_string();
        let again: T = text
            .parse()
            .map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(&again, &device, "{}", text);
        prop_assert_eq!(again.to_string(), text);
        Ok(())
    });
    check(
        &(T::sample(), any::<Index>(), any::<u64>()),
        |(device, at, seed)| {
            // As a person spells it: in another order, with words for truths, and a key of a newer version.
            let mut parts: Vec<String> = device
                .properties()
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let count = parts.len().max(1);
            parts.rotate_left(usize::try_from(seed % 64).unwrap_or_default() % count);
            let text = with_stranger(&parts.join(","), at);
            let read: T = text
                .parse()
                .map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
            prop_assert_eq!(read.to_string(), text.clone());
            prop_assert_eq!(&T::lenient(&read.to_string()), &read);
            prop_assert_ne!(&read, &device);
            Ok(())
        },
    );
    check(&"[a-z0-9=,;:. -]{0,40}", |text| {
        prop_assert_eq!(T::lenient(&text).properties().to_string(), text);
        Ok(())
    });
}

macro_rules! round_trips {
    ($($name:ident: $type:ty;)*) => { $(
        #[test]
        fn $name() {
            round_trip::<$type>();
        }
    )* };
}

round_trips! {
    agent_is_read_as_it_was_written: Agent;
    amd_sev_is_read_as_it_was_written: AmdSev;
    audio_is_read_as_it_was_written: Audio;
    boot_is_read_as_it_was_written: Boot;
    cicustom_is_read_as_it_was_written: CiCustom;
    cpu_is_read_as_it_was_written: Cpu;
    drive_is_read_as_it_was_written: Drive;
    efidisk_is_read_as_it_was_written: EfiDisk;
    hostpci_is_read_as_it_was_written: HostPci;
    intel_tdx_is_read_as_it_was_written: IntelTdx;
    ipconfig_is_read_as_it_was_written: IpConfig;
    ivshmem_is_read_as_it_was_written: SharedMemory;
    machine_is_read_as_it_was_written: Machine;
    memory_is_read_as_it_was_written: Memory;
    meta_is_read_as_it_was_written: Meta;
    net_is_read_as_it_was_written: Nic;
    numa_is_read_as_it_was_written: Numa;
    rng_is_read_as_it_was_written: devices::Rng;
    smbios_is_read_as_it_was_written: Smbios;
    spice_enhancements_is_read_as_it_was_written: SpiceEnhancements;
    startup_is_read_as_it_was_written: Startup;
    tpmstate_is_read_as_it_was_written: TpmState;
    unused_is_read_as_it_was_written: Unused;
    usb_is_read_as_it_was_written: Usb;
    vga_is_read_as_it_was_written: Vga;
    virtiofs_is_read_as_it_was_written: SharedFolder;
    watchdog_is_read_as_it_was_written: Watchdog;
    dev_of_a_container_is_read_as_it_was_written: container::Device;
    features_of_a_container_is_read_as_it_was_written: container::Features;
    mp_of_a_container_is_read_as_it_was_written: container::MountPoint;
    net_of_a_container_is_read_as_it_was_written: container::ContainerNic;
    rootfs_of_a_container_is_read_as_it_was_written: container::RootFs;
    bwlimit_is_read_as_it_was_written: BandwidthLimits;
    crs_is_read_as_it_was_written: Scheduling;
    fleecing_is_read_as_it_was_written: Fleecing;
    ha_is_read_as_it_was_written: ClusterHa;
    migration_is_read_as_it_was_written: Traffic;
    next_id_is_read_as_it_was_written: NextId;
    performance_is_read_as_it_was_written: Performance;
    prune_backups_is_read_as_it_was_written: PruneBackups;
    tag_style_is_read_as_it_was_written: TagStyle;
    user_tag_access_is_read_as_it_was_written: UserTagAccess;
}

#[test]
fn serial_is_read_as_it_was_written() {
    check(&SerialPort::sample(), |port| {
        prop_assert_eq!(SerialPort::read(port.write().as_str()), Ok(port));
        Ok(())
    });
}

/// What a field is set to stands in the text, in the old place; all else stays.
#[test]
fn a_new_value_on_an_old_text_is_what_is_read_again() {
    check(
        &(Drive::sample(), Drive::sample(), any::<Index>()),
        |(old, new, at)| {
            let origin = Properties::parse(&with_stranger(&old.to_string(), at), Drive::DEFAULT_KEY);
            let changed = Drive {
                origin,
                ..new.clone()
            };
            let again: Drive = changed.to_string().parse().unwrap();
            let properties = again.properties();
            prop_assert_eq!(properties.get("from-the-future"), Some("a=b;c"));
            prop_assert_eq!(&again.file, &new.file);
            prop_assert_eq!(&again, &changed);
            Ok(())
        },
    );
}

#[test]
fn truths_are_read_in_words_and_kept_as_they_are() {
    for (text, truth) in [
        ("on", true),
        ("yes", true),
        ("TRUE", true),
        ("off", false),
        ("no", false),
    ] {
        let text = format!("virtio,firewall={text}");
        let mut nic: Nic = text.parse().unwrap();
        assert_eq!(nic.firewall, Some(truth), "{text}");
        assert_eq!(nic.to_string(), text);
        nic.firewall = Some(!truth);
        assert_eq!(nic.to_string(), format!("virtio,firewall={}", u8::from(!truth)));
    }
}

#[test]
fn what_is_absent_stays_absent() {
    let mut nic: Nic = "virtio,bridge=vmbr0,firewall=1".parse().unwrap();
    assert_eq!((nic.tag, nic.rate), (None, None));
    nic.firewall = None;
    assert_eq!(nic.to_string(), "virtio,bridge=vmbr0");
}
