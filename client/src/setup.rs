//! E1–E4 at a site: joining an epoch.

use std::collections::BTreeSet;

use rand::CryptoRng;
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::{Acceptance, Accepted, Advert, Advertised, Bundle, Dealt, Transcript};
use ripieno_secagg::journal::Journal;
use ripieno_study::{Check, Refusal};
use ripieno_wire::FromSite;

use crate::site::{Answers, Site};

/// Epochs that a site keeps: the one in use, and the one that was set up while it was.
const KEPT_EPOCHS: usize = 2;
/// Epochs that a site keeps at most, where slots without an outcome hold them.
const MAX_EPOCHS: usize = 8;

/// How far the set-up of the next epoch has come.
pub(crate) enum Setup {
    /// No set-up is under way.
    None,
    /// E1 is done.
    Advertised(Box<Advertised>),
    /// E2 is done.
    Dealt(Box<Dealt>),
    /// E3 is done.
    Accepted(Box<Accepted>),
}

impl Setup {
    /// What is being set up, once its adverts are known.
    pub(crate) fn transcript(&self) -> Option<&Transcript> {
        match self {
            Setup::None | Setup::Advertised(_) => None,
            Setup::Dealt(dealt) => Some(dealt.transcript()),
            Setup::Accepted(accepted) => Some(accepted.transcript()),
        }
    }
}

impl<J: Journal, R: CryptoRng> Site<J, R> {
    pub(crate) fn announce(&mut self, announced: Announcement) -> Answers {
        if self.epochs.len() >= MAX_EPOCHS {
            let reason = format!("{MAX_EPOCHS} epochs hold slots without an outcome");
            return Err(Refusal::own(Check::A2, reason).into());
        }
        let head = self.ledger.head();
        let party = self.party.clone();
        let advertised = Advertised::new(party, announced, self.last_epoch, head, &mut self.rng)?;
        let advertised = advertised.witnessed(&self.witness);
        self.last_epoch = announced.epoch;
        if !advertised.is_locked() {
            self.trail.note("the system does not lock the memory of the epoch's secrets");
        }
        let advert = advertised.advert().clone();
        self.setup = Setup::Advertised(Box::new(advertised));
        Ok(vec![FromSite::Advert(advert)])
    }

    pub(crate) fn adverts(&mut self, epoch: u64, slots: u16, adverts: Vec<Advert>) -> Answers {
        // Without its own advert there is nothing for this site to join: it was heard too late.
        let mine = adverts.iter().any(|advert| advert.from == self.party.index());
        let waits = |a: &Advertised| mine && a.advert().epoch == epoch;
        let advertised = match std::mem::replace(&mut self.setup, Setup::None) {
            Setup::Advertised(advertised) if waits(&advertised) => advertised,
            other => {
                self.setup = other;
                return self.adverts_again(epoch, slots, adverts);
            }
        };
        let dealt = advertised.share(adverts, &mut self.witness, &mut self.rng)?;
        let bundles = dealt.bundles().to_vec();
        self.setup = Setup::Dealt(Box::new(dealt));
        Ok(vec![FromSite::Bundles(bundles)])
    }

    /// Adverts that no set-up waits for. The same ones get the same bundles. Those of an epoch that
    /// this site is not in, or did not get to the end of, are kept for the sums that were opened in
    /// it; a set-up that is under way is not disturbed.
    fn adverts_again(&mut self, epoch: u64, slots: u16, adverts: Vec<Advert>) -> Answers {
        if let Some(known) = self.setup.transcript().filter(|known| known.epoch() == epoch) {
            if !known.adverts().map(|(_, advert)| advert).eq(&adverts) {
                return Err(out_of_order("adverts").into());
            }
            return Ok(match &self.setup {
                Setup::Dealt(dealt) => vec![FromSite::Bundles(dealt.bundles().to_vec())],
                _ => Vec::new(),
            });
        }
        if self.epochs.values().any(|joined| joined.transcript().epoch() == epoch) {
            return Err(out_of_order("adverts").into());
        }
        let transcript = Transcript::from_adverts(self.party.roster(), epoch, slots, adverts)?;
        if self.foreign.len() >= KEPT_EPOCHS {
            let oldest = self.foreign.iter().min_by_key(|(_, t)| t.epoch()).map(|(d, _)| *d);
            oldest.and_then(|digest| self.foreign.remove(&digest));
        }
        self.foreign.insert(transcript.digest(), transcript);
        Ok(Vec::new())
    }

    pub(crate) fn bundles(&mut self, bundles: &[Bundle]) -> Answers {
        let dealt = match std::mem::replace(&mut self.setup, Setup::None) {
            Setup::Dealt(dealt) => dealt,
            other => {
                self.setup = other;
                return Err(out_of_order("bundles").into());
            }
        };
        let (accepted, faults) = dealt.accept(bundles);
        let mut answers = vec![FromSite::Acceptance(accepted.acceptance().clone())];
        for refusal in faults {
            self.trail.note(format!("refused: {refusal}"));
            answers.push(FromSite::Refused { id: None, study: None, refusal });
        }
        self.setup = Setup::Accepted(Box::new(accepted));
        Ok(answers)
    }

    pub(crate) fn acceptances(&mut self, epoch: u64, acceptances: Vec<Acceptance>) -> Answers {
        // A reminder of what this site has, or has given up, or knew before it restarted.
        let waits = matches!(&self.setup, Setup::Accepted(a) if a.transcript().epoch() == epoch);
        let idle = matches!(self.setup, Setup::None);
        if !waits && (idle || epoch <= self.last_epoch) {
            return Ok(Vec::new());
        }
        let accepted = match std::mem::replace(&mut self.setup, Setup::None) {
            Setup::Accepted(accepted) => accepted,
            other => {
                self.setup = other;
                return Err(out_of_order("acceptances").into());
            }
        };
        let epoch = accepted.join(acceptances)?;
        let (digest, number) = (epoch.transcript().digest(), epoch.transcript().epoch());
        self.trail.note(format!("joined epoch {number} ({})", digest.short()));
        self.epochs.insert(digest, epoch);
        self.drop_old_epochs();
        Ok(Vec::new())
    }

    /// Forgets the oldest epochs, but none that may still resolve a slot of this site's data.
    fn drop_old_epochs(&mut self) {
        let unresolved: BTreeSet<_> =
            self.ledger.unresolved().map(|entry| entry.id.transcript).collect();
        while self.epochs.len() > KEPT_EPOCHS {
            let free = self.epochs.iter().filter(|(digest, _)| !unresolved.contains(*digest));
            let oldest = free.min_by_key(|(_, epoch)| epoch.transcript().epoch());
            let Some(digest) = oldest.map(|(digest, _)| *digest) else { return };
            self.epochs.remove(&digest);
            self.begun.retain(|id, _| id.transcript != digest);
        }
    }
}

fn out_of_order(what: &str) -> Refusal {
    Refusal::coordinator(Check::A2, format!("{what} came, but no set-up waits for them"))
}
