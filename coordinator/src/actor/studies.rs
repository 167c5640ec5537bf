//! What researchers ask.

use ripieno_coordinator_engine::{
    CancelError, Coordinator, Ended, Recorded, StudyStatus as Standing, SubmitError,
};
use ripieno_identity::{PublicKey, RatifiedCharter, Submission};
use ripieno_rpc::{SitePresence, StudyStatus};
use ripieno_study::{Digest, SiteIndex};
use tonic::Status;
use tracing::error;

use ripieno_audit::Kind;

use super::Actor;
use super::command::{Fault, Researcher};
use super::news::name_of;
use super::told::Told;
use crate::clock::unix_now;
use crate::config::ResearcherLimits;
use crate::log::event;

/// Studies that run at the same time: a site names as many when it comes back.
const MOST_RUNNING: usize = ripieno_wire::limits::MAX_STANDINGS;

/// Seconds.
const DAY: u64 = 24 * 3600;

/// How many studies of a researcher run, and were submitted in the last day.
#[derive(Debug, Default)]
struct Own {
    running: u32,
    today: u32,
}

impl Own {
    fn check(&self, limits: &ResearcherLimits) -> Result<(), Status> {
        let Self { running, today } = self;
        if *running >= limits.running {
            return Err(Status::resource_exhausted(format!(
                "{running} of your studies are running, and a researcher has at most that many \
                 here; wait for one to end, or cancel one"
            )));
        }
        if *today >= limits.submissions_per_day {
            return Err(Status::resource_exhausted(format!(
                "you have submitted {today} studies in the last day, as many as one may here; \
                 submit again tomorrow"
            )));
        }
        Ok(())
    }
}

impl Actor {
    /// The sites of the charter in force, and who is there.
    pub(super) fn presence(&self) -> Vec<SitePresence> {
        let sites = self.charters.last().map(RatifiedCharter::sites).unwrap_or_default();
        let here = self.present();
        let presence = |site: &ripieno_identity::CharterSite| SitePresence {
            index: site.index.get().into(),
            name: site.name.clone(),
            present: here.contains(&site.index),
        };
        sites.iter().map(presence).collect()
    }

    /// The sites that are there.
    pub(super) fn present(&self) -> Vec<SiteIndex> {
        let engine = self.engine.as_ref();
        engine.map(|engine| engine.present().iter().collect()).unwrap_or_default()
    }

    /// Takes a study; says whether it was here before.
    pub(super) fn submit(
        &mut self,
        text: &str,
        submission: Submission,
    ) -> Result<(Digest, bool), Fault> {
        let clock = self.watch.read();
        if self.draining.is_some() {
            return Err(
                Status::unavailable("the coordinator is stopping; submit again later").into()
            );
        }
        let study = submission.study;
        let researcher = submission.credential.fields.researcher;
        let running = self.told.len();
        let own = self.of_researcher(researcher);
        let engine = self.engine()?;
        if let Some(known) = engine.researcher(&study) {
            return match known == researcher {
                true => Ok((study, true)),
                false => Err(Status::already_exists(
                    "another researcher has submitted this very text; change something in it",
                )
                .into()),
            };
        }
        if running >= MOST_RUNNING {
            let reason =
                format!("{running} studies are running; wait for one to end, or cancel one");
            return Err(Status::resource_exhausted(reason).into());
        }
        own.check(&self.shared.settings.researchers)?;
        let engine = self.engine()?;
        let credential = submission.credential.fields.clone();
        let taken = tokio::task::block_in_place(|| engine.submit(text, submission, clock));
        let study = taken.map_err(|error| self.not_taken(&study, &error))?;
        if let Some(engine) = &self.engine
            && let Some(status) = engine.status(&study)
        {
            let (study, told) = Told::of(&status);
            self.told.insert(study, told);
        }
        let entry = event(Kind::OperatorAction, "submitted").with("study", study);
        let entry = entry.with("researcher", credential.name);
        self.log.add(entry.with("home", name_of(self.charters.last(), credential.home)))?;
        Ok((study, false))
    }

    /// What a researcher has here.
    fn of_researcher(&self, key: PublicKey) -> Own {
        let yesterday = unix_now().saturating_sub(DAY);
        let mut own = Own::default();
        for status in self.engine.iter().flat_map(Coordinator::statuses) {
            if self.is_of(Researcher { key }, &status.study) {
                own.running += u32::from(status.ended.is_none());
                own.today += u32::from(status.submitted > yesterday);
            }
        }
        let past = self.engine.iter().flat_map(Coordinator::past);
        let past = past.filter(|(_, past)| past.researcher == key && past.submitted > yesterday);
        own.today = own.today.saturating_add(u32::try_from(past.count()).unwrap_or(u32::MAX));
        own
    }

