//! Tiles: the unit in which lanes are hashed, sent, and verified.

use ripieno_study::{Digest, Encoding, Hasher, Plan, Tag};

use crate::mask::{Position, Ring};
use crate::merkle;

/// A tile with where it lies in the mask streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Number of the tile in the update.
    pub number: usize,
    /// Where it lies in its vector.
    pub at: Position,
    /// First lane in the update.
    pub offset: usize,
    /// Lanes.
    pub lanes: usize,
}

impl Tile {
    /// The tile's lanes within a whole update; empty where the update is too short.
    #[must_use]
    pub fn of<'a>(&self, lanes: &'a [u64]) -> &'a [u64] {
        lanes.get(self.offset..self.offset + self.lanes).unwrap_or_default()
    }

    /// The tile's lanes within a whole update, to change.
    pub fn of_mut<'a>(&self, lanes: &'a mut [u64]) -> &'a mut [u64] {
        lanes.get_mut(self.offset..self.offset + self.lanes).unwrap_or_default()
    }
}

/// The tiles of a plan that passed [`Plan::check`], so every number fits a `usize`.
pub fn tiles(plan: &Plan) -> impl Iterator<Item = Tile> + '_ {
    let ring = |vector: usize| match plan.inputs.get(vector).map(|input| input.encoding) {
        Some(Encoding::Wide) => Ring::Pair,
        _ => Ring::Lane,
    };
    let fit = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    plan.tiles().enumerate().map(move |(number, span)| Tile {
        number,
        at: Position {
            vector: span.vector as u64,
            first_lane: span.first_lane,
            ring: ring(span.vector),
        },
        offset: fit(span.offset),
        lanes: fit(span.lanes),
    })
}

/// Whose lanes a tile holds: masked ones of a site, or the opened sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A site's masked update.
    Masked,
    /// The sum.
    Sum,
}

impl Content {
    const fn leaf(self) -> Tag {
        match self {
            Content::Masked => Tag::Tile,
            Content::Sum => Tag::SumTile,
        }
    }

    /// Tag of the inner nodes.
    #[must_use]
    pub const fn node(self) -> Tag {
        match self {
            Content::Masked => Tag::TileNode,
            Content::Sum => Tag::SumNode,
        }
    }
}

/// Leaf of a tile: H("tile" or "sum-tile", number, lanes in little-endian order).
#[must_use]
pub fn leaf(content: Content, number: usize, lanes: &[u64]) -> Digest {
    let bytes: Vec<u8> = lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect();
    Hasher::new(content.leaf()).number(number as u64).part(bytes).finish()
}

/// Leaves of all tiles of an update with `plan.lanes()` lanes.
#[must_use]
pub fn leaves(content: Content, plan: &Plan, lanes: &[u64]) -> Vec<Digest> {
    tiles(plan).map(|tile| leaf(content, tile.number, tile.of(lanes))).collect()
}

/// Merkle root over all tiles of an update.
#[must_use]
pub fn root(content: Content, plan: &Plan, lanes: &[u64]) -> Digest {
    merkle::root(content.node(), &leaves(content, plan, lanes))
}
