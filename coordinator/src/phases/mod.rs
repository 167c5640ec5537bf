//! The phases of a study, one file each. A phase takes messages, and ends when everyone has
//! answered or when its time is up.

pub(crate) mod collecting;
pub(crate) mod deciding;
pub(crate) mod offering;
pub(crate) mod opening;
pub(crate) mod settling;
pub(crate) mod voiding;
pub(crate) mod waiting;

pub(crate) use collecting::Collecting;
pub(crate) use deciding::Deciding;
pub(crate) use offering::Offering;
pub(crate) use opening::Opening;
pub(crate) use settling::Settling;
pub(crate) use voiding::Voiding;
pub(crate) use waiting::Waiting;

use std::sync::Arc;
use std::time::Duration;

use ripieno_secagg::coordinator::{Epoch, MemorySpool};

use crate::limits::Limits;

/// Where a study stands.
pub(crate) enum Phase {
    Offering(Offering),
    Waiting(Waiting),
    Collecting(Collecting),
    Deciding(Deciding),
    Opening(Opening),
    Settling(Settling),
    Voiding(Voiding),
    Done,
    Failed,
}

/// What the steps of one slot have in common: its epoch, and the uploads.
pub(crate) struct SlotContext {
    pub(crate) epoch: Arc<Epoch>,
    pub(crate) spool: MemorySpool,
}

impl Phase {
    /// When the phase's time is up.
    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Duration> {
        Some(match self {
            Phase::Offering(phase) => phase.deadline(limits),
            Phase::Waiting(phase) => phase.deadline(limits),
            Phase::Collecting(phase) => phase.since + limits.collect,
            Phase::Deciding(phase) => phase.since + limits.decide,
            Phase::Opening(phase) => phase.since + limits.open,
            Phase::Settling(phase) => phase.since + limits.settle,
            Phase::Voiding(phase) => phase.since + limits.void,
            Phase::Done | Phase::Failed => return None,
        })
    }
}
