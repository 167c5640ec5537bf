//! Drives [`ripieno_fuzz::texts`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::texts(data));
