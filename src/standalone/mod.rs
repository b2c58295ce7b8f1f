//! A control plane of one's own, for people without a cluster, and for the integration tests.

mod assets;
mod background;
mod child;
mod control_plane;
mod crds;
mod credentials;
mod data_dir;
mod error;
mod host;
mod kubeconfig;
mod process;
mod programs;
mod run;
mod simulator;

pub use assets::{Assets, Missing, Search};
pub use background::Background;
pub use control_plane::{ControlPlane, Options};
pub use crds::{InstallCrds, install_crds};
pub use error::Error;
pub use host::{HostAccess, HostCredentials, Trust};
pub use run::{RunError, Running, Standalone, run};
pub use simulator::Simulate;
