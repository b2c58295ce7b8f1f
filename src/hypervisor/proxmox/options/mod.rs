//! Property strings outside guests: retention and tuning of backups, limits of storages, options of the cluster.
//! In answers they are often objects (`{"keep-last":"3"}`), in requests always texts; reading takes both.

mod backup;
mod cluster;
mod limits;
mod retention;

pub use backup::{Fleecing, Performance};
pub use cluster::{
    ClusterHa, ConnectionType, NetworkAddress, NextId, Rebalance, Scheduling, SchedulingMode, ShutdownPolicy,
    TagAccess, TagOrder, TagShape, TagStyle, Traffic, UserTagAccess,
};
pub use limits::BandwidthLimits;
pub use retention::PruneBackups;
