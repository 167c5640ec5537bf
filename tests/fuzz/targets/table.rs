//! Drives [`ripieno_fuzz::table`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::table(data));
