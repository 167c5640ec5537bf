//! An entry as bytes: one line of JSON, in the one way in which this crate writes it.

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_study::{Digest, Hasher, Tag};
use serde::{Deserialize, Serialize};

use crate::event::{self, Event, Kind};
use crate::head::{Head, SignedHead, hex};

/// How many bytes a record has at most: 32 fields of 64 bytes and twice 1024 (a quote takes two),
/// and the rest.
pub const RECORD_BYTES: usize = 72 * 1024;

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u64,
    /// When it was made, in seconds since 1970-01-01 UTC by the owner's clock.
    pub time: u64,
    /// What it is about.
    pub kind: Kind,
    /// What else there is to say.
    pub fields: BTreeMap<String, String>,
    /// Digest of the chain up to this entry.
    pub digest: Digest,
    /// The owner's signature over the head at this entry, where it has one.
    pub signature: Option<Signature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    number: u64,
    time: u64,
    kind: Kind,
    fields: BTreeMap<String, String>,
    digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<Hex>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Hex(#[serde(with = "hex")] Signature);

impl Entry {
    /// The entry that follows a head; `signed` says whether it will carry a signature.
    pub(crate) fn following(before: Head, event: Event, signed: bool) -> Self {
        let Event { kind, time, fields } = event;
        let number = before.count.saturating_add(1);
        let digest = digest(before.digest, number, time, kind, &fields, signed);
        Self { number, time, kind, fields, digest, signature: None }
    }

    /// Whether its digest is the one that follows a head.
    pub(crate) fn follows(&self, before: Head) -> bool {
        let signed = self.signature.is_some();
        let Self { number, time, kind, .. } = *self;
        self.digest == digest(before.digest, number, time, kind, &self.fields, signed)
    }

    /// The log's head at this entry.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { count: self.number, digest: self.digest }
    }

    /// The signed head, where the entry carries a signature; not verified here.
    #[must_use]
    pub fn signed_head(&self) -> Option<SignedHead> {
        self.signature.map(|signature| SignedHead { head: self.head(), signature })
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let Self { number, time, kind, digest, .. } = *self;
        let (fields, signature) = (self.fields.clone(), self.signature.map(Hex));
        serde_json::to_vec(&Line { number, time, kind, fields, digest, signature })
    }

    /// Reads a line. Any other way of writing the same entry is refused, so that no byte of a log
    /// can change unseen.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > RECORD_BYTES {
            return Err(format!("{} bytes, at most {RECORD_BYTES} are allowed", bytes.len()));
        }
        let line: Line = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let Line { number, time, kind, fields, digest, signature } = line;
        event::check(&fields).map_err(|e| e.to_string())?;
        let signature = signature.map(|Hex(signature)| signature);
        let entry = Self { number, time, kind, fields, digest, signature };
        match entry.encode() {
            Ok(written) if written == bytes => Ok(entry),
            _ => Err("it is written in another way than entries are".to_owned()),
        }
    }
}

/// Whether there is a signature is part of the chain, so none can be taken away.
fn digest(
    before: Digest,
    number: u64,
    time: u64,
    kind: Kind,
    fields: &BTreeMap<String, String>,
    signed: bool,
) -> Digest {
    Hasher::new(Tag::Audit)
        .part(before)
        .number(number)
        .number(time)
        .part(kind.name())
        .list(fields.iter(), |hasher, (name, value)| hasher.part(name).part(value))
        .number(signed)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_event_fits_a_record() {
        let name = |i: usize| format!("{i:0>width$}", width = event::NAME_BYTES);
        let fields = (0..event::FIELDS).map(|i| (name(i), "\"".repeat(event::VALUE_BYTES)));
        let mut event = Event::new(Kind::OperatorAction, u64::MAX);
        event.fields = fields.collect();
        event::check(&event.fields).unwrap();
        let before = Head { count: u64::MAX - 1, ..Head::empty() };
        let mut entry = Entry::following(before, event, true);
        entry.signature = Some(Signature::from_bytes([255; 64]));
        let bytes = entry.encode().unwrap();
        assert!(bytes.len() <= RECORD_BYTES, "{}", bytes.len());
        assert_eq!(Entry::decode(&bytes), Ok(entry));
    }

    #[test]
    fn an_entry_has_one_way_to_be_written() {
        let event = Event::new(Kind::Round, 5).with("slot", 3).with("study", "ab");
        let entry = Entry::following(Head::empty(), event, false);
        let line = String::from_utf8(entry.encode().unwrap()).unwrap();
        assert!(line.starts_with(
            r#"{"number":1,"time":5,"kind":"round","fields":{"slot":"3","study":"ab"},"digest":""#
        ));
        assert_eq!(Entry::decode(line.as_bytes()), Ok(entry));
        let others = [
            line.replace("\"time\":5", "\"time\": 5"),
            line.replace(r#""slot":"3","study":"ab""#, r#""study":"ab","slot":"3""#),
            line.replace(r#""slot":"3""#, r#""slot":"2","slot":"3""#),
            line.replace(r#""ab""#, r#""\u0061b""#),
            line.replace("}", ",\"signature\":null}"),
            format!("{line}\n"),
        ];
        for other in others {
            assert_ne!(other, line);
            assert!(Entry::decode(other.as_bytes()).is_err(), "{other}");
        }
        let long = format!("{line}{}", " ".repeat(RECORD_BYTES));
        assert!(Entry::decode(long.as_bytes()).unwrap_err().contains("at most"));
    }

    /// Computed with Python's hashlib from what docs/protocol.md §3 says of H.
    #[test]
    fn the_chain_covers_every_part_of_an_entry() {
        let event = Event::new(Kind::Round, 5).with("slot", 3).with("study", "ab");
        let entry = Entry::following(Head::empty(), event, false);
        let expected = "03384c637482e22bfc88f0b2818db7b9b69d28ada4917d90140bc017c1d052d8";
        assert_eq!(entry.digest.to_string(), expected);
        let line = String::from_utf8(entry.encode().unwrap()).unwrap();
        for (from, to) in [("round", "alarm"), (":5", ":6"), ("slot", "slit"), ("ab", "ac")] {
            let altered = Entry::decode(line.replacen(from, to, 1).as_bytes()).unwrap();
            assert!(!altered.follows(Head::empty()), "{from} -> {to}");
        }
    }
}
