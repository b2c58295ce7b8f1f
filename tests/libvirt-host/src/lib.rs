//! A real libvirt host of a test's own: a libvirtd in private namespaces, with its own socket, storage pool and,
//! where wanted, network and listeners. It ends with its owner, also when that panics or is killed, and takes along
//! what it started.
//!
//! No libvirt of the machine is used or changed. What stands outside is one directory below the temporary one,
//! and the empty mount points `/etc/libvirt`, `/var/lib/libvirt` and their like.

mod crew;
mod host;
mod layout;
mod options;
mod pki;
mod rpc_log;
mod why_not;

pub use host::LibvirtHost;
pub use options::Options;
pub use pki::{ClientFiles, Pki};
pub use rpc_log::RpcLog;
pub use why_not::WhyNot;
