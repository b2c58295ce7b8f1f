//! Volumes of a storage pool.

use super::tree::{Element, ReadXml, WriteXml};
use super::units;

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name within the pool.
    pub name: String,
    /// What it is, by the pool (`file`, `block`, `dir`).
    pub kind: String,
    /// What tells it from others on the host.
    pub key: String,
    /// Its path.
    pub path: String,
    /// The size that a domain sees, in bytes.
    pub capacity: u64,
    /// How much it takes up, in bytes.
    pub allocation: u64,
    /// Its format (`qcow2`), where the pool's volumes have one.
    pub format: Option<String>,
    /// The path of what it is laid over.
    pub backing: Option<String>,
    /// When its data were changed last, in seconds since 1970.
    pub modified: Option<i64>,
    /// When it or what is said of it was changed last, in seconds since 1970.
    pub changed: Option<i64>,
}

impl Volume {
    /// Reads a volume.
    pub fn read(text: &str) -> Result<Self, ReadXml> {
        let volume = Element::read(text, "volume")?;
        let size = |name: &str| {
            let bytes = volume.child(name).and_then(|size| units::bytes(size, "bytes"));
            bytes.unwrap_or_default()
        };
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let target = volume.child("target");
        let format = target.and_then(|target| target.attribute_of("format", "type"));
        let backing = volume
            .child("backingStore")
            .and_then(|backing| backing.text_of("path"));
        let time = |name: &str| {
            let times = target?.child("timestamps")?;
            // With its fraction: `1795837420.312015158`.
            let text = times.text_of(name)?;
            let seconds = text.split('.').next()?.parse().ok();
            seconds.filter(|seconds| *seconds > 0)
        };
        Ok(Self {
            name: some(volume.text_of("name")).ok_or(ReadXml::Lacks("name"))?,
            kind: volume.attribute("type").unwrap_or_default().to_owned(),
            key: volume.text_of("key").unwrap_or_default(),
            path: some(target.and_then(|target| target.text_of("path"))).ok_or(ReadXml::Lacks("path"))?,
            capacity: size("capacity"),
            allocation: size("allocation"),
            format: format.map(str::to_owned),
            backing: some(backing),
            modified: time("mtime"),
            changed: time("ctime"),
        })
    }
}

/// A volume to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewVolume<'a> {
    /// Its name within the pool.
    pub name: &'a str,
    /// The size that a domain is to see, in bytes.
    pub capacity: u64,
    /// Its format; the pool's own where absent.
    pub format: Option<&'a str>,
    /// The path and the format of what it is laid over.
    pub backing: Option<(&'a str, &'a str)>,
}

impl NewVolume<'_> {
    /// Writes it, so that what it takes up grows with what is written to it, where the pool can do that.
    pub fn write(&self) -> Result<String, WriteXml> {
        let size = |name: &str, bytes: u64| {
            let element = Element::new(name).with("unit", "bytes");
            element.saying(bytes.to_string())
        };
        let format = |format: &str| Element::new("format").with("type", format);
        let mut volume = Element::new("volume")
            .holding(Element::new("name").saying(self.name))
            .holding(size("capacity", self.capacity))
            .holding(size("allocation", 0));
        if let Some(name) = self.format {
            volume.push(Element::new("target").holding(format(name)));
        }
        if let Some((path, name)) = self.backing {
            let path = Element::new("path").saying(path);
            volume.push(Element::new("backingStore").holding(path).holding(format(name)));
        }
        volume.write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_read() {
        let volume = Volume::read(include_str!("samples/volume.xml")).unwrap();
        assert_eq!(
            volume,
            Volume {
                name: "a.qcow2".to_owned(),
                kind: "file".to_owned(),
                key: "/var/lib/libvirt/images/a.qcow2".to_owned(),
                path: "/var/lib/libvirt/images/a.qcow2".to_owned(),
                capacity: 67_108_864,
                allocation: 200_704,
                format: Some("qcow2".to_owned()),
                backing: Some("/var/lib/libvirt/images/base.qcow2".to_owned()),
                modified: Some(1_795_837_420),
                changed: Some(1_795_837_420),
            }
        );
    }

    #[test]
    fn a_new_volume_is_written() {
        let new = NewVolume {
            name: "drover-1-scsi0.qcow2",
            capacity: 1 << 30,
            format: Some("qcow2"),
            backing: Some(("/srv/a&b", "raw")),
        };
        assert_eq!(
            new.write().unwrap(),
            "<volume><name>drover-1-scsi0.qcow2</name><capacity unit=\"bytes\">1073741824</capacity>\
             <allocation unit=\"bytes\">0</allocation><target><format type=\"qcow2\"/></target>\
             <backingStore><path>/srv/a&amp;b</path><format type=\"raw\"/></backingStore></volume>"
        );
    }

    #[test]
    fn a_volume_needs_a_name_and_a_path() {
        assert_eq!(Volume::read("<volume/>"), Err(ReadXml::Lacks("name")));
        let pathless = Volume::read("<volume><name>a</name></volume>");
        assert_eq!(pathless, Err(ReadXml::Lacks("path")));
    }
}
