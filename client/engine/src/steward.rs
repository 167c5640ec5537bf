//! What a site's steward sees and says.

use rand::CryptoRng;
use ripieno_access::{Approval, Gate};
use ripieno_audit::{Kind, Storage};
use ripieno_identity::CredentialFields;
use ripieno_secagg::SlotId;
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::{Entry, Standing};
use ripieno_study::{Check, Digest, Refusal, Study};
use ripieno_wire::{FromSite, StudyVerdict};

use crate::audit::in_slot;
use crate::closed::{BY_STEWARD, Closed, WITHDRAWN, Why};
use crate::progress::{Progress, Taken};
use crate::shelf::Shelf;
use crate::site::Site;
use crate::study::answer;

/// A study that waits for the steward.
#[derive(Clone, Copy, Debug)]
pub struct PendingStudy<'a> {
    /// The study.
    pub study: &'a Study,
    /// Who asks, as the home site vouched when the study came.
    pub researcher: &'a CredentialFields,
    /// The rule that asks for the steward, and why.
    pub reason: &'a str,
    /// When it came, in seconds since 1970-01-01 UTC.
    pub since: u64,
}

/// A study that this site knows.
#[derive(Clone, Copy, Debug)]
pub struct KnownStudy<'a> {
    /// The study.
    pub study: &'a Study,
    /// When it came or was decided about, in seconds since 1970-01-01 UTC.
    pub since: u64,
    /// How it stands.
    pub standing: StudyStanding<'a>,
    /// Sums over this site's data that were opened for it.
    pub opened: u64,
}

/// How a study stands at this site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StudyStanding<'a> {
    /// It waits for the steward.
    Pending {
        /// Why the policy asks.
        reason: &'a str,
    },
    /// It runs.
    Running {
        /// The round that comes next, from 1.
        round: u32,
        /// The most rounds that it can take.
        at_most: u32,
    },
    /// It has a result.
    Done,
    /// A rule says no; where it is the policy's, it is asked again when a round or an offer comes.
    Refused {
        /// Name of the rule.
        rule: &'a str,
        /// In words.
        reason: &'a str,
    },
    /// It was given up.
    Ended {
        /// As the coordinator told it.
        reason: &'a str,
    },
}

