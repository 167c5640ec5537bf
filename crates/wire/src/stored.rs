//! A large sum as a site receives it: kept as bytes somewhere, such as in a file, and decoded
//! without all of it being in memory.
//!
//! Only the form that a coordinator sends is taken, see `proto/ripieno/v1/session.proto`: the fields
//! of [`Published`] in the order of their numbers, each once. What is said of the limits of messages
//! holds of the parts here: each is measured before it is read, and decoded by itself.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use ripieno_secagg::Lanes;
use ripieno_secagg::round::publish::{PartSource, TilePart};
use ripieno_study::plan::MAX_LANES;
use thiserror::Error;

use crate::envelope::{self, Body, body, inner};
use crate::error::{Fault, WireError};
use crate::field::Wire;
use crate::limits::{MAX_CONTROL_BYTES, MAX_PATH, MAX_PUBLISHED_BYTES, MAX_SITES, MAX_TILE_BYTES};
use crate::pb;
use crate::published::{Parts, Published, StoredTiles, tile_number};
use crate::to_site::{CERTIFICATE, CONTRACT, ToSite};

/// Bytes that can be read at any place, from several threads.
pub trait ReadAt: Send + Sync {
    /// How many there are.
    fn bytes(&self) -> u64;

    /// Fills the buffer with those from `offset` on.
    ///
    /// # Errors
    /// Where there are not so many, or the system says no.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// Why bytes are no sum.
#[derive(Debug, Error)]
pub enum BadSum {
    /// They are no message of this kind.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// They cannot be read here.
    #[error("what was received cannot be read: {0}")]
    Read(#[from] io::Error),
}

const PUBLISHED: u32 = 26;
const CONTRACT_BODY: Body = body(1, "contract", MAX_CONTROL_BYTES).with(CONTRACT);
const RECEIPT_BODY: Body = body(2, "receipt", MAX_CONTROL_BYTES).with(&[CERTIFICATE]);
const SUM: u32 = 3;
const TILES: u32 = 5;
/// A part: a tile with the longest path.
const PART_BODY: Body = body(2, "tile_part", MAX_TILE_BYTES + 40 * MAX_PATH).with(&[inner(3, &[])]);
/// Fields of a part.
const PART_FIELDS: usize = MAX_PATH + 2;
/// The longest key and length, or key and number, in bytes.
const HEAD: usize = 15;
/// Bytes of the sum that are read at a time.
const CHUNK: usize = 1 << 16;

/// Decodes a published sum with tiles to verify it by. The tiles stay where they are: each part was
/// decoded once, and is read again when it is needed.
///
/// # Errors
/// [`BadSum`].
pub fn decode_sum(source: Arc<dyn ReadAt>) -> Result<ToSite, BadSum> {
    let all = Span { source: &*source, at: 0, end: source.bytes() };
    let mut message = all;
    let mut published = message.field("to_site", PUBLISHED)?;
    if message.at != message.end {
        return Err(WireError::Body { message: "to_site" }.into());
    }
    if published.bytes() > MAX_PUBLISHED_BYTES as u64 {
        let bytes = usize::try_from(published.bytes()).unwrap_or(usize::MAX);
        let (message, limit) = ("published", MAX_PUBLISHED_BYTES);
        return Err(WireError::TooLarge { message, bytes, limit }.into());
    }
    let contract = published.field("published", CONTRACT_BODY.number)?;
    let contract: pb::SignedContract = contract.message(CONTRACT_BODY)?;
    let contract = Wire::from_proto(contract)?;
    let receipt = published.field("published", RECEIPT_BODY.number)?;
    let receipt: pb::Receipt = receipt.message(RECEIPT_BODY)?;
    let receipt = Wire::from_proto(receipt)?;
    let sum = published.field("published", SUM)?.lanes()?;
    let mut tiles = published.field("published", TILES)?;
    if published.at != published.end {
        return Err(malformed("published", "something stands behind its parts"));
    }
    let mut index = BTreeMap::new();
    while tiles.at != tiles.end {
        let (number, parts) = tiles.field("tile_uploads", 1)?.tile()?;
        if index.last_key_value().is_some_and(|(last, _)| *last >= number) {
            return Err(field_error("tile_uploads.tiles", Fault::Order));
        }
        parts.check_parts()?;
        index.insert(number, (parts.at, parts.end));
    }
    let numbers = index.keys().copied().collect();
    let parts = Parts::Stored(StoredTiles { numbers, source: Arc::new(Tiles { source, index }) });
    Ok(ToSite::Published(Published { contract, receipt, sum, parts }))
}

/// Where the parts of each tile are.
struct Tiles {
    source: Arc<dyn ReadAt>,
    index: BTreeMap<u32, (u64, u64)>,
}

impl PartSource for Tiles {
    fn part(&self, tile: usize, position: usize) -> Result<Option<TilePart>, String> {
        let place = u32::try_from(tile).ok().and_then(|tile| self.index.get(&tile));
        let Some((at, end)) = place else { return Ok(None) };
        let mut parts = Span { source: &*self.source, at: *at, end: *end };
        let mut before = 0;
        while parts.at != parts.end {
            let part = parts.field("tile_parts", PART_BODY.number).map_err(|e| e.to_string())?;
            if before == position {
                return part.part().map(Some).map_err(|e| e.to_string());
            }
            before = before.saturating_add(1);
        }
        Ok(None)
    }
}

/// Bytes of a source that are still to be read.
#[derive(Clone, Copy)]
struct Span<'a> {
    source: &'a dyn ReadAt,
    at: u64,
    end: u64,
}

impl<'a> Span<'a> {
    fn bytes(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    /// Takes a field off that has this number and a length.
    fn field(&mut self, message: &'static str, number: u32) -> Result<Self, BadSum> {
        let (found, length) = self.head(message, envelope::head)?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.end);
        match end {
            Some(end) if found == number => {
                let content = Span { end, ..*self };
                self.at = end;
                Ok(content)
            }
            Some(_) => Err(malformed(message, "its fields are not in the order of their numbers")),
            None => Err(malformed(message, "a field is cut short")),
        }
    }

