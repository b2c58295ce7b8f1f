//! See `drover_fuzz::property_strings`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| drover_fuzz::property_strings(data));
