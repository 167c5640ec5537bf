//! Drives [`ripieno_fuzz::papers`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::papers(data));
