//! R3: holders sign the survivors.

use std::time::Duration;

use ripieno_secagg::coordinator::Deciding as Step;

use crate::phases::SlotContext;

/// The ballots of a slot.
pub(crate) struct Deciding {
    pub(crate) since: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Step,
}

impl Deciding {
    /// Whether t holders have signed.
    pub(crate) fn is_complete(&self) -> bool {
        let threshold = self.context.epoch.transcript().params().threshold();
        self.step.signers().len() >= usize::from(threshold)
    }
}
