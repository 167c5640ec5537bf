//! What must never happen, looked for after every step.

use std::collections::{BTreeMap, BTreeSet};

use ripieno_audit::Head as AuditHead;
use ripieno_coordinator_engine::Event;
use ripieno_secagg::journal::MemoryJournal;
use ripieno_secagg::ledger::{Head, Ledger, Standing};
use ripieno_secagg::round::outcome::{Ballot, Vote};
use ripieno_secagg::{Kind, SlotId};
use ripieno_study::{Digest, Hasher, Membership, SiteIndex, SiteSet, Study, Tag};
use ripieno_wire::{FromSite, Published};

use crate::common::federation::Federation;
use crate::oracle;
use crate::secrets;

/// How many steps lie between two readings of all audit logs.
const AUDIT_EVERY: usize = 200;

/// What a run had in it: a simulation in which nothing goes wrong shows nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) results: usize,
    pub(crate) given_up: usize,
    pub(crate) sums: usize,
    /// Sums of fewer sites than took part.
    pub(crate) recovered: usize,
    pub(crate) voided: usize,
    pub(crate) site_ends: usize,
    /// Disks on which a write failed while the process went on.
    pub(crate) full_disks: usize,
    pub(crate) went_back: usize,
    pub(crate) successions: usize,
    /// Refusals by check, of sites and of the coordinator.
    pub(crate) refusals: BTreeMap<String, usize>,
    /// Reasons for which studies were given up.
    pub(crate) reasons: Vec<String>,
}

impl Seen {
    pub(crate) fn add(&mut self, other: Self) {
        self.results += other.results;
        self.given_up += other.given_up;
        self.sums += other.sums;
        self.recovered += other.recovered;
        self.voided += other.voided;
        self.site_ends += other.site_ends;
        self.full_disks += other.full_disks;
        self.went_back += other.went_back;
        self.successions += other.successions;
        for (check, count) in other.refusals {
            *self.refusals.entry(check).or_default() += count;
        }
        self.reasons.extend(other.reasons);
    }
}

/// Remembers what left the sites, and what the coordinator published.
pub(crate) struct Watch {
    texts: Vec<String>,
    studies: BTreeMap<Digest, Study>,
    answers: usize,
    published: usize,
    events: usize,
    steps: usize,
    /// Which kinds of shares of a site's secrets in a slot are outside.
    kinds: BTreeMap<(SlotId, SiteIndex), &'static str>,
    votes: BTreeMap<(SlotId, SiteIndex), Vote>,
    tiles: BTreeMap<(SlotId, SiteIndex, u32), Digest>,
    /// `ctx`, and the ledger's head, of what a site signed for a slot.
    trailers: BTreeMap<(SlotId, SiteIndex), (Digest, Head)>,
    states: BTreeMap<Digest, Digest>,
    opened: BTreeMap<SlotId, SiteSet>,
    rounds: BTreeMap<(Digest, u32), SlotId>,
    fixed: BTreeMap<Digest, SiteSet>,
    /// Which sum a site contributed at this count of its ledger.
    counts: BTreeMap<(SiteIndex, u64), SlotId>,
    voided: BTreeSet<(Digest, u64, u16)>,
    audits: BTreeMap<SiteIndex, AuditHead>,
    /// Sites whose folder was put back: they have forgotten what their peers have not.
    returned: BTreeSet<SiteIndex>,
    seen: Seen,
}

impl Watch {
    pub(crate) fn new(federation: &Federation, texts: &[String]) -> Self {
        let study = |text: &String| {
            let study = Study::parse(text).expect("a study");
            (study.digest(), study)
        };
        Self {
            texts: texts.to_vec(),
            studies: texts.iter().map(study).collect(),
            answers: 0,
            published: 0,
            events: 0,
            steps: 0,
            kinds: BTreeMap::new(),
            votes: BTreeMap::new(),
            tiles: BTreeMap::new(),
            trailers: BTreeMap::new(),
            states: BTreeMap::new(),
            opened: BTreeMap::new(),
            rounds: BTreeMap::new(),
            fixed: BTreeMap::new(),
            counts: BTreeMap::new(),
            voided: BTreeSet::new(),
            audits: federation.sites.keys().map(|site| (*site, AuditHead::empty())).collect(),
            returned: BTreeSet::new(),
            seen: Seen::default(),
        }
    }

