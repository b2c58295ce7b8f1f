//! Integration tests: one binary, one file a capability.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says by a panic what is wrong, also in its helpers"
)]

mod adopt;
mod annotations;
mod bad_input;
mod classes;
mod client_schema;
mod crds;
mod create;
mod delete;
mod disaster;
mod discovery;
mod docs;
mod ending;
mod export;
mod faults;
mod fields;
mod floors;
mod fuzz;
mod host_fields;
mod hosts;
mod keep;
mod leader;
mod libvirt_hosts;
mod model;
mod moves;
mod numbers;
mod observe;
mod plan;
mod restore;
mod shards;
mod standalone;
mod story;
mod support;
mod telemetry;
mod tenancy;
