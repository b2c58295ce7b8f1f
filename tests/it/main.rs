//! Integration tests: one binary, one file a capability.

mod standalone;
