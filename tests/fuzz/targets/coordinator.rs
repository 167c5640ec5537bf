//! Drives [`ripieno_fuzz::coordinator`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::coordinator(data));
