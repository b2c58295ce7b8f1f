//! What hosts of all kinds have in common: their status, who may use them, their limits and maintenance, and a host whatever
//! its kind ([`Host`]).

mod any;
mod limits;
mod maintenance;
mod reference;
mod status;
mod tenancy;

pub use any::*;
pub use limits::*;
pub use maintenance::*;
pub use reference::*;
pub use status::*;
pub use tenancy::*;
