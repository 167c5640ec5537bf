//! A federation in one test: honest sites on small tables, an honest coordinator, and a network
//! whose every message a test may look at, change, drop, double or hold back. Time is virtual.
//!
//! The tests of both engines use it.
#![allow(dead_code)] // Neither crate uses all of it.

pub(crate) mod crashes;
pub(crate) mod federation;
pub(crate) mod log;
pub(crate) mod network;
pub(crate) mod studies;
pub(crate) mod tape;
pub(crate) mod twin;

use ripieno_study::{SiteIndex, SiteSet};

pub(crate) fn site(index: u16) -> SiteIndex {
    SiteIndex::new(index).expect("test sites are numbered from 1")
}

pub(crate) fn set(indices: impl IntoIterator<Item = u16>) -> SiteSet {
    indices.into_iter().map(site).collect()
}
