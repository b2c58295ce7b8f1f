//! See `drover_fuzz::http_answers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| drover_fuzz::http_answers(data));
