//! A study at a site: offered, decided about, given up.

use rand::CryptoRng;
use ripieno_access::{Approval, Decision, Permit, Request, Requester};
use ripieno_audit::{Kind, Storage};
use ripieno_identity::{CredentialFields, VerifiedSubmission};
use ripieno_secagg::journal::Journal;
use ripieno_secagg::round::publish::Verdict;
use ripieno_study::manifest::AnalysisSpec;
use ripieno_study::{Check, Digest, Hasher, Refusal, Study, Tag};
use ripieno_wire::{FromSite, StudyAnswer, StudyOffer, StudyVerdict};

use crate::audit::Subject;
use crate::closed::{Closed, Pending, Why};
use crate::progress::{Data, Granted, Progress, Taken};
use crate::record::RuleRecord;
use crate::shelf::Shelf;
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

impl<J: Journal, S: Storage, R: CryptoRng, B: Shelf> Site<J, S, R, B> {
    /// A study is offered: its submission is verified, the policy decides, and the data is opened
    /// at once, so that a study that cannot be computed is refused before its first round.
    pub(crate) fn offer(&mut self, offer: StudyOffer, now: u64) -> Answers {
        let study = offer.submission.study;
        if let Some(verdict) = self.known_verdict(&study) {
            return Ok(vec![answer(study, verdict)]);
        }
        let verified = offer.submission.verify(&self.charter, now)?;
        let verdict = self.judge(&offer, &verified, None, now);
        let StudyVerdict::Pending { reason } = &verdict else {
            return Ok(vec![answer(study, verdict)]);
        };
        if self.studies.pending.len() >= MAX_PENDING && !self.studies.pending.contains_key(&study) {
            let reason = "too many studies wait for the steward here; submit it again later";
            let verdict = StudyVerdict::Refused { rule: CAPACITY.into(), reason: reason.into() };
            self.note_verdict(&study, &verdict);
            return Ok(vec![answer(study, verdict)]);
        }
        let reason = reason.clone();
        self.wait_for_steward(offer, reason, now);
        Ok(vec![answer(study, verdict)])
    }

    /// What was decided already, and no offer changes.
    fn known_verdict(&self, study: &Digest) -> Option<StudyVerdict> {
        if let Some(progress) = self.studies.approved.get(study) {
            return Some(match progress.asks.clone() {
                Some(reason) => StudyVerdict::Pending { reason },
                None => StudyVerdict::Approved,
            });
        }
        match &self.studies.closed.get(study).filter(|closed| closed.is_final())?.why {
            Why::Refused { rule, reason, .. } => {
                Some(StudyVerdict::Refused { rule: rule.clone(), reason: reason.clone() })
            }
            Why::Ended { .. } => None,
        }
    }

    /// The text was parsed, and is that of the submission.
    fn wait_for_steward(&mut self, offer: StudyOffer, reason: String, now: u64) {
        let StudyOffer { text, submission } = offer;
        let study = submission.study;
        // What a steward is looking at is not exchanged under the hand.
        if self.studies.pending.contains_key(&study) {
            return;
        }
        let Ok(parsed) = Study::parse(&text) else { return };
        let taken = Taken { study: parsed, submission, since: now };
        self.studies.pending.insert(study, Pending { taken, reason });
        self.keep_pending(&study);
        // It may have ended before: then it was offered anew.
        if self.studies.closed.contains_key(&study) {
            self.drop_study(&study);
        }
    }

    /// What kept this site from a study, with file, line and column where the table is to blame.
    /// For the site's own people.
    #[must_use]
    pub fn problem(&self, study: &Digest) -> Option<&str> {
        self.problems.get(study).map(String::as_str)
    }

    /// Keeps what kept this site from a study.
    pub(crate) fn keep_problem(&mut self, kind: Kind, study: Digest, detail: String) {
        if self.problems.len() >= MAX_STUDIES {
            self.problems.pop_first();
        }
        self.note_some(kind, self.about(kind, &study).with("problem", &detail));
        self.problems.insert(study, detail);
    }

    /// The verdicts on the last sum of a study: its result stands.
    pub(crate) fn settled(&mut self, study: &Digest, verdicts: &[Verdict]) -> Answers {
        if let Some(progress) = self.studies.approved.get_mut(study)
            && progress.settle(self.party.roster(), verdicts)?
        {
            self.note(self.about(Kind::Round, study).with("step", "result-stands"));
            self.keep_study(study);
        }
        Ok(Vec::new())
    }

