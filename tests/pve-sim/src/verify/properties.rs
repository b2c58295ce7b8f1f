//! Property strings as parameters: `virtio=…,bridge=vmbr0` (`PVE::JSONSchema::parse_property_string`).

use std::collections::BTreeMap;

use super::kind::{Kind, Stated};
use super::param::Param;
use super::{MISSING, UNDEFINED};
use crate::release::Release;

/// The keys of a property string.
pub(crate) struct Properties {
    /// The key that a part without one stands for.
    pub(crate) default_key: Option<&'static str>,
    /// In one table or several, which others share.
    tables: &'static [&'static [Param]],
    own: &'static [Param],
    /// Other names of keys: alias, key.
    pub(crate) aliases: &'static [(&'static str, &'static str)],
    /// Names that stand for a key's value and give another key's value at once, as `virtio=AA:BB:…` does for `model` and
    /// `macaddr`: the names, the key that the name is the value of, the key that the value belongs to.
    pub(crate) named_values: Option<NamedValues>,
}

/// See [`Properties::named_values`].
pub(crate) struct NamedValues {
    pub(crate) names: &'static [&'static str],
    pub(crate) name_is: &'static str,
    pub(crate) value_is: &'static str,
}

impl Properties {
    /// Keys alone, one of which may be the default one.
    pub(crate) const fn new(default_key: Option<&'static str>, keys: &'static [Param]) -> Self {
        Self {
            default_key,
            tables: &[],
            own: keys,
            aliases: &[],
            named_values: None,
        }
    }

    /// Keys of several tables.
    pub(crate) const fn of_tables(
        default_key: Option<&'static str>,
        tables: &'static [&'static [Param]],
    ) -> Self {
        let mut properties = Self::new(default_key, &[]);
        properties.tables = tables;
        properties
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static Param> {
        let shared = self.tables.iter().flat_map(|table| table.iter());
        shared.chain(self.own)
    }

    /// With other names for some keys: alias, key.
    pub(crate) const fn aliases(mut self, aliases: &'static [(&'static str, &'static str)]) -> Self {
        self.aliases = aliases;
        self
    }

    /// With names that give two values at once.
    pub(crate) const fn named_values(mut self, named: NamedValues) -> Self {
        self.named_values = Some(named);
        self
    }

    /// Key and value of every part, aliases resolved; or Proxmox's sentence.
    pub(crate) fn parse(&self, text: &str) -> Result<BTreeMap<String, String>, String> {
        let mut found = BTreeMap::new();
        let mut insert = |key: &str, value: &str| match found.insert(key.to_owned(), value.to_owned()) {
            None => Ok(()),
            Some(_) => Err(format!("duplicate key in comma-separated list property: {key}\n")),
        };
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            match part.split_once('=') {
                Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                    let named = self.named_values.as_ref().filter(|n| n.names.contains(&key));
                    if let Some(named) = named {
                        insert(named.name_is, key)?;
                        insert(named.value_is, value)?;
                    } else {
                        let alias = self.aliases.iter().find(|(alias, _)| *alias == key);
                        insert(alias.map_or(key, |(_, key)| key), value)?;
                    }
                }
                Some(_) => return Err("missing key in comma-separated list property\n".to_owned()),
                None => match self.default_key {
                    Some(key) => insert(key, part)?,
                    None => {
                        return Err(
                            "value without key, but schema does not define a default key\n".to_owned()
                        );
                    }
                },
            }
        }
        Ok(found)
    }

    /// Whether a key is a boolean, which Proxmox shows as a number.
    pub(crate) fn is_boolean(&self, release: Release, name: &str) -> bool {
        let mut known = self.keys().filter(|key| key.is_in(release));
        known.any(|key| key.is_named(name) && matches!(key.kind(), Kind::Boolean))
    }

    /// The text as Proxmox prints it when it has taken it apart: the default key first, then those that are needed, then
    /// the rest by name (`print_property_string`). A text that can't be taken apart stays as it is.
    pub(crate) fn print(&self, text: &str) -> String {
        match self.parse(text) {
            Ok(found) => self.join(found),
            Err(_) => text.to_owned(),
        }
    }

    /// Keys and values as a property string.
    pub(crate) fn join(&self, mut found: BTreeMap<String, String>) -> String {
        for (key, value) in &mut found {
            if let Some(param) = self.keys().find(|param| param.is_named(key)) {
                *value = boolean_words(param.kind(), value).to_owned();
            }
        }
        let mut parts = Vec::new();
        if let Some(named) = &self.named_values
            && let Some(value) = found.remove(named.value_is)
            && let Some(name) = found.remove(named.name_is)
        {
            parts.push(format!("{name}={value}"));
        }
        parts.extend(self.default_key.and_then(|key| found.remove(key)));
        let is_needed = |key: &str| {
            self.keys()
                .any(|param| param.is_named(key) && !param.is_optional())
        };
        let (needed, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|(key, _)| is_needed(key));
        parts.extend(
            needed
                .into_iter()
                .chain(rest)
                .map(|(key, value)| format!("{key}={value}")),
        );
        parts.join(",")
    }

    /// The sentence for what is wrong with the text, without `invalid format - `.
    pub(super) fn check(&self, release: Release, name: &str, text: &str) -> Result<(), String> {
        let found = self.parse(text)?;
        let known = || self.keys().filter(|key| key.is_in(release));
        let mut errors = String::new();
        let mut wrong = |key: &str, error: &str| {
            let end = if error.ends_with('\n') { "" } else { "\n" };
            errors.extend([name, ".", key, ": ", error, end]);
        };
        for (key, value) in &found {
            match known().find(|param| param.is_named(key)) {
                None => wrong(key, UNDEFINED),
                Some(param) => {
                    let value = boolean_words(param.kind(), value);
                    if let Err(error) = param.kind().check(release, key, value) {
                        wrong(key, &error);
                    }
                    if let Some(other) = param.required().filter(|other| !found.contains_key(*other)) {
                        wrong(other, &format!("missing property required by '{key}'"));
                    }
                }
            }
        }
        for param in known().filter(|param| !param.is_optional() && !found.contains_key(param.name())) {
            wrong(param.name(), MISSING);
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(format!("format error\n{errors}"))
        }
    }

    pub(super) fn stated(&self, release: Release) -> Vec<Stated> {
        let known = self.keys().filter(|key| key.is_in(release));
        known.map(|key| key.stated(release)).collect()
    }
}

