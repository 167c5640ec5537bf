//! Sites decide about the study.

use std::collections::BTreeMap;
use std::time::Duration;

use ripieno_study::{Refusal, SiteIndex, SiteSet};
use ripieno_wire::{StudyOffer, StudyVerdict, ToSite};

use crate::coordinator::Desk;
use crate::limits::Limits;
use crate::phases::Phase;
use crate::run::Run;

/// The answers so far.
pub(crate) struct Offering {
    since: Duration,
    /// Stewards are waited for, until so long after `since`.
    extended: Option<Duration>,
    asked: SiteSet,
    answers: BTreeMap<SiteIndex, StudyVerdict>,
}

impl Offering {
    pub(crate) fn new(asked: SiteSet, since: Duration) -> Self {
        Self { since, extended: None, asked, answers: BTreeMap::new() }
    }

    pub(crate) fn ask(&mut self, site: SiteIndex) {
        self.asked.insert(site);
    }

    pub(crate) fn receive(&mut self, site: SiteIndex, verdict: StudyVerdict) {
        self.answers.insert(site, verdict);
    }

    /// A site could not even answer.
    pub(crate) fn refuse(&mut self, site: SiteIndex, refusal: &Refusal) {
        let (rule, reason) = (refusal.check.to_string(), refusal.reason.clone());
        self.receive(site, StudyVerdict::Refused { rule, reason });
    }

    /// When the phase's time is up.
    pub(crate) fn deadline(&self, limits: &Limits) -> Duration {
        self.since + self.extended.unwrap_or(limits.offer)
    }

    /// Goes on waiting, for stewards; not a second time, and not where nobody is waited for.
    pub(crate) fn extend(self, limits: &Limits) -> Result<Self, Self> {
        let pending = |verdict: &StudyVerdict| matches!(verdict, StudyVerdict::Pending { .. });
        match self.extended.is_none() && self.answers.values().any(pending) {
            true => Ok(Self { extended: Some(limits.wait), ..self }),
            false => Err(self),
        }
    }

    /// Whether the time for machines to answer is over, and stewards are waited for.
    pub(crate) fn is_extended(&self) -> bool {
        self.extended.is_some()
    }

    /// Whether every site that was asked has decided. A pending steward is waited for.
    pub(crate) fn is_complete(&self) -> bool {
        !self.asked.is_empty() && self.undecided().is_empty()
    }

    fn has_decided(&self, site: SiteIndex) -> bool {
        !matches!(self.answers.get(&site), None | Some(StudyVerdict::Pending { .. }))
    }

    /// The sites that have not decided, or whose stewards have not.
    pub(crate) fn undecided(&self) -> SiteSet {
        self.asked.iter().filter(|site| !self.has_decided(*site)).collect()
    }

    /// The sites that approve.
    pub(crate) fn willing(&self) -> SiteSet {
        let approves = |(site, verdict): (&SiteIndex, &StudyVerdict)| match verdict {
            StudyVerdict::Approved => Some(*site),
            _ => None,
        };
        self.answers.iter().filter_map(approves).collect()
    }
}

impl Run {
    pub(crate) fn offer(&self) -> ToSite {
        let (text, submission) = (self.study.text().to_owned(), self.submission.clone());
        ToSite::Study(StudyOffer { text, submission })
    }

    /// An answer when the rounds have begun, or wait for more sites to begin. A site that said no
    /// once is out of the study.
    pub(crate) fn answered_late(&mut self, site: SiteIndex, verdict: &StudyVerdict) {
        if matches!(verdict, StudyVerdict::Pending { .. }) {
            return;
        }
        self.undecided.remove(site);
        if *verdict == StudyVerdict::Approved && !self.refusers.contains_key(&site) {
            self.willing.insert(site);
        }
    }

    /// The time to answer is over; a study that still needs a steward's yes waits for it.
    pub(crate) fn expire_offering(&mut self, phase: Offering, desk: &mut Desk) -> Phase {
        if phase.willing().len() >= self.wanted_sites() {
            return self.end_offering(&phase, desk);
        }
        match phase.extend(&desk.limits) {
            Ok(phase) => Phase::Offering(phase),
            Err(phase) => self.end_offering(&phase, desk),
        }
    }

    pub(crate) fn stewards_are_enough(&self, phase: &Offering) -> bool {
        phase.is_extended() && phase.willing().len() >= self.wanted_sites()
    }

    fn wanted_sites(&self) -> usize {
        usize::from(self.study.manifest().aggregation.minimum_sites)
    }

    pub(crate) fn end_offering(&mut self, phase: &Offering, desk: &mut Desk) -> Phase {
        self.willing = phase.willing();
        self.undecided = phase.undecided();
        let wanted = self.wanted_sites();
        if self.willing.len() < wanted {
            let reason = format!(
                "{} sites approved the study, {wanted} are needed; ask the stewards of the others, \
                 then submit it again",
                self.willing.len()
            );
            return self.failed(reason, desk);
        }
        self.wait(SiteSet::default(), desk)
    }
}
