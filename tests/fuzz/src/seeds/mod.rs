//! The seeds: what honest parties say and keep, as the targets read it. They are made from fixed
//! keys, and checked in, so that libFuzzer needs none of this.
//!
//! `RIPIENO_FUZZ_SEEDS=write cargo test -p ripieno-tests --test fuzz seeds` writes them anew.

mod cohorts;
mod decoders;
mod machines;
mod messages;
mod records;

use std::fs;

use crate::TARGETS;
use crate::replay::here;

/// Seeds are small: larger ones only slow a fuzzer down.
const LARGEST: usize = 24 << 10;
/// All of them together.
const ALL: usize = 1 << 20;

/// A target's seed: its name there, and its bytes.
pub(crate) type Seed = (&'static str, String, Vec<u8>);

/// All seeds that are the same each time they are made.
fn seeds() -> Vec<Seed> {
    let all = [
        messages::seeds(),
        cohorts::seeds(),
        records::seeds(),
        decoders::seeds(),
        machines::seeds(),
    ];
    all.into_iter().flatten().filter(|(_, _, bytes)| bytes.len() <= LARGEST).collect()
}

/// Bytes behind their length.
pub(crate) fn part(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short part");
    [&length.to_le_bytes()[..], bytes].concat()
}

#[test]
fn seeds_are_what_this_version_says() {
    let write = std::env::var_os("RIPIENO_FUZZ_SEEDS").is_some();
    let mut other = Vec::new();
    if write {
        for (target, name, bytes) in decoders::once() {
            put(target, &name, &bytes);
        }
    }
    for (target, name, bytes) in seeds() {
        if write {
            put(target, &name, &bytes);
        } else if fs::read(here().join("corpus").join(target).join(&name)).ok() != Some(bytes) {
            other.push(format!("{target}/{name}"));
        }
    }
    assert!(
        other.is_empty(),
        "RIPIENO_FUZZ_SEEDS=write cargo test -p ripieno-tests --test fuzz seeds writes them anew: \
         {other:#?}"
    );
}

fn put(target: &str, name: &str, bytes: &[u8]) {
    let folder = here().join("corpus").join(target);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name), bytes).expect("a seed");
}

#[test]
fn seeds_are_small() {
    let sizes = TARGETS.iter().flat_map(|(name, _)| {
        let files = crate::replay::files(&here().join("corpus").join(name));
        files.into_iter().map(|file| fs::metadata(file).expect("a seed").len())
    });
    let all: u64 = sizes.sum();
    assert!(all <= ALL as u64, "{all} bytes");
}
