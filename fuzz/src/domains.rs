//! The XML of libvirt's domains.

use std::collections::BTreeMap;

use drover::hypervisor::libvirt::xml::domain::{self, Around, DomainType, Host, Pools, Sources};
use drover::hypervisor::libvirt::xml::tree::Element;
use drover::model::Change;

/// A text is refused or read, never a panic. One that is read is read the same once it was written again, and a change of
/// its memory is the only change that one makes.
pub fn domains(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let sizes = BTreeMap::new();
    let pools = Pools(vec![("default".to_owned(), "/var/lib/libvirt/images".to_owned())]);
    let around = Around {
        pools: &pools,
        sizes: &sizes,
        on_boot: false,
    };
    let Ok(config) = domain::read(&text, Some(&text), &around) else {
        return;
    };
    assert_eq!((&config.current, &config.pending), (&config.next, &Vec::new()));
    let _ = (domain::sources(&text), domain::making(&text));
    let tree = Element::read(&text, "domain").expect("what was read is a tree");
    let written = tree.write().expect("what was read can be written");
    assert_eq!(Element::read(&written, "domain"), Ok(tree));
    let host = Host {
        domain_type: DomainType::Kvm,
        arch: "x86_64".to_owned(),
        emulator: None,
        machine: "q35".to_owned(),
        efi: true,
        secure_boot: true,
        tpm: true,
    };
    let changes = [Change::MemoryMib(64)];
    if let Ok(altered) = domain::alter(&text, &changes, &host, &Sources::default()) {
        let mut expected = config.next;
        expected.memory_mib = 64;
        let read = domain::read(&altered.xml, None, &around).expect("what was written is read");
        assert_eq!(read.next, expected);
    }
}
