//! Drives [`ripieno_fuzz::lanes`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::lanes(data));
