//! R5: the sum is published; of a large one, sites verify tiles before the next round.

use std::collections::BTreeSet;
use std::time::Duration;

use ripieno_analysis::{Members, Step, Sums};
use ripieno_encoding::decode;
use ripieno_secagg::Roster;
use ripieno_secagg::coordinator::Opened;
use ripieno_secagg::round::publish::{SumRecord, Verdict};
use ripieno_study::{Check, Refusal, SiteIndex, SiteSet};
use ripieno_wire::ToSite;

use crate::desk::Desk;
use crate::event::{Event, RoundSummary};
use crate::phases::{Phase, SlotContext};
use crate::run::Run;
use crate::status::Ended;
use crate::sums::Sum;
use crate::verdicts::{covering, includes};

/// The verdicts on a sum.
pub(crate) struct Settling {
    pub(crate) since: Duration,
    began: Duration,
    pub(crate) record: SumRecord,
    verdicts: Vec<Verdict>,
    /// What follows once the sum is found right.
    next: Step,
    /// Sites that were lost in the round.
    pub(crate) lost: SiteSet,
}

impl Settling {
    fn new(record: SumRecord, next: Step, lost: SiteSet, now: Duration) -> Self {
        Self { since: now, began: now, record, verdicts: Vec::new(), next, lost }
    }

    /// Takes a verdict. One that says that the sum is wrong is not counted: it was opened here, and
    /// is right.
    pub(crate) fn receive(&mut self, roster: &Roster, verdict: Verdict) -> Result<(), Refusal> {
        let from = verdict.from;
        let refuse = |reason: &str| Err(Refusal::site(Check::P1, from, reason));
        roster.verify_site(Check::P1, from, &verdict.digest(), &verdict.signature)?;
        if !verdict.holds {
            return refuse("it says that a tile of the sum does not recompute, and it does");
        }
        let increasing = verdict.tiles.windows(2).all(|pair| pair[0] < pair[1]);
        if verdict.tiles.is_empty() || !increasing {
            return refuse("its verdict is on no tiles, or they are not in order");
        }
        if verdict.tiles.last().is_some_and(|last| *last >= self.record.tiles()) {
            return refuse("its verdict is on a tile that the sum does not have");
        }
        // One for each site: it says all that the site has found.
        match self.verdicts.iter_mut().find(|known| known.from == from) {
            None => self.verdicts.push(verdict),
            Some(known) if includes(&verdict.tiles, &known.tiles) => *known = verdict,
            Some(_) => {}
        }
        Ok(())
    }

    /// Whether a site's verdict is here.
    pub(crate) fn has(&self, site: SiteIndex) -> bool {
        self.verdicts.iter().any(|verdict| verdict.from == site)
    }

    /// Whether enough sites found every tile right.
    pub(crate) fn is_complete(&self) -> bool {
        self.record.uncovered(&self.verdicts).is_empty()
    }
}

impl Run {
    /// Signs the receipt, and sends the sum to every site of the study.
    pub(crate) fn publish(
        &mut self,
        context: SlotContext,
        opened: Opened,
        desk: &mut Desk,
    ) -> Phase {
        let next = match self.combine(&opened) {
            Ok(next) => next,
            Err(reason) => return self.failed(reason, desk),
        };
        let (charter, unix) = (&desk.roster.charter, desk.clock.unix);
        let receipt = opened.receipt(charter, &desk.key, next.digest(), unix);
        let record = opened.record(&receipt, desk.roster.corrupt);
        let survivors = receipt.survivors().clone();
        let missing = opened.signed().contract.participants.difference(&survivors);
        let summary = self.summary(&context, &opened, &survivors, &missing);
        let sum = Sum { round: self.round, receipt, record: record.clone(), opened, context };
        let sent = sum.send(&self.willing, desk);
        self.sums.keep(self.study.digest(), sum, desk);
        desk.tell(Event::RoundFinished { study: self.study.digest(), summary });
        if let Err(error) = sent {
            return self.failed(error.to_string(), desk);
        }
        self.preferred = match &next {
            Step::Continue { members: Members::Same, .. } => Some(survivors),
            _ => None,
        };
        if record.is_in_parts() {
            return Phase::Settling(Settling::new(record, next, missing, desk.now()));
        }
        self.set_verdicts(Vec::new());
        self.follow(next, missing, desk)
    }

