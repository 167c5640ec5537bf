//! A journal that a test can read, and can let fail.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ripieno_secagg::journal::{Journal, JournalError};

/// Records in memory, shared with the ledger or witness that writes them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    records: Rc<RefCell<Vec<Vec<u8>>>>,
    left: Rc<Cell<Option<usize>>>,
}

impl Tape {
    pub(crate) fn records(&self) -> Vec<Vec<u8>> {
        self.records.borrow().clone()
    }

    /// Lets `appends` more records through and then fails.
    pub(crate) fn fail_after(&self, appends: usize) {
        self.left.set(Some(appends));
    }

    /// Is whole again.
    pub(crate) fn mend(&self) {
        self.left.set(None);
    }
}

impl Journal for Tape {
    fn append(&mut self, record: &[u8]) -> Result<(), JournalError> {
        match self.left.get() {
            Some(0) => return Err(JournalError::new("the disk is full")),
            Some(left) => self.left.set(Some(left - 1)),
            None => {}
        }
        self.records.borrow_mut().push(record.to_vec());
        Ok(())
    }
}
