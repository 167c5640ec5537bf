//! A study at a site: offered, decided about, approved by a steward.

use rand::CryptoRng;
use ripieno_access::{Approval, Decision, Request, Requester};
use ripieno_identity::VerifiedSubmission;
use ripieno_secagg::journal::Journal;
use ripieno_secagg::round::publish::Verdict;
use ripieno_study::manifest::AnalysisSpec;
use ripieno_study::{Check, Digest, Hasher, Refusal, Study, Tag};
use ripieno_wire::{FromSite, StudyAnswer, StudyOffer, StudyVerdict};

use crate::progress::{Data, Granted, Progress};
use crate::site::{Answers, Site};

/// Studies that may wait for a steward at a time.
const MAX_PENDING: usize = 64;
/// Studies that may run at a time: each holds its view in memory.
const MAX_RUNNING: usize = 64;
/// The rule by which a site takes no more studies at a time.
const CAPACITY: &str = "site.capacity";
/// Studies that are remembered, the ended ones among them.
const MAX_STUDIES: usize = 512;

/// Why a study was not approved, in two forms.
struct No {
    /// The deciding rule.
    rule: String,
    /// For whoever asks: nothing of files and lines.
    reason: String,
    /// For the site's own people.
    detail: String,
}

impl No {
    fn new(rule: impl Into<String>, reason: impl Into<String>) -> Self {
        let (rule, reason) = (rule.into(), reason.into());
        Self { rule, detail: reason.clone(), reason }
    }

    /// The table does not suit the study. Where in it stays at the site.
    fn data(detail: impl std::fmt::Display) -> Self {
        let reason = "the table does not suit the study; the site's own record says where";
        Self { rule: "data".into(), reason: reason.into(), detail: detail.to_string() }
    }
}

impl<J: Journal, R: CryptoRng> Site<J, R> {
    /// A study is offered: its submission is verified, the policy decides, and the data is opened
    /// at once, so that a study that cannot be computed is refused before its first round.
    pub(crate) fn offer(&mut self, offer: StudyOffer, now: u64) -> Answers {
        let study = offer.submission.study;
        if self.studies.contains_key(&study) {
            return Ok(vec![answer(study, StudyVerdict::Approved)]);
        }
        let verified = offer.submission.verify(&self.charter, now)?;
        let verdict = self.judge(&offer.text, verified, None, now);
        if !matches!(verdict, StudyVerdict::Pending { .. }) {
            return Ok(vec![answer(study, verdict)]);
        }
        if self.pending.len() >= MAX_PENDING && !self.pending.contains_key(&study) {
            let reason = "too many studies wait for the steward here; submit it again later";
            let verdict = StudyVerdict::Refused { rule: CAPACITY.into(), reason: reason.into() };
            self.trail.note(format!("study {}: {verdict}", study.short()));
            return Ok(vec![answer(study, verdict)]);
        }
        // What a steward is looking at is not exchanged under the hand.
        self.pending.entry(study).or_insert(offer);
        Ok(vec![answer(study, verdict)])
    }

    /// A steward approves a pending study; the answer goes to the coordinator: a refusal where the
    /// researcher's credential has ended since. `None` where no such study is pending.
    pub fn approve(&mut self, study: &Digest, steward: &str, now: u64) -> Option<FromSite> {
        let StudyOffer { text, submission } = self.pending.remove(study)?;
        let verified = match submission.verify(&self.charter, now) {
            Ok(verified) => verified,
            Err(refusal) => return Some(self.refuse(None, Some(*study), refusal.into())),
        };
        let approval = Approval { steward: steward.to_owned(), study: *study };
        self.trail.note(format!("{steward} approves study {}", study.short()));
        let verdict = self.judge(&text, verified, Some(approval), now);
        Some(answer(*study, verdict))
    }

    /// What kept this site from a study, with file, line and column where the table is to blame.
    /// For the site's own people.
    #[must_use]
    pub fn problem(&self, study: &Digest) -> Option<&str> {
        self.problems.get(study).map(String::as_str)
    }

    /// Keeps what kept this site from a study.
    pub(crate) fn keep_problem(&mut self, study: Digest, detail: String) {
        if self.problems.len() >= MAX_STUDIES {
            self.problems.pop_first();
        }
        self.trail.note(format!("study {}: {detail}", study.short()));
        self.problems.insert(study, detail);
    }

    /// The verdicts on the last sum of a study: its result stands.
    pub(crate) fn settled(&mut self, study: &Digest, verdicts: &[Verdict]) -> Answers {
        if let Some(progress) = self.studies.get_mut(study) {
            progress.settle(self.party.roster(), verdicts)?;
            self.trail.note(format!("study {}: the result stands", study.short()));
        }
        Ok(Vec::new())
    }

