//! What the site's people ask of the keeper, and what it answers.

use bytes::Bytes;
use ripieno_access::{Gate, Grants};
use ripieno_audit::{Event, Kind};
use ripieno_client_engine::{KnownStudy, StudyStanding};
use ripieno_identity::{Credential, CredentialFields, PublicKey, RatifiedCharter};
use ripieno_rpc::{
    DecideSlotRequest, RecordDataRequest, ReloadResponse, ShowStudyResponse, SignCharterResponse,
    SiteCharterResponse, StewardStatusResponse, StewardStudiesResponse, StewardStudy,
    UnresolvedSlot, VouchRequest,
};
use ripieno_secagg::ledger::{Entry, SlotId};
use ripieno_study::Digest;
use ripieno_terminal::{Exit, Failure};
use ripieno_wire::{encode_credential, membership};
use tonic::Status;

use super::alarms::About;
use super::keeper::{Duty, Engine, Keeper};
use super::membership::SignError;
use crate::clock::{date, now};
use crate::config::Config;
use crate::hex;
use crate::state::of_key;

/// The fewest digits by which a study is named.
const MIN_PREFIX: usize = 4;
/// The longest reason of a steward, in bytes.
const MAX_REASON: usize = 512;
/// The longest name of a steward, in bytes.
const MAX_STEWARD: usize = 128;
/// The most days of a credential.
const MAX_DAYS: u32 = 366;
const DAY: u64 = 24 * 60 * 60;

impl Keeper {
    /// How the site is doing.
    pub(super) fn status(&self) -> StewardStatusResponse {
        let connection = self.connection.borrow().clone();
        let next = connection.next_attempt.map(|at| {
            at.saturating_duration_since(tokio::time::Instant::now()).as_secs_f64().ceil()
        });
        let coordinator = self.config.site.coordinator.as_ref();
        let held = self.charters.held().map(RatifiedCharter::charter);
        let index = held.and_then(|charter| of_key(charter, self.key.public()));
        let federation = held.map(|charter| charter.fields().federation.clone());
        let studies = self.engine().map(counts).unwrap_or_default();
        let to_sign = self.to_compare().is_some_and(|charter| !self.has_signed(charter));
        StewardStatusResponse {
            site: self.config.site.name.to_string(),
            federation: federation
                .or_else(|| coordinator.map(|other| other.federation.clone()))
                .unwrap_or_default(),
            program: env!("CARGO_PKG_VERSION").into(),
            up_seconds: self.started.elapsed().as_secs(),
            coordinator: coordinator.map(|c| c.address.to_string()).unwrap_or_default(),
            proxy: connection.proxy,
            connection: connection.phase.name().into(),
            problem: connection.problem,
            // At most an hour.
            next_attempt_seconds: next.unwrap_or(0.0) as u32,
            charter_version: held.map_or(0, |charter| charter.fields().version),
            index: index.map_or(0, |index| u32::from(index.get())),
            charter_to_sign: to_sign,
            epoch: self.epoch,
            ledger_records: self.ledger.tip().records,
            audit_entries: self.people.head().count + self.decisions(),
            studies_running: studies.0,
            studies_pending: studies.1,
            certificate_ends: connection.certificate_ends,
            unresolved: self.unresolved(),
            alarms: self.alarms.all().cloned().collect(),
            data_sets: self.data_sets(),
            slots: self.slots(),
            trouble: self.trouble().unwrap_or_default(),
        }
    }

    /// All studies that the site knows.
    pub(super) fn studies(&self) -> StewardStudiesResponse {
        let studies = self
            .engine()
            .map(|site| site.studies().map(|known| steward_study(site, &known)).collect());
        StewardStudiesResponse { studies: studies.unwrap_or_default() }
    }

