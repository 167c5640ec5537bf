//! Where uploads wait until their slot is opened.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_study::SiteIndex;
use thiserror::Error;

use crate::lanes::Lanes;

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
    /// Keeps a tile. The same number again replaces it.
    ///
    /// # Errors
    /// Where the storage fails.
    fn put(&mut self, site: SiteIndex, tile: usize, lanes: Lanes) -> Result<(), SpoolError>;

    /// Gives a tile back.
    ///
    /// # Errors
    /// Where it is not there, or the storage fails.
    fn get(&self, site: SiteIndex, tile: usize) -> Result<Lanes, SpoolError>;

    /// All tiles of a site are here, and they are what it signed: when this returns `Ok`, they
    /// survive a crash of the machine.
    ///
    /// # Errors
    /// Where that cannot be promised.
    fn complete(&mut self, site: SiteIndex) -> Result<(), SpoolError>;

    /// Whoever verifies the sum reads the complete uploads through this, as they are now and at any
    /// time: also while, or after, they are removed here.
    fn share(&self) -> Arc<dyn ReadTiles>;

    /// Forgets the tiles of a site: they are not used, and may be sent anew. What cannot be removed
    /// now may stay.
    fn discard(&mut self, site: SiteIndex);
}

/// Complete uploads of one slot, to be read anywhere.
pub trait ReadTiles: Send + Sync {
    /// Gives a tile back.
    ///
    /// # Errors
    /// Where it is not there, or the storage fails.
    fn tile(&self, site: SiteIndex, tile: usize) -> Result<Lanes, SpoolError>;
}

/// Tiles in memory, by site and number: their lanes are shared with whoever has them too.
pub type TilesInMemory = BTreeMap<(SiteIndex, usize), Lanes>;

impl ReadTiles for TilesInMemory {
    fn tile(&self, site: SiteIndex, tile: usize) -> Result<Lanes, SpoolError> {
        let lanes = self.get(&(site, tile)).cloned();
        lanes.ok_or_else(|| SpoolError { site, tile, reason: "was never uploaded".into() })
    }
}

/// A spool in memory: it survives nothing.
#[derive(Debug, Default)]
pub struct MemorySpool {
    tiles: TilesInMemory,
}

impl Spool for MemorySpool {
    fn put(&mut self, site: SiteIndex, tile: usize, lanes: Lanes) -> Result<(), SpoolError> {
        self.tiles.insert((site, tile), lanes);
        Ok(())
    }

    fn get(&self, site: SiteIndex, tile: usize) -> Result<Lanes, SpoolError> {
        self.tiles.tile(site, tile)
    }

    fn complete(&mut self, _site: SiteIndex) -> Result<(), SpoolError> {
        Ok(())
    }

    fn share(&self) -> Arc<dyn ReadTiles> {
        Arc::new(self.tiles.clone())
    }

    fn discard(&mut self, site: SiteIndex) {
        self.tiles.retain(|(from, _), _| *from != site);
    }
}
