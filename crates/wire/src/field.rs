//! How single fields are read and written.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bytes::Bytes;
use ripieno_identity::{PublicKey, Signature};
use ripieno_secagg::Lanes;
use ripieno_secagg::params::MAX_SLOTS;
use ripieno_study::{Digest, SiteIndex, SiteSet};
use zeroize::Zeroizing;

use crate::error::{Fault, WireError};
use crate::limits::{MAX_PATH, MAX_REASON, MAX_SITES};

/// A domain type with the message that carries it.
pub(crate) trait Wire: Sized {
    /// The generated type.
    type Proto;

    fn to_proto(&self) -> Self::Proto;

    fn from_proto(proto: Self::Proto) -> Result<Self, WireError>;
}

/// A message that must be there.
pub(crate) fn required<T: Wire>(
    field: &'static str,
    proto: Option<T::Proto>,
) -> Result<T, WireError> {
    T::from_proto(proto.ok_or_else(|| Fault::Missing.of(field))?)
}

/// A list of at most `limit` messages.
pub(crate) fn list<T: Wire>(
    field: &'static str,
    protos: Vec<T::Proto>,
    limit: usize,
) -> Result<Vec<T>, WireError> {
    bounded(field, protos.len(), 0..=limit)?;
    protos.into_iter().map(T::from_proto).collect()
}

pub(crate) fn put_list<T: Wire>(items: &[T]) -> Vec<T::Proto> {
    items.iter().map(Wire::to_proto).collect()
}

/// A number of items within `allowed`.
pub(crate) fn bounded(
    field: &'static str,
    found: usize,
    allowed: RangeInclusive<usize>,
) -> Result<(), WireError> {
    if allowed.contains(&found) {
        return Ok(());
    }
    Err(Fault::Items { found, low: *allowed.start(), high: *allowed.end() }.of(field))
}

/// A list with keys, which strictly increase.
pub(crate) fn map<K: Ord + Copy, V>(
    field: &'static str,
    entries: impl Iterator<Item = Result<(K, V), WireError>>,
) -> Result<BTreeMap<K, V>, WireError> {
    let mut map = BTreeMap::new();
    for entry in entries {
        let (key, value) = entry?;
        if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(Fault::Order.of(field));
        }
        map.insert(key, value);
    }
    Ok(map)
}

/// Bytes of a fixed length.
pub(crate) fn exact<const N: usize>(
    field: &'static str,
    bytes: &Bytes,
) -> Result<[u8; N], WireError> {
    let fault = Fault::Bytes { found: bytes.len(), expected: N };
    bytes.as_ref().try_into().map_err(|_| fault.of(field))
}

pub(crate) fn digest(field: &'static str, bytes: &Bytes) -> Result<Digest, WireError> {
    exact(field, bytes).map(Digest::from_bytes)
}

pub(crate) fn signature(field: &'static str, bytes: &Bytes) -> Result<Signature, WireError> {
    exact(field, bytes).map(Signature::from_bytes)
}

pub(crate) fn public_key(field: &'static str, bytes: &Bytes) -> Result<PublicKey, WireError> {
    PublicKey::from_bytes(&exact(field, bytes)?).map_err(|bad| Fault::Key(bad).of(field))
}

/// A Merkle path.
pub(crate) fn path(field: &'static str, path: &[Bytes]) -> Result<Vec<Digest>, WireError> {
    bounded(field, path.len(), 0..=MAX_PATH)?;
    path.iter().map(|bytes| digest(field, bytes)).collect()
}

pub(crate) fn put_path(path: &[Digest]) -> Vec<Bytes> {
    path.iter().map(put).collect()
}

pub(crate) fn put(bytes: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(bytes.as_ref())
}

/// Bytes that are erased with their last handle.
pub(crate) fn put_secret(bytes: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(bytes))
}

/// A number within `allowed`.
pub(crate) fn number<T>(
    field: &'static str,
    value: u32,
    allowed: RangeInclusive<T>,
) -> Result<T, WireError>
where
    T: TryFrom<u32> + PartialOrd + Copy + Into<u64>,
{
    let (low, high) = (*allowed.start(), *allowed.end());
    T::try_from(value)
        .ok()
        .filter(|value| allowed.contains(value))
        .ok_or_else(|| Fault::Number { low: low.into(), high: high.into() }.of(field))
}