    /// One of them in full.
    pub(super) fn show(&self, text: &str) -> Result<ShowStudyResponse, Status> {
        let site = self.serving()?;
        let digest = find(site, text)?;
        let known = site.studies().find(|known| known.study.digest() == digest);
        let known = known.ok_or_else(|| Status::not_found("the study is not known any more"))?;
        Ok(ShowStudyResponse {
            study: Some(steward_study(site, &known)),
            text: known.study.text().to_owned(),
            problem: site.problem(&digest).unwrap_or_default().to_owned(),
            report: site.report_json(&digest).map(|json| Bytes::from(json.to_owned())),
        })
    }

    /// Approves, refuses or withdraws a study.
    pub(super) fn decide(
        &mut self,
        text: &str,
        decision: &str,
        steward: &str,
        reason: &str,
    ) -> Result<StewardStudy, Status> {
        let steward = steward_name(steward)?;
        if reason.len() > MAX_REASON {
            return Err(Status::invalid_argument(format!(
                "a reason has at most {MAX_REASON} bytes"
            )));
        }
        let digest = named(text)?;
        let Duty::Serving(site) = &mut self.duty else { return Err(no_charter()) };
        let none = |what: &str| Status::failed_precondition(format!("no such study {what} here"));
        let messages = match decision {
            "approve" => {
                vec![site.approve(&digest, steward, now()).ok_or_else(|| none("waits"))?]
            }
            "refuse" => {
                let said = site.refuse(&digest, steward, reason, now());
                vec![said.ok_or_else(|| none("waits"))?]
            }
            "withdraw" => {
                let said = site.withdraw(&digest, steward, reason, now());
                if said.is_empty() {
                    return Err(none("runs"));
                }
                said
            }
            _ => {
                return Err(Status::invalid_argument(
                    "a decision is one of approve, refuse, withdraw",
                ));
            }
        };
        self.say(messages);
        let shown = self.show(&digest.to_string())?;
        Ok(shown.study.unwrap_or_default())
    }

    /// Says how a slot without an outcome is to count, and takes over a charter that waited for it.
    pub(super) fn decide_slot(&mut self, request: &DecideSlotRequest) -> Result<(), Status> {
        let steward = steward_name(&request.steward)?;
        if request.reason.len() > MAX_REASON {
            return Err(Status::invalid_argument(format!(
                "a reason has at most {MAX_REASON} bytes"
            )));
        }
        let transcript = <[u8; 32]>::try_from(&request.transcript[..]).ok();
        let (Some(transcript), Ok(slot)) = (transcript, u16::try_from(request.slot)) else {
            return Err(Status::invalid_argument("an epoch has 32 bytes, a slot 16 bits"));
        };
        let id = SlotId { transcript: Digest::from_bytes(transcript), slot };
        let Duty::Serving(site) = &mut self.duty else { return Err(no_charter()) };
        if let Some(slot) = site.unresolved().find(|slot| slot.id == id)
            && site.is_under_way(slot)
        {
            return Err(under_way(&slot.study));
        }
        site.decide_slot(&id, request.opened, steward, &request.reason, now())
            .map_err(|refusal| Status::failed_precondition(refusal.reason))?;
        self.take_over().map_err(|failure| internal(&failure))
    }

    /// The charter in force and the one to compare.
    pub(super) fn show_charter(&self) -> SiteCharterResponse {
        let to_compare = self.to_compare();
        SiteCharterResponse {
            in_force: self.charters.held().map(membership::encode_ratified),
            proposed: to_compare.map(membership::encode_charter),
            signed: to_compare.is_some_and(|charter| self.has_signed(charter)),
        }
    }

    /// Signs the proposed charter.
    pub(super) fn sign_charter(
        &mut self,
        words: &str,
        steward: &str,
    ) -> Result<SignCharterResponse, Status> {
        let steward = steward_name(steward)?.to_owned();
        let signed = self.sign(words, &steward).map_err(|error| {
            let text = error.to_string();
            match error {
                SignError::Nothing | SignError::NoSay => Status::failed_precondition(text),
                SignError::Words(_) => Status::invalid_argument(text),
                SignError::Refused(_) => Status::permission_denied(text),
                SignError::Record(_) => Status::internal(text),
            }
        });
        let version = signed?;
        let held = self.charters.held().map(|held| held.charter().fields().version);
        Ok(SignCharterResponse { version, in_force: held >= Some(version) })
    }

