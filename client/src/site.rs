//! The site: its parts, and which step a message belongs to.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::CryptoRng;
use ripieno_access::Gate;
use ripieno_analysis::Report;
use ripieno_identity::{RatifiedCharter, SigningKey};
use ripieno_secagg::epoch::{Epoch, Transcript};
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::{Ledger, LedgerError, SlotId};
use ripieno_secagg::witness::Witness;
use ripieno_secagg::{Party, Roster};
use ripieno_study::{Check, Digest, Refusal, SiteIndex};
use ripieno_wire::limits::MAX_STANDINGS;
use ripieno_wire::{FromSite, Hello, StudyOffer, ToSite};

use crate::progress::Progress;
use crate::setup::Setup;
use crate::trail::Trail;

/// How long a slot may be without an outcome, by the site's own clock: six hours.
const SLOT_SECONDS: u64 = 6 * 60 * 60;

/// What a site is made of.
pub struct SiteParts<J, R> {
    /// The site's index in the charter.
    pub index: SiteIndex,
    /// The site's key.
    pub key: Arc<SigningKey>,
    /// The charter that the site accepted.
    pub charter: RatifiedCharter,
    /// The gate to its data.
    pub gate: Gate,
    /// Its ledger.
    pub ledger: Ledger<J>,
    /// What it remembers of its peers' ledgers.
    pub witness: Witness<J>,
    /// Where its secrets come from.
    pub rng: R,
}

/// A site of a federation, from its own point of view.
pub struct Site<J, R> {
    pub(crate) charter: RatifiedCharter,
    pub(crate) party: Party,
    pub(crate) gate: Gate,
    pub(crate) ledger: Ledger<J>,
    pub(crate) witness: Witness<J>,
    pub(crate) rng: R,
    pub(crate) setup: Setup,
    pub(crate) last_epoch: u64,
    pub(crate) epochs: BTreeMap<Digest, Epoch>,
    pub(crate) studies: BTreeMap<Digest, Progress>,
    pub(crate) pending: BTreeMap<Digest, StudyOffer>,
    pub(crate) problems: BTreeMap<Digest, String>,
    /// Epochs that this site is not in, for sums that were opened while it was away.
    pub(crate) foreign: BTreeMap<Digest, Transcript>,
    /// When a slot met its contract here, in seconds since 1970.
    pub(crate) begun: BTreeMap<SlotId, u64>,
    pub(crate) trail: Trail,
}

/// What a message leads to: answers, or a refusal.
pub(crate) type Answers = Result<Vec<FromSite>, LedgerError>;

impl<J: Journal, R: CryptoRng> Site<J, R> {
    /// Puts a site together.
    ///
    /// # Errors
    /// Check H1 where the charter does not list this key at this index.
    pub fn new(parts: SiteParts<J, R>) -> Result<Self, Refusal> {
        let SiteParts { index, key, charter, gate, ledger, witness, rng } = parts;
        let party = Party::new(index, key, Arc::new(Roster::from(&charter)))?;
        Ok(Self {
            charter,
            party,
            gate,
            ledger,
            witness,
            rng,
            setup: Setup::None,
            last_epoch: 0,
            epochs: BTreeMap::new(),
            studies: BTreeMap::new(),
            pending: BTreeMap::new(),
            problems: BTreeMap::new(),
            foreign: BTreeMap::new(),
            begun: BTreeMap::new(),
            trail: Trail::new(),
        })
    }

    /// Takes a message of the coordinator, and gives the answers in order. What fails becomes a
    /// refusal that names check and culprit. `now` is in seconds since 1970-01-01 UTC.
    pub fn handle(&mut self, message: ToSite, now: u64) -> Vec<FromSite> {
        let (id, study) = subject(&message);
        match self.dispatch(message, now) {
            Ok(answers) => answers,
            Err(error) => vec![self.refuse(id, study, error)],
        }
    }

