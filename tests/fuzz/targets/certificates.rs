#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wfgy_fuzz::fuzz("certificates", bytes));
