//! The firewall of a guest: whether it is on, and its rules in their order.

use super::kinds::Kind;
use super::parameter::{List, groups, words};
use super::request::{answers, guest_changes, requests, wire_name};
use crate::model::{NodeName, Vmid};

words! {
    /// What happens with packets that no rule is for.
    FirewallPolicy {
        /// They pass.
        Accept = "ACCEPT",
        /// They are refused.
        Reject = "REJECT",
        /// They vanish.
        Drop = "DROP",
    }

    /// Where a rule counts.
    RuleDirection {
        /// On what comes in.
        In = "in",
        /// On what goes out.
        Out = "out",
        /// As the rules of a group.
        Group = "group",
    }
}

groups! {
    /// What a rule may say besides direction and action.
    RuleSettings {
        /// Whether it is in force: 0 or 1.
        enable: Option<u32>,
        /// From where.
        source: Option<String>,
        /// To where.
        dest: Option<String>,
        /// The protocol.
        proto: Option<String>,
        /// The ports from where.
        sport: Option<String>,
        /// The ports to where.
        dport: Option<String>,
        /// The interface: `net0`.
        iface: Option<String>,
        /// A service by its name: `SSH`.
        macro_name as "macro": Option<String>,
        /// For people.
        comment: Option<String>,
    }
}

requests! {
    /// The settings of a guest's firewall.
    Get "/nodes/{node}/{kind}/{vmid}/firewall/options" FirewallOptions
        (kind: Kind, node: NodeName, vmid: Vmid) {} -> FirewallSettings;

    /// The rules of a guest's firewall.
    Get "/nodes/{node}/{kind}/{vmid}/firewall/rules" FirewallRules
        (kind: Kind, node: NodeName, vmid: Vmid) {} -> Vec<FirewallRule>;
}

guest_changes! {
    /// Changes the settings of a guest's firewall. The digest is the firewall's own.
    Put "/nodes/{node}/{kind}/{vmid}/firewall/options" UpdateFirewallOptions (kind: Kind) {
        /// Whether it is on.
        enable: Option<bool>,
        /// What comes in without a rule.
        policy_in as "policy_in": Option<FirewallPolicy>,
        /// What goes out without a rule.
        policy_out as "policy_out": Option<FirewallPolicy>,
        /// Whether DHCP is let through.
        dhcp: Option<bool>,
        /// Whether only known MAC addresses may send.
        macfilter: Option<bool>,
        /// Whether only known addresses may send.
        ipfilter: Option<bool>,
        /// What is set no longer.
        delete: List,
        /// The digest of the settings that were read.
        digest: Option<String>,
    } while fresh -> ();

    /// Adds a rule, before all others if no place is given.
    Post "/nodes/{node}/{kind}/{vmid}/firewall/rules" CreateFirewallRule (kind: Kind;
        /// Where it counts.
        direction as "type": RuleDirection,
        /// `ACCEPT`, `DROP`, `REJECT`, or the name of a group.
        action: String
    ) {
        /// What else it says.
        settings: RuleSettings,
        /// Its place, from 0.
        pos: Option<u32>,
        /// The digest of the rules that were read.
        digest: Option<String>,
    } while fresh -> ();

    /// Changes a rule, or moves it.
    Put "/nodes/{node}/{kind}/{vmid}/firewall/rules/{pos}" UpdateFirewallRule (kind: Kind, pos: u32) {
        /// What is done.
        action: Option<String>,
        /// Where it counts.
        direction as "type": Option<RuleDirection>,
        /// What else it says.
        settings: RuleSettings,
        /// Its new place; then nothing else is changed.
        moveto: Option<u32>,
        /// What is set no longer.
        delete: List,
        /// The digest of the rules that were read.
        digest: Option<String>,
    } while fresh -> ();

    /// Removes a rule.
    Delete "/nodes/{node}/{kind}/{vmid}/firewall/rules/{pos}" DeleteFirewallRule (kind: Kind, pos: u32) {
        /// The digest of the rules that were read.
        digest: Option<String>,
    } while fresh -> ();
}

answers! {
    /// The settings of a guest's firewall.
    FirewallSettings {
        /// Whether it is on.
        enable: Option<bool>,
        /// What comes in without a rule.
        policy_in as "policy_in": Option<String>,
        /// What goes out without a rule.
        policy_out as "policy_out": Option<String>,
        /// Whether DHCP is let through.
        dhcp: Option<bool>,
        /// Whether only known MAC addresses may send.
        macfilter: Option<bool>,
        /// Whether only known addresses may send.
        ipfilter: Option<bool>,
        /// The digest for changes.
        digest: Option<String>,
    }

    /// A rule.
    FirewallRule {
        /// Its place, from 0.
        pos: u32,
        /// Where it counts.
        kind as "type": String,
        /// What is done.
        action: String,
        /// Whether it is in force.
        enable: Option<bool>,
        /// From where.
        source: Option<String>,
        /// To where.
        dest: Option<String>,
        /// The protocol.
        proto: Option<String>,
        /// The ports from where.
        sport: Option<String>,
        /// The ports to where.
        dport: Option<String>,
        /// The interface.
        iface: Option<String>,
        /// A service by its name.
        macro_name as "macro": Option<String>,
        /// For people.
        comment: Option<String>,
        /// The digest for changes.
        digest: Option<String>,
    }
}
