//! Sizes as Proxmox VE spells them: a number and `K`, `M`, `G` or `T`, powers of 1024; bare numbers are bytes
//! (pve-common, `JSONSchema.pm`, `parse_size` and `format_size`).

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// Reads a size into bytes, a fraction of a byte dropped.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = match text.char_indices().last()? {
        (at, 'K') => (&text[..at], KIB),
        (at, 'M') => (&text[..at], MIB),
        (at, 'G') => (&text[..at], GIB),
        (at, 'T') => (&text[..at], TIB),
        _ => (text, 1),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 18 {
        return None;
    }
    let denominator = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let part = fraction.parse::<u128>().ok()? * u128::from(unit) / denominator;
    let bytes = whole
        .parse::<u128>()
        .ok()?
        .checked_mul(u128::from(unit))?
        .checked_add(part)?;
    u64::try_from(bytes).ok()
}

/// Spells a size as Proxmox VE does in a configuration: in the largest unit that fits exactly.
#[must_use]
pub fn spelt(bytes: u64) -> String {
    match bytes {
        b if b % TIB == 0 => format!("{}T", b / TIB),
        b if b % GIB == 0 => format!("{}G", b / GIB),
        b if b % MIB == 0 => format!("{}M", b / MIB),
        b if b % KIB == 0 => format!("{}K", b / KIB),
        b => b.to_string(),
    }
}

/// Rounds up to whole MiB, the smallest step that every storage takes.
const fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(MIB)
}

/// Spells a size for `resize`, rounded up to MiB, in the largest unit that fits exactly.
#[must_use]
pub fn exact(bytes: u64) -> String {
    match mebibytes(bytes) {
        mib if mib % (TIB / MIB) == 0 && mib > 0 => format!("{}T", mib / (TIB / MIB)),
        mib if mib % (GIB / MIB) == 0 && mib > 0 => format!("{}G", mib / (GIB / MIB)),
        mib => format!("{mib}M"),
    }
}

/// Spells a size as GiB for the allocation of a disk (`local-lvm:8`, `local-lvm:0.5`), rounded up to MiB. A
/// 1024th has ten decimals, so the number is exact (qemu-server, `NEW_DISK_RE`: digits with decimals).
#[must_use]
pub fn gibibytes(bytes: u64) -> String {
    let mib = mebibytes(bytes);
    let fraction = (mib % 1024) * 10_000_000_000 / 1024;
    let text = format!("{}.{fraction:010}", mib / 1024);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_spellings_are_read() {
        for (text, bytes) in [
            ("32G", 32 * GIB),
            ("528K", 528 * KIB),
            ("1T", TIB),
            ("4M", 4 * MIB),
            ("1073741824", GIB),
            ("1.5G", 3 * GIB / 2),
            ("0T", 0),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_size() {
        for text in [
            "",
            "G",
            "-1G",
            "1GG",
            "1 G",
            "1.G",
            ".5G",
            "1e3",
            "ü",
            "99999999999999999999T",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn disks_are_allocated_in_exact_gibibytes() {
        assert_eq!(gibibytes(8 * GIB), "8");
        assert_eq!(gibibytes(10 * GIB), "10");
        assert_eq!(gibibytes(512 * MIB), "0.5");
        assert_eq!(gibibytes(GIB + MIB), "1.0009765625");
        assert_eq!(gibibytes(1), "0.0009765625");
    }

    #[test]
    fn new_sizes_are_spelt_in_the_largest_exact_unit() {
        assert_eq!(exact(33 * GIB), "33G");
        assert_eq!(exact(2 * TIB), "2T");
        assert_eq!(exact(GIB + 1), "1025M");
    }

    #[test]
    fn a_stored_size_is_spelt_as_proxmox_does() {
        for (bytes, text) in [
            (0, "0T"),
            (32 * GIB, "32G"),
            (528 * KIB, "528K"),
            (4 * MIB, "4M"),
            (1000, "1000"),
        ] {
            assert_eq!(spelt(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn every_size_is_read_as_it_was_spelt(bytes in any::<u64>(), unit in 0_u32..5) {
            let bytes = bytes >> (10 * unit) << (10 * unit);
            prop_assert_eq!(parse(&spelt(bytes)), Some(bytes));
        }

        #[test]
        fn nothing_asked_for_is_lost(bytes in 1_u64..(1 << 50)) {
            let wanted = bytes.div_ceil(MIB) * MIB;
            prop_assert_eq!(parse(&exact(bytes)), Some(wanted));
            prop_assert_eq!(parse(&format!("{}G", gibibytes(bytes))), Some(wanted));
        }
    }
}