    /// Signs a researcher's credential.
    pub(super) fn vouch(&mut self, request: &VouchRequest) -> Result<Bytes, Status> {
        let steward = steward_name(&request.steward)?;
        let held = self.charters.held().cloned().ok_or_else(no_charter)?;
        let home = of_key(held.charter(), self.key.public()).ok_or_else(no_charter)?;
        if !(1..=MAX_DAYS).contains(&request.days) {
            return Err(Status::invalid_argument(format!("days are 1 to {MAX_DAYS}")));
        }
        let bytes = <[u8; 32]>::try_from(&request.researcher[..]);
        let bytes = bytes.map_err(|_| Status::invalid_argument("a key has 32 bytes"))?;
        let researcher = PublicKey::from_bytes(&bytes)
            .map_err(|bad| Status::invalid_argument(format!("the researcher's key: {bad}")))?;
        let expires = now().saturating_add(u64::from(request.days) * DAY);
        let fields = CredentialFields {
            name: request.name.clone(),
            role: request.role.clone(),
            department: request.department.clone(),
            clearance: request.clearance.clone(),
            expires,
            federation: held.federation().to_owned(),
            home,
            researcher,
        };
        let credential = Credential::issue(fields, &self.key)
            .map_err(|bad| Status::invalid_argument(bad.to_string()))?;
        // Written down before it exists outside.
        let event = Event::new(Kind::Membership, now())
            .with("step", "vouched")
            .with("researcher", &request.name)
            .with("role", &request.role)
            .with("key", researcher)
            .with("expires", date(expires))
            .with("steward", steward);
        self.note(event).map_err(|failure| internal(&failure))?;
        Ok(encode_credential(&credential))
    }

    /// Reads configuration, tables and policy again.
    pub(super) fn reload(&mut self) -> Result<ReloadResponse, Status> {
        let wrong = |text: String| Status::failed_precondition(text);
        let config = Config::load(self.config.layout.dir()).map_err(|e| wrong(e.to_string()))?;
        let (gate, problems) = crate::gate::open(&config).map_err(|e| wrong(e.text()))?;
        self.alarms.clear_data_sets();
        for (number, problem) in problems.into_iter().enumerate() {
            self.alarm(About::DataSet(number), problem).map_err(|failure| internal(&failure))?;
        }
        self.note_grants(&gate).map_err(|failure| internal(&failure))?;
        let mut said = Vec::new();
        match &mut self.duty {
            Duty::Serving(site) => {
                site.set_gate(gate);
                // A grant that was taken back stops its studies before their next message.
                said = site.recheck(now());
            }
            Duty::Waiting(Some(parts)) => parts.1 = gate,
            Duty::Waiting(None) => {}
        }
        self.say(said);
        self.config.site.data = config.site.data;
        self.config.site.policies = config.site.policies;
        self.config.site.policy = config.site.policy;
        let data_sets = self.data_sets();
        let event = Event::new(Kind::OperatorAction, now()).with("step", "reloaded");
        self.note(event.with("data-sets", data_sets.join(", ")))
            .map_err(|failure| internal(&failure))?;
        Ok(ReloadResponse { data_sets })
    }

    /// Writes down what a person is about to do to the catalogue.
    pub(super) fn record_data(&mut self, request: &RecordDataRequest) -> Result<(), Status> {
        for change in &request.changes {
            self.note(crate::catalog::event(change)).map_err(|failure| internal(&failure))?;
        }
        Ok(())
    }

    /// Writes down what owners granted and took back since the gate was opened.
    fn note_grants(&mut self, next: &Gate) -> Result<(), Failure> {
        let none = Grants::default();
        let before = self.gate().and_then(Gate::grants).unwrap_or(&none);
        let events = crate::grants::changes(before, next.grants().unwrap_or(&none));
        events.into_iter().try_for_each(|event| self.note(event))
    }

