//! A journal that outlives its site, and that fails when a test wants it to.

use std::cell::RefCell;
use std::rc::Rc;

use ripieno_secagg::journal::{Journal, JournalError};

/// Records shared with the test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    records: Vec<Vec<u8>>,
    room: Option<usize>,
}

impl Tape {
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
}

impl Journal for Tape {
    fn append(&mut self, record: &[u8]) -> Result<(), JournalError> {
        let mut state = self.0.borrow_mut();
        if state.room.is_some_and(|room| state.records.len() >= room) {
            return Err(JournalError::new("the tape is full"));
        }
        state.records.push(record.to_vec());
        Ok(())
    }
}
