//! Which storage a volume goes to: `targetstorage`, as `1`, `ssd` or `local:ssd,nfs:nfs2`
//! (`PVE::JSONSchema::parse_idmap`).

use std::collections::BTreeMap;

/// Storages by storage; without any, each volume stays on its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StorageMap {
    entries: BTreeMap<String, String>,
    default: Option<String>,
}

impl StorageMap {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut map = Self::default();
        let mut identity = false;
        for entry in text.split([',', ';', ' ', '\0']).filter(|e| !e.is_empty()) {
            match entry.split_once(':') {
                None if entry == "1" => identity = true,
                Some((from, to)) => {
                    if map.entries.insert(from.to_owned(), to.to_owned()).is_some() {
                        return Err(format!("duplicate mapping for source '{from}'\n"));
                    }
                }
                None => {
                    if map.default.replace(entry.to_owned()).is_some() {
                        return Err("default target ID can only be provided once\n".to_owned());
                    }
                }
            }
        }
        if identity && !map.is_identity() {
            return Err("identity mapping cannot be combined with other mappings\n".to_owned());
        }
        Ok(map)
    }

    pub(super) fn is_identity(&self) -> bool {
        self.entries.is_empty() && self.default.is_none()
    }

    /// Where volumes of a storage go.
    pub(super) fn of<'a>(&'a self, storage: &'a str) -> &'a str {
        let mapped = self.entries.get(storage).or(self.default.as_ref());
        mapped.map_or(storage, String::as_str)
    }

    /// Every storage that it names as a target.
    pub(super) fn targets(&self) -> impl Iterator<Item = &String> {
        self.entries.values().chain(&self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_counts_before_the_default() {
        let map = StorageMap::parse("local:ssd,slow").unwrap();
        assert_eq!((map.of("local"), map.of("other")), ("ssd", "slow"));
        assert!(!map.is_identity());
    }

    #[test]
    fn one_leaves_everything_where_it_is() {
        let map = StorageMap::parse("1").unwrap();
        assert!(map.is_identity());
        assert_eq!(map.of("local"), "local");
        assert!(StorageMap::parse("1,ssd").is_err());
    }
}
