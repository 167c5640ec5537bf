//! A round by an evil coordinator, which can stop after each step and do another.

use ripieno_analysis::{Analysis, State, Step, Sums, for_study, plan};
use ripieno_encoding::decode;
use ripieno_secagg::coordinator::collect::sign_contract;
use ripieno_secagg::coordinator::open::{Opening, Reconstruction};
use ripieno_secagg::coordinator::{Collecting, Deciding, MemorySpool, Opened};
use ripieno_secagg::ledger::SlotId;
use ripieno_secagg::round::outcome::{Ballot, Proposal, VoidCertificate, Vote};
use ripieno_secagg::round::start::SignedContract;
use ripieno_study::{Contract, Digest, Plan, Privacy, SiteIndex, SiteSet, Study};
use ripieno_tests::unix_now;
use ripieno_wire::{FromSite, Parts, Published, ToSite};

use super::{Run, Stage};
use crate::forger::no_sums;

/// A study that the true sites have approved, where it stands.
pub(crate) struct Case {
    pub(crate) study: Study,
    pub(crate) analysis: Box<dyn Analysis>,
    pub(crate) state: State,
    pub(crate) plan: Plan,
    pub(crate) round: u32,
}

/// A slot whose uploads have come.
pub(crate) struct Round {
    pub(crate) signed: SignedContract,
    pub(crate) proposal: Proposal,
    deciding: Deciding,
    spool: MemorySpool,
}

impl Case {
    pub(crate) fn new(study: Study) -> Self {
        let analysis = for_study(study.manifest()).expect("an analysis");
        let state = analysis.initial();
        let plan = plan(analysis.as_ref(), &state).expect("a plan");
        Self { study, analysis, state, plan, round: 1 }
    }

    /// The contract that an honest coordinator would offer for the next round.
    pub(crate) fn contract(&self, run: &Run, slot: u16) -> Contract {
        let aggregation = &self.study.manifest().aggregation;
        Contract {
            transcript: run.transcript.digest(),
            slot,
            cohort: 0,
            study: self.study.digest(),
            round: self.round,
            participants: run.transcript.holders(),
            minimum: run.transcript.params().minimum(aggregation.minimum_sites),
            membership: aggregation.membership,
            plan: self.plan.clone(),
            privacy: Privacy::NoNoise,
            state: self.state.digest(),
        }
    }

    /// What a sum leads to.
    fn step(&self, contract: &Contract, sum: &[u64], survivors: usize) -> Result<Step, String> {
        let values = decode(&contract.plan, sum, survivors, contract.participants.len());
        let sums = Sums::new(values.map_err(|error| error.to_string())?);
        self.analysis.combine(&self.state, &sums, survivors).map_err(|error| error.to_string())
    }

    /// Goes on from a sum.
    pub(crate) fn advance(&mut self, opened: &Opened) -> Result<(), String> {
        let survivors = opened.certificate().outcome.survivors.len();
        let step = self.step(&opened.signed().contract, opened.sum(), survivors)?;
        if let Step::Continue { state, .. } = step {
            self.plan = plan(self.analysis.as_ref(), &state).map_err(|error| error.to_string())?;
            self.state = state;
        }
        self.round += 1;
        Ok(())
    }
}

impl Round {
    pub(crate) fn id(&self) -> SlotId {
        SlotId::of(&self.signed.contract)
    }
}

impl Stage {
    /// Signs a contract as the coordinator.
    pub(crate) fn sign(&self, contract: Contract) -> SignedContract {
        sign_contract(&self.roster.charter, &self.key, contract, Vec::new())
    }

    /// R1 and R2 at one true site: it uploads. Gives the trailer's `ctx`.
    pub(crate) async fn upload(
        &self,
        site: SiteIndex,
        signed: &SignedContract,
    ) -> Result<Digest, String> {
        let slot = SlotId::of(&signed.contract);
        self.expect(site, ToSite::Contract(signed.clone()), |said| match said {
            FromSite::Trailer { id, trailer } if id == slot => Some(trailer.ctx),
            _ => None,
        })
        .await
    }

    /// R1 and R2 with these participants, each told the contract of the others; the corrupt site
    /// adds zero.
    pub(crate) async fn collect(
        &self,
        run: &Run,
        signed: SignedContract,
        sites: &SiteSet,
    ) -> Result<Round, String> {
        let mut collecting = Collecting::new(signed.clone());
        let mut spool = MemorySpool::default();
        let corrupt = self.corrupt.site;
        for site in sites.iter().filter(|site| *site != corrupt) {
            let mark = self.wire.mark();
            self.upload(site, &signed).await?;
            for heard in self.wire.since(mark).into_iter().filter(|heard| heard.site == site) {
                self.take(site, heard.message, &mut collecting, &mut spool)?;
            }
        }
        if sites.contains(corrupt) {
            let true_one = collecting.trailers().next();
            let history = true_one.map_or_else(no_sums, |trailer| trailer.history);
            for message in run.forger.zeros(&run.transcript, &signed.contract, history) {
                self.take(corrupt, message, &mut collecting, &mut spool)?;
            }
        }
        let deciding = collecting.propose().map_err(|_| "too few uploads".to_owned())?;
        let proposal = deciding.proposal().clone();
        Ok(Round { signed, proposal, deciding, spool })
    }

