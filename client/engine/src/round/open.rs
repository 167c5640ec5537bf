//! R4: shares are released on a certificate, and proved where a reconstruction failed.

use rand::CryptoRng;
use ripieno_audit::Storage;
use ripieno_secagg::Kind;
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::{LedgerError, SlotId};
use ripieno_secagg::round::outcome::{Certificate, Proposal};
use ripieno_study::{Check, Refusal, SiteIndex};
use ripieno_wire::FromSite;

use crate::round::unknown_epoch;
use crate::shelf::Shelf;
use crate::site::{Answers, Site};

impl<J: Journal, S: Storage, R: CryptoRng, B: Shelf> Site<J, S, R, B> {
    pub(crate) fn open(
        &mut self,
        certificate: &Certificate,
        proposal: Option<&Proposal>,
    ) -> Answers {
        let id = certificate.outcome.id;
        // Whatever becomes of the shares: with this certificate the slot counts as opened.
        let roster = self.roster_of(id);
        let known = self.ledger.take_opened(&roster, certificate)?;
        let epoch = match self.epochs.get_mut(&id.transcript) {
            Some(epoch) => epoch,
            None if known => {
                self.keep_past();
                return Ok(Vec::new());
            }
            None => return Err(unknown_epoch(id).into()),
        };
        let release = epoch.open(certificate, proposal, &mut self.ledger, &mut self.witness);
        if epoch.contract(id.slot).is_some() {
            self.begin_slot(id);
        }
        let release = match release {
            Ok(release) => release,
            // It was sent for the ledger alone: the sum is lost, or opened without this site.
            Err(LedgerError::Refused(_)) if known && proposal.is_none() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        self.begun.remove(&id);
        let survivors = &certificate.outcome.survivors;
        self.note(self.step("shares-released", id).with("survivors", survivors));
        Ok(vec![FromSite::Release(release)])
    }

    pub(crate) fn prove(&mut self, id: SlotId, dealer: SiteIndex, kind: Kind) -> Answers {
        let proof = self.epoch_mut(id)?.prove(id.slot, dealer, kind).ok_or_else(|| {
            let reason = format!("{id}: no such share of {dealer} was released here");
            Refusal::coordinator(Check::U2, reason)
        })?;
        Ok(vec![FromSite::Proof(proof)])
    }
}
