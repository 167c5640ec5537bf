//! Files of records that are only ever added.

use std::fs::{File, OpenOptions};
use std::io::BufReader;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::atomic::{place, sync_folder, written};
use crate::calls;
use crate::error::FileError;
use crate::key::open_private;
use crate::lock::{Locked, lock};
use crate::record::{CHECK_BYTES, Chain, FRAME_BYTES, MARK, Scan, Torn};

/// How many records are flushed together at most: so many may be unknown to the disk after a failure.
const GROUP: usize = 128;

/// What a file of records may hold, when read and when written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one record, without the 40 that the file adds.
    pub record: u32,
    /// Bytes of the whole file.
    pub file: u64,
}

/// A file of records, locked for this process.
///
/// A record that [`Self::append`] acknowledged is there after a crash of the machine. Whether one
/// that failed is there is unknown until the file has been opened again; so after a failure it
/// takes no more.
///
/// Read back, a file is one of three:
/// - *whole*: records to the last byte;
/// - *torn*: whole records, then a beginning of one that the file ends within: fewer than 8 bytes,
///   or a sound length and guard with fewer bytes behind them than the length says. That is what
///   an append leaves that was cut short. It is cut off and reported;
/// - *damaged*: anything else, also where it is the last record. That is an error, and nothing is
///   changed.
///
/// A file that ends early, but between two records, cannot be told from one that has only those:
/// the ledger's heads at the other sites and the audit log's signed heads tell.
#[derive(Debug)]
pub struct AppendFile {
    file: Locked,
    path: PathBuf,
    limits: Limits,
    chain: Chain,
    /// Where each record begins.
    offsets: Vec<u64>,
    /// Where the next one begins.
    end: u64,
    failed: Option<String>,
    follower: Follower,
}

/// How far a file of records has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// How many records there are.
    pub records: u64,
    /// The check of the last one, over all of them.
    pub check: [u8; 32],
}

/// Tells how far a file of records has come while somebody else owns it.
#[derive(Clone, Debug)]
pub struct Follower(Arc<Mutex<Tip>>);

impl Follower {
    fn at(tip: Tip) -> Self {
        Self(Arc::new(Mutex::new(tip)))
    }

    /// The last record that was acknowledged.
    #[must_use]
    pub fn tip(&self) -> Tip {
        // A tip is written as a whole.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, tip: Tip) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tip;
    }
}

/// A file of records that was there before.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: AppendFile,
    /// What was cut off its end: something for a log to tell the operator.
    pub torn: Option<Torn>,
}

/// What a file of records holds, read without changing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The records, oldest first.
    pub records: Vec<Vec<u8>>,
    /// An unfinished record behind them; perhaps one that is being written right now.
    pub torn: Option<Torn>,
}

impl AppendFile {
    /// Makes a new, empty file with mode 0600, durable when this returns.
    ///
    /// # Errors
    /// [`FileError::Exists`] where there is one: it is never replaced.
    pub fn create(path: impl Into<PathBuf>, limits: Limits) -> Result<Self, FileError> {
        let path = path.into();
        let temporary = written(&path, &MARK, 0o600)?;
        // Before the file has its name nobody else can have locked it.
        lock(temporary.as_file(), &path)?;
        let file = Locked::of(place(temporary, &path)?);
        let (chain, end) = (Chain::start(), MARK.len() as u64);
        let follower = Follower::at(Tip { records: 0, check: chain.0 });
        Ok(Self { file, path, limits, chain, offsets: Vec::new(), end, failed: None, follower })
    }

    /// Opens a file that is there, checks all of it, and cuts off a torn end.
    ///
    /// # Errors
    /// [`FileError::Missing`], [`FileError::InUse`], [`FileError::Exposed`],
    /// [`FileError::Damaged`]; [`FileError::TooLarge`] before anything is allocated.
    pub fn open(path: impl Into<PathBuf>, limits: Limits) -> Result<Opened, FileError> {
        let path = path.into();
        let file = open_private(&path, OpenOptions::new().read(true).write(true))?;
        lock(&file, &path)?;
        let file = Locked::of(file);
        let mut scan = begin(&file, &path, limits)?;
        let mut offsets = Vec::new();
        loop {
            let offset = scan.end;
            if scan.next()?.is_none() {
                break;
            }
            offsets.push(offset);
        }
        let (chain, end, torn) = (scan.chain, scan.end, scan.torn);
        let follower = Follower::at(Tip { records: offsets.len() as u64, check: chain.0 });
        let opened = Self { file, path, limits, chain, offsets, end, failed: None, follower };
        opened.settle().map_err(FileError::system("write", &opened.path))?;
        sync_folder(&opened.path)?;
        Ok(Opened { file: opened, torn })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many records it holds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.offsets.len() as u64
    }

