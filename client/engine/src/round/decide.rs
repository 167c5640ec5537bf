//! R3: one outcome is signed for each slot, survivors or VOID.

use rand::CryptoRng;
use ripieno_audit::Storage;
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::SlotId;
use ripieno_secagg::round::outcome::{Proposal, VoidCertificate};
use ripieno_wire::FromSite;

use crate::round::unknown_epoch;
use crate::shelf::Shelf;
use crate::site::{Answers, Site};

impl<J: Journal, S: Storage, R: CryptoRng, B: Shelf> Site<J, S, R, B> {
    pub(crate) fn decide(&mut self, proposal: &Proposal) -> Answers {
        let contract = &proposal.contract.contract;
        let id = SlotId::of(contract);
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        let decided = epoch.decide(proposal, &mut self.witness);
        // Also where the proposal is refused, the slot may have met its contract with it.
        if epoch.contract(id.slot).is_some() {
            self.begin_slot(id);
        }
        let ballot = decided?;
        self.begun.remove(&id);
        let event = self.step("survivors-signed", id).with("survivors", &proposal.survivors);
        self.note(event.with("study", contract.study).with("round", contract.round));
        Ok(vec![FromSite::Ballot(ballot)])
    }

    pub(crate) fn void(&mut self, id: SlotId) -> Answers {
        let ballot = self.epoch_mut(id)?.void(id.slot)?;
        self.end_slot(id);
        self.note(self.step("void-signed", id));
        Ok(vec![FromSite::Ballot(ballot)])
    }

    pub(crate) fn close_void(&mut self, certificate: &VoidCertificate) -> Answers {
        let id = certificate.id;
        match self.epochs.get_mut(&id.transcript) {
            Some(epoch) => epoch.close_void(certificate, &mut self.ledger)?,
            // Of an epoch that this site has left: the ledger's entry is enough.
            None => {
                let roster = self.roster_of(id);
                self.ledger.take_void(&roster, certificate)?;
            }
        }
        self.end_slot(id);
        self.note(self.step("void", id));
        self.seal();
        self.keep_past();
        Ok(Vec::new())
    }
}
