//! The phases of a study, one file each. A phase takes messages, and ends when everyone has
//! answered or when its time is up.

pub(crate) mod collecting;
pub(crate) mod deciding;
pub(crate) mod offering;
pub(crate) mod opening;
mod restore;
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

use bytes::Bytes;
use ripieno_secagg::coordinator::{Epoch, Spool};
use ripieno_study::SiteSet;

use crate::desk::Uploads;
use crate::limits::Limits;
use crate::status::Ended;

/// Where a study stands.
pub(crate) enum Phase {
    Offering(Offering),
    Waiting(Waiting),
    Collecting(Collecting),
    Deciding(Deciding),
    Opening(Opening),
    Settling(Settling),
    Voiding(Voiding),
    Over(Ended),
    /// One phase has ended, and the next has not begun.
    Between,
}

/// What the steps of one slot have in common: its epoch, the uploads, what is stored of it.
pub(crate) struct SlotContext {
    pub(crate) epoch: Arc<Epoch>,
    pub(crate) uploads: Uploads,
    /// `P`.
    pub(crate) participants: SiteSet,
    /// What holders are asked for in this phase, encoded: from it the phase is restored.
    pub(crate) message: Bytes,
}

impl SlotContext {
    pub(crate) fn spool(&self) -> &(dyn Spool + Send) {
        self.uploads.spool()
    }
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
            Phase::Over(_) | Phase::Between => return None,
        })
    }

    /// A word for people.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Phase::Offering(_) => "offering",
            Phase::Waiting(_) | Phase::Between => "waiting",
            Phase::Collecting(_) => "collecting",
            Phase::Deciding(_) => "deciding",
            Phase::Opening(_) => "opening",
            Phase::Voiding(_) => "voiding",
            Phase::Settling(_) => "settling",
            Phase::Over(Ended::Done) => "done",
            Phase::Over(Ended::Failed(_)) => "failed",
            Phase::Over(Ended::Cancelled(_)) => "cancelled",
        }
    }
}
