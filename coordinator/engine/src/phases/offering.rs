//! Sites decide about the study.

use std::collections::BTreeMap;
use std::time::Duration;

use ripieno_study::{Refusal, SiteIndex, SiteSet};
use ripieno_wire::{StudyOffer, StudyVerdict, ToSite};

use crate::desk::Desk;
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
    /// The charter has changed, or the coordinator has restarted: sites come back one by one.
    returning: bool,
}

impl Offering {
    pub(crate) fn new(asked: SiteSet, since: Duration) -> Self {
        Self { since, extended: None, asked, answers: BTreeMap::new(), returning: false }
    }

    /// After a restart: whoever has answered is not waited for, and whoever was asked is.
    pub(crate) fn restore(
        asked: SiteSet,
        answers: BTreeMap<SiteIndex, StudyVerdict>,
        extended: Option<Duration>,
        since: Duration,
    ) -> Self {
        Self { since, extended, asked, answers, returning: true }
    }

    /// All sites have to come back: those that approve are waited for before the first round.
    pub(crate) fn sites_return(&mut self) {
        self.returning = true;
    }

    pub(crate) fn asked(&self) -> &SiteSet {
        &self.asked
    }

    pub(crate) fn answers(&self) -> &BTreeMap<SiteIndex, StudyVerdict> {
        &self.answers
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
    fn is_complete(&self) -> bool {
        !self.asked.is_empty() && self.undecided().is_empty()
    }

    /// Whether every site that was asked has said something, be it that its steward has to.
    fn is_heard(&self) -> bool {
        self.asked.iter().all(|site| self.answers.contains_key(&site))
    }

    /// The sites that say no.
    fn refusing(&self) -> SiteSet {
        let no = |(_, verdict): &(&SiteIndex, &StudyVerdict)| {
            matches!(verdict, StudyVerdict::Refused { .. })
        };
        self.answers.iter().filter(no).map(|(site, _)| *site).collect()
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
    /// once is out of the study; one that asks its steward after all has no part until the answer.
    pub(crate) fn answered_late(&mut self, site: SiteIndex, verdict: &StudyVerdict) {
        if matches!(verdict, StudyVerdict::Pending { .. }) {
            if self.willing.contains(site) {
                self.willing.remove(site);
                self.undecided.insert(site);
            }
            return;
        }
        self.undecided.remove(site);
        if *verdict == StudyVerdict::Approved && !self.refusers.contains_key(&site) {
            self.willing.insert(site);
        }
    }

    /// The time to answer is over; a study that still needs a steward's yes waits for it.
    pub(crate) fn expire_offering(&mut self, phase: Offering, desk: &mut Desk) -> Phase {
        if phase.willing().len() >= self.wanted_sites() || self.is_refused(&phase, desk) {
            return self.end_offering(&phase, desk);
        }
        match phase.extend(&desk.limits) {
            Ok(phase) => Phase::Offering(phase),
            Err(phase) => self.end_offering(&phase, desk),
        }
    }

    /// Whether the rounds can begin, or nobody is left who could make them possible.
    pub(crate) fn is_answered(&self, phase: &Offering, desk: &Desk) -> bool {
        let enough = phase.willing().len() >= self.wanted_sites();
        let all = desk.members().is_subset(&phase.asked);
        (phase.is_complete() && (enough || all))
            || (phase.is_extended() && enough)
            || (phase.is_heard() && self.is_refused(phase, desk))
    }

    /// Whether so many say no that a sum is impossible, whatever the others say.
    fn is_refused(&self, phase: &Offering, desk: &Desk) -> bool {
        desk.left_without(&phase.refusing()) < self.needed_sites(desk)
    }

    fn wanted_sites(&self) -> usize {
        usize::from(self.study.manifest().aggregation.minimum_sites)
    }

    /// The fewest sites of a sum, by the study and by the charter.
    pub(crate) fn needed_sites(&self, desk: &Desk) -> usize {
        self.wanted_sites().max(desk.minimum_sites.into())
    }

    pub(crate) fn end_offering(&mut self, phase: &Offering, desk: &mut Desk) -> Phase {
        self.willing = phase.willing();
        self.undecided = phase.undecided();
        if self.willing.len() < self.wanted_sites() || self.is_refused(phase, desk) {
            let (needed, listed) = (self.needed_sites(desk), desk.listed());
            let reason = match needed > listed {
                true => too_large(needed, listed),
                false => too_few(self.willing.len(), phase.refusing().len(), needed),
            };
            return self.failed(reason, desk);
        }
        match phase.returning {
            true => self.wait_for_all(desk),
            false => self.wait(SiteSet::default(), desk),
        }
    }
}

/// Why a study cannot begin, whatever anybody says.
fn too_large(needed: usize, listed: usize) -> String {
    format!(
        "the study needs {needed} sites and the charter in force has {listed}: submit it with a \
         smaller minimum_sites, or when a charter with more sites is in force"
    )
}

/// Why a study has not begun.
fn too_few(approved: usize, refused: usize, needed: usize) -> String {
    let sites = |number: usize| match number {
        1 => "1 site".to_owned(),
        number => format!("{number} sites"),
    };
    let refused = match refused {
        0 => String::new(),
        number => format!(" and {number} refused it"),
    };
    format!(
        "{} approved the study{refused}, {needed} are needed; ask the stewards of the others, then \
         submit it again",
        sites(approved)
    )
}
