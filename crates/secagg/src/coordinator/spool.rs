//! Where uploads wait until their slot is opened.

use std::collections::BTreeMap;

use ripieno_study::SiteIndex;
use thiserror::Error;

/// A spool could not keep or give back a tile.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("tile {tile} of {site}: {reason}")]
pub struct SpoolError {
    /// Whose upload.
    pub site: SiteIndex,
    /// Number of the tile.
    pub tile: usize,
    /// What the storage said.
    pub reason: String,
}

/// Storage for the uploads of one slot. Tiles are read once for the sum and again for whoever
/// verifies it; nothing is held as sites × model.
pub trait Spool {
    /// Keeps a tile.
    ///
    /// # Errors
    /// Where the storage fails.
    fn put(&mut self, site: SiteIndex, tile: usize, lanes: Vec<u64>) -> Result<(), SpoolError>;

    /// Gives a tile back.
    ///
    /// # Errors
    /// Where it is not there, or the storage fails.
    fn get(&self, site: SiteIndex, tile: usize) -> Result<Vec<u64>, SpoolError>;
}

/// A spool in memory.
#[derive(Debug, Default)]
pub struct MemorySpool {
    tiles: BTreeMap<(SiteIndex, usize), Vec<u64>>,
}

impl Spool for MemorySpool {
    fn put(&mut self, site: SiteIndex, tile: usize, lanes: Vec<u64>) -> Result<(), SpoolError> {
        self.tiles.insert((site, tile), lanes);
        Ok(())
    }

    fn get(&self, site: SiteIndex, tile: usize) -> Result<Vec<u64>, SpoolError> {
        let lanes = self.tiles.get(&(site, tile)).cloned();
        lanes.ok_or_else(|| SpoolError { site, tile, reason: "was never uploaded".into() })
    }
}