    /// Adds a record. When this returns `Ok`, the record survives a crash of the machine.
    ///
    /// # Errors
    /// [`FileError::TooLarge`], and the file goes on as if nothing had been asked. Every other
    /// error is its last word: [`FileError::Poisoned`] until it is opened again.
    pub fn append(&mut self, record: &[u8]) -> Result<(), FileError> {
        self.append_all(&[record])
    }

    /// Adds records in order, and waits for the disk once for up to 128 of them. When this returns
    /// `Ok`, all of them survive a crash of the machine; a crash before may leave the first of them.
    ///
    /// # Errors
    /// As [`Self::append`]; where one record is too large, none was added.
    pub fn append_all(&mut self, records: &[impl AsRef<[u8]>]) -> Result<(), FileError> {
        if let Some(cause) = &self.failed {
            return Err(FileError::Poisoned { path: self.path.clone(), cause: cause.clone() });
        }
        let mut offset = self.end;
        let mut lengths = Vec::with_capacity(records.len());
        for record in records.iter().map(AsRef::as_ref) {
            lengths.push(self.admit(record, offset)?);
            offset = offset.saturating_add(record.len() as u64).saturating_add(FRAME_BYTES);
        }
        let mut groups = records.chunks(GROUP).zip(lengths.chunks(GROUP));
        groups.try_for_each(|(records, lengths)| self.add(records, lengths))
    }

    /// Adds records of these lengths with one flush.
    fn add(&mut self, records: &[impl AsRef<[u8]>], lengths: &[u32]) -> Result<(), FileError> {
        let (mut bytes, mut chain, mut offsets) = (Vec::new(), self.chain, Vec::new());
        for (record, length) in records.iter().zip(lengths) {
            offsets.push(self.end.saturating_add(bytes.len() as u64));
            let (encoded, check) = chain.encode(*length, record.as_ref());
            bytes.extend_from_slice(&encoded);
            chain = check;
        }
        self.write(&bytes).inspect_err(|error| self.failed = Some(error.to_string()))?;
        self.offsets.append(&mut offsets);
        self.end += bytes.len() as u64;
        self.chain = chain;
        self.follower.set(Tip { records: self.count(), check: chain.0 });
        Ok(())
    }

    /// Whoever wants to know how far it has come while it is in other hands.
    #[must_use]
    pub fn follower(&self) -> Follower {
        self.follower.clone()
    }

    /// How far it had come with so many records; `None` where it has fewer.
    ///
    /// # Errors
    /// Where the disk does not give what it holds.
    pub fn tip_at(&self, records: u64) -> Result<Option<Tip>, FileError> {
        if records > self.count() {
            return Ok(None);
        }
        let mut check = Chain::start().0;
        if records > 0 {
            let next = usize::try_from(records).ok().and_then(|next| self.offsets.get(next));
            let end = next.copied().unwrap_or(self.end);
            let read = self.file.read_exact_at(&mut check, end - CHECK_BYTES);
            read.map_err(FileError::system("read", &self.path))?;
        }
        Ok(Some(Tip { records, check }))
    }

    /// The records with these numbers, counted from 0, as far as there are any; checked again.
    ///
    /// # Errors
    /// [`FileError::Damaged`] where the disk gives something else than was written.
    pub fn records(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, FileError> {
        (range.start..range.end.min(self.count())).map(|number| self.record(number)).collect()
    }

    /// The length of a record that is to begin at this offset.
    fn admit(&self, record: &[u8], offset: u64) -> Result<u32, FileError> {
        let too_large = |what, bytes, limit| FileError::TooLarge {
            path: self.path.clone(),
            what,
            bytes,
            limit,
        };
        let bytes = record.len() as u64;
        let length = u32::try_from(bytes).ok().filter(|length| *length <= self.limits.record);
        let length =
            length.ok_or_else(|| too_large("a record", bytes, self.limits.record.into()))?;
        let size = offset.saturating_add(bytes).saturating_add(FRAME_BYTES);
        if size > self.limits.file {
            return Err(too_large("the file", size, self.limits.file));
        }
        Ok(length)
    }

    fn write(&self, bytes: &[u8]) -> Result<(), FileError> {
        let written = calls::write_at(&self.file, &self.path, bytes, self.end);
        written.map_err(FileError::system("append to", &self.path))?;
        let flushed = calls::flush_data(&self.file, &self.path);
        flushed.map_err(FileError::system("make durable", &self.path))
    }

    /// Makes sure that what was read is on the disk. A process may have died, or failed to flush,
    /// after writing the last group: then it can be read although the disk does not have it, and
    /// after a failure the system may believe that it has. Written once more it is flushed anew.
    fn settle(&self) -> std::io::Result<()> {
        let path = &self.path;
        calls::name(path, || self.file.set_len(self.end))?;
        let group = self.offsets.len().saturating_sub(GROUP);
        if let Some(first) = self.offsets.get(group) {
            // Read in this process a moment ago, so no longer than the limits allow.
            let mut bytes = vec![0; usize::try_from(self.end - first).unwrap_or(0)];
            self.file.read_exact_at(&mut bytes, *first)?;
            calls::write_at(&self.file, path, &bytes, *first)?;
        }
        calls::flush(&self.file, path)
    }

    fn record(&self, number: u64) -> Result<Vec<u8>, FileError> {
        let at = |number: u64| {
            let index = usize::try_from(number).ok()?;
            self.offsets.get(index).copied()
        };
        // Callers stay below `count`, so there is a place; an empty range reads as damage.
        let start = at(number).unwrap_or(self.end);
        let end = at(number + 1).unwrap_or(self.end);
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(0)];
        let read = FileError::system("read", &self.path);
        self.file.read_exact_at(&mut bytes, start).map_err(&read)?;
        let mut chain = Chain::start();
        if number > 0 {
            self.file.read_exact_at(&mut chain.0, start - CHECK_BYTES).map_err(&read)?;
        }
        chain.decode(&bytes).map(<[u8]>::to_vec).ok_or_else(|| FileError::Damaged {
            path: self.path.clone(),
            record: number + 1,
            offset: start,
            reason: "it is not what was written",
        })
    }
}

