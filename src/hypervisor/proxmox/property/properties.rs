//! A property string, taken apart and put together again without knowing its keys. What is not changed stays
//! as it stands, in its place, to the letter.
//!
//! The grammar is `parse_property_string` of pve-common (`JSONSchema.pm`): parts separated by commas, each
//! `key=value`, or a bare value of the format's default key; blank parts are passed over.

use std::fmt;

use serde_json::Value as Json;

use super::bad_property::{BadProperty, Reason};
use super::text::{BadValue, Text};

/// One `key=value`, or a bare value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    key: Option<String>,
    value: String,
}

impl Part {
    fn read(text: &str) -> Self {
        match text.split_once('=') {
            Some((key, value)) => Self {
                key: Some(key.to_owned()),
                value: value.to_owned(),
            },
            None => Self {
                key: None,
                value: text.to_owned(),
            },
        }
    }

    fn is_one_of(&self, names: &[&str], default_key: &str) -> bool {
        !self.is_blank() && names.contains(&self.key.as_deref().unwrap_or(default_key))
    }

    fn is_blank(&self) -> bool {
        self.key.is_none() && self.value.trim().is_empty()
    }
}

/// A property string, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Properties {
    default_key: &'static str,
    parts: Vec<Part>,
}

impl Properties {
    /// An empty one. `default_key` is the key whose value may stand bare; an empty text if there is none.
    #[must_use]
    pub const fn new(default_key: &'static str) -> Self {
        Self {
            default_key,
            parts: Vec::new(),
        }
    }

    /// Reads any text; written again, it is the same text.
    #[must_use]
    pub fn parse(text: &str, default_key: &'static str) -> Self {
        let mut properties = Self::new(default_key);
        if !text.is_empty() {
            properties.parts = text.split(',').map(Part::read).collect();
        }
        properties
    }

    /// Reads what an answer holds: a text, a number (`memory` before qemu-server 8.0.8), nothing, or an object,
    /// as backup jobs and the cluster's options spell their property strings.
    pub fn of_json(json: &Json, default_key: &'static str) -> Result<Self, BadValue> {
        let object = match json {
            Json::Object(object) => object,
            Json::Null => return Ok(Self::new(default_key)),
            Json::Array(_) => return Err(BadValue(json.to_string())),
            other => return Ok(Self::parse(&scalar(other), default_key)),
        };
        let mut properties = Self::new(default_key);
        for (key, value) in object {
            let value: Text = scalar(value).parse()?;
            properties.parts.push(Part {
                key: Some(key.parse::<Text>()?.into_string()),
                value: value.into_string(),
            });
        }
        Ok(properties)
    }

    /// The value of a key, the first one if it is there twice.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.position(&[key]).map(|at| self.parts[at].value.as_str())
    }

    /// Keys and values in their order, bare values under the default key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parts
            .iter()
            .filter(|p| !p.is_blank())
            .map(|p| (self.key_of(p), p.value.as_str()))
    }

    /// Changes a value where it stands, or adds it at the end: bare if the key is the default one and the
    /// string is empty, else with its key.
    pub fn set(&mut self, key: &str, value: impl Into<String>) -> Result<(), BadValue> {
        self.put(&[key], value.into().parse()?);
        Ok(())
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) {
        self.remove_all(&[key]);
    }

    /// Whether both have the same keys with the same values in the same order.
    #[must_use]
    pub fn says_as_much_as(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }

    /// Parts that no format would accept.
    #[must_use]
    pub fn complaints(&self) -> Vec<BadProperty> {
        let wrong = |part: &Part| match &part.key {
            Some(key) if key.is_empty() || part.value.is_empty() => {
                let text = format!("{key}={}", part.value);
                Some(BadProperty::new(key, Reason::Malformed(text)))
            }
            None if self.default_key.is_empty() => {
                Some(BadProperty::new("", Reason::Keyless(part.value.clone())))
            }
            _ => None,
        };
        let real = self.parts.iter().filter(|p| !p.is_blank());
        real.filter_map(wrong).collect()
    }

    /// The values that stand under any of these names of one key.
    pub(super) fn values<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(|(key, _)| names.contains(key))
            .map(|(_, value)| value)
    }

    /// Puts the value under the name that stands there already, else at the end under the first name. Further
    /// parts of that key go.
    pub(in crate::hypervisor::proxmox) fn put(&mut self, names: &[&str], value: Text) {
        let Some(name) = names.first() else { return };
        let bare_fits = !value.as_str().contains('=');
        let key = match self.first(names).map(|part| &part.key) {
            Some(None) if !bare_fits => Some(self.default_key.to_owned()),
            Some(key) => key.clone(),
            None if *name == self.default_key && bare_fits && self.iter().next().is_none() => None,
            None => Some((*name).to_owned()),
        };
        self.place(names, key, value);
    }

    /// Puts `key=value` where any of these names stands, else at the end. Further parts of these names go.
    pub(in crate::hypervisor::proxmox) fn put_as(&mut self, names: &[&str], key: &str, value: Text) {
        self.place(names, Some(key.to_owned()), value);
    }

    /// Takes out all parts under these names.
    pub(in crate::hypervisor::proxmox) fn remove_all(&mut self, names: &[&str]) {
        let default_key = self.default_key;
        self.parts.retain(|part| !part.is_one_of(names, default_key));
    }

    fn place(&mut self, names: &[&str], key: Option<String>, value: Text) {
        let default_key = self.default_key;
        let part = Part {
            key,
            value: value.into_string(),
        };
        let Some(at) = self.position(names) else {
            if self.iter().next().is_none() {
                self.parts.clear();
            }
            self.parts.push(part);
            return;
        };
        let mut index = 0..;
        self.parts
            .retain(|part| index.next() <= Some(at) || !part.is_one_of(names, default_key));
        self.parts[at] = part;
    }

    fn key_of<'a>(&self, part: &'a Part) -> &'a str {
        part.key.as_deref().unwrap_or(self.default_key)
    }

    fn first(&self, names: &[&str]) -> Option<&Part> {
        self.position(names).map(|at| &self.parts[at])
    }

    fn position(&self, names: &[&str]) -> Option<usize> {
        self.parts
            .iter()
            .position(|part| part.is_one_of(names, self.default_key))
    }
}

