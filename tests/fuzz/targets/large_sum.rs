//! Drives [`ripieno_fuzz::large_sum`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::large_sum(data));
