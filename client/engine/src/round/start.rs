//! R1 and R2: the contract is checked, the site computes, encodes, masks and uploads.

use std::fmt;

use rand::CryptoRng;
use ripieno_audit::{Kind, Storage};
use ripieno_compute::{ComputeError, local, local_vector};
use ripieno_encoding::{NamedVector, encode};
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::{LedgerError, SlotId};
use ripieno_secagg::mask::Generator;
use ripieno_secagg::round::start::SignedContract;
use ripieno_secagg::round::tiles;
use ripieno_secagg::round::upload::Upload;
use ripieno_study::manifest::AnalysisSpec;
use ripieno_study::{Check, Contract, Digest, Refusal};
use ripieno_wire::FromSite;
use zeroize::{Zeroize, Zeroizing};

use crate::closed::{Studies, not_approved};
use crate::progress::{Data, Progress};
use crate::round::unknown_epoch;
use crate::shelf::Shelf;
use crate::site::{Answers, Site};

impl<J: Journal, S: Storage, R: CryptoRng, B: Shelf> Site<J, S, R, B> {
    /// `taken` are the tiles that the coordinator has already, of an upload that was interrupted.
    pub(crate) fn start(&mut self, signed: &SignedContract, taken: u32, now: u64) -> Answers {
        let contract = &signed.contract;
        let id = SlotId::of(contract);
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        if !contract.participants.contains(self.party.index()) {
            epoch.start(signed, None, &self.ledger)?;
            self.begin_slot(id);
            return Ok(Vec::new());
        }
        // What is frozen reads no data any more.
        if epoch.own_trailer(contract.slot).is_some() {
            epoch.start(signed, None, &self.ledger)?;
            return self.upload_again(contract, taken);
        }
        self.renew_permit(&contract.study, now)?;
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        let progress = approved(&self.studies, &contract.study)?;
        check_over(progress)?;
        let own_word = progress.approved(self.charter.charter().fields().policy.minimum_sites);
        epoch.start(signed, Some(&own_word), &self.ledger)?;
        self.begin_slot(id);
        let progress = approved(&self.studies, &contract.study)?;
        if let Some(reason) = self.needs_steward(contract, progress) {
            return Ok(self.ask_steward(id, &contract.study, &reason));
        }
        let progress = approved(&self.studies, &contract.study)?;
        let mut vectors = match self.contribution(progress) {
            Ok(vectors) => vectors,
            Err(error) => {
                self.keep_problem(Kind::Alarm, contract.study, error.to_string());
                let reason = "the local computation failed; the site's own record says where";
                return Err(Refusal::own(Check::S6, reason).into());
            }
        };
        // Before the upload, so that the head in its trailer covers it.
        let event = self.step("contribution", id).with("study", contract.study);
        self.note(event.with("round", contract.round));
        let lanes = self.encode(contract, &vectors);
        // Nothing but the lanes is held while they are masked.
        vectors.iter_mut().for_each(|vector| vector.values.zeroize());
        drop(vectors);
        let upload = self.upload(contract, lanes?)?;
        // A first upload begins at its beginning, whatever the coordinator says that it has.
        Ok(messages(id, contract, upload, 0))
    }

    /// What this site adds to the next sum of a study.
    pub(crate) fn contribution(
        &self,
        progress: &Progress,
    ) -> Result<Vec<NamedVector>, Contribution> {
        let manifest = progress.taken.study.manifest();
        match (&progress.granted.data, &manifest.analysis) {
            (Data::View { view, .. }, _) => {
                local(manifest, progress.state(), view).map_err(Contribution::Compute)
            }
            (Data::None, AnalysisSpec::Vector(spec)) => {
                local_vector(spec, progress.state(), self.party.index())
                    .map_err(Contribution::Compute)
            }
            (Data::None | Data::Unopened, _) => Err(Contribution::NoData),
        }
    }

