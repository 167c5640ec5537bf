//! The messages of a draw, and the sums of cohorts (docs/protocol.md §9). No session carries them
//! yet: each has its bytes by itself.

use bytes::Bytes;
use prost::Message as _;
use ripieno_secagg::cohort::{CohortSum, DrawCommit, Reveal, Total, Word};
use ripieno_study::plan::MAX_LANES;

use crate::envelope::{self, Body, Inner, body, inner};
use crate::error::WireError;
use crate::field::{
    Wire, digest, exact, list, put, put_lanes, put_list, put_site, required, signature, site, words,
};
use crate::limits::{
    MAX_COHORTS, MAX_DRAW_BYTES, MAX_DRAW_SITES, MAX_PUBLISHED_BYTES, MAX_SITES, MAX_SMALL_BYTES,
};
use crate::pb;

/// Fields beside the lists: those of today, and room for a later version's.
const SPARE: usize = 64;
/// The most fields of a list of commitments or reveals.
const MOST: usize = MAX_DRAW_SITES + SPARE;

const COMMIT: Body = body(0, "draw_commit", MAX_SMALL_BYTES);
const COMMITS: Body = body(0, "draw_commits", MAX_DRAW_BYTES);
const REVEAL: Body = body(0, "draw_reveal", MAX_SMALL_BYTES);
const REVEALS: Body = body(0, "draw_reveals", MAX_DRAW_BYTES);
const WORD: Body = body(0, "cohort_word", MAX_SMALL_BYTES);
/// Of one sum: the contract's plan, the outcome, and words.
const SUM: &[Inner] = &[inner(1, &[inner(10, &[])]), inner(2, &[]), inner(4, &[])];
const TOTAL: Body = body(0, "cohort_total", MAX_PUBLISHED_BYTES).with(&[inner(1, SUM)]);

/// The bytes of a commitment.
#[must_use]
pub fn encode_commit(commit: &DrawCommit) -> Bytes {
    commit.to_proto().encode_to_vec().into()
}

/// A site's commitment, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_commit(bytes: Bytes) -> Result<DrawCommit, WireError> {
    envelope::whole(COMMIT, &bytes, SPARE)?;
    DrawCommit::from_proto(envelope::parse(COMMIT, bytes)?)
}

/// The bytes of all commitments of a draw.
#[must_use]
pub fn encode_commits(commits: &[DrawCommit]) -> Bytes {
    pb::DrawCommits { commits: put_list(commits) }.encode_to_vec().into()
}

/// All commitments of a draw, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_commits(bytes: Bytes) -> Result<Vec<DrawCommit>, WireError> {
    envelope::whole(COMMITS, &bytes, MOST)?;
    let proto: pb::DrawCommits = envelope::parse(COMMITS, bytes)?;
    list("draw_commits.commits", proto.commits, MAX_DRAW_SITES)
}

/// The bytes of a reveal.
#[must_use]
pub fn encode_reveal(reveal: &Reveal) -> Bytes {
    reveal.to_proto().encode_to_vec().into()
}

/// A site's reveal, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_reveal(bytes: Bytes) -> Result<Reveal, WireError> {
    envelope::whole(REVEAL, &bytes, SPARE)?;
    Reveal::from_proto(envelope::parse(REVEAL, bytes)?)
}

/// The bytes of all reveals of a draw.
#[must_use]
pub fn encode_reveals(reveals: &[Reveal]) -> Bytes {
    pb::DrawReveals { reveals: put_list(reveals) }.encode_to_vec().into()
}

/// All reveals of a draw, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_reveals(bytes: Bytes) -> Result<Vec<Reveal>, WireError> {
    envelope::whole(REVEALS, &bytes, MOST)?;
    let proto: pb::DrawReveals = envelope::parse(REVEALS, bytes)?;
    list("draw_reveals.reveals", proto.reveals, MAX_DRAW_SITES)
}

/// The bytes of a site's word on the sum of its cohort.
#[must_use]
pub fn encode_word(word: &Word) -> Bytes {
    word.to_proto().encode_to_vec().into()
}

