//! Pools: guests and storages that rights and jobs name together.

use super::parameter::List;
use super::request::{answers, requests, wire_name};
use crate::model::{NodeName, Vmid};

requests! {
    /// The pools that the caller may see, or one with its members (from 8.1).
    Get "/pools" Pools () {
        /// This one, with its members.
        poolid: Option<String>,
    } -> Vec<Pool>;

    /// One pool with its members, in the form that 7.4 knows.
    Get "/pools/{poolid}" PoolInfo (poolid: String) {} -> PoolMembers;

    /// Makes a pool.
    Post "/pools" CreatePool (;
        /// Its name.
        poolid: String
    ) {
        /// For people.
        comment: Option<String>,
    } -> ();

    /// Adds members, or takes them out (from 8.1).
    Put "/pools" UpdatePool (;
        /// Its name.
        poolid: String
    ) {
        /// Guests by their numbers.
        vms: List,
        /// Storages.
        storage: List,
        /// Takes them out, instead of adding them.
        delete: Option<bool>,
        /// Takes guests out of the pool that they are in.
        allow_move: Option<bool>,
        /// For people.
        comment: Option<String>,
    } -> ();

    /// Likewise, in the form that 7.4 knows.
    Put "/pools/{poolid}" UpdatePoolByPath (poolid: String) {
        /// Guests by their numbers.
        vms: List,
        /// Storages.
        storage: List,
        /// Takes them out, instead of adding them.
        delete: Option<bool>,
        /// For people.
        comment: Option<String>,
    } -> ();

    /// Removes an empty pool (from 8.1).
    Delete "/pools" DeletePool (;
        /// Its name.
        poolid: String
    ) {} -> ();

    /// Likewise, in the form that 7.4 knows.
    Delete "/pools/{poolid}" DeletePoolByPath (poolid: String) {} -> ();
}

answers! {
    /// A pool.
    Pool {
        /// Its name.
        poolid: String,
        /// For people.
        comment: Option<String>,
        /// Its members, where one pool was asked for.
        members: Option<Vec<PoolMember>>,
    }

    /// What a pool holds.
    PoolMembers {
        /// For people.
        comment: Option<String>,
        /// Its members that exist.
        members: Vec<PoolMember>,
    }

    /// A member of a pool.
    PoolMember {
        /// `qemu/100`, `storage/pve1/local`.
        id: String,
        /// `qemu`, `lxc` or `storage`.
        kind as "type": String,
        /// Where it is.
        node: Option<NodeName>,
        /// Of a guest: its number.
        vmid: Option<Vmid>,
        /// Of a storage: its name.
        storage: Option<String>,
    }
}
