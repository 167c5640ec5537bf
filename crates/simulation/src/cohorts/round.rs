//! R1 to R4 of one cohort: until its sum is open.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use ripieno_analysis::State;
use ripieno_encoding::encode;
use ripieno_identity::SigningKey;
use ripieno_secagg::cohort::{CohortSum, Vouched};
use ripieno_secagg::coordinator::collect::sign_contract;
use ripieno_secagg::coordinator::{
    Collecting, Deciding, Epoch, MemorySpool, Opened, Reconstruction, Voiding,
};
use ripieno_secagg::round::start::{Approved, SignedContract};
use ripieno_secagg::round::tiles;
use ripieno_study::manifest::VectorSpec;
use ripieno_study::{Contract, Digest, Hasher, Membership, Plan, Privacy, SiteIndex, SiteSet, Tag};
use ripieno_wire::{FromSite, ToSite};

use crate::cohorts::cast::Cast;
use crate::cohorts::outcome::CohortRecord;
use crate::cohorts::setup::Cohort;
use crate::cohorts::{Task, values};
use crate::error::SimulationError;
use crate::federation::rng_for;
use crate::outcome::Seen;

/// One round, as all cohorts run it.
pub(super) struct Job<'a> {
    pub(super) charter: Digest,
    pub(super) coordinator: &'a SigningKey,
    pub(super) study: Digest,
    pub(super) spec: &'a VectorSpec,
    pub(super) plan: &'a Plan,
    pub(super) state: &'a State,
    pub(super) round: u32,
    membership: Membership,
    minimum: u16,
    corrupt: u16,
    drop: f64,
    seed: u64,
}

/// What became of a round in one cohort.
pub(super) struct CohortRun {
    pub(super) record: CohortRecord,
    pub(super) sum: CohortSum,
    pub(super) vouched: BTreeMap<SiteIndex, Vouched>,
    /// The sum of the survivors' values, computed without any protocol.
    pub(super) direct: Vec<f64>,
    /// What the coordinator saw of the first survivor.
    pub(super) seen: Option<(SiteIndex, Seen)>,
}

/// A slot with all that is uploaded in it.
struct Uploads {
    collecting: Collecting,
    spool: MemorySpool,
    direct: BTreeMap<SiteIndex, Vec<f64>>,
    seen: Option<(SiteIndex, Seen)>,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        cast: &'a Cast,
        task: &'a Task<'_>,
        plan: &'a Plan,
        state: &'a State,
        round: u32,
        drop: f64,
        seed: u64,
    ) -> Self {
        Self {
            charter: cast.charter.digest(),
            coordinator: &cast.coordinator,
            study: task.study.digest(),
            spec: task.spec,
            plan,
            state,
            round,
            membership: task.study.manifest().aggregation.membership,
            minimum: cast.minimum,
            corrupt: cast.corrupt,
            drop,
            seed,
        }
    }

    /// A site that is lost under the fixed rule costs a slot: the second one has all of them.
    fn slots(&self) -> u16 {
        if self.membership == Membership::Fixed && self.drop > 0.0 { 2 } else { 1 }
    }

    /// Who is lost in the first slot of a round, and whether in the middle of its upload.
    fn lost(&self, cohort: &Cohort) -> BTreeMap<SiteIndex, bool> {
        let purpose = format!("losses of cohort {} in round {}", cohort.number, self.round);
        let mut rng = rng_for(self.seed, &purpose);
        let sites: Vec<_> =
            cohort.members.keys().filter(|_| rng.random::<f64>() < self.drop).copied().collect();
        sites.into_iter().map(|site| (site, rng.random())).collect()
    }

    fn approved(&self) -> Approved<'_> {
        Approved {
            study: self.study,
            lineage: Hasher::new(Tag::Lineage).part("made up").finish(),
            fingerprint: None,
            round: self.round,
            state: self.state.digest(),
            plan: self.plan,
            membership: self.membership,
            minimum_sites: self.minimum,
            corrupt: self.corrupt,
            releases: u64::from(self.spec.rounds),
            // A word was given on the last sum, so it was verified.
            previous: None,
        }
    }

    fn contract(&self, cohort: &Cohort, relay: &Epoch, slot: u16) -> SignedContract {
        let contract = Contract {
            transcript: relay.transcript().digest(),
            slot,
            cohort: cohort.number,
            study: self.study,
            round: self.round,
            participants: relay.eligible(&relay.joined()),
            minimum: relay.transcript().params().minimum(self.minimum),
            membership: self.membership,
            plan: self.plan.clone(),
            privacy: Privacy::NoNoise,
            state: self.state.digest(),
        };
        sign_contract(&self.charter, self.coordinator, contract, Vec::new())
    }
}

