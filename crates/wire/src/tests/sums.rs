//! A large sum is sent in pieces, and decoded from where it is kept.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use ripieno_secagg::merkle;
use ripieno_secagg::round::publish::{PartSource, TilePart};
use ripieno_study::{Encoding, InputSpec, Plan, SiteIndex, SiteSet};

use super::{any, sample};
use crate::limits::MAX_CONTROL_BYTES;
use crate::{BadPart, BadSum, Parts, Published, ReadAt, Sending, StoredTiles, ToSite, decode_sum};

/// Bytes in memory, read as if they were in a file.
struct Kept(Bytes);

impl ReadAt for Kept {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = self.0.get(offset as usize..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

struct Source(BTreeMap<u32, Vec<TilePart>>);

impl PartSource for Source {
    fn part(&self, tile: usize, position: usize) -> Result<Option<TilePart>, String> {
        let parts = self.0.get(&(tile as u32)).ok_or("the disk is gone")?;
        Ok(parts.get(position).cloned())
    }
}

fn plan() -> Plan {
    let wide =
        |name: &str, length| InputSpec { name: name.into(), length, encoding: Encoding::Wide };
    // 5 tiles: of 512, 512 and 176 lanes, then of 2 and of 512.
    Plan { inputs: vec![wide("a", 600), wide("b", 1), wide("c", 256)], tile_lanes: 512 }
}

/// A sum over three sites, of which these tiles are handed on.
fn published(tiles: &[u32]) -> Published {
    let mut published = sample(any::published());
    published.contract.contract.plan = plan();
    let survivors: SiteSet = [1, 127, 40_000].into_iter().filter_map(SiteIndex::new).collect();
    published.receipt.certificate.outcome.survivors = survivors.clone();
    published.sum = (0..plan().lanes()).collect::<Vec<_>>().into();
    let lanes: Vec<usize> = plan().tiles().map(|tile| tile.lanes as usize).collect();
    let part = |tile: u32, from| TilePart {
        from,
        lanes: vec![u64::from(tile) << 50; lanes[tile as usize]].into(),
        path: vec![sample(any::digest()); merkle::path_length(tile as usize, lanes.len())],
    };
    let parts = |tile: u32| survivors.iter().map(|from| part(tile, from)).collect();
    published.parts = Parts::Tiles(tiles.iter().map(|tile| (*tile, parts(*tile))).collect());
    published
}

/// The same with its parts stored.
fn stored(published: &Published) -> Published {
    let Parts::Tiles(tiles) = &published.parts else { panic!("it has tiles") };
    let (numbers, source) = (tiles.keys().copied().collect(), Arc::new(Source(tiles.clone())));
    Published { parts: Parts::Stored(StoredTiles { numbers, source }), ..published.clone() }
}

fn pieces(mut sending: Sending) -> Result<Vec<u8>, BadPart> {
    let mut bytes = Vec::new();
    while let Some(piece) = sending.next_piece()? {
        assert!(piece.len() < 1 << 20);
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn decode(bytes: impl Into<Bytes>) -> Result<ToSite, BadSum> {
    decode_sum(Arc::new(Kept(bytes.into())))
}

#[track_caller]
fn assert_refused(bytes: impl Into<Bytes>, why: &str) {
    match decode(bytes) {
        Err(BadSum::Wire(error)) => assert!(error.to_string().contains(why), "{error}"),
        Err(BadSum::Read(error)) => panic!("{error}"),
        Ok(_) => panic!("it is taken"),
    }
}

#[test]
fn the_pieces_are_the_bytes_of_the_message_and_as_many_as_was_said() {
    for tiles in [&[][..], &[0], &[4], &[0, 1, 2, 3, 4], &[1, 3]] {
        let published = published(tiles);
        let sending = Sending::new(&stored(&published)).unwrap();
        let (said, bytes) = (sending.bytes(), pieces(sending).unwrap());
        assert_eq!(said, bytes.len() as u64);
        assert!(bytes == ToSite::Published(published.clone()).encode(), "{tiles:?}");
        assert!(bytes == ToSite::Published(stored(&published)).encode(), "{tiles:?}");
    }
    assert!(Sending::new(&published(&[1])).is_none(), "in memory already");
}

#[test]
fn a_part_that_cannot_be_read_or_is_too_short_ends_the_pieces() {
    let mut short = published(&[0, 1]);
    let Parts::Tiles(tiles) = &mut short.parts else { panic!("it has tiles") };
    let part = &mut tiles.get_mut(&1).unwrap()[2];
    part.lanes = part.lanes.part(1..512);
    let error = pieces(Sending::new(&stored(&short)).unwrap()).unwrap_err();
    assert_eq!((error.tile, error.site.get()), (1, 40_000));
    let mut gone = stored(&published(&[0, 1]));
    let Parts::Stored(tiles) = &mut gone.parts else { panic!("they are stored") };
    tiles.source = Arc::new(Source(BTreeMap::new()));
    let error = pieces(Sending::new(&gone).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "tile 0 of site 1: the disk is gone");
}

#[test]
fn what_is_decoded_from_a_file_is_what_is_decoded_from_memory() {
    for tiles in [&[][..], &[0], &[4], &[0, 1, 2, 3, 4]] {
        let sent = published(tiles);
        let Ok(ToSite::Published(got)) = decode(ToSite::Published(sent.clone()).encode()) else {
            panic!("it is taken")
        };
        let Parts::Stored(parts) = &got.parts else { panic!("they are stored") };
        assert!(parts.numbers.iter().eq(tiles));
        for tile in tiles {
            assert_eq!(parts.source.part(*tile as usize, 3), Ok(None));
        }
        assert_eq!(parts.source.part(7, 0), Ok(None));
        let again = ToSite::decode(ToSite::Published(got).encode()).unwrap();
        assert!(again == ToSite::Published(sent), "{tiles:?}");
    }
}

/// Takes a field at the end of the message away and puts another in its place.
fn with_end(published: &Published, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let bytes = ToSite::Published(published.clone()).encode();
    // Key, and length in as many bytes as it takes.
    let head = 2 + bytes[2..].iter().position(|byte| *byte < 0x80).unwrap() + 1;
    let mut content = bytes[head..].to_vec();
    change(&mut content);
    let mut message = bytes[..2].to_vec();
    prost::encoding::encode_varint(content.len() as u64, &mut message);
    message.extend(content);
    message
}

#[test]
fn only_the_form_that_is_sent_is_taken() {
    let sum = published(&[]);
    assert!(decode(with_end(&sum, |_| ())).is_ok());
    // The parts are an empty message: key and length.
    assert_refused(with_end(&sum, |content| content.truncate(content.len() - 2)), "cut short");
    assert_refused(with_end(&sum, |content| content.extend([0x2a, 0])), "behind its parts");
    let len = |content: &Vec<u8>| content.len();
    let whole = |content: &mut Vec<u8>| {
        let at = len(content) - 2;
        content[at] = 0x22;
    };
    assert_refused(with_end(&sum, whole), "in the order of their numbers");
    let bytes = ToSite::Published(sum.clone()).encode();
    assert_refused(bytes.slice(..bytes.len() - 1), "cut short");
    assert_refused([&bytes[..], &[0x0a, 0]].concat(), "exactly one body");
    assert_refused(Bytes::new(), "cut short");
    let settled = ToSite::Settled { study: sample(any::digest()), verdicts: vec![] };
    assert_refused(settled.encode(), "in the order of their numbers");
    let mut none = sum.clone();
    none.sum = vec![].into();
    assert_refused(ToSite::Published(none).encode(), "in the order of their numbers");
}

#[test]
fn tiles_are_bounded_and_in_order_before_any_is_verified() {
    let tiles = |content: &[u8]| {
        let mut end = vec![0x2a];
        prost::encoding::encode_varint(content.len() as u64, &mut end);
        end.extend_from_slice(content);
        with_end(&published(&[]), |bytes| {
            bytes.truncate(bytes.len() - 2);
            bytes.extend(&end);
        })
    };
    // Two tiles without parts: such are decoded, and miss what they are verified by.
    assert!(decode(tiles(&[0x0a, 0, 0x0a, 2, 0x08, 1])).is_ok());
    assert_refused(tiles(&[0x0a, 2, 0x08, 1, 0x0a, 2, 0x08, 1]), "tile_uploads.tiles");
    assert_refused(tiles(&[0x0a, 2, 0x08, 1, 0x0a, 0]), "tile_uploads.tiles");
    assert_refused(tiles(&[0x0a, 5, 0x08, 0x80, 0x80, 0x80, 1]), "tile_parts.number");
    assert_refused(tiles(&[0x0a, 9, 0x08, 1]), "cut short");
    assert_refused(tiles(&[0x0a, 2, 0x12, 0]), "tile_part.from");
    assert_refused(tiles(&[0x0a, 4, 0x08, 1, 0x08, 1]), "cut short");
    // A part with one lane, and more empty digests than a path can have.
    let mut part = vec![0x08, 1, 0x12, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    part.extend([0x1a, 0].repeat(100));
    let tile = [&[0x12, part.len() as u8 | 0x80, 1][..], &part].concat();
    let tile = [&[0x0a, tile.len() as u8 | 0x80, 1][..], &tile].concat();
    assert!(part.len() > 128 && tile.len() < 256);
    assert_refused(tiles(&tile), "more than 42 fields");
}

#[test]
fn a_part_of_a_sum_is_measured_before_it_is_read() {
    /// Says that it is larger than it is, and can be read at its beginning only.
    struct Huge(Vec<u8>);
    impl ReadAt for Huge {
        fn bytes(&self) -> u64 {
            1 << 30
        }
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
            assert!(buffer.len() <= 64, "{} bytes are read", buffer.len());
            let rest = self.0.iter().skip(offset as usize).chain(std::iter::repeat(&0));
            buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            Ok(())
        }
    }
    let mut bytes = vec![0xd2, 1];
    prost::encoding::encode_varint((1 << 30) - 7, &mut bytes);
    bytes.push(0x0a);
    prost::encoding::encode_varint(MAX_CONTROL_BYTES as u64 + 1, &mut bytes);
    let Err(BadSum::Wire(error)) = decode_sum(Arc::new(Huge(bytes))) else { panic!("it is taken") };
    assert_eq!(error.to_string(), "contract: 8388609 bytes, at most 8388608 are allowed");
}
