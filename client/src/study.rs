//! A study at a site: offered, decided about, and moved on by sums that the site verified.

use rand::CryptoRng;
use ripieno_access::{Approval, Decision, Request, Requester, View};
use ripieno_analysis::{Analysis, AnalysisError, Report, State, Step, Sums};
use ripieno_encoding::plan_for;
use ripieno_identity::VerifiedSubmission;
use ripieno_secagg::journal::Journal;
use ripieno_secagg::round::publish::SumRecord;
use ripieno_secagg::round::start::Approved;
use ripieno_study::manifest::AnalysisSpec;
use ripieno_study::plan::STANDARD_TILE;
use ripieno_study::{Check, Digest, Hasher, Plan, Refusal, Study, Tag};
use ripieno_wire::{FromSite, StudyAnswer, StudyOffer, StudyVerdict};

use crate::site::{Answers, Site};

/// Studies that may wait for a steward at a time.
const MAX_PENDING: usize = 64;

/// What an approved study reads here.
pub(crate) enum Data {
    /// Nothing.
    None,
    /// The governed view that a permit opened, until the permit expires.
    View {
        /// The rows.
        view: View,
        /// When the permit ends, in seconds since 1970.
        expires: u64,
    },
}

/// An approved study: where it stands by this site's own reckoning.
pub(crate) struct Progress {
    pub(crate) study: Study,
    pub(crate) analysis: Box<dyn Analysis>,
    pub(crate) data: Data,
    pub(crate) lineage: Digest,
    pub(crate) releases: u64,
    pub(crate) by_steward: bool,
    pub(crate) round: u32,
    state: State,
    plan: Plan,
    previous: Option<SumRecord>,
    report: Option<Report>,
}

impl Progress {
    fn new(
        study: Study,
        data: Data,
        (lineage, releases): (Digest, u64),
        by_steward: bool,
    ) -> Result<Self, Refusal> {
        let analysis = ripieno_analysis::for_study(study.manifest()).map_err(own)?;
        let state = analysis.initial();
        let plan = plan_of(analysis.as_ref(), &state)?;
        Ok(Self {
            study,
            analysis,
            data,
            lineage,
            releases,
            by_steward,
            round: 1,
            state,
            plan,
            previous: None,
            report: None,
        })
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    /// What this site says of the next round.
    pub(crate) fn approved(&self, site_minimum: u16) -> Approved<'_> {
        let aggregation = &self.study.manifest().aggregation;
        Approved {
            study: self.study.digest(),
            lineage: self.lineage,
            round: self.round,
            state: self.state.digest(),
            plan: &self.plan,
            membership: aggregation.membership,
            minimum_sites: aggregation.minimum_sites.max(site_minimum),
            corrupt: aggregation.corrupt.unwrap_or(0),
            releases: self.releases,
            previous: self.previous.as_ref(),
        }
    }

    /// What a verified sum leads to, without moving on yet.
    pub(crate) fn step(&self, sums: &Sums, survivors: usize) -> Result<Step, Refusal> {
        self.analysis.combine(&self.state, sums, survivors).map_err(own)
    }

    /// Moves on.
    pub(crate) fn advance(&mut self, step: Step, record: SumRecord) -> Result<(), Refusal> {
        match step {
            Step::Continue { state, .. } => {
                self.plan = plan_of(self.analysis.as_ref(), &state)?;
                self.state = state;
            }
            Step::Done(report) => self.report = Some(report),
        }
        self.round += 1;
        self.previous = Some(record);
        Ok(())
    }
}

/// The plan that a study has in a state: the same at every site.
fn plan_of(analysis: &dyn Analysis, state: &State) -> Result<Plan, Refusal> {
    Ok(plan_for(&analysis.inputs(state).map_err(own)?, STANDARD_TILE))
}

/// Digest of what follows a round.
pub(crate) fn digest_of(step: &Step) -> Digest {
    match step {
        Step::Continue { state, .. } => state.digest(),
        Step::Done(report) => report.digest(),
    }
}

fn own(error: AnalysisError) -> Refusal {
    Refusal::own(Check::S2, error.to_string())
}

impl<J: Journal, R: CryptoRng> Site<J, R> {
    /// A study is offered: its submission is verified, the policy decides, and the data is opened
    /// at once, so that a study that cannot be computed is refused before its first round.
    pub(crate) fn offer(&mut self, offer: StudyOffer, now: u64) -> Answers {
        let StudyOffer { text, submission } = offer;
        let study = submission.study;
        if self.studies.contains_key(&study) {
            return Ok(vec![answer(study, StudyVerdict::Approved)]);
        }
        let verified = submission.verify(&self.charter, now)?;
        let verdict = self.judge(&text, &verified, None, now);
        if matches!(verdict, StudyVerdict::Pending { .. }) && self.pending.len() < MAX_PENDING {
            self.pending.insert(study, (text, verified));
        }
        Ok(vec![answer(study, verdict)])
    }

