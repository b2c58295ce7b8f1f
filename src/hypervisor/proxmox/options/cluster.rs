//! Options of the cluster that are property strings: `/cluster/options` (pve-cluster, `DataCenterConfig.pm`).

use crate::hypervisor::proxmox::property::{Number, Text, Whole, choices, property_string, words};

choices! {
    /// How nodes speak when they copy guests.
    ConnectionType {
        /// Over SSH.
        Secure = "secure",
        /// Without encryption.
        Insecure = "insecure",
    }

    /// What becomes of HA's guests when a node is shut down.
    ShutdownPolicy {
        /// They wait for it.
        Freeze = "freeze",
        /// They go elsewhere at once.
        Failover = "failover",
        /// They wait for a reboot, and go elsewhere else.
        Conditional = "conditional",
        /// They are migrated before.
        Migrate = "migrate",
    }

    /// What HA looks at when it chooses a node.
    SchedulingMode {
        /// The number of guests.
        Basic = "basic",
        /// What the guests are allowed to use.
        Static = "static",
        /// What the guests use, from 9.2.
        Dynamic = "dynamic",
    }

    /// How HA chooses what to move, from 9.2.
    Rebalance {
        /// It tries everything.
        BruteForce = "bruteforce",
        /// By TOPSIS.
        Topsis = "topsis",
    }

    /// The order in which tags are shown.
    TagOrder {
        /// As they stand in the configuration, and no longer sorted when stored.
        Config = "config",
        /// By name.
        Alphabetical = "alphabetical",
    }

    /// How tags are shown.
    TagShape {
        /// In full.
        Full = "full",
        /// As a circle.
        Circle = "circle",
        /// As a bar.
        Dense = "dense",
        /// Not at all.
        None = "none",
    }

    /// Which tags a user without further rights may set.
    TagAccess {
        /// None.
        None = "none",
        /// Those of a list.
        List = "list",
        /// Those, and such as a guest has already.
        Existing = "existing",
        /// All that are not registered.
        Free = "free",
    }
}

words! {
    /// A network: `192.0.2.0/24`.
    NetworkAddress: "a network (address/prefix)",
        |text| text.split_once('/').is_some_and(|(address, prefix)| {
            address.parse::<std::net::IpAddr>().is_ok() && prefix.parse::<u8>().is_ok_and(|bits| bits <= 128)
        }),
        "192\\.0\\.2\\.[0-9]/(24|32)";
}

property_string! {
    /// How guests are copied between nodes: `migration`, and `replication` from 9.1.
    Traffic, "type" {
        /// How nodes speak.
        kind: ConnectionType = "type", required;
        /// The network over which they do.
        network: NetworkAddress = "network";
    }
}

property_string! {
    /// Settings of HA: `ha`.
    ClusterHa, "" {
        /// What becomes of guests when a node is shut down.
        shutdown_policy: ShutdownPolicy = "shutdown_policy", required;
    }
}

property_string! {
    /// How HA chooses nodes: `crs`.
    Scheduling, "" {
        /// What it looks at.
        ha: SchedulingMode = "ha";
        /// Whether it chooses again when a guest is started.
        ha_rebalance_on_start: bool = "ha-rebalance-on-start";
        /// Whether it moves guests that run, from 9.2.
        ha_auto_rebalance: bool = "ha-auto-rebalance";
        /// For how many rounds an imbalance must last.
        ha_auto_rebalance_hold_duration: Number = "ha-auto-rebalance-hold-duration";
        /// By how much, in per cent, a move must make it better.
        ha_auto_rebalance_margin: Number = "ha-auto-rebalance-margin";
        /// How it chooses what to move.
        ha_auto_rebalance_method: Rebalance = "ha-auto-rebalance-method";
        /// From which imbalance on, in per cent.
        ha_auto_rebalance_threshold: Number = "ha-auto-rebalance-threshold";
    }
}

property_string! {
    /// Which numbers are given to new guests: `next-id`.
    NextId, "" {
        /// The least one.
        lower: Whole<100, 999_999_999> = "lower";
        /// The first one that is not given any more.
        upper: Whole<100, 1_000_000_000> = "upper";
    }
}

property_string! {
    /// How tags are shown and stored: `tag-style`, from 7.3.
    TagStyle, "" {
        /// Whether case counts. If not, tags are stored in lower case.
        case_sensitive: bool = "case-sensitive";
        /// Their colours: `tag:background[:text]`, separated by `;`.
        color_map: Text = "color-map";
        /// Their order.
        ordering: TagOrder = "ordering";
        /// How they are shown.
        shape: TagShape = "shape";
    }
}

property_string! {
    /// Which tags users may set: `user-tag-access`, from 7.3.
    UserTagAccess, "" {
        /// Which.
        user_allow: TagAccess = "user-allow";
        /// The list, separated by `;`.
        user_allow_list: Text = "user-allow-list";
    }
}
