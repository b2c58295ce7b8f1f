//! Whose machine is this, does it still exist, may it be touched: the rules of identity as pure code, one
//! place for all hypervisors and all kinds of guests (`docs/identity.md`).

pub mod mark;
pub mod numbers;
mod ownership;
pub mod placed;
pub mod presence;
pub mod unplaced;
mod verdict;

#[cfg(test)]
pub mod fixtures;

pub use mark::Mark;
pub use ownership::{MAX_AGE, Ownership};
pub use verdict::{Hold, Verdict, judge};
