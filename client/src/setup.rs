//! E1–E4 at a site: joining an epoch.

use rand::CryptoRng;
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::{Acceptance, Accepted, Advert, Advertised, Bundle, Dealt};
use ripieno_secagg::journal::Journal;
use ripieno_study::{Check, Refusal};
use ripieno_wire::FromSite;

use crate::site::{Answers, Site};

/// Epochs that a site keeps: the one in use, and the one that was set up while it was.
const KEPT_EPOCHS: usize = 2;

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

impl<J: Journal, R: CryptoRng> Site<J, R> {
    pub(crate) fn announce(&mut self, announced: Announcement) -> Answers {
        let head = self.ledger.head();
        let party = self.party.clone();
        let advertised = Advertised::new(party, announced, self.last_epoch, head, &mut self.rng)?;
        self.last_epoch = announced.epoch;
        let advert = advertised.advert().clone();
        self.setup = Setup::Advertised(Box::new(advertised));
        Ok(vec![FromSite::Advert(advert)])
    }

    pub(crate) fn adverts(&mut self, adverts: Vec<Advert>) -> Answers {
        let Setup::Advertised(advertised) = std::mem::replace(&mut self.setup, Setup::None) else {
            return Err(out_of_order("adverts").into());
        };
        let dealt = advertised.share(adverts, &mut self.witness, &mut self.rng)?;
        let bundles = dealt.bundles().to_vec();
        self.setup = Setup::Dealt(Box::new(dealt));
        Ok(vec![FromSite::Bundles(bundles)])
    }

    pub(crate) fn bundles(&mut self, bundles: &[Bundle]) -> Answers {
        let Setup::Dealt(dealt) = std::mem::replace(&mut self.setup, Setup::None) else {
            return Err(out_of_order("bundles").into());
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
        // A reminder of what this site has, or has given up.
        let waits = matches!(&self.setup, Setup::Accepted(a) if a.transcript().epoch() == epoch);
        if !waits && epoch <= self.last_epoch {
            return Ok(Vec::new());
        }
        let Setup::Accepted(accepted) = std::mem::replace(&mut self.setup, Setup::None) else {
            return Err(out_of_order("acceptances").into());
        };
        let epoch = accepted.join(acceptances)?;
        let (digest, number) = (epoch.transcript().digest(), epoch.transcript().epoch());
        self.trail.note(format!("joined epoch {number} ({})", digest.short()));
        self.epochs.insert(digest, epoch);
        self.drop_old_epochs();
        Ok(Vec::new())
    }

    fn drop_old_epochs(&mut self) {
        while self.epochs.len() > KEPT_EPOCHS {
            let oldest = self.epochs.iter().min_by_key(|(_, epoch)| epoch.transcript().epoch());
            let Some(digest) = oldest.map(|(digest, _)| *digest) else { return };
            self.epochs.remove(&digest);
        }
    }
}

fn out_of_order(what: &str) -> Refusal {
    Refusal::coordinator(Check::A2, format!("{what} came, but no set-up waits for them"))
}
