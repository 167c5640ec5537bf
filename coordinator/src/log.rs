//! The coordinator's audit log.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ripieno_audit::{AuditError, AuditLog, Entry, Event, Kind, RECORD_BYTES};
use ripieno_files::{AppendFile, FileError, Limits};
use ripieno_identity::SigningKey;
use thiserror::Error;
use tracing::warn;

use crate::clock::unix_now;
use crate::store::Commits;

/// What the log may hold: some millions of entries.
pub(crate) const LIMITS: Limits = Limits { record: RECORD_BYTES as u32, file: 4 << 30 };

/// Why an entry could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log.
    #[error(transparent)]
    Log(#[from] AuditError),
    /// The log, when it was opened.
    #[error(
        "{}: {error}; or, where no signature fits, restore the key that signed it: coordinator.key",
        path.display()
    )]
    Open {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        error: AuditError,
    },
}

/// Entries of one kind that one peer causes in a minute; more are counted.
const MOST: u32 = 20;
/// So many in a minute are no accident.
pub(crate) const TOO_MUCH: u32 = 200;
/// Peers and kinds that are told apart; where there are more, all share one.
const PEERS: usize = 4096;
/// The field that says how many transactions of the database there were.
const COMMITS: &str = "commits";
/// So many of the last entries are searched for it: only seals have none.
const LAST: u64 = 64;
const MINUTE: Duration = Duration::from_mins(1);

/// The log, open for this process.
#[derive(Debug)]
pub(crate) struct Log {
    log: AuditLog<AppendFile>,
    bursts: Bursts,
    commits: Option<Commits>,
}

/// What peers caused in the last minute, by peer and kind.
type Bursts = BTreeMap<(String, &'static str), Burst>;

#[derive(Debug)]
struct Burst {
    kind: Kind,
    began: Instant,
    count: u32,
}

/// How often a peer causes entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As may happen.
    Fine,
    /// It goes on and on.
    TooMuch,
}

impl Log {
    /// Makes the file of a new log.
    pub(crate) fn create(path: &Path) -> Result<(), LogError> {
        AppendFile::create(path, LIMITS).map(drop).map_err(LogError::from)
    }

    /// Opens a log and verifies all of it.
    pub(crate) fn open(
        path: &Path,
        key: Arc<SigningKey>,
        every: NonZeroU64,
    ) -> Result<Self, LogError> {
        let opened = AppendFile::open(path, LIMITS)?;
        if let Some(torn) = opened.torn {
            warn!("{torn}");
        }
        let log = AuditLog::open(opened.file, key, every)
            .map_err(|error| LogError::Open { path: path.to_owned(), error })?;
        Ok(Self { log, bursts: Bursts::new(), commits: None })
    }

    /// From now on each entry says how many transactions of the database there were before it.
    pub(crate) fn follow(&mut self, commits: Commits) {
        self.commits = Some(commits);
    }

    /// What the last entry that says it has said of that.
    pub(crate) fn counted(&self) -> Result<Option<u64>, LogError> {
        let end = self.log.head().count;
        let entries = self.log.entries(end.saturating_sub(LAST)..end.saturating_add(1))?;
        let count = |entry: &Entry| entry.fields.get(COMMITS)?.parse().ok();
        Ok(entries.iter().rev().find_map(count))
    }

    /// Makes an entry; it is durable when this returns.
    pub(crate) fn add(&mut self, event: Event) -> Result<(), LogError> {
        let event = match &self.commits {
            Some(commits) => event.with(COMMITS, commits.count()),
            None => event,
        };
        self.log.append(event).map(drop).map_err(LogError::from)
    }

    /// Makes an entry of what a peer caused; of many in a minute, of one kind, only the first ones
    /// and how many came after them.
    pub(crate) fn add_of_peer(
        &mut self,
        peer: &str,
        (kind, what): (Kind, &'static str),
        fill: impl FnOnce(Event) -> Event,
        now: Instant,
    ) -> Result<Pace, LogError> {
        let mut key = (peer.to_owned(), what);
        if self.bursts.len() >= PEERS && !self.bursts.contains_key(&key) {
            self.flush(now)?;
            if self.bursts.len() >= PEERS {
                key.0 = "others".to_owned();
            }
        }
        let over = |burst: &Burst| now.saturating_duration_since(burst.began) >= MINUTE;
        if self.bursts.get(&key).is_some_and(over)
            && let Some(burst) = self.bursts.remove(&key)
        {
            self.count(&key, &burst)?;
        }
        let burst = self.bursts.entry(key).or_insert(Burst { kind, began: now, count: 0 });
        burst.count = burst.count.saturating_add(1);
        let count = burst.count;
        if count <= MOST {
            self.add(fill(event(kind, what)))?;
        }
        Ok(if count > TOO_MUCH { Pace::TooMuch } else { Pace::Fine })
    }

    /// Says how many entries were not made in minutes that are over.
    pub(crate) fn flush(&mut self, now: Instant) -> Result<(), LogError> {
        let over = |_: &(String, &str), burst: &mut Burst| {
            now.saturating_duration_since(burst.began) >= MINUTE
        };
        let over: Vec<_> = self.bursts.extract_if(.., over).collect();
        over.iter().try_for_each(|(key, burst)| self.count(key, burst))
    }

    fn count(
        &mut self,
        (peer, what): &(String, &'static str),
        burst: &Burst,
    ) -> Result<(), LogError> {
        match burst.count.saturating_sub(MOST) {
            0 => Ok(()),
            more => self.add(event(burst.kind, what).with("peer", peer).with("more", more)),
        }
    }

    /// Signs what is there, with all that was counted.
    pub(crate) fn seal(&mut self) -> Result<(), LogError> {
        for (key, burst) in std::mem::take(&mut self.bursts) {
            self.count(&key, &burst)?;
        }
        self.log.seal(unix_now()).map(drop).map_err(LogError::from)
    }
}

/// An event of now.
pub(crate) fn event(kind: Kind, what: &'static str) -> Event {
    Event::new(kind, unix_now()).with("what", what)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_peer_fills_the_log_no_faster_than_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        Log::create(&path).unwrap();
        let key = Arc::new(SigningKey::from_seed(&Zeroizing::new([1; 32])));
        let mut log = Log::open(&path, key, NonZeroU64::MAX).unwrap();
        let entries = || ripieno_files::read_records(&path, LIMITS).unwrap().records;
        let text = || String::from_utf8(entries().concat()).unwrap();
        let (now, of) = (Instant::now(), (Kind::Refusal, "site"));
        let before = entries().len();
        for number in 1..=TOO_MUCH {
            assert_eq!(log.add_of_peer("north", of, |e| e, now).unwrap(), Pace::Fine, "{number}");
        }
        assert_eq!(log.add_of_peer("north", of, |e| e, now).unwrap(), Pace::TooMuch);
        assert_eq!(entries().len() - before, MOST as usize);
        log.add_of_peer("south", of, |e| e, now).unwrap();
        assert_eq!(entries().len() - before, MOST as usize + 1, "each peer for itself");
        log.flush(now).unwrap();
        assert!(!text().contains("more"));
        log.add_of_peer("north", of, |e| e, now + MINUTE).unwrap();
        assert_eq!(entries().len() - before, MOST as usize + 3, "how many, and the next");
        assert!(text().contains("181"), "{}", text());
    }
}
