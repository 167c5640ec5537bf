//! Drives [`ripieno_fuzz::connection`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::connection(data));
