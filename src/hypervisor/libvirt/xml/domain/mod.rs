//! Domains: what one is made of, the XML of a new one, and changes of one that there is.

mod alter;
mod bandwidth;
mod board;
mod boot;
mod copy;
mod devices;
mod disks;
mod firmware;
mod hardware;
mod host;
mod metadata;
mod new;
mod nics;
mod pending;
mod pools;
mod processor;
mod read;
mod slots;
mod sources;
#[cfg(test)]
mod tests;
mod unfit;

pub use alter::{Altered, Live, alter};
pub use copy::{Copied, copy};
pub use host::{DomainType, Host};
pub use metadata::{Making, add_making, as_template, making, mark, remove_making, with_mark};
pub use new::{NewDomain, new};
pub use pools::{Pools, Source, Sources};
pub use read::{Around, digest, read};
pub use sources::sources;
pub use unfit::Unfit;

use crate::hypervisor::libvirt::xml::tree::{Element, ReadXml};

/// Reads the XML of a domain.
fn parse(text: &str) -> Result<Element, ReadXml> {
    Element::read(text, "domain")
}