    fn gate(&self) -> Option<&Gate> {
        match &self.duty {
            Duty::Serving(site) => Some(site.gate()),
            Duty::Waiting(parts) => parts.as_ref().map(|parts| &parts.1),
        }
    }

    fn engine(&self) -> Option<&Engine> {
        match &self.duty {
            Duty::Serving(site) => Some(site),
            Duty::Waiting(_) => None,
        }
    }

    fn serving(&self) -> Result<&Engine, Status> {
        self.engine().ok_or_else(no_charter)
    }

    fn decisions(&self) -> u64 {
        match &self.duty {
            Duty::Serving(site) => site.audit().head().count,
            Duty::Waiting(parts) => parts.as_ref().map_or(0, |parts| parts.0.audit.head().count),
        }
    }

    /// Slots that may be decided about.
    fn unresolved(&self) -> Vec<String> {
        let text = |entry: &Entry| match self.name_of(&entry.study) {
            name if name.is_empty() => format!("{}, study {}", entry.id, entry.study.short()),
            name => format!("{}, study {name} ({})", entry.id, entry.study.short()),
        };
        self.entries().into_iter().filter(|entry| !self.is_under_way(entry)).map(text).collect()
    }

    fn slots(&self) -> Vec<UnresolvedSlot> {
        let slot = |entry: &Entry| UnresolvedSlot {
            transcript: Bytes::copy_from_slice(entry.id.transcript.as_bytes()),
            slot: entry.id.slot.into(),
            study: Bytes::copy_from_slice(entry.study.as_bytes()),
            name: self.name_of(&entry.study),
            under_way: self.is_under_way(entry),
        };
        self.entries().into_iter().map(slot).collect()
    }

    /// Whether a slot's study goes on here.
    fn is_under_way(&self, entry: &Entry) -> bool {
        self.engine().is_some_and(|site| site.is_under_way(entry))
    }

    /// What the ledger holds without an outcome.
    fn entries(&self) -> Vec<&Entry> {
        match &self.duty {
            Duty::Serving(site) => site.unresolved().collect(),
            Duty::Waiting(parts) => {
                parts.iter().flat_map(|parts| parts.0.ledger.unresolved()).collect()
            }
        }
    }

    /// The name of a study, or nothing where it is not known any more.
    fn name_of(&self, study: &Digest) -> String {
        let known = self
            .engine()
            .and_then(|site| site.studies().find(|known| known.study.digest() == *study));
        known.map(|known| known.study.manifest().name.clone()).unwrap_or_default()
    }

    fn data_sets(&self) -> Vec<String> {
        let names = self
            .gate()
            .map(|gate| gate.catalog().data_sets().map(|s| s.name().to_owned()).collect());
        names.unwrap_or_default()
    }
}

/// Studies that run and that wait.
fn counts(site: &Engine) -> (u32, u32) {
    let running =
        site.studies().filter(|s| matches!(s.standing, StudyStanding::Running { .. })).count();
    // Both are bounded by the engine.
    (running.try_into().unwrap_or(u32::MAX), site.pending().count().try_into().unwrap_or(u32::MAX))
}

/// The study that a decision is about, in full: a beginning that was read in one study could have
/// become that of another one meanwhile.
fn named(text: &str) -> Result<Digest, Status> {
    hex::digest(text.trim()).ok_or_else(|| {
        Status::invalid_argument(
            "a decision names its study by all 64 digits of its digest: copy them from the study \
             that you have read",
        )
    })
}

/// The study whose digest begins so.
fn find(site: &Engine, text: &str) -> Result<Digest, Status> {
    let text = text.trim().to_ascii_lowercase();
    if text.len() < MIN_PREFIX || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Status::invalid_argument(format!(
            "a study is named by at least {MIN_PREFIX} of its digest's digits"
        )));
    }
    let mut found = site
        .studies()
        .map(|known| known.study.digest())
        .filter(|digest| digest.to_string().starts_with(&text));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Status::not_found(format!("no study {text} is known here"))),
        (Some(_), Some(_)) => Err(Status::invalid_argument(format!(
            "several studies begin with {text}: give more digits"
        ))),
    }
}