impl Cohort {
    /// A whole round: an epoch, a slot or two, the sum and every site's word on it.
    pub(super) fn round(&mut self, job: &Job<'_>) -> Result<CohortRun, SimulationError> {
        let begun = Instant::now();
        let relay = self.set_up(job.slots())?;
        let set_up = begun.elapsed();
        let (mut lost, mut voided) = (job.lost(self), 0);
        let mut upload = Duration::ZERO;
        for slot in 0..job.slots() {
            let begun = Instant::now();
            let signed = job.contract(self, &relay, slot);
            self.start(job, &signed)?;
            let uploads = self.collect(job, &relay, signed, &lost)?;
            upload += begun.elapsed();
            let Uploads { collecting, spool, mut direct, seen } = uploads;
            let deciding = match collecting.propose() {
                Ok(deciding) => deciding,
                Err(collecting) => {
                    let there = self.there(&lost);
                    self.void(&relay, collecting.give_up(relay.transcript()), &there)?;
                    (lost, voided) = (BTreeMap::new(), voided + 1);
                    continue;
                }
            };
            let begun = Instant::now();
            let there = self.there(&lost);
            let opened = self.open(&relay, deciding, &spool, &there)?;
            let open = begun.elapsed();
            let begun = Instant::now();
            let (sum, vouched) = self.publish(job, &relay, &opened, &spool)?;
            let survivors = &sum.outcome.survivors;
            direct.retain(|site, _| survivors.contains(*site));
            let record = CohortRecord {
                round: job.round,
                number: self.number,
                participants: sum.contract.participants.len(),
                survivors: survivors.len(),
                minimum: sum.contract.minimum,
                voided,
                set_up,
                upload,
                open,
                verify: begun.elapsed(),
            };
            self.leave();
            return Ok(CohortRun { record, sum, vouched, direct: add(direct.values()), seen });
        }
        let reason = format!("cohort {} has no slot left in round {}", self.number, job.round);
        Err(SimulationError::GivenUp { reason, refusals: Vec::new() })
    }

    /// R1: the contract reaches everybody.
    fn start(&mut self, job: &Job<'_>, signed: &SignedContract) -> Result<(), SimulationError> {
        let bytes = ToSite::Contract(signed.clone()).encode();
        for member in self.members.values_mut() {
            let ToSite::Contract(signed) = member.down(&bytes)? else {
                return Err(SimulationError::Stuck);
            };
            let joined = member.epoch()?;
            joined.epoch.start(&signed, Some(&job.approved()), joined.ledger)?;
        }
        Ok(())
    }

    /// R2: everybody uploads who is not lost before or on the way.
    fn collect(
        &mut self,
        job: &Job<'_>,
        relay: &Epoch,
        signed: SignedContract,
        lost: &BTreeMap<SiteIndex, bool>,
    ) -> Result<Uploads, SimulationError> {
        let (slot, participants) = (signed.contract.slot, signed.contract.participants.clone());
        let (mut direct, mut seen) = (BTreeMap::new(), None);
        let mut collecting = Collecting::new(signed);
        let (id, mut spool) = (collecting.id(), MemorySpool::default());
        for (site, member) in &mut self.members {
            if !participants.contains(*site) || lost.get(site) == Some(&false) {
                continue;
            }
            let vectors = values(job.spec, job.state, *site)?;
            let joined = member.epoch()?;
            let mut rounding =
                ChaCha20Rng::from_seed(*joined.epoch.rounding_seed(slot)?.as_bytes());
            let lanes = encode(job.plan, &vectors, participants.len(), &mut rounding)?.lanes;
            let audit = Hasher::new(Tag::Audit).finish();
            let upload = joined.epoch.upload(slot, &job.approved(), lanes, audit, joined.ledger)?;
            for tile in tiles::tiles(job.plan) {
                let number = u32::try_from(tile.number).unwrap_or(u32::MAX);
                let lanes = upload.lanes.part(tile.offset..tile.offset + tile.lanes);
                let FromSite::Tile { lanes, .. } =
                    member.up(&FromSite::Tile { id, number, lanes })?
                else {
                    return Err(SimulationError::Stuck);
                };
                if seen.is_none() && !lost.contains_key(site) {
                    let mut first = Seen::new(id);
                    first.add(id, &lanes);
                    seen = Some((*site, first));
                }
                collecting.tile(*site, tile.number, lanes, &mut spool)?;
            }
            if lost.contains_key(site) {
                continue;
            }
            let trailer = upload.trailer;
            let FromSite::Trailer { trailer, .. } =
                member.up(&FromSite::Trailer { id, trailer })?
            else {
                return Err(SimulationError::Stuck);
            };
            collecting.trailer(relay.roster(), trailer)?;
            direct.insert(*site, vectors.into_iter().next().map(|v| v.values).unwrap_or_default());
        }
        Ok(Uploads { collecting, spool, direct, seen })
    }

