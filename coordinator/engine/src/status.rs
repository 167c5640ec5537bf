//! Where studies stand, for whoever lists or watches them.

use std::collections::BTreeMap;

use ripieno_study::{Digest, SiteIndex, SiteSet};

use crate::coordinator::Coordinator;
use crate::phases::Phase;
use crate::run::Run;

/// How a study ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With a result.
    Done,
    /// Without one; why, and what to do.
    Failed(String),
    /// It was cancelled; why.
    Cancelled(String),
}

/// Where a study stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyStatus {
    /// Digest of the manifest.
    pub study: Digest,
    /// Its title.
    pub name: String,
    /// Who submitted it: name, and the site that vouches.
    pub researcher: (String, SiteIndex),
    /// When, in seconds since 1970-01-01 UTC.
    pub submitted: u64,
    /// `offering`, `waiting`, `collecting`, `deciding`, `opening`, `voiding`, `settling`, `done`,
    /// `failed` or `cancelled`.
    pub phase: &'static str,
    /// The round that runs or comes next, from 1; once there is a result, the last one.
    pub round: u32,
    /// What that round does, in a word; empty where the study is over.
    pub step: &'static str,
    /// `P` of the slot that is under way, or the fixed set; empty before either.
    pub participants: SiteSet,
    /// Participants whose uploads are complete.
    pub uploaded: SiteSet,
    /// Sites that take part.
    pub willing: SiteSet,
    /// Sites that were asked and have not decided, or whose stewards have not.
    pub undecided: SiteSet,
    /// Sites that said no: the rule or check, and the reason.
    pub refused: BTreeMap<SiteIndex, (String, String)>,
    /// How it ended, where it has.
    pub ended: Option<Ended>,
}

impl Coordinator {
    /// The epoch in use: its number, and its share-holders. `None` until one is set up since the
    /// process began.
    #[must_use]
    pub fn epoch(&self) -> Option<(u64, SiteSet)> {
        self.epochs.in_use()
    }
}

impl Run {
    pub(crate) fn status(&self) -> StudyStatus {
        let (participants, uploaded) = self.progress();
        let (willing, undecided) = match &self.phase {
            Phase::Offering(phase) => (phase.willing(), phase.undecided()),
            _ => (self.willing.clone(), self.undecided.clone()),
        };
        let credential = &self.submission.credential.fields;
        StudyStatus {
            study: self.study.digest(),
            name: self.study.manifest().name.clone(),
            researcher: (credential.name.clone(), credential.home),
            submitted: self.submitted,
            phase: self.phase.name(),
            round: match &self.phase {
                Phase::Over(Ended::Done) => self.round.saturating_sub(1),
                _ => self.round,
            },
            step: self.ended().map_or_else(|| self.state.step_name(), |_| ""),
            participants,
            uploaded,
            willing,
            undecided,
            refused: self.refused_by(),
            ended: self.ended().cloned(),
        }
    }

    fn refused_by(&self) -> BTreeMap<SiteIndex, (String, String)> {
        let mut refused = self.declined.clone();
        let no = |(site, refusal): (&SiteIndex, &ripieno_study::Refusal)| {
            (*site, (refusal.check.to_string(), refusal.reason.clone()))
        };
        refused.extend(self.refusers.iter().map(no));
        refused
    }

    /// `P` and the complete uploads of the slot under way.
    fn progress(&self) -> (SiteSet, SiteSet) {
        let (context, uploaded) = match &self.phase {
            Phase::Collecting(phase) => (&phase.context, phase.step.complete()),
            Phase::Deciding(phase) => (&phase.context, phase.step.proposal().survivors.clone()),
            Phase::Opening(phase) => (&phase.context, phase.step.proposal().survivors.clone()),
            Phase::Voiding(phase) => (&phase.context, SiteSet::default()),
            Phase::Settling(_) => match self.sums.of(self.round) {
                Some(sum) => (&sum.context, sum.receipt.survivors().clone()),
                None => return (SiteSet::default(), SiteSet::default()),
            },
            _ => return (self.fixed.clone().unwrap_or_default(), SiteSet::default()),
        };
        (context.participants.clone(), uploaded)
    }
}