fn steward_study(site: &Engine, known: &KnownStudy<'_>) -> StewardStudy {
    let (status, rule, reason, round) = match known.standing {
        StudyStanding::Pending { reason } => ("pending", "", reason, 0),
        StudyStanding::Running { round, .. } => ("running", "", "", round),
        StudyStanding::Done => ("done", "", "", 0),
        StudyStanding::Refused { rule: "steward.withdrawn", reason } => {
            ("withdrawn", "steward.withdrawn", reason, 0)
        }
        StudyStanding::Refused { rule, reason } => ("refused", rule, reason, 0),
        StudyStanding::Ended { reason } => ("ended", "", reason, 0),
    };
    let digest = known.study.digest();
    let waits = site.pending().find(|pending| pending.study.digest() == digest);
    let home = waits.and_then(|pending| {
        let home = site.charter().charter().site(pending.researcher.home)?;
        Some(home.name.clone())
    });
    let manifest = known.study.manifest();
    StewardStudy {
        study: Bytes::copy_from_slice(digest.as_bytes()),
        name: manifest.name.clone(),
        status: status.into(),
        rule: rule.into(),
        reason: reason.into(),
        round,
        opened: known.opened,
        researcher: waits.map(|pending| pending.researcher.name.clone()).unwrap_or_default(),
        home: home.unwrap_or_default(),
        purpose: manifest.purpose.to_string(),
    }
}

fn steward_name(text: &str) -> Result<&str, Status> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_STEWARD || text.chars().any(char::is_control) {
        let reason = format!("a steward's name has 1 to {MAX_STEWARD} bytes");
        return Err(Status::invalid_argument(reason));
    }
    Ok(text)
}

fn no_charter() -> Status {
    Status::failed_precondition("no charter that lists this site is in force yet")
}

/// Why there is nothing to decide about a slot yet.
fn under_way(study: &Digest) -> Status {
    Status::failed_precondition(format!(
        "the slot is under way: its study goes on, and resolves it or ends. Wait until study show \
         {} says that it has ended. Only if the coordinator never comes back: study withdraw {study}, \
         then decide",
        study.short()
    ))
}

fn internal(failure: &Failure) -> Status {
    match failure.exit() {
        Exit::Output => Status::internal(failure.text()),
        _ => Status::failed_precondition(failure.text()),
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::super::made::keeper;
    use super::*;

    #[tokio::test]
    async fn a_decision_names_its_study_in_full() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder.path().join("site"));
        let digest = "ab".repeat(32);
        for decision in ["approve", "refuse", "withdraw"] {
            let part = keeper.decide(&digest[..63], decision, "Anna", "").err().unwrap();
            assert_eq!(part.code(), Code::InvalidArgument, "{part}");
            let whole = keeper.decide(&digest, decision, "Anna", "").err().unwrap();
            assert_eq!(whole.code(), Code::FailedPrecondition, "{whole}");
        }
    }

    #[tokio::test]
    async fn a_slot_that_cannot_be_is_not_decided() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder.path().join("site"));
        let good = DecideSlotRequest {
            transcript: Bytes::from_static(&[7; 32]),
            slot: 1,
            opened: true,
            steward: "Anna".into(),
            reason: String::new(),
        };
        let code = |keeper: &mut Keeper, request| keeper.decide_slot(&request).unwrap_err().code();
        let short = Bytes::from_static(&[7; 31]);
        let bad = [
            DecideSlotRequest { transcript: short, ..good.clone() },
            DecideSlotRequest { slot: 1 << 16, ..good.clone() },
            DecideSlotRequest { steward: " ".into(), ..good.clone() },
            DecideSlotRequest { reason: "r".repeat(513), ..good.clone() },
        ];
        for request in bad {
            assert_eq!(code(&mut keeper, request), Code::InvalidArgument);
        }
        assert_eq!(code(&mut keeper, good), Code::FailedPrecondition, "no charter is held");
    }
}
