//! Drives [`ripieno_fuzz::cohorts`] with libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ripieno_fuzz::cohorts(data));
