use proptest::prelude::*;

use super::*;
use crate::model::Change;

#[test]
fn hostile_domains_are_refused_wherever_they_are_read() {
    let bomb = "<!DOCTYPE domain [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><domain><name>&a;</name></domain>";
    let pools = pools();
    let sizes = BTreeMap::new();
    let around = Around {
        pools: &pools,
        sizes: &sizes,
        on_boot: false,
    };
    let refused = ReadXml::Dtd;
    assert_eq!(super::super::read(bomb, None, &around), Err(refused.clone()));
    assert_eq!(
        super::super::read(SHOP, Some(bomb), &around),
        Err(refused.clone())
    );
    assert_eq!(sources(bomb), Err(refused.clone()));
    assert_eq!(making(bomb), Err(Unfit::Read(refused.clone())));
    assert_eq!(with_mark(bomb, ""), Err(Unfit::Read(refused.clone())));
    let altered = alter(bomb, &[Change::Agent(true)], &host(), &all_sources());
    assert_eq!(altered, Err(Unfit::Read(refused)));
}

/// A text with pieces cut out, doubled and overwritten.
fn broken(text: &'static str) -> impl Strategy<Value = String> {
    let length = text.len();
    let edits = proptest::collection::vec((0..length, 0..40_usize, "[<>/'= a-z0-9]{0,8}"), 1..4);
    edits.prop_map(move |edits| {
        let mut bytes = text.as_bytes().to_vec();
        for (at, cut, put) in edits {
            let at = at.min(bytes.len());
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, put.into_bytes());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Values that no schema would let through, where numbers and names are expected.
fn odd(text: &'static str) -> impl Strategy<Value = String> {
    let values = prop_oneof![
        Just(String::new()),
        Just("-1".to_owned()),
        Just("18446744073709551616".to_owned()),
        Just("4294967295".to_owned()),
        Just("é/../,:%".to_owned()),
        "[a-z0-9:/.-]{1,8}",
    ];
    (proptest::collection::vec((any::<usize>(), values), 1..6)).prop_map(move |edits| {
        let mut parts: Vec<String> = text.split('\'').map(str::to_owned).collect();
        for (at, value) in edits {
            let place = at % (parts.len() / 2) * 2 + 1;
            parts[place] = value;
        }
        parts.join("'")
    })
}

fn everything() -> Vec<Change> {
    let settings = crate::model::NicSettings {
        bridge: Some("br0".to_owned()),
        ..Default::default()
    };
    vec![
        Change::Sockets(2),
        Change::MemoryMib(64),
        Change::Agent(true),
        Change::CpuLimit(1.5),
        Change::BootDevices(vec!["scsi0".to_owned()]),
        Change::Nic {
            slot: "net0".to_owned(),
            settings,
        },
        Change::Unplug("virtio1".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_domain_is_a_surprise(
        text in prop_oneof![broken(SHOP), broken(OLD), odd(SHOP), odd(SHOP_RUNNING), odd(OLD)]
    ) {
        let pools = pools();
        let sizes = BTreeMap::new();
        let around = Around { pools: &pools, sizes: &sizes, on_boot: false };
        let read = super::super::read(&text, Some(SHOP_RUNNING), &around);
        let _ = super::super::read(SHOP, Some(&text), &around);
        let _ = (sources(&text), making(&text));
        for change in everything() {
            if let Ok(altered) = alter(&text, &[change], &host(), &all_sources()) {
                prop_assert!(super::super::read(&altered.xml, None, &around).is_ok());
                prop_assert!(read.is_ok());
            }
        }
    }
}