/// The number of a slot within its epoch.
pub(crate) fn slot(field: &'static str, value: u32) -> Result<u16, WireError> {
    number(field, value, 0..=MAX_SLOTS.saturating_sub(1))
}

/// How many slots an epoch has.
pub(crate) fn slots(field: &'static str, value: u32) -> Result<u16, WireError> {
    number(field, value, 1..=MAX_SLOTS)
}

pub(crate) fn site(field: &'static str, value: u32) -> Result<SiteIndex, WireError> {
    let fault = Fault::Number { low: 1, high: u64::from(u16::MAX) };
    u16::try_from(value).ok().and_then(SiteIndex::new).ok_or_else(|| fault.of(field))
}

pub(crate) fn put_site(site: SiteIndex) -> u32 {
    u32::from(site.get())
}

pub(crate) fn sites(field: &'static str, list: &[u32]) -> Result<SiteSet, WireError> {
    bounded(field, list.len(), 0..=MAX_SITES)?;
    let list: Result<Vec<_>, _> = list.iter().map(|value| site(field, *value)).collect();
    SiteSet::from_increasing(list?).map_err(|_| Fault::Order.of(field))
}

pub(crate) fn put_sites(sites: &SiteSet) -> Vec<u32> {
    sites.iter().map(put_site).collect()
}

/// A text of so many bytes.
pub(crate) fn text(
    field: &'static str,
    text: String,
    bytes: RangeInclusive<usize>,
) -> Result<String, WireError> {
    if bytes.contains(&text.len()) {
        return Ok(text);
    }
    Err(Fault::Length { found: text.len(), low: *bytes.start(), high: *bytes.end() }.of(field))
}

/// A text of 1 to `limit` bytes that fits a line of a log.
pub(crate) fn name(field: &'static str, name: String, limit: usize) -> Result<String, WireError> {
    let name = text(field, name, 1..=limit)?;
    if name.chars().any(char::is_control) {
        return Err(Fault::Control.of(field));
    }
    Ok(name)
}

/// A reason for people: it cannot steer their terminal.
pub(crate) fn reason(field: &'static str, reason: String) -> Result<String, WireError> {
    let reason = text(field, reason, 0..=MAX_REASON)?;
    if reason.chars().any(steers) {
        return Err(Fault::Control.of(field));
    }
    Ok(reason)
}

/// A reason as a receiver takes it. A refusal has to arrive, so a long one is cut, not refused.
pub(crate) fn put_reason(reason: &str) -> String {
    put_text(reason, MAX_REASON, steers)
}

/// A name as a receiver takes it.
pub(crate) fn put_name(name: &str, limit: usize) -> String {
    put_text(name, limit, char::is_control)
}

/// The longest beginning of `text` with at most `limit` bytes, spaces in place of `bad` characters.
fn put_text(text: &str, limit: usize, bad: fn(char) -> bool) -> String {
    let start = text.get(..text.floor_char_boundary(limit)).unwrap_or_default();
    start.replace(bad, " ")
}

fn steers(c: char) -> bool {
    c.is_control() && c != '\n'
}

/// Between 1 and `limit` lanes, to be shared.
pub(crate) fn lanes(field: &'static str, bytes: &Bytes, limit: u64) -> Result<Lanes, WireError> {
    words(field, bytes, limit).map(Lanes::from)
}

/// Between 1 and `limit` lanes.
pub(crate) fn words(field: &'static str, bytes: &Bytes, limit: u64) -> Result<Vec<u64>, WireError> {
    let (words, rest) = bytes.as_chunks::<8>();
    if words.is_empty() || !rest.is_empty() || words.len() as u64 > limit {
        return Err(Fault::Lanes(bytes.len()).of(field));
    }
    Ok(words.iter().map(|word| u64::from_le_bytes(*word)).collect())
}

pub(crate) fn put_lanes(lanes: &[u64]) -> Bytes {
    let mut bytes = Vec::with_capacity(lanes.len().saturating_mul(8));
    lanes.iter().for_each(|lane| bytes.extend_from_slice(&lane.to_le_bytes()));
    bytes.into()
}
