//! Where an approved study stands, by this site's own reckoning.

use ripieno_access::{Approval, View};
use ripieno_analysis::{Analysis, AnalysisError, Report, State, Step, Sums, for_study, plan};
use ripieno_identity::Submission;
use ripieno_secagg::Roster;
use ripieno_secagg::round::publish::{SumRecord, Verdict};
use ripieno_secagg::round::start::Approved;
use ripieno_study::{Check, Digest, Plan, Refusal, Study};
use ripieno_wire::{FromSite, StudyOffer};

use crate::record::{
    ApprovedRecord, OfferRecord, ResultRecord, RuleRecord, StandingRecord, StudyRecord, said,
};

/// What an approved study reads here.
pub(crate) enum Data {
    /// Nothing: neither a table, nor any more of it once the study is over.
    None,
    /// Whatever the policy gives when it is asked again, before the next round.
    Unopened,
    /// The governed view that a permit opened, until the permit expires.
    View {
        /// The rows.
        view: Box<View>,
        /// When the permit ends, in seconds since 1970.
        expires: u64,
    },
}

/// What a decision gave a study.
pub(crate) struct Granted {
    pub(crate) data: Data,
    /// Stable lineage of the data set, by which the ledger counts.
    pub(crate) lineage: Digest,
    /// Of the table's bytes: every round is of the rows that were approved.
    pub(crate) fingerprint: Option<Digest>,
    /// The most sums that may be opened.
    pub(crate) releases: u64,
}

/// A study as it was taken: its text, and the request that was verified then.
#[derive(Clone)]
pub(crate) struct Taken {
    pub(crate) study: Study,
    pub(crate) submission: Submission,
    /// When, in seconds since 1970.
    pub(crate) since: u64,
}

impl Taken {
    pub(crate) fn offer(&self) -> StudyOffer {
        StudyOffer { text: self.study.text().to_owned(), submission: self.submission.clone() }
    }
}

/// An approved study.
pub(crate) struct Progress {
    pub(crate) taken: Taken,
    pub(crate) approval: Option<Approval>,
    pub(crate) granted: Granted,
    pub(crate) round: u32,
    /// Why the policy kept this site from the last round that it was asked for.
    pub(crate) refused: Option<RuleRecord>,
    /// Why it waits for a steward, though the policy asked for none: the ledger does.
    pub(crate) asks: Option<String>,
    analysis: Box<dyn Analysis>,
    state: State,
    plan: Plan,
    previous: Option<SumRecord>,
    said: Vec<FromSite>,
    result: Option<Outcome>,
    /// The report rests on a sum that was verified in parts, and the verdicts have not come yet.
    provisional: bool,
}

/// A result; after a restart, as far as it can be read back.
struct Outcome {
    report: Option<Report>,
    record: ResultRecord,
}

impl Progress {
    pub(crate) fn new(
        taken: Taken,
        approval: Option<Approval>,
        granted: Granted,
    ) -> Result<Self, Refusal> {
        let analysis = for_study(taken.study.manifest()).map_err(|e| own(&e))?;
        let state = analysis.initial();
        let plan = plan(analysis.as_ref(), &state).map_err(|e| own(&e))?;
        Ok(Self {
            taken,
            approval,
            granted,
            round: 1,
            refused: None,
            asks: None,
            analysis,
            state,
            plan,
            previous: None,
            said: Vec::new(),
            result: None,
            provisional: false,
        })
    }

    /// As it was written down. The data is opened when the next round needs it.
    pub(crate) fn restore(taken: Taken, record: ApprovedRecord) -> Result<Self, String> {
        if record.state.digest() != record.digest {
            return Err("its state is not the one that was written".into());
        }
        if record.round == 0 {
            return Err("there is no round 0".into());
        }
        let said = record.said()?;
        let study = taken.study.digest();
        let granted = Granted {
            data: Data::Unopened,
            lineage: record.lineage,
            fingerprint: record.fingerprint,
            releases: 0,
        };
        let approval = record.steward.map(|steward| Approval { steward, study });
        let fresh = Self::new(taken, approval, granted).map_err(|refusal| refusal.reason)?;
        let plan = plan(fresh.analysis.as_ref(), &record.state).map_err(|e| e.to_string())?;
        Ok(Self {
            round: record.round,
            refused: record.refused,
            asks: record.asks,
            state: record.state,
            plan,
            previous: record.previous,
            said,
            result: record.result.map(read_back),
            provisional: record.provisional,
            ..fresh
        })
    }