    /// Where a study stands, with its text.
    pub(super) async fn get(
        &mut self,
        who: Researcher,
        study: &Digest,
    ) -> Result<(StudyStatus, String), Fault> {
        let recorded = self.own(who, study).await?;
        Ok((self.view().tell(&recorded.status), recorded.text))
    }

    /// Ends a study.
    pub(super) fn cancel(
        &mut self,
        who: Researcher,
        study: &Digest,
        reason: &str,
    ) -> Result<(), Fault> {
        self.check_owner(who, study)?;
        let clock = self.watch.read();
        let cancelled = self.engine()?.cancel(study, reason, clock);
        cancelled.map_err(|error| match error {
            CancelError::Over(_) => Status::failed_precondition(error.to_string()),
            _ => Status::not_found(error.to_string()),
        })?;
        let entry = event(Kind::OperatorAction, "cancelled").with("study", study);
        Ok(self.log.add(entry.with("reason", reason))?)
    }

    /// Ends anybody's study.
    pub(super) fn cancel_for_operator(
        &mut self,
        study: &Digest,
        reason: &str,
    ) -> Result<(), Fault> {
        let clock = self.watch.read();
        let told = format!("by the coordinator's operator: {reason}");
        let cancelled = self.engine()?.cancel(study, &told, clock);
        cancelled.map_err(|error| match error {
            CancelError::Over(_) => Status::failed_precondition(error.to_string()),
            _ => Status::not_found(error.to_string()),
        })?;
        let entry = event(Kind::OperatorAction, "cancelled-by-operator").with("study", study);
        Ok(self.log.add(entry.with("reason", reason))?)
    }

    /// The result as JSON.
    pub(super) async fn result(
        &mut self,
        who: Researcher,
        study: &Digest,
    ) -> Result<String, Fault> {
        let Recorded { status, report, .. } = self.own(who, study).await?;
        let report = report.ok_or_else(|| match status.ended {
            Some(Ended::Failed(reason)) => {
                Status::failed_precondition(format!("the study has no result: {reason}"))
            }
            Some(Ended::Cancelled(_)) => Status::failed_precondition("the study was cancelled"),
            _ => Status::failed_precondition(
                "the study has no result yet; watch it, or ask again later",
            ),
        })?;
        Ok(report)
    }

    /// Whether a study was submitted with this researcher's key.
    fn is_of(&self, who: Researcher, study: &Digest) -> bool {
        let engine = self.engine.as_ref();
        engine.and_then(|engine| engine.researcher(study)).is_some_and(|key| key == who.key)
    }

    /// Whose study it is not learns no more than of one that was never there.
    fn check_owner(&self, who: Researcher, study: &Digest) -> Result<(), Status> {
        match self.is_of(who, study) {
            true => Ok(()),
            false => Err(not_there(study)),
        }
    }

    /// A researcher's own study.
    async fn own(&mut self, who: Researcher, study: &Digest) -> Result<Recorded, Fault> {
        self.check_owner(who, study)?;
        Ok(self.recorded(study).await?.ok_or_else(|| not_there(study))?)
    }

    /// A study, from memory or from the store.
    async fn recorded(&mut self, study: &Digest) -> Result<Option<Recorded>, Fault> {
        let Some(engine) = &self.engine else { return Ok(None) };
        if let Some(recorded) = engine.recorded(study) {
            return Ok(Some(recorded));
        }
        let Some(record) = self.shared.store.study(study).await? else { return Ok(None) };
        let recorded = tokio::task::block_in_place(|| Recorded::read(*study, &record));
        let recorded = recorded.map_err(|error| {
            error!(%error, "a study cannot be read");
            Status::data_loss("the record of this study is damaged: ask the operator")
        })?;
        Ok(Some(recorded))
    }

    fn not_taken(&mut self, study: &Digest, error: &SubmitError) -> Fault {
        let status = match error {
            SubmitError::Submission(_) => Status::permission_denied(error.to_string()),
            SubmitError::Known(_) => Status::already_exists(error.to_string()),
            _ => Status::invalid_argument(error.to_string()),
        };
        let entry = event(Kind::Refusal, "submission").with("study", study);
        match self.log.add(entry.with("reason", status.message())) {
            Ok(()) => status.into(),
            Err(error) => error.into(),
        }
    }
}

fn not_there(study: &Digest) -> Status {
    Status::not_found(format!(
        "you have submitted no study {} here; see: ripieno study list",
        study.short()
    ))
}

/// Why a study failed or was cancelled.
pub(crate) fn reason(status: &Standing) -> String {
    match &status.ended {
        Some(Ended::Failed(reason) | Ended::Cancelled(reason)) => reason.clone(),
        _ => String::new(),
    }
}
