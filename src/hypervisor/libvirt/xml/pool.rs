//! Storage pools.

use super::tree::{Element, ReadXml};
use super::units;

/// A storage pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its type (`dir`, `logical`).
    pub kind: String,
    /// Its UUID.
    pub uuid: Option<uuid::Uuid>,
    /// The folder where its volumes lie, of pools that have one.
    pub target: Option<String>,
    /// Its size in bytes; 0 where it is not known.
    pub capacity: u64,
    /// How much of that is used, in bytes.
    pub allocation: u64,
    /// How much is free, in bytes.
    pub available: u64,
}

impl Pool {
    /// Reads a storage pool.
    pub fn read(text: &str) -> Result<Self, ReadXml> {
        let pool = Element::read(text, "pool")?;
        let size = |name: &str| {
            let bytes = pool.child(name).and_then(|size| units::bytes(size, "bytes"));
            bytes.unwrap_or_default()
        };
        let name = pool.text_of("name").filter(|name| !name.is_empty());
        let target = pool.child("target").and_then(|target| target.text_of("path"));
        Ok(Self {
            name: name.ok_or(ReadXml::Lacks("name"))?,
            kind: pool.attribute("type").unwrap_or_default().to_owned(),
            uuid: pool.text_of("uuid").and_then(|uuid| uuid.parse().ok()),
            target: target.filter(|path| !path.is_empty()),
            capacity: size("capacity"),
            allocation: size("allocation"),
            available: size("available"),
        })
    }

    /// Whether its volumes are block devices, not files.
    #[must_use]
    pub fn is_block(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "logical" | "disk" | "iscsi" | "scsi" | "mpath" | "zfs"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_read() {
        let text = include_str!("samples/pool.xml");
        let pool = Pool::read(text).unwrap();
        assert_eq!((pool.name.as_str(), pool.kind.as_str()), ("default", "dir"));
        assert_eq!(pool.target.as_deref(), Some("/var/lib/libvirt/images"));
        assert_eq!(pool.capacity, 270_553_174_016);
        assert_eq!(pool.allocation, 48_794_075_136);
        assert_eq!(pool.available, 221_759_098_880);
        assert!(!pool.is_block());
        assert!(
            Pool::read("<pool type='logical'><name>vg</name></pool>")
                .unwrap()
                .is_block()
        );
    }

    #[test]
    fn a_pool_needs_a_name() {
        let nameless = Pool::read("<pool type='dir'><name> </name></pool>");
        assert_eq!(nameless, Err(ReadXml::Lacks("name")));
    }
}