    /// What is written down of it.
    pub(crate) fn record(&self) -> StudyRecord {
        let approved = ApprovedRecord {
            steward: self.approval.as_ref().map(|approval| approval.steward.clone()),
            lineage: self.granted.lineage,
            fingerprint: self.granted.fingerprint,
            round: self.round,
            state: self.state.clone(),
            digest: self.state.digest(),
            previous: self.previous.clone(),
            said: said(&self.said),
            result: self.result.as_ref().map(|outcome| outcome.record.clone()),
            provisional: self.provisional,
            refused: self.refused.clone(),
            asks: self.asks.clone(),
        };
        StudyRecord {
            offer: OfferRecord::new(self.taken.offer()),
            since: self.taken.since,
            standing: StandingRecord::Approved(Box::new(approved)),
        }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether no round comes next.
    pub(crate) fn is_over(&self) -> bool {
        self.result.is_some()
    }

    /// Whether there is a result, and nothing that it rests on is in doubt.
    pub(crate) fn stands(&self) -> bool {
        self.is_over() && !self.provisional
    }

    /// The result, once nothing that it rests on is in doubt.
    pub(crate) fn report(&self) -> Option<&Report> {
        self.result.as_ref().filter(|_| !self.provisional)?.report.as_ref()
    }

    /// The same as it was written down.
    pub(crate) fn result(&self) -> Option<&ResultRecord> {
        self.result.as_ref().filter(|_| !self.provisional).map(|outcome| &outcome.record)
    }

    /// Whether the policy must be asked before data is used at `now`.
    pub(crate) fn needs_permit(&self, now: u64) -> bool {
        match self.granted.data {
            Data::None => false,
            Data::Unopened => !self.is_over(),
            Data::View { expires, .. } => expires <= now,
        }
    }

    /// The policy or the tables have changed: it is asked again before the next round.
    pub(crate) fn forget_permit(&mut self) {
        if !self.is_over() {
            self.granted.data = Data::Unopened;
        }
    }

    /// What this site says of the next round.
    pub(crate) fn approved(&self, site_minimum: u16) -> Approved<'_> {
        let aggregation = &self.taken.study.manifest().aggregation;
        Approved {
            study: self.taken.study.digest(),
            lineage: self.granted.lineage,
            fingerprint: self.granted.fingerprint,
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
                self.result = Some(outcome(report)?);
                self.provisional = record.is_in_parts();
                self.granted.data = Data::None;
            }
        }
        self.round += 1;
        self.previous = Some(record);
        self.said = said.to_vec();
        Ok(())
    }

    /// Takes the verdicts on the last sum: with them the result stands. Whether that is new.
    ///
    /// # Errors
    /// Check S5, as for the contract that carries verdicts in other rounds.
    pub(crate) fn settle(
        &mut self,
        roster: &Roster,
        verdicts: &[Verdict],
    ) -> Result<bool, Refusal> {
        let Some(record) = self.previous.as_ref().filter(|_| self.provisional) else {
            return Ok(false);
        };
        record.check_verdicts(roster, verdicts)?;
        self.provisional = false;
        Ok(true)
    }
}

/// A report that another version wrote may have other fields: its text is there all the same.
fn read_back(record: ResultRecord) -> Outcome {
    let report: Option<Report> = serde_json::from_str(&record.json).ok();
    let report = report.filter(|report| report.digest() == record.digest);
    Outcome { report, record }
}

fn outcome(report: Report) -> Result<Outcome, Refusal> {
    let json = serde_json::to_string(&report);
    let json = json.map_err(|e| Refusal::own(Check::S2, format!("the report as JSON: {e}")))?;
    let record = ResultRecord { json, digest: report.digest() };
    Ok(Outcome { report: Some(report), record })
}

fn own(error: &AnalysisError) -> Refusal {
    Refusal::own(Check::S2, error.to_string())
}
