//! The sums of all cohorts of a round, as every site checks them (check D2).

use std::collections::BTreeSet;

use ripieno_identity::{Signature, SigningKey};
use ripieno_study::{Check, Contract, Digest, Hasher, Membership, Refusal, Tag};

use crate::cohort::draw::Draw;
use crate::cohort::word::{Vouched, Word};
use crate::ledger::SlotId;
use crate::roster::Roster;
use crate::round::outcome::Outcome;
use crate::round::tiles::{self, Content};

/// The opened sum of one cohort with what other cohorts believe it by. As received until check D2.
#[derive(Clone, Debug, PartialEq)]
pub struct CohortSum {
    /// The contract in the cohort.
    pub contract: Contract,
    /// The certified outcome.
    pub outcome: Outcome,
    /// All lanes of the plan.
    pub lanes: Vec<u64>,
    /// Words of c + 1 of its sites, or more.
    pub words: Vec<Word>,
}

impl CohortSum {
    /// Digest of the sum, as in a receipt.
    fn sum(&self) -> Digest {
        tiles::root(Content::Sum, &self.contract.plan, &self.lanes)
    }
}

/// The sums of all cohorts of a round. As received until check D2.
#[derive(Clone, Debug, PartialEq)]
pub struct Total {
    /// One a cohort, by number.
    pub cohorts: Vec<CohortSum>,
    /// Digest of the state that follows from all of them.
    pub next_state: Digest,
    /// The coordinator's, over H("total", charter, seed, list(ctx, outcome, sum), next state).
    pub signature: Signature,
}

impl Total {
    /// Signs the sums of a round, one a cohort and by number.
    #[must_use]
    pub fn sign(
        draw: &Draw,
        charter: &Digest,
        key: &SigningKey,
        cohorts: Vec<CohortSum>,
        next_state: Digest,
    ) -> Self {
        let signature = Signature::from_bytes([0; 64]);
        let mut total = Self { cohorts, next_state, signature };
        let facts: Vec<_> = total.cohorts.iter().map(Facts::of).collect();
        total.signature = key.sign(&total.digest(charter, draw, &facts));
        total
    }

    fn digest(&self, charter: &Digest, draw: &Draw, facts: &[Facts]) -> Digest {
        let add = |hasher: Hasher, facts: &Facts| {
            hasher.part(facts.ctx).part(facts.outcome).part(facts.sum)
        };
        Hasher::new(Tag::Total)
            .part(charter)
            .part(draw.seed())
            .list(facts.iter(), add)
            .part(self.next_state)
            .finish()
    }

    /// Verifies the sums of all cohorts, at a site that has `own` word on that of its cohort.
    /// `charter` lists the sites of all cohorts; `minimum` is the larger of the study's and of the
    /// site's own minimum of survivors, which holds in each cohort.
    ///
    /// # Errors
    /// Check D2: the culprit is the coordinator, which publishes nothing that it could see to be wrong.
    pub fn verify(
        &self,
        charter: &Roster,
        draw: &Draw,
        own: &Vouched,
        minimum: u16,
    ) -> Result<VerifiedTotal<'_>, Refusal> {
        self.check_shape(draw, own)?;
        let facts: Vec<_> = self.cohorts.iter().map(Facts::of).collect();
        let digest = self.digest(&charter.charter, draw, &facts);
        charter.verify_coordinator(Check::D2, &digest, &self.signature)?;
        for ((number, _), (part, facts)) in draw.cohorts().zip(self.cohorts.iter().zip(&facts)) {
            Foreign { charter, draw, own, minimum, number, part, facts }.check_sum()?;
        }
        Ok(VerifiedTotal(self))
    }

    /// One sum a cohort, over the plan that this site knows: only then anything is hashed.
    fn check_shape(&self, draw: &Draw, own: &Vouched) -> Result<(), Refusal> {
        let (found, count) = (self.cohorts.len(), draw.cohorts().len());
        if found != count {
            return Err(fault(format!("{found} sums for the {count} cohorts of the draw")));
        }
        let plan = &own.contract.plan;
        let fits = |part: &CohortSum| {
            part.contract.plan == *plan && part.lanes.len() as u64 == plan.lanes()
        };
        if let Some(((number, _), _)) = draw.cohorts().zip(&self.cohorts).find(|(_, p)| !fits(p)) {
            return Err(fault_of(number, "the sum is not over the plan of the round"));
        }
        Ok(())
    }
}

/// The sums of all cohorts, each of which c + 1 of its sites have verified.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedTotal<'a>(&'a Total);

