//! A round at a site, one module per step.

mod decide;
mod open;
mod publish;
mod start;

use ripieno_secagg::epoch::Epoch;
use ripieno_secagg::ledger::SlotId;
use ripieno_study::{Check, Refusal};

use crate::site::Site;

impl<J, S, R, B> Site<J, S, R, B> {
    /// The epoch of a slot.
    pub(crate) fn epoch_mut(&mut self, id: SlotId) -> Result<&mut Epoch, Refusal> {
        self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))
    }
}

pub(crate) fn unknown_epoch(id: SlotId) -> Refusal {
    let reason = format!("{id}: this site is not in that epoch");
    Refusal::coordinator(Check::S4, reason)
}