    /// Looks at what is new since the last step.
    pub(crate) fn look(&mut self, federation: &Federation) {
        let network = &federation.network;
        for (site, answers) in &network.answers[self.answers..] {
            answers.iter().for_each(|answer| self.heard(*site, answer));
        }
        self.answers = network.answers.len();
        for published in &network.published[self.published..] {
            self.is_published(federation, published);
        }
        self.published = network.published.len();
        for event in &network.events[self.events..] {
            self.happened(event);
        }
        self.events = network.events.len();
        self.steps += 1;
        if self.steps.is_multiple_of(AUDIT_EVERY) {
            self.read_audits(federation);
        }
    }

    /// Something left a site.
    pub(crate) fn heard(&mut self, site: SiteIndex, answer: &FromSite) {
        match answer {
            FromSite::Release(release) => {
                for secret in &release.selfs {
                    self.is_outside(release.id, secret.site, Kind::Own);
                }
                for secret in &release.roots {
                    self.is_outside(release.id, secret.site, Kind::Root);
                }
            }
            FromSite::Proof(proof) => self.is_outside(proof.id, proof.dealer, proof.kind),
            FromSite::Ballot(ballot) => self.voted(ballot),
            FromSite::Tile { id, number, lanes } => self.uploaded(site, *id, *number, lanes),
            FromSite::Trailer { id, trailer } => {
                let signed = (trailer.ctx, trailer.ledger);
                let first = *self.trailers.entry((*id, site)).or_insert(signed);
                assert_eq!(first, signed, "{site} signed two trailers for {id}");
            }
            FromSite::State { ctx, next } => {
                let first = *self.states.entry(*ctx).or_insert(*next);
                assert_eq!(first, *next, "{site} computed another state than its peers");
            }
            _ => {}
        }
    }

    fn is_outside(&mut self, id: SlotId, dealer: SiteIndex, kind: Kind) {
        let name = match kind {
            Kind::Own => "self mask",
            Kind::Root => "mask key",
        };
        let first = *self.kinds.entry((id, dealer)).or_insert(name);
        assert_eq!(first, name, "both kinds of shares of {dealer} in {id} are outside");
    }

    fn voted(&mut self, ballot: &Ballot) {
        let key = (ballot.id, ballot.from);
        let first = *self.votes.entry(key).or_insert(ballot.vote);
        assert_eq!(first, ballot.vote, "{} signed two outcomes of {}", ballot.from, ballot.id);
    }

    fn uploaded(&mut self, site: SiteIndex, id: SlotId, number: u32, lanes: &[u64]) {
        let add = |hasher: Hasher, lane: &u64| hasher.number(*lane);
        let digest = Hasher::new(Tag::State).list(lanes.iter(), add).finish();
        let first = *self.tiles.entry((id, site, number)).or_insert(digest);
        assert_eq!(first, digest, "{site} masked two vectors with the masks of {id}");
    }

    fn is_published(&mut self, federation: &Federation, published: &Published) {
        let contract = &published.contract.contract;
        let (id, survivors) = (SlotId::of(contract), published.receipt.survivors());
        let known = self.opened.insert(id, survivors.clone());
        assert!(known.is_none(), "{id} was opened twice");
        let known = self.rounds.insert((contract.study, contract.round), id);
        assert!(known.is_none(), "round {} was opened twice", contract.round);
        let fields = federation.charter.charter().fields();
        let size = survivors.len();
        assert!(size >= usize::from(contract.minimum), "{id}: fewer survivors than m");
        assert!(size >= usize::from(fields.policy.minimum_sites), "{id}: fewer than the charter's");
        assert!(size >= usize::from(fields.corrupt) + 3, "{id}: fewer than c + 3");
        assert!(survivors.is_subset(&contract.participants), "{id}: a survivor had no part");
        self.keeps_membership(contract.study, &contract.participants, survivors);
        for site in survivors.iter() {
            let (ctx, head) = self.trailers.get(&(id, site)).expect("a survivor signed a trailer");
            assert_eq!(*ctx, contract.ctx(), "{site} signed for another contract");
            let at = self.counts.insert((site, head.count), id);
            assert!(at.is_none(), "{site} contributed twice at one count of its ledger: {id}");
        }
        self.seen.sums += 1;
        self.seen.recovered += usize::from(survivors != &contract.participants);
    }

