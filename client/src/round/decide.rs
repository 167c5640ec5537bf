//! R3: one outcome is signed for each slot, survivors or VOID.

use rand::CryptoRng;
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::SlotId;
use ripieno_secagg::round::outcome::{Proposal, VoidCertificate};
use ripieno_wire::FromSite;

use crate::round::unknown_epoch;
use crate::site::{Answers, Site};

impl<J: Journal, R: CryptoRng> Site<J, R> {
    pub(crate) fn decide(&mut self, proposal: &Proposal) -> Answers {
        let contract = &proposal.contract.contract;
        let id = SlotId::of(contract);
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        let ballot = epoch.decide(proposal, &mut self.witness)?;
        self.begun.remove(&id);
        self.trail.note(format!("signed survivors {} of {id}", proposal.survivors));
        Ok(vec![FromSite::Ballot(ballot)])
    }

    pub(crate) fn void(&mut self, id: SlotId) -> Answers {
        let ballot = self.epoch_mut(id)?.void(id.slot)?;
        self.trail.note(format!("signed VOID of {id}"));
        Ok(vec![FromSite::Ballot(ballot)])
    }

    pub(crate) fn close_void(&mut self, certificate: &VoidCertificate) -> Answers {
        let id = certificate.id;
        match self.epochs.get_mut(&id.transcript) {
            Some(epoch) => epoch.close_void(certificate, &mut self.ledger)?,
            // Of an epoch that this site has left: the ledger's entry is enough.
            None => drop(self.ledger.take_void(self.party.roster(), certificate)?),
        }
        self.begun.remove(&id);
        self.trail.note(format!("{id} is void"));
        Ok(Vec::new())
    }
}
