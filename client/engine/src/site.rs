//! The site: its parts, and which step a message belongs to.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::CryptoRng;
use ripieno_access::Gate;
use ripieno_analysis::Report;
use ripieno_audit::{AuditLog, Kind, Storage};
use ripieno_identity::{RatifiedCharter, SigningKey};
use ripieno_secagg::epoch::Epoch;
use ripieno_secagg::epoch::advertise::Numbers;
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::{Ledger, LedgerError, SlotId, Standing};
use ripieno_secagg::witness::Witness;
use ripieno_secagg::{Party, Roster};
use ripieno_study::{Check, Digest, Refusal, SiteIndex};
use ripieno_wire::limits::MAX_STANDINGS;
use ripieno_wire::{FromSite, Hello, ToSite};

use crate::audit::Pace;
use crate::closed::Studies;
use crate::past::Past;
use crate::restore::{Restored, StartError, restore};
use crate::setup::{Foreign, Setup, keep_foreign};
use crate::shelf::{Key, Shelf};

/// How long a slot may be without an outcome, by the site's own clock: six hours.
const SLOT_SECONDS: u64 = 6 * 60 * 60;

/// What a site is made of.
pub struct SiteParts<J, S, R, B> {
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
    /// What it writes down of all that it decides, under its own key; see
    /// [`ENTRIES_PER_SIGNATURE`](crate::ENTRIES_PER_SIGNATURE). A site that cannot write it takes
    /// part in nothing.
    pub audit: AuditLog<S>,
    /// Where it keeps what it must not forget of its studies.
    pub shelf: B,
    /// The records that the shelf holds.
    pub saved: Vec<(Key, Vec<u8>)>,
    /// Where its secrets come from.
    pub rng: R,
}

/// A site of a federation, from its own point of view.
pub struct Site<J, S, R, B> {
    pub(crate) charter: RatifiedCharter,
    pub(crate) party: Party,
    pub(crate) gate: Gate,
    pub(crate) ledger: Ledger<J>,
    pub(crate) witness: Witness<J>,
    pub(crate) rng: R,
    pub(crate) setup: Setup,
    pub(crate) numbers: Numbers,
    /// Of the charters before, for as long as one of their sums or certificates may come.
    pub(crate) past: Past,
    pub(crate) epochs: BTreeMap<Digest, Epoch>,
    pub(crate) studies: Studies,
    pub(crate) problems: BTreeMap<Digest, String>,
    /// Epochs that this site is not in, for sums that were opened while it was away.
    pub(crate) foreign: BTreeMap<Digest, Foreign>,
    /// When a slot met its contract here, in seconds since 1970: those without an outcome.
    pub(crate) begun: BTreeMap<SlotId, u64>,
    /// The same of every slot that is not closed, whoever's data is in it: its epoch is kept.
    pub(crate) under_way: BTreeMap<SlotId, u64>,
    pub(crate) audit: AuditLog<S>,
    pub(crate) shelf: B,
    /// Why this site is silent: one of its records was not kept, or its ledger is an older one.
    pub(crate) unwritten: Option<Refusal>,
    /// What is wrong with its records, for its own people.
    pub(crate) trouble: Option<String>,
    /// What shows that its ledger is an older one.
    pub(crate) behind: Option<String>,
    /// How many entries were written down lately of what others can cause.
    pub(crate) pace: Pace,
    /// When the site was last told the time, in seconds since 1970.
    pub(crate) now: u64,
}

/// What a message leads to: answers, or a refusal.
pub(crate) type Answers = Result<Vec<FromSite>, LedgerError>;

