//! What is stored, byte for byte. A record is its version, a digest, and a body. The messages in a
//! body are those of the wire, and are parsed as a peer's are.

mod epoch;
mod study;
mod sum;

pub(crate) use epoch::{EpochRecord, SeenRecord};
pub(crate) use study::{
    AnswerRecord, DeclinedRecord, EndRecord, OfferingRecord, PhaseRecord, RefuserRecord, SetRecord,
    SettlingRecord, SlotRecord, StudyRecord, VoidedRecord, WaitingRecord,
};
pub(crate) use sum::{Outcome, OutcomeRecord, SumRecord, no_parts};

use bytes::Bytes;
use prost::Message;
use ripieno_study::{Digest, Hasher, SiteIndex, SiteSet, Tag};
use ripieno_wire::{FromSite, ToSite, WireError};

/// Changes with every change of a body that an older version could not read.
const VERSION: u8 = 1;
/// Version and digest.
const HEAD: usize = 33;

/// The bytes to store.
pub(crate) fn seal(record: &impl Message) -> Bytes {
    let body = record.encode_to_vec();
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(digest(&body).as_bytes());
    bytes.extend(body);
    bytes.into()
}

/// Reads stored bytes.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn open<M: Message + Default>(bytes: &Bytes) -> Result<M, String> {
    let version = bytes.first().ok_or("it is empty")?;
    if *version != VERSION {
        return Err(newer(*version));
    }
    let body = bytes.get(HEAD..).ok_or("it is cut off")?;
    if bytes.get(1..HEAD) != Some(digest(body).as_bytes().as_slice()) {
        return Err("it was changed: its digest does not fit".into());
    }
    M::decode(bytes.slice(HEAD..)).map_err(|error| error.to_string())
}

/// Whether another version of the program wrote a record: then nothing is wrong with it.
pub(crate) fn is_of_other_version(bytes: &Bytes) -> bool {
    bytes.first().is_some_and(|version| *version != VERSION)
}

fn newer(version: u8) -> String {
    format!("it has version {version}, this program knows version {VERSION}")
}

fn digest(body: &[u8]) -> Digest {
    Hasher::new(Tag::Record).part(body).finish()
}

/// A set of sites as numbers.
pub(crate) fn put_set(set: &SiteSet) -> Vec<u32> {
    set.iter().map(put_site).collect()
}

pub(crate) fn put_site(site: SiteIndex) -> u32 {
    u32::from(site.get())
}

pub(crate) fn set(list: &[u32]) -> Result<SiteSet, String> {
    let sites = list.iter().map(|index| site(*index)).collect::<Result<Vec<_>, _>>()?;
    SiteSet::from_increasing(sites).map_err(|error| error.to_string())
}

pub(crate) fn site(index: u32) -> Result<SiteIndex, String> {
    let index = u16::try_from(index).ok().and_then(SiteIndex::new);
    index.ok_or_else(|| "it names a site that cannot be".into())
}

/// A message to a site that is part of a record.
pub(crate) fn to_site(bytes: &Bytes) -> Result<ToSite, String> {
    ToSite::decode(bytes.clone()).map_err(|error: WireError| error.to_string())
}

/// A message of a site that is part of a record.
pub(crate) fn from_site(bytes: &Bytes) -> Result<FromSite, String> {
    FromSite::decode(bytes.clone()).map_err(|error: WireError| error.to_string())
}

/// A record with a message of another kind than belongs there.
pub(crate) fn misplaced(what: &str) -> String {
    format!("it holds no {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_in_any_byte_is_noticed() {
        let record = SumRecord { epoch: 7, published: Bytes::from_static(b"published") };
        let bytes = seal(&record);
        assert_eq!(open::<SumRecord>(&bytes), Ok(record));
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            assert!(open::<SumRecord>(&changed.into()).is_err(), "byte {at}");
            assert!(open::<SumRecord>(&bytes.slice(..at)).is_err(), "{at} bytes");
        }
        let mut newer = bytes.to_vec();
        newer[0] = VERSION + 1;
        let error = open::<SumRecord>(&newer.into()).unwrap_err();
        assert_eq!(error, "it has version 2, this program knows version 1");
    }

    #[test]
    fn sets_come_back_and_others_do_not() {
        let sites: SiteSet = [1, 4, 9].into_iter().filter_map(SiteIndex::new).collect();
        assert_eq!(set(&put_set(&sites)), Ok(sites));
        for bad in [&[0][..], &[2, 2], &[3, 1], &[70_000]] {
            assert!(set(bad).is_err(), "{bad:?}");
        }
    }
}
