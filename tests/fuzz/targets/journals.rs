//! Drives [`ripieno_fuzz::journals`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::journals(data));
