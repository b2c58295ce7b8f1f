//! Which node a guest is to be on, and what stands in the way.
//!
//! `wanted` is the decision, `nodes` the nodes of the cluster as places for a guest.

mod nodes;
mod wanted;

pub use nodes::{Around, place, to, under_way};
pub use wanted::{Node, Place, Wanted, Why, choose, obstacle, wanted};
