//! R1 and R2: the contract is checked, the site computes, encodes, masks and uploads.

use std::fmt;

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, SeedableRng};
use ripieno_compute::{ComputeError, local, local_vector};
use ripieno_encoding::{NamedVector, encode};
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::{LedgerError, SlotId};
use ripieno_secagg::round::start::SignedContract;
use ripieno_secagg::round::tiles;
use ripieno_secagg::round::upload::Upload;
use ripieno_study::manifest::AnalysisSpec;
use ripieno_study::{Check, Contract, Refusal};
use ripieno_wire::FromSite;
use zeroize::Zeroize;

use crate::progress::{Data, Progress};
use crate::round::unknown_epoch;
use crate::site::{Answers, Site};

impl<J: Journal, R: CryptoRng> Site<J, R> {
    pub(crate) fn start(&mut self, signed: &SignedContract, now: u64) -> Answers {
        let contract = &signed.contract;
        let id = SlotId::of(contract);
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        if !contract.participants.contains(self.party.index()) {
            epoch.start(signed, None, &self.ledger)?;
            self.begun.entry(id).or_insert(now);
            return Ok(Vec::new());
        }
        self.renew_permit(&contract.study, now)?;
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        let progress = self.studies.get(&contract.study).ok_or_else(|| not_approved(contract))?;
        check_over(progress)?;
        let approved = progress.approved(self.charter.charter().fields().policy.minimum_sites);
        epoch.start(signed, Some(&approved), &self.ledger)?;
        if epoch.own_trailer(contract.slot).is_some() {
            return self.upload_again(contract);
        }
        self.begun.entry(id).or_insert(now);
        self.check_other_sets(contract, progress)?;
        let mut vectors = match self.contribution(progress) {
            Ok(vectors) => vectors,
            Err(error) => {
                self.keep_problem(contract.study, error.to_string());
                let reason = "the local computation failed; the site's own record says where";
                return Err(Refusal::own(Check::S6, reason).into());
            }
        };
        let upload = self.upload(contract, &vectors);
        vectors.iter_mut().for_each(|vector| vector.values.zeroize());
        let upload = upload?;
        self.trail.note(format!("round {} of {}: {id}", contract.round, contract.study.short()));
        Ok(messages(id, contract, upload))
    }

    /// What this site adds to the next sum of a study.
    pub(crate) fn contribution(
        &self,
        progress: &Progress,
    ) -> Result<Vec<NamedVector>, Contribution> {
        let manifest = progress.study.manifest();
        match (&progress.granted.data, &manifest.analysis) {
            (Data::View { view, .. }, _) => {
                local(manifest, progress.state(), view).map_err(Contribution::Compute)
            }
            (Data::None, AnalysisSpec::Vector(spec)) => {
                local_vector(spec, progress.state(), self.party.index())
                    .map_err(Contribution::Compute)
            }
            (Data::None, _) => Err(Contribution::NoData),
        }
    }

    fn upload(
        &mut self,
        contract: &Contract,
        vectors: &[NamedVector],
    ) -> Result<Upload, LedgerError> {
        let id = SlotId::of(contract);
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        let progress = self.studies.get(&contract.study).ok_or_else(|| not_approved(contract))?;
        let seed = epoch.rounding_seed(contract.slot)?;
        let mut rounding = ChaCha20Rng::from_seed(*seed.as_bytes());
        let participants = contract.participants.len();
        let encoded = encode(progress.plan(), vectors, participants, &mut rounding);
        let encoded = encoded.map_err(|e| own(&e))?;
        let approved = progress.approved(self.charter.charter().fields().policy.minimum_sites);
        let audit = self.trail.head();
        epoch.upload(contract.slot, &approved, encoded.lanes, audit, &mut self.ledger)
    }

    /// The contract came again after the upload: the frozen one goes out again, and nothing does
    /// once this site has signed an outcome.
    fn upload_again(&mut self, contract: &Contract) -> Answers {
        let id = SlotId::of(contract);
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        let progress = self.studies.get(&contract.study).ok_or_else(|| not_approved(contract))?;
        let approved = progress.approved(self.charter.charter().fields().policy.minimum_sites);
        let audit = self.trail.head();
        // Lanes are ignored in a slot that has uploaded.
        match epoch.upload(contract.slot, &approved, Vec::new(), audit, &mut self.ledger) {
            Ok(upload) => Ok(messages(id, contract, upload)),
            Err(LedgerError::Refused(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Another study that opened another set of sites on the same data needs the steward's eye:
    /// the two sums differ by those sites' parts (docs/protocol.md §6).
    fn check_other_sets(&self, contract: &Contract, progress: &Progress) -> Result<(), Refusal> {
        let sites = &contract.participants;
        let others = self.ledger.other_sets(&contract.study, &progress.granted.lineage, sites);
        match others.first() {
            Some(other) if progress.approval.is_none() => {
                let reason = format!(
                    "study {} opened another set of sites on the same data: a steward must \
                     approve this one",
                    other.short()
                );
                Err(Refusal::own(Check::S8, reason))
            }
            _ => Ok(()),
        }
    }
}

/// Why a site has nothing to add.
#[derive(Debug)]
pub(crate) enum Contribution {
    Compute(ComputeError),
    NoData,
}

impl fmt::Display for Contribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contribution::Compute(error) => error.fmt(f),
            Contribution::NoData => f.write_str("the study reads data, but has no [data] section"),
        }
    }
}

/// After its last sum a study has a state, but no next round.
fn check_over(progress: &Progress) -> Result<(), Refusal> {
    if progress.is_over() {
        return Err(Refusal::coordinator(Check::S5, "the study is over: no round comes next"));
    }
    Ok(())
}

fn not_approved(contract: &Contract) -> Refusal {
    let reason = format!("study {} is not approved here", contract.study.short());
    Refusal::own(Check::S2, reason)
}

fn own(error: &impl fmt::Display) -> Refusal {
    Refusal::own(Check::S6, error.to_string())
}

fn messages(id: SlotId, contract: &Contract, upload: Upload) -> Vec<FromSite> {
    let Upload { trailer, lanes } = upload;
    let tile = |tile: tiles::Tile| FromSite::Tile {
        id,
        number: u32::try_from(tile.number).unwrap_or(u32::MAX),
        lanes: tile.of(&lanes).to_vec(),
    };
    let mut messages: Vec<_> = tiles::tiles(&contract.plan).map(tile).collect();
    messages.push(FromSite::Trailer { id, trailer });
    messages
}
