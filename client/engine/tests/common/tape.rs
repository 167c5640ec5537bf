//! Journals and a shelf that outlive their site, and that fail when a test wants them to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use ripieno_audit::{Storage, StorageError};
use ripieno_client_engine::{Key, Shelf, ShelfError};
use ripieno_secagg::journal::{Journal, JournalError};

/// Ends a process at a write: that one, and all behind it, are not made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fuse(Rc<FuseState>);

#[derive(Debug, Default)]
struct FuseState {
    writes: Cell<usize>,
    limit: Cell<Option<usize>>,
    /// Whether the process ends as soon as the last write is made, and not at the one behind it.
    at_once: Cell<bool>,
    /// Whether the process goes on, on a disk that is full.
    goes_on: Cell<bool>,
}

impl Fuse {
    /// Writes that were made.
    pub(crate) fn writes(&self) -> usize {
        self.0.writes.get()
    }

    /// No more than `writes` writes are made; with `at_once` the process ends with the last one.
    pub(crate) fn set(&self, writes: usize, at_once: bool) {
        self.0.limit.set(Some(writes));
        self.0.at_once.set(at_once);
    }

    /// No more than `writes` writes are made, and the process goes on without them.
    pub(crate) fn fill(&self, writes: usize) {
        self.set(writes, false);
        self.0.goes_on.set(true);
    }

    /// Whether a write was not made.
    pub(crate) fn is_full(&self) -> bool {
        self.0.goes_on.get() && self.0.limit.get().is_some_and(|limit| self.writes() > limit)
    }

    /// The next process of the site goes on without one.
    pub(crate) fn mend(&self) {
        self.0.limit.set(None);
        self.0.goes_on.set(false);
    }

    /// Whether the process has ended.
    pub(crate) fn is_blown(&self) -> bool {
        let (writes, at_once) = (self.writes(), self.0.at_once.get());
        let ends = !self.0.goes_on.get();
        ends && self
            .0
            .limit
            .get()
            .is_some_and(|limit| writes > limit || (at_once && writes == limit))
    }

    /// Counts a write; whether it is made.
    fn take(&self) -> Result<(), &'static str> {
        let made = self.0.limit.get().is_none_or(|limit| self.writes() < limit);
        // A write that is not made is counted once: the process has ended at it.
        if made || !self.is_blown() {
            self.0.writes.set(self.writes() + 1);
        }
        made.then_some(()).ok_or("the process has ended")
    }
}

/// Records shared with the test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    records: Vec<Vec<u8>>,
    room: Option<usize>,
    fuse: Fuse,
}

impl Tape {
    pub(crate) fn new(fuse: &Fuse) -> Self {
        let state = State { fuse: fuse.clone(), ..State::default() };
        Self(Rc::new(RefCell::new(state)))
    }

    /// How many records were made durable.
    pub(crate) fn len(&self) -> usize {
        self.0.borrow().records.len()
    }

    /// What was made durable.
    pub(crate) fn records(&self) -> Vec<Vec<u8>> {
        self.0.borrow().records.clone()
    }

    /// Every append fails once there are `records` records.
    pub(crate) fn fail_after(&self, records: usize) {
        self.0.borrow_mut().room = Some(records);
    }

    /// Only the first `records` records are left: those of an older copy.
    pub(crate) fn go_back(&self, records: usize) {
        self.0.borrow_mut().records.truncate(records);
    }
}

impl State {
    fn take(&mut self, record: &[u8]) -> Result<(), &'static str> {
        if self.room.is_some_and(|room| self.records.len() >= room) {
            return Err("the tape is full");
        }
        self.fuse.take()?;
        self.records.push(record.to_vec());
        Ok(())
    }
}

impl Journal for Tape {
    fn append(&mut self, record: &[u8]) -> Result<(), JournalError> {
        self.0.borrow_mut().take(record).map_err(JournalError::new)
    }
}

impl Storage for Tape {
    fn count(&self) -> u64 {
        self.len() as u64
    }

    fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        self.0.borrow_mut().take(record).map_err(StorageError::new)
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StorageError> {
        let state = self.0.borrow();
        let numbered = (0..).zip(&state.records).filter(|(number, _)| range.contains(number));
        Ok(numbered.map(|(_, record)| record.clone()).collect())
    }
}

/// A shelf shared with the test, which sees everything that was ever put on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board(Rc<RefCell<BoardState>>);

#[derive(Debug, Default)]
struct BoardState {
    kept: BTreeMap<Key, Vec<u8>>,
    ever: Vec<(Key, Vec<u8>)>,
    writes: usize,
    room: Option<usize>,
    fuse: Fuse,
}

impl Board {
    pub(crate) fn new(fuse: &Fuse) -> Self {
        let state = BoardState { fuse: fuse.clone(), ..BoardState::default() };
        Self(Rc::new(RefCell::new(state)))
    }

    pub(crate) fn fuse(&self) -> Fuse {
        self.0.borrow().fuse.clone()
    }

    /// What lies there now.
    pub(crate) fn saved(&self) -> Vec<(Key, Vec<u8>)> {
        self.0.borrow().kept.iter().map(|(key, record)| (*key, record.clone())).collect()
    }

    /// Everything that ever lay there.
    pub(crate) fn ever(&self) -> Vec<(Key, Vec<u8>)> {
        self.0.borrow().ever.clone()
    }

    /// Records put and removed so far.
    pub(crate) fn writes(&self) -> usize {
        self.0.borrow().writes
    }

    /// Every write fails once there were `writes` of them.
    pub(crate) fn fail_after(&self, writes: usize) {
        self.0.borrow_mut().room = Some(writes);
    }

    /// What lay there when a copy was made lies there again.
    pub(crate) fn go_back(&self, saved: &[(Key, Vec<u8>)]) {
        self.0.borrow_mut().kept = saved.iter().cloned().collect();
    }

    /// Changes a record behind the site's back.
    pub(crate) fn tamper(&self, key: Key, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.0.borrow_mut().kept.get_mut(&key).expect("a record"));
    }
}

impl BoardState {
    fn take(&mut self) -> Result<(), ShelfError> {
        if self.room.is_some_and(|room| self.writes >= room) {
            return Err(ShelfError::new("the shelf is full"));
        }
        self.fuse.take().map_err(ShelfError::new)?;
        self.writes += 1;
        Ok(())
    }
}

impl Shelf for Board {
    fn put(&mut self, key: &Key, record: &[u8]) -> Result<(), ShelfError> {
        let mut state = self.0.borrow_mut();
        state.take()?;
        state.kept.insert(*key, record.to_vec());
        state.ever.push((*key, record.to_vec()));
        Ok(())
    }

    fn remove(&mut self, key: &Key) -> Result<(), ShelfError> {
        let mut state = self.0.borrow_mut();
        state.take()?;
        state.kept.remove(key);
        Ok(())
    }
}
