//! High availability: which guests are kept running, and under which rules.

use std::collections::BTreeMap;

use serde_json::Value;

use super::parameter::{List, groups, words};
use super::request::{answers, guest_changes, requests, wire_name};

words! {
    /// What a guest under HA is to be.
    HaState {
        /// Running.
        Started = "started",
        /// Stopped.
        Stopped = "stopped",
        /// An old word for running.
        Enabled = "enabled",
        /// Stopped, and not moved off a dead node.
        Disabled = "disabled",
        /// Left alone.
        Ignored = "ignored",
    }

    /// The sort of a rule.
    HaRuleType {
        /// Binds guests to nodes.
        NodeAffinity = "node-affinity",
        /// Keeps guests together or apart.
        ResourceAffinity = "resource-affinity",
    }
}

groups! {
    /// What can be set of a guest under HA.
    HaSettings {
        /// What it is to be.
        state: Option<HaState>,
        /// How often it may be restarted on a node.
        max_restart as "max_restart": Option<u32>,
        /// How often it may be moved after that.
        max_relocate as "max_relocate": Option<u32>,
        /// Whether it goes back to the node that it prefers (from 9.0).
        failback: Option<bool>,
        /// The group that it belongs to (up to 8.4).
        group: Option<String>,
        /// For people.
        comment: Option<String>,
    }

    /// What can be set of a rule, of either sort.
    HaRuleSettings {
        /// The guests, as `vm:100,ct:101`.
        resources: Option<String>,
        /// Of node affinity: the nodes, with priorities: `pve1:2,pve2`.
        nodes: Option<String>,
        /// Of node affinity: whether no other node will do.
        strict: Option<bool>,
        /// Of resource affinity: `positive` or `negative`.
        affinity: Option<String>,
        /// Whether it is out of force.
        disable: Option<bool>,
        /// For people.
        comment: Option<String>,
    }
}

requests! {
    /// The guests under HA.
    Get "/cluster/ha/resources" HaResources () {} -> Vec<HaResource>;

    /// One guest under HA.
    Get "/cluster/ha/resources/{sid}" HaResourceInfo (sid: String) {} -> HaResource;

    /// The rules of HA (from 9.0).
    Get "/cluster/ha/rules" HaRules () {
        /// Of this sort.
        kind as "type": Option<HaRuleType>,
        /// That concern this guest.
        resource: Option<String>,
    } -> Vec<HaRule>;

    /// One rule of HA (from 9.0).
    Get "/cluster/ha/rules/{rule}" HaRuleInfo (rule: String) {} -> HaRule;

    /// Makes a rule of HA (from 9.0).
    Post "/cluster/ha/rules" CreateHaRule (;
        /// Its name.
        rule: String,
        /// Its sort.
        kind as "type": HaRuleType
    ) {
        /// What it says.
        settings: HaRuleSettings,
    } -> ();

    /// Changes a rule of HA (from 9.0).
    Put "/cluster/ha/rules/{rule}" UpdateHaRule (rule: String;
        /// Its sort.
        kind as "type": HaRuleType
    ) {
        /// What it is to say.
        settings: HaRuleSettings,
        /// What it says no longer.
        delete: List,
    } -> ();

    /// Removes a rule of HA (from 9.0).
    Delete "/cluster/ha/rules/{rule}" DeleteHaRule (rule: String) {} -> ();

    /// What HA does now.
    Get "/cluster/ha/status/current" HaStatus () {} -> Vec<HaStatusRow>;
}

guest_changes! {
    /// Puts a guest under HA, which then starts or stops it.
    Post "/cluster/ha/resources" CreateHaResource of "sid" () {
        /// How.
        settings: HaSettings,
    } while fresh -> ();

    /// Changes what HA does with a guest.
    Put "/cluster/ha/resources/{sid}" UpdateHaResource () {
        /// What is to be.
        settings: HaSettings,
        /// What is set no longer.
        delete: List,
        /// The digest of what was read of HA.
        digest: Option<String>,
    } while fresh -> ();

    /// Takes a guest out of HA.
    Delete "/cluster/ha/resources/{sid}" DeleteHaResource () {} while fresh -> ();
}

answers! {
    /// A guest under HA.
    HaResource {
        /// `vm:100` or `ct:100`.
        sid: String,
        /// `vm` or `ct`.
        kind as "type": Option<String>,
        /// What it is to be.
        state: Option<String>,
        /// How often it may be restarted.
        max_restart as "max_restart": Option<u32>,
        /// How often it may be moved.
        max_relocate as "max_relocate": Option<u32>,
        /// Its group (up to 8.4).
        group: Option<String>,
        /// For people.
        comment: Option<String>,
        /// The digest for changes.
        digest: Option<String>,
    }

    /// A rule of HA. What `nodes` and `resources` come as depends on the version.
    HaRule {
        /// Its name.
        rule: String,
        /// Its sort.
        kind as "type": String,
        /// The guests, as a text or taken apart.
        resources: Option<Value>,
        /// The nodes, likewise.
        nodes: Option<Value>,
        /// Whether no other node will do.
        strict: Option<bool>,
        /// `positive` or `negative`.
        affinity: Option<String>,
        /// Whether it is out of force.
        disable: Option<bool>,
        /// For people.
        comment: Option<String>,
        /// What is wrong with it, by field.
        errors: Option<BTreeMap<String, Value>>,
    }

    /// A line of what HA does.
    HaStatusRow {
        /// `quorum`, `master`, `lrm:pve1`, `service:vm:100`.
        id: String,
        /// `quorum`, `master`, `lrm`, `service`, `fencing`.
        kind as "type": String,
        /// For people.
        status: Option<String>,
        /// Where.
        node: Option<String>,
        /// Of a guest: its name to HA.
        sid: Option<String>,
        /// Of a guest: what HA makes of it now.
        state: Option<String>,
        /// Of a guest: what it was asked to be.
        request_state as "request_state": Option<String>,
        /// Of a guest: what the manager decided.
        crm_state as "crm_state": Option<String>,
        /// Of the quorum: whether there is one.
        quorate: Option<bool>,
        /// When it was written, in seconds since 1970.
        timestamp: Option<i64>,
    }
}