    /// A steward approves a pending study; the answer goes to the coordinator. `None` where no
    /// such study is pending.
    pub fn approve(&mut self, study: &Digest, steward: &str, now: u64) -> Option<FromSite> {
        let (text, submission) = self.pending.remove(study)?;
        let approval = Approval { steward: steward.to_owned(), study: *study };
        self.trail.note(format!("{steward} approves study {}", study.short()));
        let verdict = self.judge(&text, &submission, Some(approval), now);
        Some(answer(*study, verdict))
    }

    fn judge(
        &mut self,
        text: &str,
        submission: &VerifiedSubmission,
        approval: Option<Approval>,
        now: u64,
    ) -> StudyVerdict {
        let verdict = match self.consider(text, submission, approval, now) {
            Ok(verdict) => verdict,
            Err((rule, reason)) => StudyVerdict::Refused { rule, reason },
        };
        self.trail.note(format!("study {}: {verdict}", submission.study().short()));
        verdict
    }

    fn consider(
        &mut self,
        text: &str,
        submission: &VerifiedSubmission,
        approval: Option<Approval>,
        now: u64,
    ) -> Result<StudyVerdict, (String, String)> {
        let study = Study::parse(text).map_err(|e| ("study.manifest".into(), e.to_string()))?;
        if study.digest() != submission.study() {
            let reason = "the text is not that of the signed submission";
            return Err(("study.digest".into(), reason.into()));
        }
        let fields = submission.credential().fields();
        let requester = Requester { name: fields.name.clone(), role: fields.role.clone() };
        let by_steward = approval.is_some();
        let opened = self.opened(&study);
        let request = Request { approval, opened, ..Request::new(&study, requester, now) };
        let decision =
            self.gate.decide(&request).map_err(|d| (d.rule.to_string(), d.to_string()))?;
        let (data, lineage, releases) = match decision {
            Decision::Ask { why } => return Ok(StudyVerdict::Pending { reason: why }),
            Decision::NoData => (Data::None, no_data_lineage(&study), u64::MAX),
            // The table may be used, but the analysis reads none of it.
            Decision::Approved(permit) if reads_nothing(&study) => {
                (Data::None, permit.lineage(), permit.releases())
            }
            Decision::Approved(permit) => {
                let releases = permit.releases();
                let view = self.gate.open(&permit, now);
                let view = view.map_err(|e| ("data".to_owned(), e.to_string()))?;
                let columns: Vec<&str> = permit.data().columns().collect();
                self.trail.note(format!("read columns {}", columns.join(", ")));
                (Data::View { view, expires: permit.expires() }, permit.lineage(), releases)
            }
        };
        let progress = Progress::new(study, data, (lineage, releases), by_steward);
        let progress = progress.map_err(|r| (r.check.to_string(), r.reason))?;
        self.rehearse(&progress)?;
        self.studies.insert(progress.study.digest(), progress);
        Ok(StudyVerdict::Approved)
    }

    /// Sums of a study that count as opened on the data set that it names here.
    fn opened(&self, study: &Study) -> u64 {
        let name = study.manifest().data.as_ref().map(|data| data.dataset.as_str());
        let set = name.and_then(|name| self.gate.catalog().data_set(name).ok());
        set.map_or(0, |set| self.ledger.spent(&study.digest(), &set.lineage()))
    }

    /// Computes the first step once, so that an outcome that does not suit the family is refused
    /// before the study starts. Nothing of it is kept.
    fn rehearse(&self, progress: &Progress) -> Result<(), (String, String)> {
        self.contribution(progress).map(drop).map_err(|e| ("data".into(), e.to_string()))
    }
}

fn reads_nothing(study: &Study) -> bool {
    matches!(study.manifest().analysis, AnalysisSpec::Vector(_))
}

/// A study without data still has a name in the ledger.
fn no_data_lineage(study: &Study) -> Digest {
    Hasher::new(Tag::Lineage).part("no data").part(study.digest()).finish()
}

fn answer(study: Digest, verdict: StudyVerdict) -> FromSite {
    FromSite::StudyAnswer(StudyAnswer { study, verdict })
}
