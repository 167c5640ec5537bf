//! Drives [`ripieno_fuzz::sums`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::sums(data));