    /// The lanes that this site adds, as they are before they are masked.
    fn encode(
        &self,
        contract: &Contract,
        vectors: &[NamedVector],
    ) -> Result<Zeroizing<Vec<u64>>, LedgerError> {
        let id = SlotId::of(contract);
        let epoch = self.epochs.get(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        let progress = approved(&self.studies, &contract.study)?;
        let seed = epoch.rounding_seed(contract.slot)?;
        let mut rounding = Generator::new(seed.as_bytes());
        let participants = contract.participants.len();
        let encoded = encode(progress.plan(), vectors, participants, &mut rounding);
        Ok(Zeroizing::new(encoded.map_err(|e| own(&e))?.lanes))
    }

    fn upload(
        &mut self,
        contract: &Contract,
        mut lanes: Zeroizing<Vec<u64>>,
    ) -> Result<Upload, LedgerError> {
        let id = SlotId::of(contract);
        self.written()?;
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        let progress = approved(&self.studies, &contract.study)?;
        let approved = progress.approved(self.charter.charter().fields().policy.minimum_sites);
        let audit = self.audit.head().digest;
        let lanes = std::mem::take(&mut *lanes);
        epoch.upload(contract.slot, &approved, lanes, audit, &mut self.ledger)
    }

    /// The contract came again after the upload: of the frozen one goes out what the coordinator does
    /// not have, and nothing does once this site has signed an outcome.
    fn upload_again(&mut self, contract: &Contract, taken: u32) -> Answers {
        let id = SlotId::of(contract);
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        let progress = approved(&self.studies, &contract.study)?;
        let approved = progress.approved(self.charter.charter().fields().policy.minimum_sites);
        let audit = self.audit.head().digest;
        // Lanes are ignored in a slot that has uploaded.
        match epoch.upload(contract.slot, &approved, Vec::new(), audit, &mut self.ledger) {
            Ok(upload) => Ok(messages(id, contract, upload, taken)),
            Err(LedgerError::Refused(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Why a steward must see the study before this site adds to its sum: another study opened
    /// another set of sites on the same data, and the two sums differ by those sites' parts
    /// (docs/protocol.md §6, check S8). Once a steward is asked, it is a steward who answers.
    fn needs_steward(&self, contract: &Contract, progress: &Progress) -> Option<String> {
        if progress.approval.is_some() {
            return None;
        }
        if progress.asks.is_some() {
            return progress.asks.clone();
        }
        let sites = &contract.participants;
        let others = self.ledger.other_sets(&contract.study, &progress.granted.lineage, sites);
        others.first().map(|other| {
            format!(
                "rule S8: study {} opened another set of sites on the same data, and the two sums \
                 differ by the parts of those sites: a steward must approve this one",
                other.short()
            )
        })
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

/// How far a study has come; or check S2, by the rule that keeps it from running.
fn approved<'a>(studies: &'a Studies, study: &Digest) -> Result<&'a Progress, Refusal> {
    let progress = studies.approved.get(study);
    progress.ok_or_else(|| not_approved(study, studies.closed.get(study)))
}

fn own(error: &impl fmt::Display) -> Refusal {
    Refusal::own(Check::S6, error.to_string())
}

/// An upload without the tiles that were taken already.
fn messages(id: SlotId, contract: &Contract, upload: Upload, taken: u32) -> Vec<FromSite> {
    let Upload { trailer, lanes } = upload;
    let tile = |tile: tiles::Tile| FromSite::Tile {
        id,
        number: u32::try_from(tile.number).unwrap_or(u32::MAX),
        lanes: lanes.part(tile.offset..tile.offset.saturating_add(tile.lanes)),
    };
    let taken = usize::try_from(taken).unwrap_or(usize::MAX);
    let mut messages: Vec<_> = tiles::tiles(&contract.plan).skip(taken).map(tile).collect();
    messages.push(FromSite::Trailer { id, trailer });
    messages
}
