//! Virtual networks.

use super::tree::{Element, ReadXml};

/// A virtual network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: Option<uuid::Uuid>,
    /// The bridge on the host that it is made of.
    pub bridge: Option<String>,
    /// How it reaches others (`nat`, `route`, `bridge`); absent: not at all.
    pub forward: Option<String>,
}

impl Network {
    /// Reads a virtual network.
    pub fn read(text: &str) -> Result<Self, ReadXml> {
        let network = Element::read(text, "network")?;
        let name = network.text_of("name").filter(|name| !name.is_empty());
        // A network that forwards without saying how does so by NAT (libvirt, `formatnetwork`).
        let forward = network
            .child("forward")
            .map(|forward| forward.attribute("mode").unwrap_or("nat").to_owned());
        Ok(Self {
            name: name.ok_or(ReadXml::Lacks("name"))?,
            uuid: network.text_of("uuid").and_then(|uuid| uuid.parse().ok()),
            bridge: network.attribute_of("bridge", "name").map(str::to_owned),
            forward,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read() {
        let network = Network::read(include_str!("samples/network.xml")).unwrap();
        assert_eq!(network.name, "n1");
        assert_eq!(network.bridge.as_deref(), Some("virbrt0"));
        assert_eq!(network.forward.as_deref(), Some("nat"));
        let closed = Network::read("<network><name>inner</name></network>").unwrap();
        assert_eq!((closed.bridge, closed.forward), (None, None));
        let plain = Network::read("<network><name>n</name><forward/></network>").unwrap();
        assert_eq!(plain.forward.as_deref(), Some("nat"));
    }
}