    fn keeps_membership(&mut self, study: Digest, participants: &SiteSet, survivors: &SiteSet) {
        let manifest = self.studies.get(&study).expect("a study of this run").manifest();
        if manifest.aggregation.membership == Membership::Fixed {
            assert_eq!(participants, survivors, "a fixed set was opened in part");
            let first = self.fixed.entry(study).or_insert_with(|| survivors.clone());
            assert_eq!(first, survivors, "a fixed set has changed");
        }
    }

    fn happened(&mut self, event: &Event) {
        match event {
            Event::SlotVoided { study, voided, .. } => {
                self.voided.insert((*study, voided.epoch, voided.slot));
                self.seen.voided += 1;
            }
            Event::Refused { refusal, .. } => {
                *self.seen.refusals.entry(refusal.check.to_string()).or_default() += 1;
            }
            Event::RoundFinished { study, summary } => {
                let void = self.voided.contains(&(*study, summary.epoch, summary.slot));
                assert!(!void, "slot {} was voided and opened", summary.slot);
            }
            _ => {}
        }
    }

    /// Each log is sound, and has grown.
    fn read_audits(&mut self, federation: &Federation) {
        for (site, head) in &mut self.audits {
            let records = federation.tapes[site].audit.records();
            let key = federation.keys[site].public();
            let report = ripieno_audit::verify(records, &key);
            assert!(report.fault.is_none(), "{site}: {:?}", report.fault);
            assert!(report.is_extension_of(*head), "{site}: its log was cut off or rewritten");
            *head = report.head();
        }
    }

    /// A site's folder is that of another day.
    pub(crate) fn went_back(&mut self, federation: &Federation, site: SiteIndex) {
        let records = federation.tapes[&site].audit.records();
        let report = ripieno_audit::verify(records, &federation.keys[&site].public());
        self.audits.insert(site, report.head());
        self.returned.insert(site);
        self.seen.went_back += 1;
    }

    /// A site's disk has room again; whether a write had failed.
    pub(crate) fn mended(&mut self, was_full: bool) {
        self.seen.full_disks += usize::from(was_full);
    }

    pub(crate) fn succeeded(&mut self) {
        self.seen.successions += 1;
    }

    pub(crate) fn successions(&self) -> usize {
        self.seen.successions
    }

    /// Everything has come to rest.
    pub(crate) fn end(mut self, federation: &Federation) -> Seen {
        self.read_audits(federation);
        self.ledgers_know(federation);
        for text in self.texts.iter().filter(|text| text.contains("kind = \"vector\"")) {
            oracle::assert_sums(federation, text);
        }
        secrets::assert_none_kept(federation);
        for study in self.studies.keys().copied().collect::<Vec<_>>() {
            self.ended(federation, &study);
        }
        self.seen.site_ends = federation.network.crashes;
        self.seen
    }

    /// No site counts an opened slot as void, and each that is in a sum has paid for it.
    fn ledgers_know(&self, federation: &Federation) {
        for (site, tapes) in &federation.tapes {
            let records = tapes.ledger.records();
            let ledger = Ledger::open(MemoryJournal::default(), &records).expect("a sound ledger");
            for (id, survivors) in &self.opened {
                let standing = ledger.standing(*id);
                assert_ne!(standing, Some(Standing::Void), "{site}: {id} was opened");
                let forgets = standing.is_none() && !self.returned.contains(site);
                assert!(!(forgets && survivors.contains(*site)), "{site} forgot {id}");
            }
        }
    }

    /// Whoever has a result of a study has the coordinator's.
    fn ended(&mut self, federation: &Federation, study: &Digest) {
        match federation.result(study) {
            Some(Ok(report)) => {
                self.seen.results += 1;
                let own = federation.sites.values().filter_map(|site| site.report_digest(study));
                own.for_each(|digest| assert_eq!(digest, report.digest(), "another result"));
            }
            Some(Err(reason)) => {
                self.seen.given_up += 1;
                self.seen.reasons.push(reason.to_owned());
            }
            // Its end was told before the coordinator's.
            None => self.seen.results += 1,
        }
    }
}
