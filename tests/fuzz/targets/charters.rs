//! Drives [`ripieno_fuzz::charters`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::charters(data));