    /// R3 and R4: everybody who is there signs the outcome and releases shares.
    fn open(
        &mut self,
        relay: &Epoch,
        mut deciding: Deciding,
        spool: &MemorySpool,
        there: &SiteSet,
    ) -> Result<Opened, SimulationError> {
        let (roster, transcript) = (relay.roster(), relay.transcript());
        let bytes = ToSite::Propose(deciding.proposal().clone()).encode();
        for (_, member) in self.members.iter_mut().filter(|(site, _)| there.contains(**site)) {
            let ToSite::Propose(proposal) = member.down(&bytes)? else {
                return Err(SimulationError::Stuck);
            };
            let joined = member.epoch()?;
            let ballot = joined.epoch.decide(&proposal, joined.witness)?;
            let FromSite::Ballot(ballot) = member.up(&FromSite::Ballot(ballot))? else {
                return Err(SimulationError::Stuck);
            };
            deciding.ballot(roster, transcript, &ballot)?;
        }
        let Ok(mut opening) = deciding.certify(transcript) else { return too_few(self.number) };
        let certificate = opening.certificate().clone();
        let bytes = ToSite::Open { certificate, proposal: None }.encode();
        for (_, member) in self.members.iter_mut().filter(|(site, _)| there.contains(**site)) {
            let ToSite::Open { certificate, .. } = member.down(&bytes)? else {
                return Err(SimulationError::Stuck);
            };
            let joined = member.epoch()?;
            let release = joined.epoch.open(&certificate, None, joined.ledger, joined.witness)?;
            let FromSite::Release(release) = member.up(&FromSite::Release(release))? else {
                return Err(SimulationError::Stuck);
            };
            opening.release(roster, transcript, release)?;
        }
        match opening.reconstruct(transcript) {
            Reconstruction::Complete(secrets) => Ok(opening.unmask(transcript, secrets, spool)?),
            Reconstruction::Lost(refusal) => Err(refusal.into()),
            Reconstruction::MoreReleases | Reconstruction::Proofs(_) => too_few(self.number),
        }
    }

    /// R3 without survivors: VOID, which the lost sites learn of when they are back.
    fn void(
        &mut self,
        relay: &Epoch,
        mut voiding: Voiding,
        there: &SiteSet,
    ) -> Result<(), SimulationError> {
        let (roster, transcript) = (relay.roster(), relay.transcript());
        let bytes = ToSite::VoidRequest(voiding.id()).encode();
        for (_, member) in self.members.iter_mut().filter(|(site, _)| there.contains(**site)) {
            let ToSite::VoidRequest(id) = member.down(&bytes)? else {
                return Err(SimulationError::Stuck);
            };
            let ballot = member.epoch()?.epoch.void(id.slot)?;
            let FromSite::Ballot(ballot) = member.up(&FromSite::Ballot(ballot))? else {
                return Err(SimulationError::Stuck);
            };
            voiding.ballot(roster, transcript, &ballot)?;
        }
        let Some(certificate) = voiding.certificate() else { return too_few(self.number) };
        let bytes = ToSite::Voided(certificate).encode();
        for member in self.members.values_mut() {
            let ToSite::Voided(certificate) = member.down(&bytes)? else {
                return Err(SimulationError::Stuck);
            };
            let joined = member.epoch()?;
            joined.epoch.close_void(&certificate, joined.ledger)?;
        }
        Ok(())
    }

    fn there(&self, lost: &BTreeMap<SiteIndex, bool>) -> SiteSet {
        self.members.keys().filter(|site| !lost.contains_key(site)).copied().collect()
    }
}

/// So many are lost that the others can neither open nor void a slot.
fn too_few<T>(cohort: u32) -> Result<T, SimulationError> {
    let reason = format!("too few sites are left in cohort {cohort}");
    Err(SimulationError::GivenUp { reason, refusals: Vec::new() })
}

/// Values of many sites, added in their order.
pub(super) fn add<'a>(sites: impl Iterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let mut total = Vec::new();
    for values in sites {
        total.resize(values.len(), 0.0);
        total.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    total
}
