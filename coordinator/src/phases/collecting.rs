//! R1 and R2: the contract is out, uploads come in.

use std::time::Duration;

use ripieno_secagg::coordinator::Collecting as Step;
use ripieno_secagg::coordinator::collect::CollectError;
use ripieno_study::{Refusal, SiteIndex, SiteSet};
use ripieno_wire::FromSite;

use crate::phases::SlotContext;

/// The uploads of a slot.
pub(crate) struct Collecting {
    pub(crate) since: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Step,
    /// Participants that said no: they are not waited for.
    pub(crate) refused: SiteSet,
}

impl Collecting {
    pub(crate) fn participants(&self) -> &SiteSet {
        &self.step.signed().contract.participants
    }

    /// Takes a tile or trailer; whether it completed an upload.
    pub(crate) fn receive(
        &mut self,
        site: SiteIndex,
        message: FromSite,
    ) -> Result<bool, CollectError> {
        match message {
            FromSite::Tile { number, lanes, .. } => {
                self.step.tile(site, number as usize, lanes, &mut self.context.spool)?;
                Ok(false)
            }
            FromSite::Trailer { trailer, .. } if trailer.from == site => {
                self.step.trailer(self.context.epoch.roster(), trailer)?;
                Ok(true)
            }
            FromSite::Trailer { trailer, .. } => {
                let reason = format!("it sent a trailer in the name of {}", trailer.from);
                Err(Refusal::site(ripieno_study::Check::R1, site, reason).into())
            }
            _ => Ok(false),
        }
    }

    pub(crate) fn refuse(&mut self, site: SiteIndex) {
        self.refused = self.refused.iter().chain([site]).collect();
    }

    /// Whether nobody is left to wait for.
    pub(crate) fn is_complete(&self) -> bool {
        let complete = self.step.complete();
        self.participants().iter().all(|s| complete.contains(s) || self.refused.contains(s))
    }

    pub(crate) fn missing(&self) -> SiteSet {
        self.participants().difference(&self.step.complete())
    }
}
