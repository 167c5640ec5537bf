//! Tiles: the unit in which lanes are hashed, sent, and verified.

use rayon::prelude::*;
use ripieno_study::{Digest, Encoding, Hasher, Plan, Tag};

use crate::mask::{Position, Ring};
use crate::merkle;

/// Below so many lanes other cores would be woken for less than it takes to wake them.
pub(crate) const ALONE: usize = 1 << 14;

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
    Hasher::new(content.leaf()).number(number as u64).lanes(lanes).finish()
}

/// Leaves of all tiles of an update with `plan.lanes()` lanes.
#[must_use]
pub fn leaves(content: Content, plan: &Plan, lanes: &[u64]) -> Vec<Digest> {
    let of = |tile: Tile| leaf(content, tile.number, tile.of(lanes));
    if lanes.len() < ALONE {
        return tiles(plan).map(of).collect();
    }
    tiles(plan).collect::<Vec<_>>().into_par_iter().map(of).collect()
}

/// Does something with every tile of an update, on all cores where there is much to do: the results in
/// the order of the tiles. Lanes that an update is too short for are missing in its last tiles.
pub(crate) fn each_mut<T: Send>(
    plan: &Plan,
    lanes: &mut [u64],
    work: impl Fn(Tile, &mut [u64]) -> T + Sync,
) -> Vec<T> {
    if lanes.len() < ALONE {
        return cut(plan, lanes).map(|(tile, own)| work(tile, own)).collect();
    }
    let cut: Vec<_> = cut(plan, lanes).collect();
    cut.into_par_iter().map(|(tile, own)| work(tile, own)).collect()
}

/// The tiles with their lanes, which do not overlap.
pub(crate) fn cut<'a>(
    plan: &'a Plan,
    lanes: &'a mut [u64],
) -> impl Iterator<Item = (Tile, &'a mut [u64])> {
    let mut rest = lanes;
    tiles(plan).map(move |tile| {
        let all = std::mem::take(&mut rest);
        let (own, others) = all.split_at_mut(all.len().min(tile.lanes));
        rest = others;
        (tile, own)
    })
}

/// Merkle root over all tiles of an update.
#[must_use]
pub fn root(content: Content, plan: &Plan, lanes: &[u64]) -> Digest {
    merkle::root(content.node(), &leaves(content, plan, lanes))
}
