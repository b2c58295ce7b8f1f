//! What was read of single guests, beside the bulk list: configurations, addresses, and who wants them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use crate::hypervisor::Error;
use crate::model::{GuestAddress, GuestConfig, GuestIp};

/// A configuration and its age.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigReading {
    /// What was read.
    pub config: Arc<GuestConfig>,
    /// When the request was sent: the configuration is at least as new.
    pub read_at: Instant,
}

/// Addresses that a guest's agent reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The last ones that were seen since the guest's start.
    pub ips: BTreeSet<GuestIp>,
    /// Whether the agent answered when it was asked last.
    pub connected: bool,
}

/// What is wanted of a guest that Drover owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Its agent is enabled: addresses are asked after each start until found, and once a sweep.
    pub agent: bool,
    /// No address is known yet: ask now, as after a start. Counts when it becomes true, not each time.
    pub seek_addresses: bool,
}

/// What a number stands for, as far as can be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberPresence {
    /// No guest has it, said by a cluster with a majority before and after.
    Free,
    /// A guest has it.
    Taken,
    /// The cluster had no majority: nothing may be concluded.
    NotQuorate,
}

/// What is left after reading guests that were not read before.
#[derive(Debug, Default)]
pub struct Unread {
    /// How many of them are still unread.
    pub left: usize,
    /// Which could not be read, and why.
    pub failed: Vec<(GuestAddress, Error)>,
}
