//! Values of options, as they stand in a guest's configuration.

use drover::hypervisor::proxmox::devices::{Drive, GuestKind, Nic, SshKeys, Tags, options, spelling};
use drover::hypervisor::proxmox::options::{BandwidthLimits, Fleecing, NextId, PruneBackups};
use drover::hypervisor::proxmox::property::{Format, Properties};
use drover::hypervisor::proxmox::size;

/// Values of options: the first byte chooses the option, the rest is its value.
///
/// Any text is written as it was read. A text that is read as some option is read again, and alike, after it
/// was written. A change stands in the text afterwards.
pub fn property_strings(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    assert_eq!(Properties::parse(&text, "file").to_string(), text);
    let kinds = [GuestKind::Qemu, GuestKind::Lxc];
    let table: Vec<_> = kinds
        .into_iter()
        .flat_map(|kind| options(kind).map(move |option| (kind, option)))
        .collect();
    let (kind, option) = table[usize::from(*choice) % table.len()];
    let respell = spelling(kind, option).expect("every option of the table is spelt somehow");
    if let Ok(once) = respell(&text) {
        assert_eq!(respell(&once).as_ref(), Ok(&once), "{option}: {text}");
        // Lists are put in order; all others keep every letter.
        if !["hotplug", "serial[n]", "sshkeys", "tags"].contains(&option) {
            assert_eq!(once, text, "{option}");
        }
    }
    let mut nic = Nic::lenient(&text);
    nic.tag = 7_u64.try_into().ok();
    assert_eq!(Nic::lenient(&nic.to_string()).tag, nic.tag, "{text}");
    let mut drive = Drive::lenient(&text);
    drive.ssd = Some(true);
    let again = Drive::lenient(&drive.to_string());
    assert_eq!((again.ssd, again.file), (Some(true), drive.file), "{text}");
    alike::<PruneBackups>(&text);
    alike::<Fleecing>(&text);
    alike::<BandwidthLimits>(&text);
    alike::<NextId>(&text);
    if let Ok(tags) = text.parse::<Tags>() {
        assert_eq!(tags.to_string().parse(), Ok(tags));
    }
    if let Ok(keys) = text.parse::<SshKeys>() {
        assert_eq!(keys.to_string().parse(), Ok(keys));
    }
    if let Some(bytes) = size::parse(&text) {
        assert_eq!(size::parse(&size::spelt(bytes)), Some(bytes));
    }
}

fn alike<T: Format + PartialEq + std::fmt::Debug>(text: &str) {
    let read = T::lenient(text);
    assert_eq!(read.properties().to_string(), text);
    assert_eq!(T::lenient(text), read);
}
