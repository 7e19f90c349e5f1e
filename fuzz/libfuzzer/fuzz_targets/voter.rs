#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rusm_fuzz::voter(bytes));
