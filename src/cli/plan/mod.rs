//! `drover plan`: what would be done for declarations.
//!
//! `command` reads the file and tells, `found` what it tells; `stored` is a declaration as the API server takes it, `known`
//! what else Kubernetes has, `site` a host as it is now. Of a machine, `each` finds out how it stands with it: `unplaced` is
//! one that is to be made or taken over, `placed` one that is there, `observed` one that is only looked at, `compared`
//! what of a machine is not as declared, and `wanted` what it is to be like. What is decided is decided by the operator's own code in `plan/`.

mod command;
mod compared;
mod each;
mod found;
mod known;
mod observed;
mod placed;
mod site;
mod stored;
mod unplaced;
mod wanted;

pub(super) use command::{Args, main};