    /// Asks the policy again where a study's permit has ended, and opens the data anew.
    pub(crate) fn renew_permit(&mut self, study: &Digest, now: u64) -> Result<(), Refusal> {
        let Some(progress) = self.studies.get(study) else { return Ok(()) };
        let ended = matches!(progress.granted.data, Data::View { expires, .. } if expires <= now);
        if !ended {
            return Ok(());
        }
        let (text, submission) = (progress.study.clone(), progress.submission.clone());
        let (approval, lineage) = (progress.approval.clone(), progress.granted.lineage);
        let granted = match self.grant(&text, &submission, approval.as_ref(), now) {
            Ok(Ok(granted)) if granted.lineage == lineage => granted,
            Ok(_) => {
                let reason = "the permit has ended, and the study must be approved again";
                return Err(Refusal::own(Check::S2, reason));
            }
            Err(no) => {
                let refusal = Refusal::own(Check::S2, format!("{}: {}", no.rule, no.reason));
                self.keep_problem(*study, no.detail);
                return Err(refusal);
            }
        };
        if let Some(progress) = self.studies.get_mut(study) {
            progress.granted = granted;
        }
        Ok(())
    }

    fn judge(
        &mut self,
        text: &str,
        submission: VerifiedSubmission,
        approval: Option<Approval>,
        now: u64,
    ) -> StudyVerdict {
        let study = submission.study();
        let verdict = match self.consider(text, submission, approval, now) {
            Ok(verdict) => verdict,
            Err(No { rule, reason, detail }) => {
                self.keep_problem(study, detail);
                StudyVerdict::Refused { rule, reason }
            }
        };
        self.trail.note(format!("study {}: {verdict}", study.short()));
        verdict
    }

    fn consider(
        &mut self,
        text: &str,
        submission: VerifiedSubmission,
        approval: Option<Approval>,
        now: u64,
    ) -> Result<StudyVerdict, No> {
        let study = Study::parse(text).map_err(|e| No::new("study.manifest", e.to_string()))?;
        if study.digest() != submission.study() {
            return Err(No::new("study.digest", "the text is not that of the signed submission"));
        }
        self.make_room()?;
        let granted = match self.grant(&study, &submission, approval.as_ref(), now)? {
            Ok(granted) => granted,
            Err(why) => return Ok(StudyVerdict::Pending { reason: why }),
        };
        let progress = Progress::new(study, submission, approval, granted);
        let progress = progress.map_err(|r| No::new(r.check.to_string(), r.reason))?;
        // The first step once, so that an outcome that does not suit the family is refused before
        // the study starts. Nothing of it is kept.
        self.contribution(&progress).map_err(No::data)?;
        self.studies.insert(progress.study.digest(), progress);
        Ok(StudyVerdict::Approved)
    }

    /// Lets the policy decide, and opens what it allows; or says why a steward must be asked.
    fn grant(
        &mut self,
        study: &Study,
        submission: &VerifiedSubmission,
        approval: Option<&Approval>,
        now: u64,
    ) -> Result<Result<Granted, String>, No> {
        let fields = submission.credential().fields();
        let requester = Requester { name: fields.name.clone(), role: fields.role.clone() };
        let request = Request {
            approval: approval.cloned(),
            opened: self.opened(study),
            ..Request::new(study, requester, now)
        };
        let denied = |d: ripieno_access::Denial| No {
            rule: d.rule.to_string(),
            reason: d.to_string(),
            detail: d
                .detail
                .as_ref()
                .map_or_else(|| d.to_string(), |inner| format!("{d}: {inner}")),
        };
        Ok(Ok(match self.gate.decide(&request).map_err(denied)? {
            Decision::Ask { why } => return Ok(Err(why)),
            Decision::NoData => {
                Granted { data: Data::None, lineage: no_data_lineage(study), releases: u64::MAX }
            }
            // The table may be used, but the analysis reads none of it.
            Decision::Approved(permit) if reads_nothing(study) => {
                let (lineage, releases) = (permit.lineage(), permit.releases());
                Granted { data: Data::None, lineage, releases }
            }
            Decision::Approved(permit) => {
                let view = self.gate.open(&permit, now).map_err(No::data)?;
                let columns: Vec<&str> = permit.data().columns().collect();
                self.trail.note(format!("read columns {}", columns.join(", ")));
                let (lineage, releases) = (permit.lineage(), permit.releases());
                let data = Data::View { view, expires: permit.expires() };
                Granted { data, lineage, releases }
            }
        }))
    }

    /// Sums of a study that count as opened on the data set that it names here.
    fn opened(&self, study: &Study) -> u64 {
        let name = study.manifest().data.as_ref().map(|data| data.dataset.as_str());
        let set = name.and_then(|name| self.gate.catalog().data_set(name).ok());
        set.map_or(0, |set| self.ledger.spent(&study.digest(), &set.lineage()))
    }

    /// Forgets an ended study where there are many.
    fn make_room(&mut self) -> Result<(), No> {
        let running = self.studies.values().filter(|progress| !progress.is_over()).count();
        if running >= MAX_RUNNING {
            let reason = format!("{running} studies run here already; submit it again later");
            return Err(No::new(CAPACITY, reason));
        }
        let ended = self.studies.iter().find(|(_, progress)| progress.is_over());
        if let Some(study) = ended.map(|(s, _)| *s).filter(|_| self.studies.len() >= MAX_STUDIES) {
            self.studies.remove(&study);
        }
        Ok(())
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
