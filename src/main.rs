//! The program `drover`; everything lives in the library.

fn main() {}
