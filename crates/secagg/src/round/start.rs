//! R1: a site checks the contract of a round and binds a slot to it, for good.

use ripieno_identity::Signature;
use ripieno_study::{
    Check, Contract, Digest, Hasher, Membership, Plan, Refusal, SiteIndex, SiteSet, Tag,
};

use crate::epoch::join::{Facts, not_accepted};
use crate::epoch::secrets::SlotSecrets;
use crate::journal::Journal;
use crate::kdf::{self, Seed};
use crate::ledger::{Entry, Ledger, SlotId};
use crate::roster::Roster;
use crate::round::publish::{SumRecord, Verdict};

/// A contract as the coordinator signs it, with the verdicts on the sum before.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedContract {
    /// Everything in `ctx`.
    pub contract: Contract,
    /// Verdicts of sites on the sum of the round before, where sites verified it in parts.
    pub verdicts: Vec<Verdict>,
    /// The coordinator's, over [`SignedContract::digest`].
    pub signature: Signature,
}

impl SignedContract {
    /// What is signed: H("contract", charter, ctx, verdicts).
    #[must_use]
    pub fn digest(&self, charter: &Digest) -> Digest {
        let add = |hasher: Hasher, verdict: &Verdict| {
            hasher.part(verdict.digest()).part(verdict.signature)
        };
        Hasher::new(Tag::Contract)
            .part(charter)
            .part(self.contract.ctx())
            .list(self.verdicts.iter(), add)
            .finish()
    }
}

/// What a participant's own side says of the round: from its approval of the study, from the
/// states that it computed itself, and from its policy. Nothing in it comes from the coordinator.
#[derive(Clone, Copy, Debug)]
pub struct Approved<'a> {
    /// The approved study.
    pub study: Digest,
    /// Stable local lineage of the data set that the approval is for.
    pub lineage: Digest,
    /// Of the bytes that were read for it; `None` where nothing was.
    pub fingerprint: Option<Digest>,
    /// The round that comes next.
    pub round: u32,
    /// Digest of the state that it starts from.
    pub state: Digest,
    /// The plan that the study has in this state.
    pub plan: &'a Plan,
    /// The study's membership rule.
    pub membership: Membership,
    /// The larger of the study's and the site's own minimum of survivors.
    pub minimum_sites: u16,
    /// Corrupt sites that the study wants to stand.
    pub corrupt: u16,
    /// Opened sums that the approval allows on this data set.
    pub releases: u64,
    /// The last opened sum of the study; `None` before the first.
    pub previous: Option<&'a SumRecord>,
}

/// A slot that has met no contract yet.
#[derive(Debug)]
pub struct Fresh {
    pub(super) secrets: SlotSecrets,
}

/// A slot that serves one contract and no other.
#[derive(Debug)]
pub struct Bound {
    pub(super) secrets: SlotSecrets,
    pub(super) signed: SignedContract,
    pub(super) ctx: Digest,
}

/// A contract that passed a holder's checks (S1, S3, S6).
#[derive(Debug)]
pub struct Checked {
    signed: SignedContract,
    ctx: Digest,
}

impl Fresh {
    pub(crate) fn new(secrets: SlotSecrets) -> Self {
        Self { secrets }
    }

    /// Binds the slot.
    #[must_use]
    pub fn bind(self, checked: Checked) -> Bound {
        let Checked { signed, ctx } = checked;
        Bound { secrets: self.secrets, signed, ctx }
    }
}

impl Bound {
    /// `ctx` of the round.
    #[must_use]
    pub fn ctx(&self) -> Digest {
        self.ctx
    }

    /// The round's contract.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.signed.contract
    }

    pub(super) fn rounding_seed(&self, site: SiteIndex) -> Seed {
        kdf::rounding_seed(&self.secrets.local(), site, &self.ctx)
    }
}

/// The checks of every holder: S1, S3, S6. (S4 is that of [`super::slot`].)
///
/// # Errors
/// The refusal; the culprit is the coordinator.
pub(crate) fn check_as_holder(facts: &Facts, signed: &SignedContract) -> Result<Checked, Refusal> {
    let refuse = |check, reason: String| Err(Refusal::coordinator(check, reason));
    let (roster, contract) = (facts.party.roster(), &signed.contract);
    let digest = signed.digest(&roster.charter);
    roster.verify_coordinator(Check::S1, &digest, &signed.signature)?;
    if contract.transcript != facts.transcript.digest() {
        return refuse(Check::S1, "the contract is for another epoch".into());
    }
    check_cohort(roster, contract)?;
    if let Some(reason) =
        not_accepted(&facts.transcript, &facts.acceptances, &contract.participants)
    {
        return refuse(Check::S3, reason);
    }
    let params = facts.transcript.params();
    check_minimum(contract, params.minimum(0))?;
    if let Err(error) = contract.plan.check(contract.participants.len()) {
        return refuse(Check::S6, error.to_string());
    }
    Ok(Checked { signed: signed.clone(), ctx: contract.ctx() })
}

