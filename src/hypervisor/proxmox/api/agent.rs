//! What the agent inside a virtual machine is asked. Without an agent, all of it is refused.

use secrecy::SecretString;
use serde_json::Value;

use super::request::{answers, guest_changes, requests, wire_name};
use crate::model::{NodeName, Vmid};

requests! {
    /// The interfaces inside a virtual machine.
    Get "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces" AgentInterfaces
        (node: NodeName, vmid: Vmid) {} -> AgentResult<Vec<AgentInterface>>;

    /// The system inside a virtual machine.
    Get "/nodes/{node}/qemu/{vmid}/agent/get-osinfo" AgentSystem
        (node: NodeName, vmid: Vmid) {} -> AgentResult<AgentOsInfo>;

    /// How far a program is that the agent was told to run.
    Get "/nodes/{node}/qemu/{vmid}/agent/exec-status" AgentExecStatus (node: NodeName, vmid: Vmid;
        /// Its number, from the answer to the start.
        pid: u64
    ) {} -> AgentExit;

    /// Whether the agent answers.
    Post "/nodes/{node}/qemu/{vmid}/agent/ping" AgentPing (node: NodeName, vmid: Vmid) {} -> AgentResult<Value>;
}

guest_changes! {
    /// Runs a program inside a virtual machine (from 8.0: before, the program was one text).
    Post "/nodes/{node}/qemu/{vmid}/agent/exec" AgentExec (;
        /// The program and its arguments, which may be secret.
        command: Vec<SecretString>
    ) {
        /// What it gets on its standard input.
        input_data: Option<SecretString>,
    } while fresh -> AgentPid;
}

answers! {
    /// The number of a program inside a virtual machine.
    AgentPid {
        /// The number.
        pid: u64,
    }

    /// How far a program is.
    AgentExit {
        /// Whether it has ended.
        exited: bool,
        /// What it returned.
        exitcode: Option<i64>,
        /// The signal that ended it.
        signal: Option<i64>,
        /// Its standard output.
        out_data: Option<String>,
        /// Its standard error.
        err_data: Option<String>,
        /// Whether the output is cut.
        out_truncated: Option<bool>,
    }

    /// An interface inside a virtual machine.
    AgentInterface {
        /// Its name.
        name: String,
        /// Its MAC address.
        hardware_address: Option<String>,
        /// Its addresses.
        ip_addresses: Option<Vec<AgentAddress>>,
    }

    /// An address.
    AgentAddress {
        /// Itself.
        ip_address: String,
        /// `ipv4` or `ipv6`; of containers `inet` or `inet6`.
        ip_address_type: Option<String>,
        /// The length of the prefix.
        prefix: Option<u32>,
    }

    /// The system inside a virtual machine.
    AgentOsInfo {
        /// `debian`, `mswindows`.
        id: Option<String>,
        /// Its name.
        name: Option<String>,
        /// Its name with the version.
        pretty_name: Option<String>,
        /// The version's number.
        version_id: Option<String>,
        /// The kernel.
        kernel_release: Option<String>,
        /// The processor's architecture.
        machine: Option<String>,
    }
}

/// The agent's own envelope.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct AgentResult<T> {
    /// What it said.
    pub result: T,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_is_given_is_not_shown() {
        let run = AgentExec {
            input_data: Some("s3cret".into()),
            ..AgentExec::new(vec!["passwd".into(), "s3cret".into()])
        };
        assert!(!format!("{run:?}").contains("s3cret"));
    }
}
