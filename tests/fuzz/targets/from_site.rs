//! Drives [`ripieno_fuzz::from_site`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::from_site(data));