    /// Lets time pass: a slot that met its contract long ago and has no outcome yet is ended by this
    /// site's own clock. `now` is in seconds since 1970-01-01 UTC.
    pub fn tick(&mut self, now: u64) -> Vec<FromSite> {
        let late = |begun: u64| now.saturating_sub(begun) >= SLOT_SECONDS;
        let ended: Vec<_> =
            self.begun.iter().filter(|(_, begun)| late(**begun)).map(|(id, _)| *id).collect();
        let mut answers = Vec::new();
        for id in ended {
            self.begun.remove(&id);
            // A slot whose survivors were signed has its outcome.
            if let Ok(ballots) = self.void(id) {
                answers.extend(ballots);
            }
        }
        answers
    }

    /// What the site says first on every connection: what it lacks.
    #[must_use]
    pub fn hello(&self) -> Hello {
        let unfinished = self.studies.iter().filter(|(_, progress)| progress.report().is_none());
        let rounds = unfinished.map(|(study, progress)| (*study, progress.round));
        Hello {
            unresolved: self
                .ledger
                .unresolved()
                .map(|entry| entry.id)
                .take(MAX_STANDINGS)
                .collect(),
            rounds: rounds.take(MAX_STANDINGS).collect(),
        }
    }

    /// The site's own record.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The gate to the site's data: policy, catalogue, and what was read.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The result of a study, once this site has computed it from verified sums.
    #[must_use]
    pub fn report(&self, study: &Digest) -> Option<&Report> {
        self.studies.get(study)?.report()
    }

    fn dispatch(&mut self, message: ToSite, now: u64) -> Answers {
        match message {
            ToSite::Announce(announced) => self.announce(announced),
            ToSite::Adverts { epoch, slots, adverts } => self.adverts(epoch, slots, adverts),
            ToSite::Bundles { bundles, .. } => self.bundles(&bundles),
            ToSite::Acceptances { epoch, acceptances } => self.acceptances(epoch, acceptances),
            ToSite::Study(offer) => self.offer(offer, now),
            ToSite::Contract(signed) => self.start(&signed, now),
            ToSite::Propose(proposal) => self.decide(&proposal),
            ToSite::VoidRequest(id) => self.void(id),
            ToSite::Open { certificate, proposal } => self.open(&certificate, proposal.as_ref()),
            ToSite::Voided(certificate) => self.close_void(&certificate),
            ToSite::Prove { id, dealer, kind } => self.prove(id, dealer, kind),
            ToSite::Published(published) => self.published(&published),
            ToSite::Settled { study, verdicts } => self.settled(&study, &verdicts),
        }
    }

    pub(crate) fn refuse(
        &mut self,
        id: Option<SlotId>,
        study: Option<Digest>,
        error: LedgerError,
    ) -> FromSite {
        let refusal = match error {
            LedgerError::Refused(refusal) => refusal,
            // A site that cannot write its ledger takes part in nothing.
            other => Refusal::own(Check::S8, other.to_string()),
        };
        self.trail.note(format!("refused: {refusal}"));
        FromSite::Refused { id, study, refusal }
    }
}

/// The slot and the study that a message is about, for a refusal to name.
fn subject(message: &ToSite) -> (Option<SlotId>, Option<Digest>) {
    let contract = match message {
        ToSite::Contract(signed) => &signed.contract,
        ToSite::Propose(proposal) => &proposal.contract.contract,
        ToSite::Published(published) => &published.contract.contract,
        ToSite::Study(offer) => return (None, Some(offer.submission.study)),
        ToSite::Settled { study, .. } => return (None, Some(*study)),
        ToSite::VoidRequest(id) | ToSite::Prove { id, .. } => return (Some(*id), None),
        ToSite::Voided(certificate) => return (Some(certificate.id), None),
        ToSite::Open { certificate, .. } => return (Some(certificate.outcome.id), None),
        ToSite::Announce(_)
        | ToSite::Adverts { .. }
        | ToSite::Bundles { .. }
        | ToSite::Acceptances { .. } => return (None, None),
    };
    let id = SlotId::of(contract);
    (Some(id), Some(contract.study))
}