impl<J: Journal, S: Storage, R: CryptoRng, B: Shelf> Site<J, S, R, B> {
    /// Puts a site together. It goes on with the studies that its records tell of; their data is
    /// opened when their next round comes, by the gate as it is now.
    ///
    /// # Errors
    /// Where the charter does not list this key at this index, or a record is damaged: the error
    /// names it.
    pub fn new(parts: SiteParts<J, S, R, B>) -> Result<Self, StartError> {
        let SiteParts { index, key, charter, gate, ledger, witness, audit, .. } = parts;
        let SiteParts { mut shelf, saved, rng, .. } = parts;
        let party = Party::new(index, key, Arc::new(Roster::from(&charter)))?;
        let Restored { epochs: known, studies } = restore(&saved, party.roster(), &mut shelf)?;
        let mut foreign = BTreeMap::new();
        let roster = Arc::new(party.roster().clone());
        let numbers = known.past.numbers(&roster.charter);
        for transcript in known.transcripts {
            keep_foreign(&mut foreign, transcript, &roster);
        }
        Ok(Self {
            charter,
            party,
            gate,
            ledger,
            witness,
            rng,
            setup: Setup::None,
            numbers,
            past: known.past,
            epochs: BTreeMap::new(),
            studies,
            problems: BTreeMap::new(),
            foreign,
            begun: BTreeMap::new(),
            under_way: BTreeMap::new(),
            audit,
            shelf,
            unwritten: None,
            trouble: None,
            behind: None,
            pace: Pace::default(),
            now: 0,
        })
    }

    /// Takes a message of the coordinator, and gives the answers in order. What fails becomes a
    /// refusal that names check and culprit. `now` is in seconds since 1970-01-01 UTC.
    pub fn handle(&mut self, message: ToSite, now: u64) -> Vec<FromSite> {
        self.now = now;
        let (id, study) = subject(&message);
        let answers = match self.written() {
            Ok(()) => self.dispatch(message, now),
            Err(refusal) => return vec![FromSite::Refused { id, study, refusal }],
        };
        let answers = answers.unwrap_or_else(|error| vec![self.refuse_message(id, study, error)]);
        // What was not written down did not happen, as far as anybody else will know.
        match self.written() {
            Ok(()) => answers,
            Err(refusal) => vec![FromSite::Refused { id, study, refusal }],
        }
    }

    /// Lets time pass: a slot that met its contract long ago and has no outcome yet is ended by this
    /// site's own clock. `now` is in seconds since 1970-01-01 UTC.
    pub fn tick(&mut self, now: u64) -> Vec<FromSite> {
        self.now = now;
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
        self.under_way.retain(|_, begun| !late(*begun));
        self.drop_old_epochs();
        self.note_suppressed();
        self.written().map_or_else(|_| Vec::new(), |()| answers)
    }

    /// What the site says first on every connection: what it lacks.
    #[must_use]
    pub fn hello(&self) -> Hello {
        let unfinished = self.studies.approved.iter().filter(|(_, progress)| !progress.stands());
        let rounds = unfinished.map(|(study, progress)| (*study, progress.round));
        Hello {
            unresolved: self.without_certificate(),
            rounds: rounds.take(MAX_STANDINGS).collect(),
            last_epoch: self.numbers.last,
        }
    }

    /// The slots whose certificates the site lacks. Those that it waits for come first; one that a
    /// steward has decided about is named as well, for its certificate outranks the decision.
    fn without_certificate(&self) -> Vec<SlotId> {
        let mut slots: Vec<_> = self.ledger.without_certificate().map(|entry| entry.id).collect();
        slots.sort_by_key(|id| self.ledger.standing(*id) != Some(Standing::Unresolved));
        slots.truncate(MAX_STANDINGS);
        slots
    }

    /// The newest epoch that it is in: one whose holders have all signed that they accepted it.
    #[must_use]
    pub fn newest_epoch(&self) -> Option<u64> {
        self.epochs.values().map(|epoch| epoch.transcript().epoch()).max()
    }

    /// What is wrong with this site's own records, for its own people: what the system said of
    /// which file. The coordinator hears no more than that they cannot be written.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Ends all that this site does, as where one of the engine's own records cannot be written.
    /// `trouble` is for its own people: what the system said of which file.
    pub fn stop(&mut self, trouble: &str) {
        let reason = "the site's own records cannot be written; mend the cause, then restart it";
        self.fall_silent(reason, trouble.to_owned());
    }

