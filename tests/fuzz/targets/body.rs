#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| facility_fuzz::body(input));