    /// The coordinator says that a study was given up. That is a hint, and frees what the study
    /// holds here: its next contract is refused, unless it is offered again. A result stands.
    pub(crate) fn ended(&mut self, study: &Digest, reason: &str) -> Answers {
        let pending = self.studies.pending.get(study).map(|pending| &pending.taken);
        let running = self.studies.approved.get(study).filter(|progress| !progress.stands());
        let Some(taken) = pending.or(running.map(|progress| &progress.taken)).cloned() else {
            return Ok(Vec::new());
        };
        let event = self.about(Kind::Round, study).with("step", "study-ended");
        self.note_some(Kind::Round, event.with("reason", reason));
        let taken = Taken { since: self.now, ..taken };
        self.close(taken, Why::Ended { reason: reason.to_owned() });
        self.drop_pending(study);
        Ok(Vec::new())
    }

    /// A study does not run here, or no longer.
    pub(crate) fn close(&mut self, taken: Taken, why: Why) {
        let study = taken.study.digest();
        self.studies.approved.remove(&study);
        self.studies.closed.insert(study, Closed { taken, why });
        self.keep_study(&study);
    }

    /// Asks the policy again where a study's permit has ended, or was forgotten with a restart, and
    /// opens the data anew.
    pub(crate) fn renew_permit(&mut self, study: &Digest, now: u64) -> Result<(), Refusal> {
        let progress = self.studies.approved.get(study);
        let Some(progress) = progress.filter(|progress| progress.needs_permit(now)) else {
            return self.ask_again(study, now);
        };
        let (taken, approval) = (progress.taken.clone(), progress.approval.clone());
        let held = (progress.granted.lineage, progress.granted.fingerprint);
        let researcher = &taken.submission.credential.fields;
        let granted = match self.grant(&taken.study, researcher, approval.as_ref(), Some(held), now)
        {
            Ok(Ok(granted)) => granted,
            Ok(Err(why)) => {
                let no = No::new("approval.study", format!("a steward must approve it: {why}"));
                return Err(self.suspend(study, no));
            }
            Err(no) => return Err(self.suspend(study, no)),
        };
        let progress = self.studies.approved.get_mut(study);
        let resumed = progress.is_some_and(|progress| {
            progress.granted = granted;
            progress.refused.take().is_some()
        });
        if resumed {
            self.keep_study(study);
        }
        Ok(())
    }

    /// Asks the policies about columns again, whose grants may have been taken back or have ended. A
    /// study that they no longer allow is suspended.
    pub(crate) fn ask_again(&mut self, study: &Digest, now: u64) -> Result<(), Refusal> {
        let progress = self.studies.approved.get(study);
        let Some(progress) = progress.filter(|progress| !progress.is_over()) else { return Ok(()) };
        let researcher = &progress.taken.submission.credential.fields;
        let request = request(&progress.taken.study, researcher, progress.approval.as_ref(), now);
        match self.gate.still_allows(&request) {
            Ok(()) => Ok(()),
            Err(denial) => {
                if let Some(progress) = self.studies.approved.get_mut(study) {
                    progress.forget_permit();
                }
                Err(self.suspend(study, denial.into()))
            }
        }
    }

    /// A rule keeps the site from the rounds of a study that it had approved.
    fn suspend(&mut self, study: &Digest, no: No) -> Refusal {
        let No { rule, reason, detail } = no;
        let refusal = Refusal::own(Check::S2, format!("{rule}: {reason}"));
        self.keep_problem(Kind::Alarm, *study, detail);
        let refused = Some(RuleRecord { rule, reason });
        if let Some(progress) = self.studies.approved.get_mut(study)
            && progress.refused != refused
        {
            progress.refused = refused;
            self.keep_study(study);
        }
        refusal
    }

    pub(crate) fn judge(
        &mut self,
        offer: &StudyOffer,
        submission: &VerifiedSubmission,
        approval: Option<Approval>,
        now: u64,
    ) -> StudyVerdict {
        let digest = submission.study();
        let study = match parse(&offer.text, &digest) {
            Ok(study) => study,
            // Nothing is kept of it: this is not the study.
            Err(no) => return self.say_no(&digest, no),
        };
        let taken = Taken { study, submission: offer.submission.clone(), since: now };
        let verdict = match self.consider(taken.clone(), submission, approval, now) {
            Ok(verdict) => {
                self.note_verdict(&digest, &verdict);
                verdict
            }
            Err(no) => self.say_no(&digest, no),
        };
        self.keep_verdict(taken, &verdict);
        verdict
    }