    /// How this site has found out that its ledger is older than what it signed: then it takes part
    /// in nothing more.
    #[must_use]
    pub fn behind(&self) -> Option<&str> {
        self.behind.as_deref()
    }

    /// The site's own record.
    #[must_use]
    pub fn audit(&self) -> &AuditLog<S> {
        &self.audit
    }

    /// The gate to the site's data: policy, catalogue, and what was read.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The result of a study, once this site has computed it from verified sums. After a restart
    /// with another version of the program there may be its text alone: [`Self::report_json`].
    #[must_use]
    pub fn report(&self, study: &Digest) -> Option<&Report> {
        self.studies.approved.get(study)?.report()
    }

    /// The result of a study as JSON, once this site has computed it from verified sums.
    #[must_use]
    pub fn report_json(&self, study: &Digest) -> Option<&str> {
        Some(&self.studies.approved.get(study)?.result()?.json)
    }

    /// Digest of the result, by which sites compare.
    #[must_use]
    pub fn report_digest(&self, study: &Digest) -> Option<Digest> {
        Some(self.studies.approved.get(study)?.result()?.digest)
    }

    fn dispatch(&mut self, message: ToSite, now: u64) -> Answers {
        match message {
            ToSite::Announce(announced) => self.announce(announced),
            ToSite::Adverts { epoch, slots, adverts } => self.adverts(epoch, slots, adverts),
            ToSite::Bundles { bundles, .. } => self.bundles(&bundles),
            ToSite::Acceptances { epoch, acceptances } => self.acceptances(epoch, acceptances),
            ToSite::Study(offer) => self.offer(offer, now),
            ToSite::Ended { study, reason } => self.ended(&study, &reason),
            ToSite::Contract(signed) => self.start(&signed, 0, now),
            ToSite::Resume { contract, taken } => self.start(&contract, taken, now),
            ToSite::Propose(proposal) => self.decide(&proposal),
            ToSite::VoidRequest(id) => self.void(id),
            ToSite::Open { certificate, proposal } => self.open(&certificate, proposal.as_ref()),
            ToSite::Voided(certificate) => self.close_void(&certificate),
            ToSite::Prove { id, dealer, kind } => self.prove(id, dealer, kind),
            ToSite::Published(published) => self.published(&published),
            ToSite::Settled { study, verdicts } => self.settled(&study, &verdicts),
        }
    }

    pub(crate) fn refuse_message(
        &mut self,
        id: Option<SlotId>,
        study: Option<Digest>,
        error: LedgerError,
    ) -> FromSite {
        let refusal = match error {
            LedgerError::Refused(refusal) => refusal,
            // A site that cannot write its ledger takes part in nothing.
            other => self.ledger_failed(&other),
        };
        self.note_refusal(id, study, &refusal);
        FromSite::Refused { id, study, refusal }
    }
}

/// Which files, and what the system said of them, is for the site's own people.
impl<J: Journal, S: Storage, R: CryptoRng, B: Shelf> Site<J, S, R, B> {
    pub(crate) fn ledger_failed(&mut self, error: &LedgerError) -> Refusal {
        let detail = error.to_string();
        let reason = "the site's ledger could not be written; the site's own record says why";
        if self.trouble.as_ref() != Some(&detail) {
            self.note(self.event(Kind::Alarm).with("problem", &detail));
            self.fall_silent(reason, detail);
        }
        Refusal::own(Check::S8, reason)
    }
}

/// The slot and the study that a message is about, for a refusal to name.
fn subject(message: &ToSite) -> (Option<SlotId>, Option<Digest>) {
    let contract = match message {
        ToSite::Contract(signed) | ToSite::Resume { contract: signed, .. } => &signed.contract,
        ToSite::Propose(proposal) => &proposal.contract.contract,
        ToSite::Published(published) => &published.contract.contract,
        ToSite::Study(offer) => return (None, Some(offer.submission.study)),
        ToSite::Ended { study, .. } | ToSite::Settled { study, .. } => {
            return (None, Some(*study));
        }
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
