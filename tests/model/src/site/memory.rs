//! What a site loses when it restarts, and when it is restored.

use crate::message::MAX_HONEST;
use crate::rules::{Rule, Rules};
use crate::state::{Head, Site, Standing, Upload};

impl Site {
    /// The process ends and starts again: the ledger stays, the epochs are left.
    pub fn restart(&mut self, rules: Rules) {
        self.pending = 0;
        self.counts = [0; MAX_HONEST];
        for epoch in &mut self.epochs {
            // A site that kept its secrets on disk would go on, without what it had signed.
            epoch.live &= rules.off(Rule::MemoryOnly);
            epoch.slots.iter_mut().for_each(crate::state::Slot::forget);
        }
    }

    /// The disk is that of a backup, older than the first entry; rows are older, too.
    pub fn restore(&mut self) {
        self.restart(Rules::all());
        self.last = 0;
        self.head = Head { count: 0, life: 1 };
        self.data = 1;
        self.seen = [[0; 2]; MAX_HONEST];
        for slot in self.epochs.iter_mut().flat_map(|epoch| &mut epoch.slots) {
            slot.standing = Standing::None;
            slot.entry = Upload::default();
        }
    }

    /// Adds a record to the ledger.
    pub fn record(&mut self) {
        self.head.count += 1;
    }
}
