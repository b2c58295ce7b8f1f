//! Pure functions: what is wanted and what was seen, to what is done next and what is said about it.

pub mod checkup;
pub mod claim;
pub mod desired;
pub mod discovery;
pub mod export;
pub mod guest;
pub mod guest_id;
pub mod host;
pub mod identity;
pub mod maintenance;
pub mod making;
pub mod moving;
pub mod placing;
pub mod preview;
pub mod privileges;
pub mod removal;
pub mod seed;
pub mod status;
pub mod tenancy;
pub mod window;