    fn say_no(&mut self, study: &Digest, no: No) -> StudyVerdict {
        let No { rule, reason, detail } = no;
        self.keep_problem(Kind::Decision, *study, detail);
        let verdict = StudyVerdict::Refused { rule, reason };
        self.note_verdict(study, &verdict);
        verdict
    }

    /// Makes a decision durable; after it, the study waits no more.
    fn keep_verdict(&mut self, taken: Taken, verdict: &StudyVerdict) {
        let study = taken.study.digest();
        match verdict {
            StudyVerdict::Pending { .. } => return,
            StudyVerdict::Approved => {
                self.studies.closed.remove(&study);
                self.keep_study(&study);
            }
            // Nothing was decided: there is no room for now.
            StudyVerdict::Refused { rule, .. } if rule == CAPACITY => return,
            StudyVerdict::Refused { rule, reason } => {
                let (rule, reason) = (rule.clone(), reason.clone());
                if self.studies.closed.contains_key(&study) || self.has_room() {
                    self.close(taken, Why::Refused { rule, reason, steward: None });
                }
            }
        }
        self.drop_pending(&study);
    }

    fn consider(
        &mut self,
        taken: Taken,
        submission: &VerifiedSubmission,
        approval: Option<Approval>,
        now: u64,
    ) -> Result<StudyVerdict, No> {
        let running = self.studies.running();
        if running >= MAX_RUNNING {
            let reason = format!("{running} studies run here already; submit it again later");
            return Err(No::new(CAPACITY, reason));
        }
        if !self.has_room() {
            let reason = "this site remembers no more studies; its steward can make room";
            return Err(No::new(CAPACITY, reason));
        }
        let researcher = submission.credential().fields();
        let granted = match self.grant(&taken.study, researcher, approval.as_ref(), None, now)? {
            Ok(granted) => granted,
            Err(why) => return Ok(StudyVerdict::Pending { reason: why }),
        };
        let progress = Progress::new(taken, approval, granted);
        let progress = progress.map_err(|r| No::new(r.check.to_string(), r.reason))?;
        // The first step once, so that an outcome that does not suit the family is refused before
        // the study starts. Nothing of it is kept.
        self.contribution(&progress).map_err(No::data)?;
        self.studies.approved.insert(submission.study(), progress);
        Ok(StudyVerdict::Approved)
    }

    /// Lets the policy decide, and opens what it allows; or says why a steward must be asked. A
    /// study that has begun gets the data that it `held`, by lineage and bytes, or none.
    fn grant(
        &mut self,
        study: &Study,
        researcher: &CredentialFields,
        approval: Option<&Approval>,
        held: Option<(Digest, Option<Digest>)>,
        now: u64,
    ) -> Result<Result<Granted, String>, No> {
        let request =
            Request { opened: self.opened(study), ..request(study, researcher, approval, now) };
        let permit = match self.gate.decide(&request)? {
            Decision::Ask { why } => return Ok(Err(why)),
            Decision::NoData => None,
            Decision::Approved(permit) => Some(permit),
        };
        let lineage = permit.as_ref().map_or_else(|| no_data_lineage(study), Permit::lineage);
        let fingerprint = permit.as_ref().map(Permit::content);
        // The ledger knows the data of a study's sums also where the study had ended since, or was
        // forgotten.
        let summed = self.ledger.fingerprint(&study.digest(), &lineage);
        if held.is_some_and(|held| held != (lineage, fingerprint))
            || summed.is_some_and(|summed| fingerprint != Some(summed))
        {
            return Err(other_data());
        }
        let (data, releases) = match permit {
            None => (Data::None, u64::MAX),
            Some(permit) => (self.read(study, &permit, now)?, permit.releases()),
        };
        Ok(Ok(Granted { data, lineage, fingerprint, releases }))
    }

