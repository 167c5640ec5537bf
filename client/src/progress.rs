//! Where an approved study stands, by this site's own reckoning.

use ripieno_access::{Approval, View};
use ripieno_analysis::{Analysis, AnalysisError, Report, State, Step, Sums, for_study, plan};
use ripieno_identity::VerifiedSubmission;
use ripieno_secagg::Roster;
use ripieno_secagg::round::publish::{SumRecord, Verdict};
use ripieno_secagg::round::start::Approved;
use ripieno_study::{Check, Digest, Plan, Refusal, Study};
use ripieno_wire::FromSite;

/// What an approved study reads here.
pub(crate) enum Data {
    /// Nothing: neither a table, nor any more of it once the study is over.
    None,
    /// The governed view that a permit opened, until the permit expires.
    View {
        /// The rows.
        view: View,
        /// When the permit ends, in seconds since 1970.
        expires: u64,
    },
}

/// What a decision gave a study.
pub(crate) struct Granted {
    pub(crate) data: Data,
    /// Stable lineage of the data set, by which the ledger counts.
    pub(crate) lineage: Digest,
    /// The most sums that may be opened.
    pub(crate) releases: u64,
}

/// An approved study.
pub(crate) struct Progress {
    pub(crate) study: Study,
    pub(crate) submission: VerifiedSubmission,
    pub(crate) approval: Option<Approval>,
    pub(crate) granted: Granted,
    pub(crate) round: u32,
    analysis: Box<dyn Analysis>,
    state: State,
    plan: Plan,
    previous: Option<SumRecord>,
    said: Vec<FromSite>,
    report: Option<Report>,
    /// The report rests on a sum that was verified in parts, and the verdicts have not come yet.
    provisional: bool,
}

impl Progress {
    pub(crate) fn new(
        study: Study,
        submission: VerifiedSubmission,
        approval: Option<Approval>,
        granted: Granted,
    ) -> Result<Self, Refusal> {
        let analysis = for_study(study.manifest()).map_err(|e| own(&e))?;
        let state = analysis.initial();
        let plan = plan(analysis.as_ref(), &state).map_err(|e| own(&e))?;
        Ok(Self {
            study,
            submission,
            approval,
            granted,
            round: 1,
            analysis,
            state,
            plan,
            previous: None,
            said: Vec::new(),
            report: None,
            provisional: false,
        })
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether no round comes next.
    pub(crate) fn is_over(&self) -> bool {
        self.report.is_some()
    }

    /// The result, once nothing that it rests on is in doubt.
    pub(crate) fn report(&self) -> Option<&Report> {
        self.report.as_ref().filter(|_| !self.provisional)
    }

    /// What this site says of the next round.
    pub(crate) fn approved(&self, site_minimum: u16) -> Approved<'_> {
        let aggregation = &self.study.manifest().aggregation;
        Approved {
            study: self.study.digest(),
            lineage: self.granted.lineage,
            round: self.round,
            state: self.state.digest(),
            plan: &self.plan,
            membership: aggregation.membership,
            minimum_sites: aggregation.minimum_sites.max(site_minimum),
            corrupt: aggregation.corrupt.unwrap_or(0),
            releases: self.granted.releases,
            previous: self.previous.as_ref(),
        }
    }

    /// Whether this is the last sum that was verified.
    pub(crate) fn is_last(&self, ctx: &Digest, sum: &Digest) -> bool {
        self.previous.as_ref().is_some_and(|previous| previous.is_of(ctx, sum))
    }

    /// What this site said of the last sum.
    pub(crate) fn said(&self) -> Vec<FromSite> {
        self.said.clone()
    }

    /// What a verified sum leads to, without moving on yet.
    pub(crate) fn step(&self, sums: &Sums, survivors: usize) -> Result<Step, Refusal> {
        self.analysis.combine(&self.state, sums, survivors).map_err(|e| own(&e))
    }

    /// Moves on; `said` is what the coordinator hears of it.
    pub(crate) fn advance(
        &mut self,
        step: Step,
        record: SumRecord,
        said: &[FromSite],
    ) -> Result<(), Refusal> {
        match step {
            Step::Continue { state, .. } => {
                self.plan = plan(self.analysis.as_ref(), &state).map_err(|e| own(&e))?;
                self.state = state;
            }
            Step::Done(report) => {
                self.report = Some(report);
                self.provisional = record.is_in_parts();
                self.granted.data = Data::None;
            }
        }
        self.round += 1;
        self.previous = Some(record);
        self.said = said.to_vec();
        Ok(())
    }

    /// Takes the verdicts on the last sum: with them the result stands.
    ///
    /// # Errors
    /// Check S5, as for the contract that carries verdicts in other rounds.
    pub(crate) fn settle(&mut self, roster: &Roster, verdicts: &[Verdict]) -> Result<(), Refusal> {
        if let Some(record) = self.previous.as_ref().filter(|_| self.provisional) {
            record.check_verdicts(roster, verdicts)?;
            self.provisional = false;
        }
        Ok(())
    }
}

fn own(error: &AnalysisError) -> Refusal {
    Refusal::own(Check::S2, error.to_string())
}
