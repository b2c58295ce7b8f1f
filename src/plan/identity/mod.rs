//! Whose machine is this, does it still exist, may it be touched: the rules of `docs/identity.md` as pure
//! code, one place for all hypervisors and all kinds of guests.

mod ownership;

pub use ownership::{MAX_AGE, Ownership};