    /// Takes off what a field begins with.
    fn head<T>(
        &mut self,
        message: &'static str,
        parse: impl Fn(&mut &[u8]) -> Option<T>,
    ) -> Result<T, BadSum> {
        let mut buffer = [0; HEAD];
        let length = usize::try_from(self.bytes()).unwrap_or(HEAD).min(HEAD);
        let (bytes, _) = buffer.split_at_mut(length);
        self.source.read_at(self.at, bytes)?;
        let mut rest = &*bytes;
        let parsed = parse(&mut rest).ok_or_else(|| malformed(message, "a field is cut short"))?;
        self.at = self.at.saturating_add(length.saturating_sub(rest.len()) as u64);
        Ok(parsed)
    }

    /// All of it, where that is within the limits of a body.
    fn read(&self, body: Body) -> Result<Bytes, BadSum> {
        let (message, limit) = (body.name, body.limit);
        let length = usize::try_from(self.bytes()).unwrap_or(usize::MAX);
        if length > limit {
            return Err(WireError::TooLarge { message, bytes: length, limit }.into());
        }
        let mut bytes = vec![0; length];
        self.source.read_at(self.at, &mut bytes)?;
        Ok(bytes.into())
    }

    fn message<M: prost::Message + Default>(&self, body: Body) -> Result<M, BadSum> {
        let bytes = self.read(body)?;
        envelope::within(body, &bytes)?;
        Ok(envelope::parse(body, bytes)?)
    }

    /// The lanes of a sum; memory grows with what is there.
    fn lanes(mut self) -> Result<Lanes, BadSum> {
        let fault = || {
            let found = usize::try_from(self.bytes()).unwrap_or(usize::MAX);
            field_error("published.sum", Fault::Lanes(found))
        };
        let (count, rest) = (self.bytes() >> 3, self.bytes() & 7);
        if !(1..=MAX_LANES).contains(&count) || rest != 0 {
            return Err(fault());
        }
        let mut lanes = Vec::with_capacity(usize::try_from(count).map_err(|_| fault())?);
        let mut buffer = vec![0; CHUNK];
        while self.at != self.end {
            let length = usize::try_from(self.bytes()).unwrap_or(CHUNK).min(CHUNK);
            let (bytes, _) = buffer.split_at_mut(length);
            self.source.read_at(self.at, bytes)?;
            let (words, _) = bytes.as_chunks::<8>();
            lanes.extend(words.iter().map(|word| u64::from_le_bytes(*word)));
            self.at = self.at.saturating_add(length as u64);
        }
        Ok(lanes.into())
    }

    /// The number of a tile, and its parts.
    fn tile(mut self) -> Result<(u32, Self), BadSum> {
        let mut parts = self;
        let number = match self.head("tile_parts", envelope::number) {
            Ok((1, number)) => {
                parts.at = self.at;
                u32::try_from(number).unwrap_or(u32::MAX)
            }
            // The first tile does not say that it is number 0.
            _ => 0,
        };
        Ok((tile_number("tile_parts.number", number)?, parts))
    }

    /// Whether each part of a tile can be decoded.
    fn check_parts(mut self) -> Result<(), BadSum> {
        let mut parts = 0_usize;
        while self.at != self.end {
            self.field("tile_parts", PART_BODY.number)?.part()?;
            parts = parts.saturating_add(1);
            if parts > MAX_SITES {
                let fault = Fault::Items { found: parts, low: 0, high: MAX_SITES };
                return Err(field_error("tile_parts.parts", fault));
            }
        }
        Ok(())
    }

    fn part(&self) -> Result<TilePart, BadSum> {
        let bytes = self.read(PART_BODY)?;
        envelope::whole(PART_BODY, &bytes, PART_FIELDS)?;
        let part: pb::TilePart = envelope::parse(PART_BODY, bytes)?;
        Ok(Wire::from_proto(part)?)
    }
}

fn malformed(message: &'static str, reason: &str) -> BadSum {
    WireError::Malformed { message, reason: reason.to_owned() }.into()
}

fn field_error(field: &'static str, fault: Fault) -> BadSum {
    fault.of(field).into()
}
