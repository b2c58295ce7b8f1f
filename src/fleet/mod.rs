//! The live picture of every host: one watcher a cluster, bulk snapshots, change events, budgets.
