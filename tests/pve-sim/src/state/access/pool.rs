//! Pools: guests and storages under a name. What somebody may on a pool he may on its members.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// One pool.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Pool {
    pub(crate) comment: Option<String>,
    pub(crate) guests: BTreeSet<u32>,
    pub(crate) storages: BTreeSet<String>,
}

/// All pools. A guest is in one at most; a storage may be in several.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Pools {
    pools: BTreeMap<String, Pool>,
    /// The pool of each guest that is in one.
    of_guest: BTreeMap<u32, String>,
}

impl Pools {
    pub(crate) fn get(&self, id: &str) -> Option<&Pool> {
        self.pools.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Pool> {
        self.pools.get_mut(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Pool)> {
        self.pools.iter().map(|(id, pool)| (id.as_str(), pool))
    }

    /// The pool that a guest is in.
    pub(crate) fn of(&self, vmid: u32) -> Option<&str> {
        self.of_guest.get(&vmid).map(String::as_str)
    }

    /// The guests that are in a pool.
    pub(super) fn guests(&self) -> impl Iterator<Item = u32> {
        self.of_guest.keys().copied()
    }

    /// The pools that a storage is in.
    pub(super) fn of_storage(&self, storage: &str) -> impl Iterator<Item = &str> {
        let holding = self
            .iter()
            .filter(move |(_, pool)| pool.storages.contains(storage));
        holding.map(|(id, _)| id)
    }

    pub(crate) fn create(&mut self, id: &str, comment: Option<String>) {
        let pool = Pool {
            comment,
            ..Pool::default()
        };
        self.pools.insert(id.to_owned(), pool);
    }

    pub(crate) fn remove(&mut self, id: &str) {
        if let Some(pool) = self.pools.remove(id) {
            for vmid in pool.guests {
                self.of_guest.remove(&vmid);
            }
        }
    }

    /// Puts a guest into a pool, out of the one that it was in. Nothing if there is no such pool.
    pub(crate) fn add_guest(&mut self, vmid: u32, id: &str) {
        if self.pools.contains_key(id) {
            self.remove_guest(vmid);
            self.of_guest.insert(vmid, id.to_owned());
            if let Some(pool) = self.pools.get_mut(id) {
                pool.guests.insert(vmid);
            }
        }
    }

    /// Takes a guest out of its pool.
    pub(crate) fn remove_guest(&mut self, vmid: u32) {
        if let Some(pool) = self.of_guest.remove(&vmid).and_then(|id| self.pools.get_mut(&id)) {
            pool.guests.remove(&vmid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_in_one_pool_at_most() {
        let mut pools = Pools::default();
        pools.create("one", None);
        pools.create("two", None);
        pools.add_guest(100, "one");
        pools.add_guest(100, "two");
        pools.add_guest(101, "none");
        assert_eq!(pools.of(100), Some("two"));
        assert!(pools.get("one").unwrap().guests.is_empty());
        assert_eq!(pools.of(101), None);
        pools.remove("two");
        assert_eq!(pools.of(100), None);
    }
}