    /// Opens what a permit allows, once that is written down.
    fn read(&mut self, study: &Study, permit: &Permit, now: u64) -> Result<Data, No> {
        // The table may be used, but the analysis reads none of it.
        if reads_nothing(study) {
            return Ok(Data::None);
        }
        if !self.admits(Subject::Of(Kind::DataRead)) {
            let reason = "tables were opened too often within an hour; submit it again later";
            return Err(No::new(CAPACITY, reason));
        }
        self.note_read(study, permit);
        self.written().map_err(|refusal| No::new("site.audit", refusal.reason))?;
        let view = self.gate.open(permit, now).map_err(No::data)?;
        Ok(Data::View { view: Box::new(view), expires: permit.expires() })
    }

    pub(crate) fn note_verdict(&mut self, study: &Digest, verdict: &StudyVerdict) {
        let event = self.about(Kind::Decision, study);
        let event = match verdict {
            StudyVerdict::Approved => event.with("verdict", "approved"),
            StudyVerdict::Pending { reason } => {
                event.with("verdict", "pending").with("reason", reason)
            }
            StudyVerdict::Refused { rule, reason } => {
                event.with("verdict", "refused").with("rule", rule).with("reason", reason)
            }
        };
        self.note_some(Kind::Decision, event);
    }

    fn note_read(&mut self, study: &Study, permit: &Permit) {
        let columns: Vec<&str> = permit.data().columns().collect();
        let event = self.about(Kind::DataRead, &study.digest());
        let event = event.with("data-set", &permit.data().dataset);
        let event = event.with("lineage", permit.lineage());
        self.note(event.with("columns", columns.join(", ")));
    }

    /// Sums of a study that count as opened on the data set that it names here.
    fn opened(&self, study: &Study) -> u64 {
        let name = study.manifest().data.as_ref().map(|data| data.dataset.as_str());
        let set = name.and_then(|name| self.gate.catalog().data_set(name).ok());
        set.map_or(0, |set| self.ledger.spent(&study.digest(), &set.lineage()))
    }

    /// Whether one more study can be remembered; the oldest that no longer matters is forgotten.
    fn has_room(&mut self) -> bool {
        if self.studies.decided() < MAX_STUDIES {
            return true;
        }
        match self.studies.oldest() {
            Some(oldest) => {
                self.drop_study(&oldest);
                true
            }
            None => false,
        }
    }
}

fn request<'a>(
    study: &'a Study,
    researcher: &CredentialFields,
    approval: Option<&Approval>,
    now: u64,
) -> Request<'a> {
    let requester = Requester {
        name: researcher.name.clone(),
        role: researcher.role.clone(),
        key: researcher.researcher.to_string(),
        department: researcher.department.clone(),
        clearance: researcher.clearance.clone(),
        home: researcher.home.get(),
        expires: researcher.expires,
    };
    Request { approval: approval.cloned(), ..Request::new(study, requester, now) }
}

/// The policy's no, with what is for the site's own people.
impl From<ripieno_access::Denial> for No {
    fn from(denial: ripieno_access::Denial) -> Self {
        let (rule, reason) = (denial.rule.to_string(), denial.to_string());
        let detail = match &denial.detail {
            Some(inner) => format!("{reason}: {inner}"),
            None => reason.clone(),
        };
        Self { rule, reason, detail }
    }
}

fn parse(text: &str, digest: &Digest) -> Result<Study, No> {
    let study = Study::parse(text).map_err(|e| No::new("study.manifest", e.to_string()))?;
    if study.digest() != *digest {
        return Err(No::new("study.digest", "the text is not that of the signed submission"));
    }
    Ok(study)
}

/// Sums over other rows than those of the rounds before would give away how they differ.
fn other_data() -> No {
    let reason = "the data is not what the study was approved for";
    let detail = "the data set was registered anew, or its file has changed, since the study was \
                  approved; a study on the new data is another one";
    No { rule: "data.changed".into(), reason: reason.into(), detail: detail.into() }
}

fn reads_nothing(study: &Study) -> bool {
    matches!(study.manifest().analysis, AnalysisSpec::Vector(_))
}

/// A study without data still has a name in the ledger.
fn no_data_lineage(study: &Study) -> Digest {
    Hasher::new(Tag::Lineage).part("no data").part(study.digest()).finish()
}

pub(crate) fn answer(study: Digest, verdict: StudyVerdict) -> FromSite {
    FromSite::StudyAnswer(StudyAnswer { study, verdict })
}
