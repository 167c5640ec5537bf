//! Drives [`ripieno_fuzz::site`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::site(data));