fn scalar(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Bool(truth) => u8::from(*truth).to_string(),
        Json::Null => String::new(),
        other => other.to_string(),
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
    use serde_json::json;

    use super::*;

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z0-9:/._-]{1,12}",
            ("[a-z][a-z0-9_-]{0,8}", "[a-zA-Z0-9:/._=+;-]{0,12}").prop_map(|(k, v)| format!("{k}={v}")),
        ]
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_it_was_read(text in prop_oneof!["\\PC{0,60}", "[a-c=, \n]{0,20}"]) {
            prop_assert_eq!(Properties::parse(&text, "file").to_string(), text);
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
    fn a_bare_value_that_would_look_like_a_key_gets_its_own() {
        let mut cpu = Properties::parse("host,hidden=1", "cputype");
        cpu.set("cputype", "a=b").unwrap();
        assert_eq!(cpu.to_string(), "cputype=a=b,hidden=1");
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

    #[test]
    fn a_key_that_stood_there_twice_is_set_once() {
        let mut net = Properties::parse("tag=1,bridge=a,tag=2, ,tag=3", "model");
        net.set("tag", "4").unwrap();
        assert_eq!(net.to_string(), "tag=4,bridge=a, ");
    }

    #[test]
    fn blank_text_is_kept_until_there_is_something_to_say() {
        let mut boot = Properties::parse(" ", "legacy");
        assert_eq!((boot.to_string().as_str(), boot.iter().count()), (" ", 0));
        boot.set("order", "net0").unwrap();
        assert_eq!(boot.to_string(), "order=net0");
    }

    #[test]
    fn parts_that_no_format_accepts_are_told() {
        let told = |text: &str, default_key| Properties::parse(text, default_key).complaints().len();
        assert_eq!(told("1,a=b, ,c=d", "enabled"), 0);
        assert_eq!(told("=b,c=", "enabled"), 2);
        assert_eq!(told("1", ""), 1);
    }

    #[test]
    fn answers_hold_them_as_texts_numbers_and_objects() {
        for (json, text) in [
            (json!("keep-last=3"), "keep-last=3"),
            (
                json!({"keep-last": "3", "keep-daily": 7, "keep-all": false}),
                "keep-all=0,keep-daily=7,keep-last=3",
            ),
            (json!(2048), "2048"),
            (json!(null), ""),
        ] {
            assert_eq!(
                Properties::of_json(&json, "").unwrap().to_string(),
                text,
                "{json}"
            );
        }
        assert!(Properties::of_json(&json!({"a": "b,c=d"}), "").is_err());
        assert!(Properties::of_json(&json!({"a": [1, 2]}), "").is_err());
        assert!(Properties::of_json(&json!(["a=1"]), "").is_err());
    }
}
