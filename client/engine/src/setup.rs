//! E1–E4 at a site: joining an epoch.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::CryptoRng;
use ripieno_audit::{Kind, Storage};
use ripieno_secagg::Roster;
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::{Acceptance, Accepted, Advert, Advertised, Bundle, Dealt, Transcript};
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::SlotId;
use ripieno_study::{Check, Digest, Refusal};
use ripieno_wire::FromSite;

use crate::shelf::Shelf;
use crate::site::{Answers, Site};

/// Epochs that a site keeps: the one in use, and the one that was set up while it was.
const KEPT_EPOCHS: usize = 2;
/// Epochs that a site keeps at most, where slots without an outcome hold them.
pub(crate) const MAX_EPOCHS: usize = 8;

/// An epoch that this site is not in, or has left, for the sums that were opened in it.
pub(crate) struct Foreign {
    pub(crate) transcript: Transcript,
    /// Of the charter that it was set up under.
    pub(crate) roster: Arc<Roster>,
    /// How many were kept before: the first one kept goes first.
    kept: u64,
}

/// Keeps one more epoch, and no more than [`MAX_EPOCHS`]: the oldest is forgotten.
pub(crate) fn keep_foreign(
    epochs: &mut BTreeMap<Digest, Foreign>,
    transcript: Transcript,
    roster: &Arc<Roster>,
) {
    let kept = epochs.values().map(|foreign| foreign.kept + 1).max().unwrap_or(0);
    epochs.insert(transcript.digest(), Foreign { transcript, roster: roster.clone(), kept });
    if epochs.len() > MAX_EPOCHS {
        let oldest = epochs.iter().min_by_key(|(_, foreign)| foreign.kept);
        oldest.map(|(digest, _)| *digest).and_then(|digest| epochs.remove(&digest));
    }
}

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

impl<J: Journal, S: Storage, R: CryptoRng, B: Shelf> Site<J, S, R, B> {
    pub(crate) fn announce(&mut self, announced: Announcement) -> Answers {
        if self.epochs.len() >= MAX_EPOCHS {
            let reason = format!(
                "{MAX_EPOCHS} epochs are kept, for slots without an outcome hold all but the newest"
            );
            return Err(Refusal::own(Check::A2, reason).into());
        }
        let head = self.ledger.head();
        let party = self.party.clone();
        let advertised = Advertised::new(party, announced, self.numbers, head, &mut self.rng)?;
        let advertised = advertised.witnessed(&self.witness);
        self.numbers.last = announced.epoch;
        if !advertised.is_locked() {
            let problem = "the system does not lock the memory of the epoch's secrets";
            self.note_some(Kind::Alarm, self.event(Kind::Alarm).with("problem", problem));
        }
        let advert = advertised.advert().clone();
        self.setup = Setup::Advertised(Box::new(advertised));
        self.keep_epochs();
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
        // After a restart nobody else sends the adverts of an epoch that this site was in.
        self.keep_epochs();
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
        let joined = self.epochs.values().find(|joined| joined.transcript().epoch() == epoch);
        if let Some(joined) = joined {
            // Sent with a sum to a site that might have restarted.
            if joined.transcript().adverts().map(|(_, advert)| advert).eq(&adverts) {
                return Ok(Vec::new());
            }
            return Err(out_of_order("adverts").into());
        }
        let roster = Arc::new(self.party.roster().clone());
        let transcript = Transcript::from_adverts(&roster, epoch, slots, adverts)?;
        keep_foreign(&mut self.foreign, transcript, &roster);
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
            self.note_refusal(None, None, &refusal);
            answers.push(FromSite::Refused { id: None, study: None, refusal });
        }
        self.setup = Setup::Accepted(Box::new(accepted));
        Ok(answers)
    }

    pub(crate) fn acceptances(&mut self, epoch: u64, acceptances: Vec<Acceptance>) -> Answers {
        // A reminder of what this site has, or has given up, or knew before it restarted.
        let waits = matches!(&self.setup, Setup::Accepted(a) if a.transcript().epoch() == epoch);
        let idle = matches!(self.setup, Setup::None);
        if !waits && (idle || epoch <= self.numbers.last) {
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
        let event = self.event(Kind::Round).with("step", "epoch-joined");
        self.note(event.with("epoch", digest).with("number", number));
        self.epochs.insert(digest, epoch);
        self.drop_old_epochs();
        Ok(Vec::new())
    }

    /// Forgets the oldest epochs: never the newest, nor one that may still resolve a slot of this
    /// site's data. As long as there is room for the next one it keeps those as well in which a slot
    /// of others is under way, and the one before the newest, whose last slots may yet be given.
    pub(crate) fn drop_old_epochs(&mut self) {
        let unresolved: BTreeSet<_> =
            self.ledger.unresolved().map(|entry| entry.id.transcript).collect();
        let mut newest: Vec<_> = self
            .epochs
            .iter()
            .map(|(digest, epoch)| (epoch.transcript().epoch(), *digest))
            .collect();
        newest.sort_unstable_by_key(|(number, _)| Reverse(*number));
        let newest: Vec<_> = newest.into_iter().take(KEPT_EPOCHS).map(|(_, d)| d).collect();
        while self.epochs.len() > KEPT_EPOCHS {
            let has_room = self.epochs.len() < MAX_EPOCHS;
            let kept = if has_room { KEPT_EPOCHS } else { 1 };
            let mut held = unresolved.clone();
            held.extend(newest.iter().take(kept));
            if has_room {
                held.extend(self.under_way.keys().map(|id| id.transcript));
            }
            let free = self.epochs.iter().filter(|(digest, _)| !held.contains(*digest));
            let oldest = free.min_by_key(|(_, epoch)| epoch.transcript().epoch());
            let Some(digest) = oldest.map(|(digest, _)| *digest) else { return };
            self.epochs.remove(&digest);
            self.begun.retain(|id, _| id.transcript != digest);
            self.under_way.retain(|id, _| id.transcript != digest);
        }
    }

    /// A slot is bound to a contract: from now on it waits for its outcome.
    pub(crate) fn begin_slot(&mut self, id: SlotId) {
        self.begun.entry(id).or_insert(self.now);
        self.under_way.entry(id).or_insert(self.now);
    }

    /// A slot is over at this site.
    pub(crate) fn end_slot(&mut self, id: SlotId) {
        self.begun.remove(&id);
        self.under_way.remove(&id);
    }
}

fn out_of_order(what: &str) -> Refusal {
    Refusal::coordinator(Check::A2, format!("{what} came, but no set-up waits for them"))
}