/// Inside property strings, and only there, booleans may be words (`parse_boolean`).
fn boolean_words<'a>(kind: &Kind, value: &'a str) -> &'a str {
    match (kind, value.to_ascii_lowercase().as_str()) {
        (Kind::Boolean, "on" | "yes" | "true") => "1",
        (Kind::Boolean, "off" | "no" | "false") => "0",
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TEXT, may, need};
    use super::*;

    const CARD: Properties = Properties::new(
        Some("model"),
        &[
            need("model", Kind::Enum(&["virtio", "e1000"])),
            may("macaddr", TEXT),
            may("firewall", Kind::Boolean),
            may("tag", Kind::Integer(1, 4094)),
        ],
    )
    .named_values(NamedValues {
        names: &["virtio", "e1000"],
        name_is: "model",
        value_is: "macaddr",
    });

    fn check(text: &str) -> Result<(), String> {
        CARD.check(Release::V9_2, "net0", text)
    }

    #[test]
    fn a_name_can_give_two_values() {
        assert_eq!(check("virtio=AA:BB,firewall=on"), Ok(()));
        assert_eq!(check("virtio,tag=2"), Ok(()));
    }

    #[test]
    fn every_mistake_gets_a_line() {
        let expected = "format error\nnet0.tag: value must have a maximum value of 4094\nnet0.x: property is not defined in schema and the schema does not allow additional properties\nnet0.model: property is missing and it is not optional\n";
        assert_eq!(check("tag=5000,x=1"), Err(expected.to_owned()));
    }

    #[test]
    fn it_is_printed_with_its_keys_in_order() {
        let printed = CARD.print("tag=2,e1000=AA:BB,firewall=on");
        assert_eq!(printed, "e1000=AA:BB,firewall=1,tag=2");
        assert_eq!(CARD.print("virtio,tag=2"), "virtio,tag=2");
    }

    #[test]
    fn a_key_comes_once() {
        assert_eq!(
            check("virtio,e1000=AA:BB"),
            Err("duplicate key in comma-separated list property: model\n".to_owned())
        );
    }
}
