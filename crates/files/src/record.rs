//! How records lie in a file: each after the other, chained by SHA-256.
//!
//! ```text
//! file   = "ripieno-append-1" record*
//! record = length (u32 LE) | guard (4 bytes) | payload | check (32 bytes)
//! check  = SHA-256(check before | length | payload), of the first: SHA-256 of the file's mark
//! guard  = the first 4 bytes of SHA-256(length | check before)
//! ```
//!
//! The guard tells a length that was damaged from one whose record was never finished. All of this
//! is against accidents: whoever may write the file can also compute the checks.

use std::fmt;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::append::Limits;
use crate::error::FileError;

/// How every file of records begins.
pub(crate) const MARK: [u8; 16] = *b"ripieno-append-1";
/// Length and guard.
pub(crate) const HEAD_BYTES: u64 = 8;
/// What a record takes beside its payload.
pub(crate) const FRAME_BYTES: u64 = HEAD_BYTES + CHECK_BYTES;
pub(crate) const CHECK_BYTES: u64 = 32;

/// The check of the record before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain(pub(crate) [u8; 32]);

impl Chain {
    pub(crate) fn start() -> Self {
        Self(Sha256::digest(MARK).into())
    }

    fn guard(self, length: [u8; 4]) -> [u8; 4] {
        let [a, b, c, d, ..] = Sha256::new().chain_update(length).chain_update(self.0).finalize().0;
        [a, b, c, d]
    }

    fn after(self, length: [u8; 4], payload: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(self.0).chain_update(length).chain_update(payload);
        Self(hash.finalize().into())
    }

    /// The bytes of a record, and its check.
    pub(crate) fn encode(self, length: u32, payload: &[u8]) -> (Vec<u8>, Self) {
        let length = length.to_le_bytes();
        let check = self.after(length, payload);
        (([&length[..], &self.guard(length), payload, &check.0]).concat(), check)
    }

    /// The payload of a whole record, or `None` where it is not one that follows.
    pub(crate) fn decode(self, record: &[u8]) -> Option<&[u8]> {
        let (length, rest) = record.split_first_chunk::<4>()?;
        let (guard, rest) = rest.split_first_chunk::<4>()?;
        let (payload, check) = rest.split_last_chunk::<32>()?;
        let sound = u32::from_le_bytes(*length) as usize == payload.len()
            && *guard == self.guard(*length)
            && *check == self.after(*length, payload).0;
        sound.then_some(payload)
    }
}

/// The rest of an append that a crash cut short. It was never acknowledged: whoever appended it
/// was not told that it is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file.
    pub path: PathBuf,
    /// Number that the record would have had, from 1.
    pub record: u64,
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes of it there were.
    pub bytes: u64,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: record {} at offset {} was never finished nor acknowledged; its first {} bytes do \
             not count",
            self.path.display(),
            self.record,
            self.offset,
            self.bytes
        )
    }
}

/// Goes through a file of records from its start.
pub(crate) struct Scan<'a, R> {
    reader: R,
    path: &'a Path,
    limits: Limits,
    /// Bytes that the file has.
    size: u64,
    /// Where the next record begins.
    pub(crate) end: u64,
    pub(crate) chain: Chain,
    /// Records so far.
    pub(crate) count: u64,
    pub(crate) torn: Option<Torn>,
}

impl<'a, R: Read> Scan<'a, R> {
    /// Reads the mark. `size` is what the file had when it was opened; of what is added meanwhile
    /// nothing is read.
    pub(crate) fn begin(
        mut reader: R,
        path: &'a Path,
        size: u64,
        limits: Limits,
    ) -> Result<Self, FileError> {
        if size > limits.file {
            let (what, limit) = ("the file", limits.file);
            return Err(FileError::TooLarge { path: path.to_owned(), what, bytes: size, limit });
        }
        let mut mark = [0; MARK.len()];
        let unfit = || FileError::Unfit { path: path.to_owned(), wanted: "a file of records" };
        if size < MARK.len() as u64 {
            return Err(unfit());
        }
        reader.read_exact(&mut mark).map_err(FileError::system("read", path))?;
        if mark != MARK {
            return Err(unfit());
        }
        let (end, chain) = (MARK.len() as u64, Chain::start());
        Ok(Self { reader, path, limits, size, end, chain, count: 0, torn: None })
    }

    /// The next record, or `None` at the end, which is torn if [`Self::torn`] says so.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, FileError> {
        let left = self.size.saturating_sub(self.end);
        let length = match self.length(left)? {
            ControlFlow::Continue(length) => length,
            ControlFlow::Break(()) => return Ok(None),
        };
        if u64::from(length) + FRAME_BYTES > left {
            self.tear(left);
            return Ok(None);
        }
        // Bounded above by the limit on a record and by what the file holds.
        let mut payload = vec![0; length as usize];
        let mut check = [0; CHECK_BYTES as usize];
        self.fill(&mut payload)?;
        self.fill(&mut check)?;
        let next = self.chain.after(length.to_le_bytes(), &payload);
        if check != next.0 {
            return Err(self.damaged("its bytes do not fit its check"));
        }
        self.chain = next;
        self.end += u64::from(length) + FRAME_BYTES;
        self.count += 1;
        Ok(Some(payload))
    }

    fn length(&mut self, left: u64) -> Result<ControlFlow<(), u32>, FileError> {
        if left < HEAD_BYTES {
            self.tear(left);
            return Ok(ControlFlow::Break(()));
        }
        let (mut length, mut guard) = ([0; 4], [0; 4]);
        self.fill(&mut length)?;
        self.fill(&mut guard)?;
        if guard != self.chain.guard(length) {
            return Err(self.damaged("its length does not fit its guard"));
        }
        let length = u32::from_le_bytes(length);
        if length > self.limits.record {
            let (bytes, limit) = (length.into(), self.limits.record.into());
            let path = self.path.to_owned();
            return Err(FileError::TooLarge { path, what: "a record", bytes, limit });
        }
        Ok(ControlFlow::Continue(length))
    }

    fn tear(&mut self, left: u64) {
        let (path, record, offset) = (self.path.to_owned(), self.count + 1, self.end);
        self.torn = (left > 0).then_some(Torn { path, record, offset, bytes: left });
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), FileError> {
        self.reader.read_exact(bytes).map_err(FileError::system("read", self.path))
    }

    fn damaged(&self, reason: &'static str) -> FileError {
        let (path, record, offset) = (self.path.to_owned(), self.count + 1, self.end);
        FileError::Damaged { path, record, offset, reason }
    }
}
