//! A large sum on its way to a site, encoded piece by piece: the whole of it is never in memory.
//!
//! The pieces together are the bytes that [`ToSite::encode`](crate::ToSite::encode) gives.

use bytes::{Bytes, BytesMut};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use ripieno_secagg::merkle;
use ripieno_secagg::round::tiles::{self, Tile};
use ripieno_study::{Contract, SiteIndex};
use thiserror::Error;

use crate::field::{Wire, put_lanes, put_site};
use crate::published::{Parts, Published, StoredTiles};

/// Lanes of the sum in a piece.
const PIECE: usize = 1 << 15;
/// Numbers of fields in `proto/ripieno/v1`.
const PUBLISHED: u32 = 26;
const CONTRACT: u32 = 1;
const RECEIPT: u32 = 2;
const SUM: u32 = 3;
const TILES: u32 = 5;

/// A part of a tile cannot be sent: it cannot be read, or is not as long as the plan says.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("tile {tile} of {site}: {reason}")]
pub struct BadPart {
    /// Number of the tile.
    pub tile: u32,
    /// Whose upload.
    pub site: SiteIndex,
    /// What is wrong.
    pub reason: String,
}

/// A [`ToSite::Published`](crate::ToSite::Published) of which the parts are stored, as a sequence of
/// pieces. Clones begin anew from where the original is.
#[derive(Clone)]
pub struct Sending {
    published: Published,
    stored: StoredTiles,
    layout: Layout,
    next: Next,
}

/// Lengths of what is sent, known before any of it is read.
#[derive(Clone, Debug)]
struct Layout {
    /// The tiles that are sent.
    tiles: Vec<Tile>,
    /// Tiles of the update.
    count: usize,
    survivors: Vec<SiteIndex>,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Head,
    /// The sum, from this lane on.
    Sum(usize),
    /// The part at a position of a tile; of the tiles that are sent, this one.
    Part(usize, usize),
    End,
}

impl Sending {
    /// The pieces of this message; `None` where its parts are not stored.
    #[must_use]
    pub fn new(published: &Published) -> Option<Self> {
        let Parts::Stored(stored) = &published.parts else { return None };
        let layout = Layout::new(&published.contract.contract, published, stored);
        let (published, stored) = (published.clone(), stored.clone());
        Some(Self { published, stored, layout, next: Next::Head })
    }

    /// Bytes of the message.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let published = self.layout.published(&self.published) as u64;
        (key_len(PUBLISHED) as u64)
            .saturating_add(encoded_len_varint(published) as u64)
            .saturating_add(published)
    }

    /// The next bytes; `None` when all of the message was given. A piece is at most a tile with what
    /// is around it.
    ///
    /// # Errors
    /// [`BadPart`]; what was given before is not to be used.
    pub fn next_piece(&mut self) -> Result<Option<Bytes>, BadPart> {
        match self.next {
            Next::Head => {
                self.next = Next::Sum(0);
                Ok(Some(self.head()))
            }
            Next::Sum(at) => {
                let rest = self.published.sum.get(at..).unwrap_or_default();
                if rest.is_empty() {
                    self.next = self.part_or_end(0, 0);
                    return Ok(Some(self.tiles_head()));
                }
                let lanes = rest.get(..PIECE).unwrap_or(rest);
                self.next = Next::Sum(at.saturating_add(lanes.len()));
                Ok(Some(put_lanes(lanes)))
            }
            Next::Part(index, position) => self.part(index, position).map(Some),
            Next::End => Ok(None),
        }
    }

    /// All of a message that is short enough to be sent as one.
    ///
    /// # Errors
    /// [`BadPart`].
    pub fn gather(mut self) -> Result<Bytes, BadPart> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = self.next_piece()? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }

    fn head(&self) -> Bytes {
        let (published, layout) = (&self.published, &self.layout);
        let mut bytes = BytesMut::new();
        put_key(&mut bytes, PUBLISHED, layout.published(published));
        for (number, message) in [
            (CONTRACT, published.contract.to_proto().encode_to_vec()),
            (RECEIPT, published.receipt.to_proto().encode_to_vec()),
        ] {
            put_key(&mut bytes, number, message.len());
            bytes.extend_from_slice(&message);
        }
        put_key(&mut bytes, SUM, lane_bytes(published.sum.len()));
        bytes.freeze()
    }

    fn tiles_head(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        put_key(&mut bytes, TILES, self.layout.all_tiles());
        bytes.freeze()
    }

    /// The part, and before the first one of a tile what the tile begins with.
    fn part(&mut self, index: usize, position: usize) -> Result<Bytes, BadPart> {
        let layout = &self.layout;
        let (Some(tile), Some(site)) = (layout.tiles.get(index), layout.survivors.get(position))
        else {
            self.next = Next::End;
            return Ok(Bytes::new());
        };
        let number = u32::try_from(tile.number).unwrap_or(u32::MAX);
        let bad = |reason: &str| BadPart { tile: number, site: *site, reason: reason.to_owned() };
        let read = self.stored.source.part(tile.number, position);
        let part = read.map_err(|reason| bad(&reason))?.ok_or_else(|| bad("it is not there"))?;
        let mut bytes = BytesMut::new();
        if position == 0 {
            put_key(&mut bytes, 1, layout.tile(tile));
            if number > 0 {
                encode_key(1, WireType::Varint, &mut bytes);
                encode_varint(number.into(), &mut bytes);
            }
        }
        let (length, message) = (layout.part(tile, *site), part.to_proto().encode_to_vec());
        if message.len() != length {
            return Err(bad("it has another length than the plan gives it"));
        }
        put_key(&mut bytes, 2, length);
        bytes.extend_from_slice(&message);
        self.next = self.part_or_end(index, position.saturating_add(1));
        Ok(bytes.freeze())
    }

    fn part_or_end(&self, index: usize, position: usize) -> Next {
        let Layout { tiles, survivors, .. } = &self.layout;
        match (index < tiles.len(), position < survivors.len()) {
            (true, true) => Next::Part(index, position),
            (true, false) if index.saturating_add(1) < tiles.len() => {
                Next::Part(index.saturating_add(1), 0)
            }
            _ => Next::End,
        }
    }
}

