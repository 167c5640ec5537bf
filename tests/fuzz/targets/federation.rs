//! Drives [`ripieno_fuzz::federation`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::federation(data));
