//! See `drover_fuzz::domains`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| drover_fuzz::domains(data));