impl Layout {
    fn new(contract: &Contract, published: &Published, stored: &StoredTiles) -> Self {
        let mut count = 0_usize;
        let wanted = |tile: &Tile| {
            count = count.saturating_add(1);
            u32::try_from(tile.number).is_ok_and(|number| stored.numbers.contains(&number))
        };
        let tiles = tiles::tiles(&contract.plan).filter(wanted).collect();
        let survivors = published.receipt.survivors().iter().collect();
        Self { tiles, count, survivors }
    }

    /// Bytes of a message without the key and length before it; so are those below.
    fn published(&self, published: &Published) -> usize {
        let contract = published.contract.to_proto().encoded_len();
        let receipt = published.receipt.to_proto().encoded_len();
        sum([
            with_key(CONTRACT, contract),
            with_key(RECEIPT, receipt),
            with_key(SUM, lane_bytes(published.sum.len())),
            with_key(TILES, self.all_tiles()),
        ])
    }

    fn all_tiles(&self) -> usize {
        sum(self.tiles.iter().map(|tile| with_key(1, self.tile(tile))))
    }

    fn tile(&self, tile: &Tile) -> usize {
        let number = match u64::try_from(tile.number) {
            Ok(number) if number > 0 => key_len(1).saturating_add(encoded_len_varint(number)),
            _ => 0,
        };
        let parts = self.survivors.iter().map(|site| with_key(2, self.part(tile, *site)));
        number.saturating_add(sum(parts))
    }

    fn part(&self, tile: &Tile, site: SiteIndex) -> usize {
        let path = merkle::path_length(tile.number, self.count);
        sum([
            key_len(1).saturating_add(encoded_len_varint(put_site(site).into())),
            with_key(2, lane_bytes(tile.lanes)),
            path.saturating_mul(with_key(3, 32)),
        ])
    }
}

fn lane_bytes(lanes: usize) -> usize {
    lanes.saturating_mul(8)
}

fn sum(lengths: impl IntoIterator<Item = usize>) -> usize {
    lengths.into_iter().fold(0, usize::saturating_add)
}

/// A field of so many bytes, with its key and length.
fn with_key(number: u32, bytes: usize) -> usize {
    sum([key_len(number), encoded_len_varint(bytes as u64), bytes])
}

fn put_key(bytes: &mut BytesMut, number: u32, length: usize) {
    encode_key(number, WireType::LengthDelimited, bytes);
    encode_varint(length as u64, bytes);
}
