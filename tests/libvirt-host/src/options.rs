//! What a host is to have.

/// What a host is to have; by default a storage pool alone, in a network namespace of its own.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) host_name: Option<String>,
    pub(crate) nat_network: bool,
    pub(crate) listening: bool,
    pub(crate) shared_network: bool,
}

impl Options {
    /// A host name of its own: two hosts that migrate guests to each other need different ones.
    #[must_use]
    pub fn host_name(mut self, name: impl Into<String>) -> Self {
        self.host_name = Some(name.into());
        self
    }

    /// A NAT network `default` with DHCP (192.168.177.0/24), in the host's own network namespace.
    #[must_use]
    pub fn nat_network(mut self) -> Self {
        self.nat_network = true;
        self
    }

    /// Listeners for TCP and TLS on loopback, on free ports. The host then has the machine's network.
    #[must_use]
    pub fn listening(mut self) -> Self {
        self.listening = true;
        self.shared_network()
    }

    /// The machine's network instead of one of its own.
    #[must_use]
    pub fn shared_network(mut self) -> Self {
        self.shared_network = true;
        self
    }

    /// A network in the machine's own namespace would leave a bridge and packet filter rules there.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        (self.nat_network && self.shared_network)
            .then_some("a NAT network needs a network namespace of its own, and listeners need the machine's")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nat_network_is_never_made_on_the_machine_itself() {
        assert!(Options::default().nat_network().contradiction().is_none());
        assert!(
            Options::default()
                .nat_network()
                .listening()
                .contradiction()
                .is_some()
        );
    }
}