/// A site's word on the sum of its cohort, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_word(bytes: Bytes) -> Result<Word, WireError> {
    envelope::whole(WORD, &bytes, SPARE)?;
    Word::from_proto(envelope::parse(WORD, bytes)?)
}

/// The bytes of the sums of all cohorts.
#[must_use]
pub fn encode_total(total: &Total) -> Bytes {
    total.to_proto().encode_to_vec().into()
}

/// The sums of all cohorts, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_total(bytes: Bytes) -> Result<Total, WireError> {
    envelope::counted(TOTAL, &bytes, MAX_COHORTS.saturating_add(SPARE))?;
    Total::from_proto(envelope::parse(TOTAL, bytes)?)
}

impl Wire for DrawCommit {
    type Proto = pb::DrawCommit;

    fn to_proto(&self) -> pb::DrawCommit {
        pb::DrawCommit {
            charter: put(self.charter),
            study: put(self.study),
            from: put_site(self.from),
            commitment: put(self.commitment),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::DrawCommit) -> Result<Self, WireError> {
        Ok(Self {
            charter: digest("draw_commit.charter", &proto.charter)?,
            study: digest("draw_commit.study", &proto.study)?,
            from: site("draw_commit.from", proto.from)?,
            commitment: digest("draw_commit.commitment", &proto.commitment)?,
            signature: signature("draw_commit.signature", &proto.signature)?,
        })
    }
}

impl Wire for Reveal {
    type Proto = pb::DrawReveal;

    fn to_proto(&self) -> pb::DrawReveal {
        pb::DrawReveal { from: put_site(self.from), nonce: put(self.nonce) }
    }

    fn from_proto(proto: pb::DrawReveal) -> Result<Self, WireError> {
        Ok(Self {
            from: site("draw_reveal.from", proto.from)?,
            nonce: exact("draw_reveal.nonce", &proto.nonce)?,
        })
    }
}

impl Wire for Word {
    type Proto = pb::CohortWord;

    fn to_proto(&self) -> pb::CohortWord {
        pb::CohortWord {
            ctx: put(self.ctx),
            outcome: put(self.outcome),
            sum: put(self.sum),
            from: put_site(self.from),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::CohortWord) -> Result<Self, WireError> {
        Ok(Self {
            ctx: digest("cohort_word.ctx", &proto.ctx)?,
            outcome: digest("cohort_word.outcome", &proto.outcome)?,
            sum: digest("cohort_word.sum", &proto.sum)?,
            from: site("cohort_word.from", proto.from)?,
            signature: signature("cohort_word.signature", &proto.signature)?,
        })
    }
}

impl Wire for CohortSum {
    type Proto = pb::CohortSum;

    fn to_proto(&self) -> pb::CohortSum {
        pb::CohortSum {
            contract: Some(self.contract.to_proto()),
            outcome: Some(self.outcome.to_proto()),
            lanes: put_lanes(&self.lanes),
            words: put_list(&self.words),
        }
    }

    fn from_proto(proto: pb::CohortSum) -> Result<Self, WireError> {
        Ok(Self {
            contract: required("cohort_sum.contract", proto.contract)?,
            outcome: required("cohort_sum.outcome", proto.outcome)?,
            lanes: words("cohort_sum.lanes", &proto.lanes, MAX_LANES)?,
            words: list("cohort_sum.words", proto.words, MAX_SITES)?,
        })
    }
}

impl Wire for Total {
    type Proto = pb::CohortTotal;

    fn to_proto(&self) -> pb::CohortTotal {
        pb::CohortTotal {
            cohorts: put_list(&self.cohorts),
            next_state: put(self.next_state),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::CohortTotal) -> Result<Self, WireError> {
        Ok(Self {
            cohorts: list("cohort_total.cohorts", proto.cohorts, MAX_COHORTS)?,
            next_state: digest("cohort_total.next_state", &proto.next_state)?,
            signature: signature("cohort_total.signature", &proto.signature)?,
        })
    }
}