/// S3: the contract is for the cohort of the epoch, and for the study that it was drawn for.
fn check_cohort(roster: &Roster, contract: &Contract) -> Result<(), Refusal> {
    let refuse = |reason: String| Err(Refusal::coordinator(Check::S3, reason));
    let Some(cohort) = &roster.cohort else {
        return match contract.cohort {
            0 => Ok(()),
            _ => refuse("no cohorts were drawn for this study".into()),
        };
    };
    if contract.cohort != cohort.number {
        let (asked, own) = (contract.cohort, cohort.number);
        return refuse(format!("cohort {asked} is asked for, this site is in cohort {own}"));
    }
    if contract.study != cohort.study {
        return refuse("the cohorts were drawn for another study".into());
    }
    Ok(())
}

/// S3: |P| ≥ m ≥ what is wanted.
fn check_minimum(contract: &Contract, wanted: u16) -> Result<(), Refusal> {
    let (participants, minimum) = (contract.participants.len(), contract.minimum);
    if minimum < wanted {
        let reason = format!("a minimum of {minimum} survivors is below the {wanted} required");
        return Err(Refusal::coordinator(Check::S3, reason));
    }
    if participants < usize::from(minimum) {
        let reason = format!("{participants} participants cannot reach the minimum of {minimum}");
        return Err(Refusal::coordinator(Check::S3, reason));
    }
    Ok(())
}

/// The further checks of a participant: S2, S3, S5, S6, S7, S8. They run at R1 and again, with the
/// ledger's entry, before the first tile.
///
/// # Errors
/// The refusal with its culprit.
pub(crate) fn check_as_participant<J: Journal>(
    facts: &Facts,
    signed: &SignedContract,
    approved: &Approved<'_>,
    ledger: &Ledger<J>,
) -> Result<Entry, Refusal> {
    let refuse = |check, reason: String| Err(Refusal::coordinator(check, reason));
    let contract = &signed.contract;
    if !contract.participants.contains(facts.party.index()) {
        return refuse(Check::S3, "this site is not a participant of the round".into());
    }
    if contract.study != approved.study {
        let reason = format!("study {} is not the approved one", contract.study.short());
        return refuse(Check::S2, reason);
    }
    let corrupt = facts.party.roster().corrupt;
    if approved.corrupt > corrupt {
        let reason = format!(
            "the study assumes corrupt sites up to {}, the charter up to {corrupt}",
            approved.corrupt
        );
        return Err(Refusal::own(Check::S2, reason));
    }
    check_minimum(contract, approved.minimum_sites)?;
    check_state(facts, signed, approved)?;
    if contract.plan != *approved.plan {
        let reason = "vectors, encoding, clip or tile size are not those of the study";
        return refuse(Check::S6, reason.into());
    }
    if contract.membership != approved.membership {
        return refuse(Check::S8, "the membership rule is not the study's".into());
    }
    let entry = entry(facts, contract, approved);
    ledger.admit(&entry, approved.releases)?;
    Ok(entry)
}

/// S5: the state is the one that this site computed from verified sums.
fn check_state(
    facts: &Facts,
    signed: &SignedContract,
    approved: &Approved<'_>,
) -> Result<(), Refusal> {
    let refuse = |reason: String| Err(Refusal::coordinator(Check::S5, reason));
    let contract = &signed.contract;
    if contract.round != approved.round {
        let (asked, next) = (contract.round, approved.round);
        return refuse(format!("round {asked} is asked for, round {next} comes next"));
    }
    if contract.state != approved.state {
        return refuse("the state is not the one that this site computed".into());
    }
    match approved.previous {
        Some(sum) => sum.check_verdicts(facts.party.roster(), &signed.verdicts),
        None => Ok(()),
    }
}

fn entry(facts: &Facts, contract: &Contract, approved: &Approved<'_>) -> Entry {
    let params = facts.transcript.params();
    Entry {
        id: SlotId::of(contract),
        ctx: contract.ctx(),
        study: contract.study,
        lineage: approved.lineage,
        fingerprint: approved.fingerprint,
        holders: facts.transcript.holders(),
        threshold: params.threshold(),
        void_quorum: params.void_quorum(),
        participants: contract.participants.clone(),
        membership: contract.membership,
        reserved: 1,
    }
}

/// P∖U: the participants that a survivor set lacks.
pub(crate) fn missing(contract: &Contract, survivors: &SiteSet) -> SiteSet {
    contract.participants.difference(survivors)
}
