//! Sites decide about the study.

use std::collections::BTreeMap;
use std::time::Duration;

use ripieno_study::{SiteIndex, SiteSet};
use ripieno_wire::StudyVerdict;

/// The answers so far.
pub(crate) struct Offering {
    pub(crate) since: Duration,
    asked: SiteSet,
    answers: BTreeMap<SiteIndex, StudyVerdict>,
}

impl Offering {
    pub(crate) fn new(asked: SiteSet, since: Duration) -> Self {
        Self { since, asked, answers: BTreeMap::new() }
    }

    pub(crate) fn ask(&mut self, site: SiteIndex) {
        self.asked = self.asked.iter().chain([site]).collect();
    }

    pub(crate) fn receive(&mut self, site: SiteIndex, verdict: StudyVerdict) {
        self.answers.insert(site, verdict);
    }

    /// Whether every site that was asked has decided. A pending steward is waited for.
    pub(crate) fn is_complete(&self) -> bool {
        let decided =
            |site| !matches!(self.answers.get(&site), None | Some(StudyVerdict::Pending { .. }));
        !self.asked.is_empty() && self.asked.iter().all(decided)
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
