//! What differs between the versions of Proxmox VE, from 7.4 to 9.2, in one place: whoever builds a request asks
//! here whether a host knows a call, a parameter, or a key of a property string ([`Release::knows_call`],
//! [`Release::knows_parameter`], [`Release::knows_key`]; [`Release::unknown_in`] asks for all of a request), and
//! who reads an answer or asks for rights finds here
//! what changed without a parameter to show it ([`Release::has`], [`Privilege`]).
//!
//! The tables are of what Drover calls. What stands in none of them is the same in all versions. Where it is not
//! known with which release something came, the first one of 7.4, 8.4 and 9.2 counts that has it: an earlier
//! host may know it already, and is not asked.

mod calls;
mod differences;
mod keys;
mod release;
mod requests;
#[cfg(test)]
mod tests;

pub use differences::{Difference, Privilege};
pub use release::Release;
pub use requests::Unknown;
