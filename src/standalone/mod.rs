//! A control plane of one's own, for people without a cluster.