    fn take(
        &self,
        site: SiteIndex,
        message: FromSite,
        collecting: &mut Collecting,
        spool: &mut MemorySpool,
    ) -> Result<(), String> {
        match message {
            FromSite::Tile { id, number, lanes } if id == collecting.id() => {
                let number = number as usize;
                collecting.tile(site, number, lanes, spool).map_err(|error| error.to_string())
            }
            FromSite::Trailer { id, trailer } if id == collecting.id() => {
                collecting.trailer(&self.roster, trailer).map_err(|error| error.to_string())
            }
            _ => Ok(()),
        }
    }

    /// R3 at one true site.
    pub(crate) async fn ballot(
        &self,
        site: SiteIndex,
        message: ToSite,
        id: SlotId,
    ) -> Result<Ballot, String> {
        self.expect(site, message, |said| match said {
            FromSite::Ballot(ballot) if ballot.id == id => Some(ballot),
            _ => None,
        })
        .await
    }

    /// R3: all true sites and the corrupt one sign the proposal.
    pub(crate) async fn certify(
        &self,
        run: &Run,
        round: Round,
    ) -> Result<(Opening, MemorySpool), String> {
        let (id, spool) = (round.id(), round.spool);
        let mut deciding = round.deciding;
        let outcome = ripieno_secagg::round::outcome::Outcome::of(&round.proposal);
        let mut ballots = vec![run.forger.vote(&outcome)];
        for site in &self.honest {
            let message = ToSite::Propose(round.proposal.clone());
            ballots.push(self.ballot(*site, message, id).await?);
        }
        for ballot in &ballots {
            let taken = deciding.ballot(&self.roster, &run.transcript, ballot);
            taken.map_err(|refusal| refusal.to_string())?;
        }
        let opening = deciding.certify(&run.transcript).map_err(|_| "too few ballots")?;
        Ok((opening, spool))
    }

    /// R4: the true sites release their shares; the sum is opened.
    pub(crate) async fn open(
        &self,
        run: &Run,
        (mut opening, spool): (Opening, MemorySpool),
    ) -> Result<(Opened, MemorySpool), String> {
        let certificate = opening.certificate().clone();
        for site in &self.honest {
            let message = ToSite::Open { certificate: certificate.clone(), proposal: None };
            let release = self.expect(*site, message, |said| match said {
                FromSite::Release(release) => Some(release),
                _ => None,
            });
            let release = release.await?;
            let taken = opening.release(&self.roster, &run.transcript, release);
            taken.map_err(|refusal| refusal.to_string())?;
        }
        let secrets = match opening.reconstruct(&run.transcript) {
            Reconstruction::Complete(secrets) => secrets,
            other => return Err(format!("honest shares give {other:?}")),
        };
        let opened = opening.unmask(&run.transcript, secrets, &spool);
        Ok((opened.map_err(|error| error.to_string())?, spool))
    }

    /// R5: the message that an honest coordinator would send.
    pub(crate) fn published(
        &self,
        case: &Case,
        (opened, spool): &(Opened, MemorySpool),
    ) -> Result<Published, String> {
        let contract = &opened.signed().contract;
        let survivors = opened.certificate().outcome.survivors.len();
        let next = case.step(contract, opened.sum(), survivors)?.digest();
        let receipt = opened.receipt(&self.roster.charter, &self.key, next, unix_now());
        let uploads = opened.uploads(spool).map_err(|error| error.to_string())?;
        Ok(Published {
            contract: opened.signed().clone(),
            receipt,
            sum: opened.sum().clone(),
            parts: Parts::Whole(uploads),
        })
    }

    /// R5 at one true site: the digest of the state that it computes.
    pub(crate) async fn verify(
        &self,
        site: SiteIndex,
        published: Published,
    ) -> Result<Digest, String> {
        self.expect(site, ToSite::Published(published), |said| match said {
            FromSite::State { next, .. } => Some(next),
            _ => None,
        })
        .await
    }

    /// R1 to R4 with nothing amiss.
    pub(crate) async fn opened(
        &self,
        run: &Run,
        case: &Case,
        slot: u16,
    ) -> Result<(Opened, MemorySpool), String> {
        let signed = self.sign(case.contract(run, slot));
        let all = signed.contract.participants.clone();
        let round = self.collect(run, signed, &all).await?;
        self.open(run, self.certify(run, round).await?).await
    }

    /// A whole round with nothing amiss: every true site verifies its sum.
    pub(crate) async fn round(
        &self,
        run: &Run,
        case: &mut Case,
        slot: u16,
    ) -> Result<Published, String> {
        let opened = self.opened(run, case, slot).await?;
        let published = self.published(case, &opened)?;
        for site in &self.honest {
            self.verify(*site, published.clone()).await?;
        }
        case.advance(&opened.0)?;
        Ok(published)
    }

    /// A VOID certificate, signed by the true sites.
    pub(crate) async fn void(&self, id: SlotId) -> Result<VoidCertificate, String> {
        let mut certificate = VoidCertificate { id, signatures: Default::default() };
        for site in &self.honest {
            let ballot = self.ballot(*site, ToSite::VoidRequest(id), id).await?;
            if ballot.vote != Vote::Void {
                return Err(format!("{site} signs another vote than VOID"));
            }
            certificate.signatures.insert(*site, ballot.signature);
        }
        Ok(certificate)
    }
}
