//! The next step of a resource that has no number: whether a guest of its own is there already (its status
//! was lost), whether one may be taken over, whether something stands in the way, or whether a number may be
//! reserved.
//!
//! `words` is what is asked and answered, `decide` the decision.

mod decide;
#[cfg(test)]
mod tests;
mod words;

pub use decide::{decide, take};
pub use words::{Next, Obstacle, Other, Seeker, Taking, Unfit, Unowned};
