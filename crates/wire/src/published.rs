//! R5: an opened sum with what one site needs to verify it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use ripieno_secagg::Lanes;
use ripieno_secagg::round::publish::{PartSource, Receipt, TilePart};
use ripieno_secagg::round::start::SignedContract;
use ripieno_study::SiteIndex;
use ripieno_study::plan::MAX_LANES;

use crate::error::WireError;
use crate::field::{
    self, Wire, bounded, lanes, list, number, path, put_lanes, put_list, put_path, put_site,
    required, site, words,
};
use crate::limits::{MAX_SITES, MAX_TILE_LANES, MAX_TILES};
use crate::pb;
use pb::published::Parts as Proto;

/// An opened sum. As received until check P1.
#[derive(Clone, PartialEq)]
pub struct Published {
    /// The round's contract.
    pub contract: SignedContract,
    /// The coordinator's receipt.
    pub receipt: Receipt,
    /// The sum: all lanes of the plan, 1 to [`MAX_LANES`].
    pub sum: Lanes,
    /// Uploads that the sum is verified by.
    pub parts: Parts,
}

/// The masked uploads of the survivors that are handed on to one site.
#[derive(Clone, PartialEq, Eq)]
pub enum Parts {
    /// All lanes of every survivor: where they are
    /// [`VERIFY_ALL_BYTES`](ripieno_secagg::round::publish::VERIFY_ALL_BYTES) at most, so no upload
    /// has more lanes than the largest tile.
    Whole(BTreeMap<SiteIndex, Vec<u64>>),
    /// By number, the tiles that fall to this site; one part a survivor.
    Tiles(BTreeMap<u32, Vec<TilePart>>),
    /// The same tiles where they are not in memory.
    Stored(StoredTiles),
}

/// Tiles that are read part by part when they are needed.
#[derive(Clone)]
pub struct StoredTiles {
    /// Numbers of the tiles.
    pub numbers: BTreeSet<u32>,
    /// Where their parts are.
    pub source: Arc<dyn PartSource>,
}

impl StoredTiles {
    /// The same tiles in memory. What cannot be read is left out: who verifies them misses it.
    fn load(&self) -> BTreeMap<u32, Vec<TilePart>> {
        let parts = |number: &u32| {
            let part = |position| self.source.part(*number as usize, position).ok().flatten();
            (*number, (0..MAX_SITES).map_while(part).collect())
        };
        self.numbers.iter().map(parts).collect()
    }
}

impl PartialEq for StoredTiles {
    fn eq(&self, other: &Self) -> bool {
        self.numbers == other.numbers && Arc::ptr_eq(&self.source, &other.source)
    }
}

impl Eq for StoredTiles {}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contract = &self.contract.contract;
        write!(f, "Published(slot {}, {} lanes, {:?})", contract.slot, self.sum.len(), self.parts)
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Parts::Whole(uploads) => write!(f, "Whole({} uploads)", uploads.len()),
            Parts::Tiles(tiles) => write!(f, "Tiles({} tiles)", tiles.len()),
            Parts::Stored(tiles) => write!(f, "Tiles({} tiles)", tiles.numbers.len()),
        }
    }
}

impl Wire for Published {
    type Proto = pb::Published;

    fn to_proto(&self) -> pb::Published {
        pb::Published {
            contract: Some(self.contract.to_proto()),
            receipt: Some(self.receipt.to_proto()),
            sum: put_lanes(&self.sum),
            parts: Some(self.parts.to_proto()),
        }
    }

    fn from_proto(proto: pb::Published) -> Result<Self, WireError> {
        Ok(Self {
            contract: required("published.contract", proto.contract)?,
            receipt: required("published.receipt", proto.receipt)?,
            sum: lanes("published.sum", &proto.sum, MAX_LANES)?,
            parts: required("published.parts", proto.parts)?,
        })
    }
}

impl Wire for Parts {
    type Proto = Proto;

    fn to_proto(&self) -> Proto {
        match self {
            Parts::Whole(uploads) => {
                let upload = |(site, lanes): (&SiteIndex, &Vec<u64>)| pb::SiteLanes {
                    site: put_site(*site),
                    lanes: put_lanes(lanes),
                };
                Proto::Whole(pb::WholeUploads { uploads: uploads.iter().map(upload).collect() })
            }
            Parts::Stored(tiles) => Parts::Tiles(tiles.load()).to_proto(),
            Parts::Tiles(tiles) => {
                let tile = |(number, parts): (&u32, &Vec<TilePart>)| pb::TileParts {
                    number: *number,
                    parts: put_list(parts),
                };
                Proto::Tiles(pb::TileUploads { tiles: tiles.iter().map(tile).collect() })
            }
        }
    }

    fn from_proto(proto: Proto) -> Result<Self, WireError> {
        match proto {
            Proto::Whole(whole) => uploads(&whole.uploads).map(Parts::Whole),
            Proto::Tiles(tiles) => self::tiles(tiles.tiles).map(Parts::Tiles),
        }
    }
}

fn uploads(uploads: &[pb::SiteLanes]) -> Result<BTreeMap<SiteIndex, Vec<u64>>, WireError> {
    let field = "whole_uploads.uploads";
    bounded(field, uploads.len(), 0..=MAX_SITES)?;
    let upload = |upload: &pb::SiteLanes| {
        let site = site("site_lanes.site", upload.site)?;
        Ok((site, words("site_lanes.lanes", &upload.lanes, MAX_TILE_LANES)?))
    };
    field::map(field, uploads.iter().map(upload))
}

fn tiles(tiles: Vec<pb::TileParts>) -> Result<BTreeMap<u32, Vec<TilePart>>, WireError> {
    let tile = |tile: pb::TileParts| {
        let number = tile_number("tile_parts.number", tile.number)?;
        Ok((number, list("tile_parts.parts", tile.parts, MAX_SITES)?))
    };
    field::map("tile_uploads.tiles", tiles.into_iter().map(tile))
}

/// The number of a tile within its update.
pub(crate) fn tile_number(field: &'static str, value: u32) -> Result<u32, WireError> {
    number(field, value, 0..=MAX_TILES.saturating_sub(1))
}

impl Wire for TilePart {
    type Proto = pb::TilePart;

    fn to_proto(&self) -> pb::TilePart {
        pb::TilePart {
            from: put_site(self.from),
            lanes: put_lanes(&self.lanes),
            path: put_path(&self.path),
        }
    }

    fn from_proto(proto: pb::TilePart) -> Result<Self, WireError> {
        Ok(Self {
            from: site("tile_part.from", proto.from)?,
            lanes: lanes("tile_part.lanes", &proto.lanes, MAX_TILE_LANES)?,
            path: path("tile_part.path", &proto.path)?,
        })
    }
}