impl<J: Journal, S: Storage, R: CryptoRng, B: Shelf> Site<J, S, R, B> {
    /// The studies that wait for the steward.
    pub fn pending(&self) -> impl Iterator<Item = PendingStudy<'_>> {
        let pending = self.studies.pending.values().map(|p| (&p.taken, p.reason.as_str()));
        let approved = self.studies.approved.values();
        let asked = approved.filter_map(|p| Some((&p.taken, p.asks.as_deref()?)));
        pending.chain(asked).map(|(taken, reason)| PendingStudy {
            study: &taken.study,
            researcher: &taken.submission.credential.fields,
            reason,
            since: taken.since,
        })
    }

    /// The studies that this site knows: those that wait for the steward, that were approved, and
    /// that were refused or given up.
    pub fn studies(&self) -> impl Iterator<Item = KnownStudy<'_>> {
        let pending = self.studies.pending.values();
        let pending = pending
            .map(|pending| (&pending.taken, StudyStanding::Pending { reason: &pending.reason }));
        let approved = self.studies.approved.values().map(|p| (&p.taken, standing(p)));
        let closed = self.studies.closed.values().map(|c| (&c.taken, why(c)));
        pending.chain(approved).chain(closed).map(|(taken, standing)| KnownStudy {
            study: &taken.study,
            since: taken.since,
            standing,
            opened: self.ledger.sums_of(&taken.study.digest()),
        })
    }

    /// Slots of this site's data for which neither certificate has come, with their studies: they
    /// may have been opened.
    pub fn unresolved(&self) -> impl Iterator<Item = &Entry> {
        self.ledger.unresolved()
    }

    /// Whether the study of such a slot goes on at this site: then the slot's certificate comes, or
    /// the study ends, and nothing is to be decided about it before.
    #[must_use]
    pub fn is_under_way(&self, slot: &Entry) -> bool {
        let progress = self.studies.approved.get(&slot.study);
        progress.is_some_and(|progress| !progress.is_over())
    }

    /// A steward approves a pending study; the answer goes to the coordinator: a refusal where the
    /// researcher's credential has ended since. `None` where no such study is pending. `now` is in
    /// seconds since 1970-01-01 UTC.
    pub fn approve(&mut self, study: &Digest, steward: &str, now: u64) -> Option<FromSite> {
        self.now = now;
        if self.studies.asked(study).is_some() {
            return Some(self.unless_silent(study, |site| site.approve_asked(study, steward)));
        }
        let taken = self.studies.pending.get(study)?.taken.clone();
        Some(self.unless_silent(study, |site| site.approve_taken(&taken, steward)))
    }

    /// A steward refuses a pending study, for good, also where the coordinator has just said that
    /// it ended: else it could be offered anew. The answer, by the rule `steward`, goes to the
    /// coordinator and carries the reason. `None` where there is no such study. `now` is in seconds
    /// since 1970-01-01 UTC.
    pub fn refuse(
        &mut self,
        study: &Digest,
        steward: &str,
        reason: &str,
        now: u64,
    ) -> Option<FromSite> {
        self.now = now;
        let pending = self.studies.pending.get(study).map(|pending| &pending.taken);
        let asked = || self.studies.asked(study).map(|progress| &progress.taken);
        let taken = pending.or_else(asked).or_else(|| self.studies.ended(study))?.clone();
        Some(self.unless_silent(study, |site| {
            site.close_by_steward(Taken { since: now, ..taken }, BY_STEWARD, reason, steward);
            let (rule, reason) = (BY_STEWARD.into(), reason.into());
            answer(site.drop_decided(study), StudyVerdict::Refused { rule, reason })
        }))
    }

    /// A steward takes the approval of a study back, for good: from now on its contracts are
    /// refused by the rule `steward.withdrawn`. What goes to the coordinator: the refusal, and VOID
    /// for slots whose survivors this site has not signed. Nothing where no such study runs, or ended
    /// without a result. `now` is in seconds since 1970-01-01 UTC.
    pub fn withdraw(
        &mut self,
        study: &Digest,
        steward: &str,
        reason: &str,
        now: u64,
    ) -> Vec<FromSite> {
        self.now = now;
        let running = self.studies.approved.get(study).filter(|progress| !progress.is_over());
        let running = running.map(|progress| &progress.taken);
        let Some(taken) = running.or_else(|| self.studies.ended(study)).cloned() else {
            return Vec::new();
        };
        let mut ballots = Vec::new();
        let refused = self.unless_silent(study, |site| {
            site.close_by_steward(Taken { since: now, ..taken }, WITHDRAWN, reason, steward);
            ballots = site.void_slots_of(study);
            let refusal = Refusal::own(Check::S2, format!("{WITHDRAWN}: {reason}"));
            FromSite::Refused { id: None, study: Some(*study), refusal }
        });
        let ballots = self.written().map_or_else(|_| Vec::new(), |()| ballots);
        std::iter::once(refused).chain(ballots).collect()
    }

    /// A steward decides about a slot of this site's data for which no certificate can be had.
    /// `opened` is the safe answer: the sum counts as opened with its set, and its release as spent.
    /// That it was not opened is the steward's own word, which may be wrong: then another sum of the
    /// study over another set may give this site's part away. A certificate that comes later
    /// outranks either word. `now` is in seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// Check S8 where the slot is not unresolved, or where it is to count as not opened though this
    /// site has signed its survivors; where ledger or audit log cannot be written.
    pub fn decide_slot(
        &mut self,
        id: &SlotId,
        opened: bool,
        steward: &str,
        reason: &str,
        now: u64,
    ) -> Result<(), Refusal> {
        self.now = now;
        self.written()?;
        if self.ledger.standing(*id) != Some(Standing::Unresolved) {
            let reason = format!("{id} is not an unresolved slot of this site's data");
            return Err(Refusal::own(Check::S8, reason));
        }
        if !opened {
            self.forswear(*id)?;
        }
        let event = in_slot(self.event(Kind::Decision), *id).with("steward", steward);
        let event = event.with("counts-as", if opened { "opened" } else { "not opened" });
        self.note(event.with("reason", reason));
        self.written()?;
        if let Err(error) = self.ledger.decided(*id, opened, steward) {
            return Err(self.ledger_failed(&error));
        }
        self.begun.remove(id);
        self.seal();
        self.written()
    }

    /// Where this site still has the slot's secrets, it signs VOID before it takes the slot for void.
    fn forswear(&mut self, id: SlotId) -> Result<(), Refusal> {
        if self.epochs.contains_key(&id.transcript) && self.void(id).is_err() {
            let reason = format!(
                "this site has signed the survivors of {id}: it may have been opened, and counts as \
                 opened or waits for its certificate"
            );
            return Err(Refusal::own(Check::S8, reason));
        }
        Ok(())
    }

    /// The policy or the tables have changed. Studies that run are judged again by the new gate
    /// when their next round comes, and their data is opened anew.
    pub fn set_gate(&mut self, gate: Gate) {
        self.gate = gate;
        self.studies.approved.values_mut().for_each(Progress::forget_permit);
    }

    /// Asks the policies about columns again, of every study that runs: to be called where a grant was
    /// taken back. What goes to the coordinator of those that they no longer allow: the refusal, and
    /// VOID for slots whose survivors this site has not signed. `now` is in seconds since 1970-01-01
    /// UTC.
    pub fn recheck(&mut self, now: u64) -> Vec<FromSite> {
        self.now = now;
        let running = self.studies.approved.values().filter(|progress| !progress.is_over());
        let running: Vec<_> = running.map(|progress| progress.taken.study.digest()).collect();
        let mut said = Vec::new();
        for study in running {
            let Err(refusal) = self.ask_again(&study, now) else { continue };
            let ballots = self.void_slots_of(&study);
            let ballots = self.written().map_or_else(|_| Vec::new(), |()| ballots);
            said.push(FromSite::Refused { id: None, study: Some(study), refusal });
            said.extend(ballots);
        }
        said
    }

    fn approve_taken(&mut self, taken: &Taken, steward: &str) -> FromSite {
        let (study, now) = (taken.study.digest(), self.now);
        let verified = match taken.submission.verify(&self.charter, now) {
            Ok(verified) => verified,
            Err(refusal) => {
                self.drop_pending(&study);
                return self.refuse_message(None, Some(study), refusal.into());
            }
        };
        let approval = Approval { steward: steward.to_owned(), study };
        let event = self.about(Kind::Decision, &study).with("steward", steward);
        self.note(event.with("verdict", "approved"));
        let verdict = self.judge(&taken.offer(), &verified, Some(approval), now);
        answer(study, verdict)
    }

    /// The ledger asks for a steward where the policy did not: this slot goes without the site, and
    /// the study waits here. What is said to the coordinator.
    pub(crate) fn ask_steward(
        &mut self,
        id: SlotId,
        study: &Digest,
        reason: &str,
    ) -> Vec<FromSite> {
        let verdict = StudyVerdict::Pending { reason: reason.to_owned() };
        let progress = self.studies.approved.get_mut(study);
        if let Some(progress) = progress.filter(|progress| progress.asks.is_none()) {
            progress.asks = Some(reason.to_owned());
            self.note_verdict(study, &verdict);
            self.keep_study(study);
        }
        let refusal = Refusal::own(Check::S8, reason);
        let refused = self.refuse_message(Some(id), Some(*study), refusal.into());
        vec![answer(*study, verdict), refused]
    }

    /// The study goes on from where it is.
    fn approve_asked(&mut self, study: &Digest, steward: &str) -> FromSite {
        let event = self.about(Kind::Decision, study).with("steward", steward);
        self.note(event.with("verdict", "approved"));
        if let Some(progress) = self.studies.approved.get_mut(study) {
            progress.approval = Some(Approval { steward: steward.to_owned(), study: *study });
            progress.asks = None;
        }
        self.keep_study(study);
        answer(*study, StudyVerdict::Approved)
    }

    fn close_by_steward(&mut self, taken: Taken, rule: &str, reason: &str, steward: &str) {
        let study = taken.study.digest();
        let event = self.about(Kind::Decision, &study).with("steward", steward);
        let event = event.with("verdict", "refused").with("rule", rule);
        self.note(event.with("reason", reason));
        let (rule, reason) = (rule.to_owned(), reason.to_owned());
        self.close(taken, Why::Refused { rule, reason, steward: Some(steward.to_owned()) });
    }

    /// The decision is durable: the study waits no more.
    fn drop_decided(&mut self, study: &Digest) -> Digest {
        self.drop_pending(study);
        *study
    }

    /// Signs VOID for the slots of a study that have no outcome here.
    fn void_slots_of(&mut self, study: &Digest) -> Vec<FromSite> {
        let of_study = |id: &&SlotId| {
            let epoch = self.epochs.get(&id.transcript);
            let contract = epoch.and_then(|epoch| epoch.contract(id.slot));
            contract.is_some_and(|contract| contract.study == *study)
        };
        let slots: Vec<_> = self.begun.keys().filter(of_study).copied().collect();
        let mut ballots = Vec::new();
        for id in slots {
            self.begun.remove(&id);
            ballots.extend(self.void(id).unwrap_or_default());
        }
        ballots
    }

    /// A steward's word takes effect where it can be written down.
    fn unless_silent(
        &mut self,
        study: &Digest,
        say: impl FnOnce(&mut Self) -> FromSite,
    ) -> FromSite {
        let silent = |refusal| FromSite::Refused { id: None, study: Some(*study), refusal };
        if let Err(refusal) = self.written() {
            return silent(refusal);
        }
        let answer = say(self);
        self.written().map_or_else(silent, |()| answer)
    }
}

fn standing(progress: &Progress) -> StudyStanding<'_> {
    if let Some(reason) = progress.asks.as_deref().filter(|_| !progress.stands()) {
        return StudyStanding::Pending { reason };
    }
    match &progress.refused {
        _ if progress.stands() => StudyStanding::Done,
        Some(refused) => StudyStanding::Refused { rule: &refused.rule, reason: &refused.reason },
        None => {
            let at_most = progress.taken.study.manifest().most_sums();
            StudyStanding::Running { round: progress.round.min(at_most), at_most }
        }
    }
}

fn why(closed: &Closed) -> StudyStanding<'_> {
    match &closed.why {
        Why::Refused { rule, reason, .. } => StudyStanding::Refused { rule, reason },
        Why::Ended { reason } => StudyStanding::Ended { reason },
    }
}