    /// After a restart: the sum is here, and its verdicts are given again.
    pub(crate) fn settle_again(&self, lost: SiteSet, desk: &Desk) -> Result<Phase, String> {
        let sum = self.sums.of(self.round).ok_or("its last sum is lost")?;
        let next = self.combine(&sum.opened)?;
        Ok(Phase::Settling(Settling::new(sum.record.clone(), next, lost, desk.now())))
    }

    fn combine(&self, opened: &Opened) -> Result<Step, String> {
        let contract = &opened.signed().contract;
        let survivors = opened.certificate().outcome.survivors.len();
        let participants = contract.participants.len();
        let sums = decode(&contract.plan, opened.sum(), survivors, participants);
        let sums = Sums::new(sums.map_err(|error| error.to_string())?);
        self.analysis.combine(&self.state, &sums, survivors).map_err(|error| error.to_string())
    }

    fn summary(
        &mut self,
        context: &SlotContext,
        opened: &Opened,
        survivors: &SiteSet,
        missing: &SiteSet,
    ) -> RoundSummary {
        let contract = &opened.signed().contract;
        RoundSummary {
            round: self.round,
            step: self.state.step_name(),
            epoch: context.epoch.transcript().epoch(),
            slot: contract.slot,
            minimum: contract.minimum,
            survivors: survivors.clone(),
            missing: missing.clone(),
            voided: std::mem::take(&mut self.voided),
        }
    }

    /// Asks every site of the study for the tiles that lack verdicts, whoever was to verify them.
    pub(crate) fn expire_settling(&mut self, phase: Settling, desk: &mut Desk) -> Phase {
        let uncovered = phase.record.uncovered(&phase.verdicts);
        if phase.began + desk.limits.wait <= desk.now() {
            let reason = format!(
                "the sum of round {} was not verified: {} tiles lack verdicts",
                self.round,
                uncovered.len()
            );
            return self.failed(reason, desk);
        }
        if let Some(sum) = self.sums.of(self.round) {
            for site in self.willing.iter() {
                let mine = phase.verdicts.iter().filter(|verdict| verdict.from == site);
                let known = mine.flat_map(|verdict| verdict.tiles.iter().copied());
                let mut tiles: BTreeSet<u32> = known.collect();
                let before = tiles.len();
                tiles.extend(&uncovered);
                // Only a verdict that includes the one that is here takes its place.
                let tiles = if tiles.len() > before { tiles } else { BTreeSet::new() };
                sum.send_tiles(site, &tiles.into_iter().collect::<Vec<_>>(), desk);
            }
        }
        Phase::Settling(Settling { since: desk.now(), ..phase })
    }

    /// Goes on, once the sum was found right.
    pub(crate) fn end_settling(&mut self, phase: Settling, desk: &mut Desk) -> Phase {
        let Settling { record, verdicts, next, lost, .. } = phase;
        let Some(verdicts) = covering(&record, &verdicts) else {
            let reason = format!(
                "the verdicts on the sum of round {} are too long for one message; submit the \
                 study again with larger tiles",
                self.round
            );
            return self.failed(reason, desk);
        };
        self.set_verdicts(verdicts);
        if matches!(next, Step::Done(_)) {
            desk.send(self.willing.clone(), self.settled());
        }
        self.follow(next, lost, desk)
    }

    /// The verdicts on the last sum: with them a site's result stands.
    pub(crate) fn settled(&self) -> ToSite {
        ToSite::Settled { study: self.study.digest(), verdicts: self.verdicts.clone() }
    }

    /// What follows a verified sum: the next round, or the result.
    fn follow(&mut self, next: Step, lost: SiteSet, desk: &mut Desk) -> Phase {
        self.round += 1;
        match next {
            Step::Continue { state, .. } => {
                self.set_state(state);
                self.wait(lost, desk)
            }
            Step::Done(report) => {
                let (study, report) = (self.study.digest(), Box::new(report));
                // Numbers and texts: nothing in them that JSON cannot hold.
                self.report = Some(serde_json::to_string(&report).unwrap_or_default());
                desk.tell(Event::StudyDone { study, report });
                Phase::Over(Ended::Done)
            }
        }
    }
}
