//! n sites and a coordinator over the library: seeded, without sleeping and without I/O.

pub(crate) mod cohorts;
pub(crate) mod forger;
pub(crate) mod play;
pub(crate) mod refused;
pub(crate) mod scene;
pub(crate) mod script;
pub(crate) mod study;
pub(crate) mod tape;
pub(crate) mod world;

use ripieno_study::{Digest, Hasher, SiteIndex, SiteSet, Tag};

pub(crate) fn site(index: u16) -> SiteIndex {
    SiteIndex::new(index).expect("test sites are numbered from 1")
}

pub(crate) fn set(indices: impl IntoIterator<Item = u16>) -> SiteSet {
    indices.into_iter().map(site).collect()
}

/// Some digest; equal numbers give equal ones.
pub(crate) fn digest(number: u64) -> Digest {
    Hasher::new(Tag::State).number(number).finish()
}
