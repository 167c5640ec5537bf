//! What happened, for whoever watches a study. No event carries anything of an update.

use ripieno_analysis::Report;
use ripieno_study::{Digest, Refusal, SiteIndex, SiteSet};
use ripieno_wire::StudyVerdict;

/// A slot that was used up without a sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoidedSlot {
    /// Number of its epoch.
    pub epoch: u64,
    /// Its number there.
    pub slot: u16,
    /// Participants whose upload was not complete.
    pub missing: SiteSet,
}

/// A round whose sum was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundSummary {
    /// Number of the round, from 1.
    pub round: u32,
    /// What it did, in a word.
    pub step: &'static str,
    /// Number of the epoch.
    pub epoch: u64,
    /// The slot that was opened.
    pub slot: u16,
    /// `m`: fewer survivors would not have been opened.
    pub minimum: u16,
    /// `U`.
    pub survivors: SiteSet,
    /// P∖U: participants that were lost and whose masks were recovered.
    pub missing: SiteSet,
    /// Slots that were voided before one was opened.
    pub voided: Vec<VoidedSlot>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// An epoch can be used.
    EpochReady {
        /// Its number.
        epoch: u64,
        /// Its share-holders.
        holders: SiteSet,
        /// t.
        threshold: u16,
    },
    /// An epoch's set-up failed.
    EpochFailed {
        /// Its number.
        epoch: u64,
        /// Why.
        refusal: Refusal,
    },
    /// A site decided about a study.
    StudyAnswered {
        /// The study.
        study: Digest,
        /// The site.
        site: SiteIndex,
        /// What it decided.
        verdict: StudyVerdict,
    },
    /// A contract went out.
    RoundStarted {
        /// The study.
        study: Digest,
        /// Number of the round.
        round: u32,
        /// What it does, in a word.
        step: &'static str,
        /// `P`.
        participants: SiteSet,
    },
    /// A site's upload is complete.
    Uploaded {
        /// The study.
        study: Digest,
        /// Number of the round.
        round: u32,
        /// The site.
        site: SiteIndex,
    },
    /// A slot was killed by a certificate; the round is repeated in another.
    SlotVoided {
        /// The study.
        study: Digest,
        /// Number of the round.
        round: u32,
        /// The slot.
        voided: VoidedSlot,
    },
    /// A sum was opened and published.
    RoundFinished {
        /// The study.
        study: Digest,
        /// What it was.
        summary: RoundSummary,
    },
    /// A site refused something, or sent something that was refused.
    Refused {
        /// The study that it belongs to, where it belongs to one.
        study: Option<Digest>,
        /// The site.
        site: SiteIndex,
        /// The refusal.
        refusal: Refusal,
        /// Whether it was found here. If not, it is the site's word, which may be a lie.
        found_here: bool,
    },
    /// A study has its result.
    StudyDone {
        /// The study.
        study: Digest,
        /// The result.
        report: Box<Report>,
    },
    /// A study was cancelled.
    StudyCancelled {
        /// The study.
        study: Digest,
        /// Why.
        reason: String,
    },
    /// A study was given up.
    StudyFailed {
        /// The study.
        study: Digest,
        /// Why, and what to do.
        reason: String,
    },
}
