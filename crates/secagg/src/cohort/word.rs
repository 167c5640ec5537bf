//! A site's word to the other cohorts: that it verified the sum of its own.

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_study::{Check, Contract, Digest, Hasher, Refusal, SiteIndex, Tag};

use crate::party::Party;
use crate::round::publish::{Verdict, Verified};

/// A site's signature on the sum of its cohort. As received until check D2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// `ctx` of the round in its cohort.
    pub ctx: Digest,
    /// Digest of the certified outcome, which names the survivors.
    pub outcome: Digest,
    /// Digest of the sum.
    pub sum: Digest,
    /// The site.
    pub from: SiteIndex,
    /// Over [`Word::digest`].
    pub signature: Signature,
}

impl Word {
    /// What is signed: H("cohort-word", ctx, outcome, sum, from).
    #[must_use]
    pub fn digest(&self) -> Digest {
        Hasher::new(Tag::CohortWord)
            .part(self.ctx)
            .part(self.outcome)
            .part(self.sum)
            .number(self.from)
            .finish()
    }
}

/// What a site verifies the sum of its cohort by.
#[derive(Clone, Copy, Debug)]
pub enum Evidence<'a> {
    /// Every upload of U: the sum is recomputed.
    Uploads(&'a BTreeMap<SiteIndex, Vec<u64>>),
    /// c + 1 verdicts of the cohort on every tile of a sum that is verified in parts.
    Verdicts(&'a [Verdict]),
}

/// The sum of a site's own cohort, verified by itself, with its word on it.
#[derive(Clone, Debug)]
pub struct Vouched {
    pub(super) contract: Contract,
    pub(super) word: Word,
}

impl Vouched {
    /// The word to send.
    #[must_use]
    pub fn word(&self) -> &Word {
        &self.word
    }
}

impl Verified<'_> {
    /// Verifies the sum of a drawn cohort and gives this site's word on it. The receipt of a
    /// cohort moves no state: it names the one that the round started from.
    ///
    /// # Errors
    /// Check P1; check S5 where verdicts are missing, or one says that the sum does not recompute.
    pub fn vouch(
        &self,
        party: &Party,
        sum: &[u64],
        evidence: Evidence<'_>,
    ) -> Result<Vouched, Refusal> {
        let contract = self.contract();
        self.next_state(&contract.state)?;
        match evidence {
            Evidence::Uploads(uploads) => self.sum(sum, uploads)?,
            Evidence::Verdicts(verdicts) => {
                self.sum_digest(sum)?;
                let record = self.record(party.roster().corrupt);
                if !record.is_in_parts() {
                    let reason = "the sum is small enough to be verified as a whole";
                    return Err(Refusal::coordinator(Check::P1, reason));
                }
                record.check_verdicts(party.roster(), verdicts)?;
            }
        }
        let receipt = self.receipt();
        let mut word = Word {
            ctx: contract.ctx(),
            outcome: receipt.certificate.outcome.digest(),
            sum: receipt.sum,
            from: party.index(),
            signature: Signature::from_bytes([0; 64]),
        };
        word.signature = party.sign(&word.digest());
        Ok(Vouched { contract: contract.clone(), word })
    }
}
