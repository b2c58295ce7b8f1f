//! Sizes with their units, as libvirt spells them.

use super::tree::Element;

/// How many bytes a unit stands for: `KB` counts in thousands, `K` and `KiB` in 1024s (libvirt, `formatdomain`).
fn unit(name: &str) -> Option<u64> {
    let (prefix, thousands) = match name {
        "b" | "B" | "byte" | "bytes" => return Some(1),
        _ => match name.strip_suffix("iB").or(name.strip_suffix("ib")) {
            Some(prefix) => (prefix, false),
            None => match name.strip_suffix(['B', 'b']) {
                Some(prefix) => (prefix, true),
                None => (name, false),
            },
        },
    };
    let power = match prefix {
        "k" | "K" => 1,
        "m" | "M" => 2,
        "g" | "G" => 3,
        "t" | "T" => 4,
        "p" | "P" => 5,
        "e" | "E" => 6,
        _ => return None,
    };
    let base: u64 = if thousands { 1000 } else { 1024 };
    base.checked_pow(power)
}

/// The size in an element, in bytes. `plain` is the unit of one that names none.
pub(super) fn bytes(element: &Element, plain: &str) -> Option<u64> {
    let number: u64 = element.text().trim().parse().ok()?;
    let unit = unit(element.attribute("unit").unwrap_or(plain))?;
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_in_many_units() {
        for (unit, count) in [
            ("b", 1),
            ("bytes", 1),
            ("KB", 1000),
            ("k", 1024),
            ("KiB", 1024),
            ("MB", 1_000_000),
            ("M", 1 << 20),
            ("MiB", 1 << 20),
            ("GB", 1_000_000_000),
            ("G", 1 << 30),
            ("GiB", 1 << 30),
            ("TB", 1_000_000_000_000),
            ("TiB", 1 << 40),
            ("PiB", 1 << 50),
            ("EiB", 1 << 60),
        ] {
            let element = Element::new("memory").with("unit", unit).saying(" 3 ");
            assert_eq!(bytes(&element, "KiB"), Some(3 * count), "{unit}");
        }
        let plain = Element::new("memory").saying("2");
        assert_eq!(bytes(&plain, "KiB"), Some(2048));
    }

    #[test]
    fn what_is_no_size_is_none() {
        for (unit, text) in [
            ("XiB", "1"),
            ("EiB", "16"),
            ("KiB", "-1"),
            ("KiB", ""),
            ("iB", "1"),
        ] {
            let element = Element::new("memory").with("unit", unit).saying(text);
            assert_eq!(bytes(&element, "KiB"), None, "{text} {unit}");
        }
    }
}