/// Reads a file of records without locking or changing it, so also a copy, or one that a daemon
/// has open.
///
/// # Errors
/// As [`AppendFile::open`], but for lock and permissions.
pub fn read_records(path: &Path, limits: Limits) -> Result<Contents, FileError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => FileError::Missing(path.to_owned()),
        _ => FileError::system("open", path)(error),
    })?;
    let mut scan = begin(&file, path, limits)?;
    let mut records = Vec::new();
    while let Some(record) = scan.next()? {
        records.push(record);
    }
    Ok(Contents { records, torn: scan.torn })
}

fn begin<'a>(
    file: &'a File,
    path: &'a Path,
    limits: Limits,
) -> Result<Scan<'a, BufReader<&'a File>>, FileError> {
    let size = file.metadata().map_err(FileError::system("look at", path))?.len();
    Scan::begin(BufReader::with_capacity(1 << 16, file), path, size, limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { record: 1000, file: 100_000 };

    /// A file of records whose bytes go to a device instead.
    fn over(device: &str) -> (tempfile::TempDir, AppendFile) {
        let folder = tempfile::tempdir().unwrap();
        let mut file = AppendFile::create(folder.path().join("ledger"), LIMITS).unwrap();
        file.append(b"before").unwrap();
        file.file = Locked::of(OpenOptions::new().write(true).open(device).unwrap());
        (folder, file)
    }

    fn assert_poisoned_by(device: &str, expected: &str) {
        let (_folder, mut file) = over(device);
        let first = file.append(b"record").unwrap_err().to_string();
        assert!(first.contains(expected) && first.contains("ledger"), "{first}");
        file.file = Locked::of(tempfile::tempfile().unwrap());
        match file.append(b"next") {
            Err(FileError::Poisoned { cause, .. }) => assert_eq!(cause, first),
            other => panic!("{other:?}"),
        }
        assert_eq!(file.count(), 1, "a record that failed does not count");
    }

    #[test]
    fn a_full_disk_is_the_last_word() {
        assert_poisoned_by("/dev/full", "free some space");
    }

    #[test]
    fn a_failed_flush_is_the_last_word() {
        // Takes every byte, and refuses to flush.
        assert_poisoned_by("/dev/null", "make durable");
    }

    #[test]
    fn a_record_that_is_too_large_is_refused_before_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { record: 10, file: 16 + 2 * 50 };
        let path = folder.path().join("ledger");
        let mut file = AppendFile::create(&path, limits).unwrap();
        let too_large = |result| matches!(result, Err(FileError::TooLarge { .. }));
        assert!(too_large(file.append(&[1; 11])));
        file.append(&[1; 10]).unwrap();
        file.append(&[2; 10]).unwrap();
        assert!(too_large(file.append(&[])), "the file is full to the byte");
        assert_eq!(file.records(0..9).unwrap(), [[1; 10], [2; 10]]);
        drop(file);
        assert_eq!(AppendFile::open(&path, limits).unwrap().file.count(), 2);
        for less in [Limits { record: 9, ..limits }, Limits { file: 115, ..limits }] {
            let refused = AppendFile::open(&path, less);
            assert!(matches!(refused, Err(FileError::TooLarge { .. })), "{refused:?}");
        }
    }
}
