//! What a site writes down: decisions, refusals, reads, the steps of rounds.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use ripieno_audit::{Event, Kind, Storage};
use ripieno_secagg::ledger::SlotId;
use ripieno_study::{Check, Digest, Refusal};

use crate::site::Site;

/// Every so many entries one is signed, besides those that end a round.
pub const ENTRIES_PER_SIGNATURE: NonZeroU64 = NonZeroU64::new(64).unwrap();

/// Entries of one subject that are written down within an hour.
const ENTRIES_PER_HOUR: u32 = 100;
/// Tables that are opened within an hour. Each is written down, so there are no more.
const READS_PER_HOUR: u32 = 1000;
const HOUR: u64 = 60 * 60;

/// What others can cause again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// Refusals by a check.
    Refusal(Check),
    /// Entries of a kind.
    Of(Kind),
}

impl Subject {
    fn most(self) -> u32 {
        match self {
            Self::Of(Kind::DataRead) => READS_PER_HOUR,
            _ => ENTRIES_PER_HOUR,
        }
    }
}

/// Entries of the last hour, by subject.
#[derive(Default)]
pub(crate) struct Pace(BTreeMap<Subject, Hour>);

struct Hour {
    /// In seconds since 1970.
    since: u64,
    written: u32,
    more: u64,
}

impl Pace {
    /// Whether one more is written down; else it is counted.
    fn admit(&mut self, subject: Subject, now: u64) -> bool {
        let hour = self.0.entry(subject).or_insert(Hour { since: now, written: 0, more: 0 });
        if hour.written == subject.most() {
            hour.more = hour.more.saturating_add(1);
            return false;
        }
        hour.written += 1;
        true
    }

    /// Forgets the hours that are over; how many were only counted in each.
    fn end(&mut self, now: u64) -> Vec<(Subject, u64)> {
        let over = |hour: &Hour| now.saturating_sub(hour.since) >= HOUR;
        let ended = self.0.iter().filter(|(_, hour)| over(hour) && hour.more > 0);
        let ended = ended.map(|(subject, hour)| (*subject, hour.more)).collect();
        self.0.retain(|_, hour| !over(hour));
        ended
    }
}

impl<J, S: Storage, R, B> Site<J, S, R, B> {
    /// An entry to be written now.
    pub(crate) fn event(&self, kind: Kind) -> Event {
        Event::new(kind, self.now)
    }

    /// An entry about a study.
    pub(crate) fn about(&self, kind: Kind, study: &Digest) -> Event {
        self.event(kind).with("study", study)
    }

    /// An entry about a step of a slot.
    pub(crate) fn step(&self, step: &'static str, id: SlotId) -> Event {
        in_slot(self.event(Kind::Round).with("step", step), id)
    }

    /// Writes an entry. Where it cannot be kept, the site falls silent: nothing leaves it any more
    /// but the refusal that says so.
    pub(crate) fn note(&mut self, event: Event) {
        let kept = self.audit.append(event).map(drop);
        self.kept(kept);
    }

    /// Ends a round with a signature over all entries so far.
    pub(crate) fn seal(&mut self) {
        let kept = self.audit.seal(self.now).map(drop);
        self.kept(kept);
    }

    /// Writes a refusal, or counts it where so many were written lately: whoever sends nothing but
    /// nonsense does not fill the log.
    pub(crate) fn note_refusal(
        &mut self,
        id: Option<SlotId>,
        study: Option<Digest>,
        refusal: &Refusal,
    ) {
        if !self.admits(Subject::Refusal(refusal.check)) {
            return;
        }
        let mut event = self.event(Kind::Refusal);
        if let Some(study) = study {
            event = event.with("study", study);
        }
        if let Some(id) = id {
            event = in_slot(event, id);
        }
        let event = event.with("check", refusal.check).with("culprit", refusal.culprit);
        self.note(event.with("reason", &refusal.reason));
    }

    /// Writes an entry that others can cause: so many of a kind within an hour; more are counted.
    pub(crate) fn note_some(&mut self, kind: Kind, event: Event) {
        if self.admits(Subject::Of(kind)) {
            self.note(event);
        }
    }

    /// Whether one more may be written, or done, within this hour.
    pub(crate) fn admits(&mut self, subject: Subject) -> bool {
        self.note_suppressed();
        self.pace.admit(subject, self.now)
    }

    /// Writes how many entries were only counted, once their hour is over.
    pub(crate) fn note_suppressed(&mut self) {
        for (subject, more) in self.pace.end(self.now) {
            let event = match subject {
                Subject::Refusal(check) => self.event(Kind::Refusal).with("check", check),
                Subject::Of(kind) => self.event(kind),
            };
            let reason = match subject {
                Subject::Of(Kind::DataRead) => format!("{more} more within an hour were not done"),
                _ => format!("{more} more within an hour were not written one by one"),
            };
            self.note(event.with("more", more).with("reason", reason));
        }
    }

    /// Nothing leaves this site any more. `reason` is for everybody, `detail` for its own people.
    pub(crate) fn fall_silent(&mut self, reason: impl Into<String>, detail: String) {
        if self.unwritten.is_none() {
            self.unwritten = Some(Refusal::own(Check::S8, reason));
            self.trouble = Some(detail);
        }
    }

    /// Whether everything was written so far; asked before data is opened or used.
    ///
    /// # Errors
    /// Check S8, as where the ledger cannot be written.
    pub(crate) fn written(&self) -> Result<(), Refusal> {
        self.unwritten.clone().map_or(Ok(()), Err)
    }

    fn kept(&mut self, result: Result<(), ripieno_audit::AuditError>) {
        if let Err(error) = result {
            let reason = "the site's audit log cannot be written; mend the cause, then restart it";
            self.fall_silent(reason, error.to_string());
        }
    }
}

pub(crate) fn in_slot(event: Event, id: SlotId) -> Event {
    event.with("epoch", id.transcript).with("slot", id.slot)
}
