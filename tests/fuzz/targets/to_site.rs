//! Drives [`ripieno_fuzz::to_site`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::to_site(data));
