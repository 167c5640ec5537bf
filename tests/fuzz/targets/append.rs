//! Drives [`ripieno_fuzz::append`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::append(data));
