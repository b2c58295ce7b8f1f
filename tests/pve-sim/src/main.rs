//! The program `pve-sim`.

fn main() {}
