//! Property strings (`virtio=AA:…,bridge=vmbr0,tag=5`), the small language in which Proxmox VE spells devices:
//! one parser and one writer. What is not understood is kept as it stands, in its place.
//!
//! The grammar is `parse_property_string` of pve-common (`JSONSchema.pm`): parts separated by commas, each
//! `key=value`, or a bare value of the format's default key.

use std::fmt;

/// A value that would end its part and begin another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' can't stand in a property string")]
pub(super) struct BadValue(pub(super) String);

/// One `key=value`, or a bare value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    key: Option<String>,
    value: String,
}

/// A property string, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Properties {
    default_key: &'static str,
    parts: Vec<Part>,
}

impl Properties {
    /// An empty one. `default_key` is the key whose value may stand bare; an empty text if there is none.
    pub(super) const fn new(default_key: &'static str) -> Self {
        Self {
            default_key,
            parts: Vec::new(),
        }
    }

    /// Reads any text; empty parts are dropped.
    pub(super) fn parse(text: &str, default_key: &'static str) -> Self {
        let part = |part: &str| match part.split_once('=') {
            Some((key, value)) => Part {
                key: Some(key.to_owned()),
                value: value.to_owned(),
            },
            None => Part {
                key: None,
                value: part.to_owned(),
            },
        };
        Self {
            default_key,
            parts: text
                .split(',')
                .filter(|p| !p.trim().is_empty())
                .map(part)
                .collect(),
        }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.position(key).map(|at| self.parts[at].value.as_str())
    }

    /// Keys and values in their order, bare values under the default key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parts
            .iter()
            .map(|p| (p.key.as_deref().unwrap_or(self.default_key), p.value.as_str()))
    }

    /// Changes a value where it stands, or adds it at the end: bare if the key is the default one and the
    /// string is empty, else with its key.
    pub(super) fn set(&mut self, key: &str, value: impl Into<String>) -> Result<(), BadValue> {
        let value = value.into();
        if value.trim().is_empty() || value.contains(|c: char| c == ',' || c.is_control()) {
            return Err(BadValue(value));
        }
        if let Some(at) = self.position(key) {
            let part = &mut self.parts[at];
            if part.key.is_none() && value.contains('=') {
                return Err(BadValue(value));
            }
            part.value = value;
            return Ok(());
        }
        let bare = key == self.default_key && self.parts.is_empty() && !value.contains('=');
        self.parts.push(Part {
            key: (!bare).then(|| key.to_owned()),
            value,
        });
        Ok(())
    }

    /// Takes a key out.
    pub(super) fn remove(&mut self, key: &str) {
        while let Some(at) = self.position(key) {
            self.parts.remove(at);
        }
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.parts
            .iter()
            .position(|p| p.key.as_deref().unwrap_or(self.default_key) == key)
    }
}

impl fmt::Display for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            if let Some(key) = &part.key {
                write!(f, "{key}=")?;
            }
            f.write_str(&part.value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z0-9:/._-]{1,12}",
            ("[a-z][a-z0-9_-]{0,8}", "[a-zA-Z0-9:/._=+;-]{0,12}").prop_map(|(k, v)| format!("{k}={v}")),
        ]
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(parts in prop::collection::vec(part(), 0..8)) {
            let text = parts.join(",");
            prop_assert_eq!(Properties::parse(&text, "file").to_string(), text);
        }

        #[test]
        fn any_text_is_read_and_stays_what_it_became(text in "\\PC{0,60}") {
            let once = Properties::parse(&text, "file");
            prop_assert_eq!(&Properties::parse(&once.to_string(), "file"), &once);
        }

        #[test]
        fn a_change_touches_nothing_else(
            parts in prop::collection::vec(part(), 1..8),
            value in "[a-z0-9]{1,8}",
        ) {
            let before = Properties::parse(&parts.join(","), "file");
            let mut after = before.clone();
            after.set("bridge", value.clone()).unwrap();
            let again = Properties::parse(&after.to_string(), "file");
            prop_assert_eq!(again.get("bridge"), Some(value.as_str()));
            let others = |p: &Properties| {
                let all: Vec<_> = p.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
                all.into_iter().filter(|(k, _)| k != "bridge").collect::<Vec<_>>()
            };
            prop_assert_eq!(others(&again), others(&before));
        }
    }

    #[test]
    fn a_bare_value_is_the_default_key() {
        let mut agent = Properties::parse("1,fstrim_cloned_disks=1", "enabled");
        assert_eq!(agent.get("enabled"), Some("1"));
        agent.set("enabled", "0").unwrap();
        assert_eq!(agent.to_string(), "0,fstrim_cloned_disks=1");
    }

    #[test]
    fn a_value_can_not_smuggle_in_a_second_one() {
        let mut net = Properties::parse("virtio=AA:BB:CC:DD:EE:FF,bridge=vmbr0", "model");
        assert!(net.set("bridge", "vmbr0,firewall=0").is_err());
        assert!(net.set("bridge", "").is_err());
        assert!(net.set("bridge", "a\nb").is_err());
    }

    #[test]
    fn values_may_contain_equals_signs() {
        let smbios = Properties::parse("base64=1,manufacturer=QUJDRA==,uuid=x", "");
        assert_eq!(smbios.get("manufacturer"), Some("QUJDRA=="));
    }
}