impl<'a> VerifiedTotal<'a> {
    /// The sums, one a cohort and by number.
    #[must_use]
    pub fn cohorts(&self) -> &'a [CohortSum] {
        &self.0.cohorts
    }

    /// The next state is the one that this site computed from all sums.
    ///
    /// # Errors
    /// Check D2.
    pub fn next_state(&self, own: &Digest) -> Result<(), Refusal> {
        if self.0.next_state == *own {
            return Ok(());
        }
        Err(fault("the next state is not the one that the sums give"))
    }
}

/// The digests of one cohort's sum.
struct Facts {
    ctx: Digest,
    outcome: Digest,
    sum: Digest,
}

impl Facts {
    fn of(part: &CohortSum) -> Self {
        Self { ctx: part.contract.ctx(), outcome: part.outcome.digest(), sum: part.sum() }
    }
}

/// One cohort's sum with all that it is held against.
struct Foreign<'a> {
    charter: &'a Roster,
    draw: &'a Draw,
    own: &'a Vouched,
    minimum: u16,
    number: u32,
    part: &'a CohortSum,
    facts: &'a Facts,
}

impl Foreign<'_> {
    fn check_sum(&self) -> Result<(), Refusal> {
        let Self { own, part, facts, number, .. } = self;
        if part.contract.cohort != *number {
            return Err(fault_of(*number, "the sum is of another cohort, or out of order"));
        }
        if own.contract.cohort != *number {
            self.check_round()?;
            self.check_allowed()?;
            return self.check_words();
        }
        let word = own.word();
        if (word.ctx, word.outcome, word.sum) != (facts.ctx, facts.outcome, facts.sum) {
            return Err(fault_of(*number, "the sum is not the one that this site has verified"));
        }
        Ok(())
    }

    /// The same round, from the same state.
    fn check_round(&self) -> Result<(), Refusal> {
        let (own, other) = (&self.own.contract, &self.part.contract);
        let same_round = own.study == other.study && own.round == other.round;
        if !same_round || own.state != other.state {
            return Err(fault_of(self.number, "study, round or state are not this site's"));
        }
        if (own.privacy, own.membership) != (other.privacy, other.membership) {
            return Err(fault_of(self.number, "privacy or membership are not this site's"));
        }
        Ok(())
    }

    /// The outcome is one that the cohort's own checks allow.
    fn check_allowed(&self) -> Result<(), Refusal> {
        let CohortSum { contract, outcome, .. } = self.part;
        let (survivors, participants) = (&outcome.survivors, &contract.participants);
        if outcome.ctx != self.facts.ctx || outcome.id != SlotId::of(contract) {
            return Err(fault_of(self.number, "the outcome is of another round"));
        }
        let members = self.draw.members(self.number);
        if !members.is_some_and(|members| participants.is_subset(members)) {
            return Err(fault_of(self.number, "a participant is not in the cohort"));
        }
        let allowed = match contract.membership {
            Membership::Fixed => survivors == participants,
            Membership::MayChange => survivors.is_subset(participants),
        };
        if !allowed {
            return Err(fault_of(self.number, "the membership rule does not allow its survivors"));
        }
        let (found, least) = (survivors.len(), contract.minimum.max(self.minimum));
        if found < usize::from(least) {
            return Err(fault_of(self.number, format!("{found} survivors, not {least}")));
        }
        Ok(())
    }

    /// c + 1 sites of the cohort have verified the sum: one of them is honest.
    fn check_words(&self) -> Result<(), Refusal> {
        let members = self.draw.members(self.number);
        let Facts { ctx, outcome, sum } = *self.facts;
        let mut heard = BTreeSet::new();
        for word in &self.part.words {
            let from = word.from;
            if !members.is_some_and(|members| members.contains(from)) {
                return Err(fault_of(self.number, format!("{from} is not in the cohort")));
            }
            if (word.ctx, word.outcome, word.sum) != (ctx, outcome, sum) {
                return Err(fault_of(self.number, format!("the word of {from} is on another sum")));
            }
            self.charter.verify_relayed(Check::D2, from, &word.digest(), &word.signature)?;
            heard.insert(from);
        }
        let (found, needed) = (heard.len(), usize::from(self.charter.corrupt) + 1);
        if found < needed {
            let reason = format!("{found} sites vouch for the sum, not {needed}");
            return Err(fault_of(self.number, reason));
        }
        Ok(())
    }
}

fn fault(reason: impl Into<String>) -> Refusal {
    Refusal::coordinator(Check::D2, reason)
}

fn fault_of(cohort: u32, reason: impl std::fmt::Display) -> Refusal {
    Refusal::coordinator(Check::D2, format!("cohort {cohort}: {reason}"))
}
