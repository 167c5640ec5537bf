//! A slot without a sum is killed by a certificate before the round is repeated.

use std::time::Duration;

use ripieno_secagg::coordinator::Voiding as Step;
use ripieno_study::SiteSet;

use crate::phases::SlotContext;

/// The ballots for VOID.
pub(crate) struct Voiding {
    pub(crate) since: Duration,
    pub(crate) began: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Step,
    /// Participants whose upload was not complete.
    pub(crate) missing: SiteSet,
}
