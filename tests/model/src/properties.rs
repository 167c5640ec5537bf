//! What must hold in every state.

use crate::knowledge::Opened;
use crate::message::{MAX_HONEST, Outcome, Sites, Transcript};
use crate::model::Model;
use crate::rules::{Rule, Rules};
use crate::state::{Epoch, State};

/// Something that must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// Shares of both secrets of one site and slot are outside, t of each.
    OneKind,
    /// A sum opens over too few sites: honest ones count alone, c of the minimum may be corrupt.
    Minimum,
    /// Two outcomes of one slot have certificates, or two sums of one slot open, or a sum opens
    /// whose slot is certified as void.
    OneOutcome,
    /// A sum of a study with fixed membership is not over all of P, or two are over different sites.
    Membership,
    /// Two sums of a study are over different rows of one site.
    Data,
    /// More sums of a site's data are open than its approval allows.
    Limit,
    /// Two vectors went out under one mask.
    OneVector,
    /// An honest site has signed two outcomes of one slot.
    OneSignature,
}

impl Property {
    /// All of them, the worst first.
    pub const ALL: [Self; 8] = [
        Self::OneKind,
        Self::Minimum,
        Self::Membership,
        Self::Data,
        Self::Limit,
        Self::OneVector,
        Self::OneOutcome,
        Self::OneSignature,
    ];

    /// What its violation is, in words.
    #[must_use]
    pub fn violation(self) -> &'static str {
        match self {
            Self::OneKind => "t shares of both secrets of one site and slot are outside",
            Self::Minimum => "a sum is open over too few honest sites",
            Self::OneOutcome => "a slot has two outcomes",
            Self::Membership => "membership is fixed, and sums are over other sites",
            Self::Data => "two sums are over different rows of one site",
            Self::Limit => "more sums are open than a site approved",
            Self::OneVector => "two vectors went out under one mask",
            Self::OneSignature => "a site has signed two outcomes",
        }
    }

    /// Those whose violation is harm by itself; the last one only leads to it.
    pub const HARM: [Self; 7] = {
        let [harm @ .., _] = Self::ALL;
        harm
    };
}

/// Things that must be possible, so that the model is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Goal {
    /// A sum opens.
    Opened,
    /// A sum opens without a participant that was lost.
    OpenedWithout,
    /// A slot is void, and another one opens.
    OpenedAfterVoid,
    /// Two sums open, one after the other.
    OpenedTwice,
    /// A sum opens in which a site is that crashed before.
    OpenedAfterCrash,
    /// A sum opens in which a site is that was restored before.
    OpenedAfterRestore,
}

impl Goal {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Opened,
        Self::OpenedWithout,
        Self::OpenedAfterVoid,
        Self::OpenedTwice,
        Self::OpenedAfterCrash,
        Self::OpenedAfterRestore,
    ];
}

/// What a state violates, and what it reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// By number of the property.
    pub violated: u8,
    /// By number of the goal.
    pub reached: u8,
}

impl Verdict {
    /// Whether the property is violated.
    #[must_use]
    pub fn violates(self, property: Property) -> bool {
        self.violated >> property as u8 & 1 == 1
    }

    fn violate(&mut self, property: Property, when: bool) {
        self.violated |= u8::from(when) << property as u8;
    }

    fn reach(&mut self, goal: Goal, when: bool) {
        self.reached |= u8::from(when) << goal as u8;
    }
}

/// Judges a state.
#[must_use]
pub fn judge(model: &Model, state: &State) -> Verdict {
    let knowledge = model.knowledge(state);
    let mut verdict = Verdict::default();
    let mut sums = Vec::new();
    let mut void = false;
    for (transcript, slot) in knowledge.slots() {
        let opened = knowledge.opened(transcript, slot);
        let mut certified = knowledge.voted(transcript, slot);
        certified.retain(|outcome| knowledge.is_certified(transcript, slot, *outcome));
        let killed = certified.contains(&Outcome::VOID);
        void |= killed;
        let two = certified.len() > 1 || opened.len() > 1 || (killed && !opened.is_empty());
        verdict.violate(Property::OneOutcome, two);
        let secrets = knowledge.secrets(transcript, slot);
        verdict.violate(Property::OneKind, !secrets.roots.and(secrets.selfs).is_empty());
        let small = opened.iter().any(|sum| is_small(model, transcript, sum));
        verdict.violate(Property::Minimum, small);
        sums.extend(opened.into_iter().map(|sum| (transcript, sum)));
    }
    judge_sites(state, &mut verdict);
    judge_study(model, &sums, &mut verdict);
    verdict.reach(Goal::OpenedAfterVoid, void && !sums.is_empty());
    judge_goals(model, state, &sums, &mut verdict);
    verdict
}

/// Honest sites of a sum: at least 3, and at least the minimum less c.
fn is_small(model: &Model, transcript: Transcript, sum: &Opened) -> bool {
    let corrupt = model.bounds.corrupt as u8;
    let real = Transcript::new(0, transcript.holders(), [0; MAX_HONEST], corrupt, false);
    let rules = Rules::without(&[Rule::EpochSize]);
    let numbers = model.bounds.numbers(real, rules);
    let minimum = numbers.map_or(0, |numbers| numbers.minimum).max(model.bounds.wanted);
    sum.sites.len() < minimum.saturating_sub(corrupt).max(3)
}

fn judge_sites(state: &State, verdict: &mut Verdict) {
    let slots = state.sites.iter().flat_map(|site| &site.epochs).flat_map(|epoch| &epoch.slots);
    for slot in slots {
        verdict.violate(Property::OneSignature, !slot.ballots[1].is_none());
        let [one, two] = slot.uploads;
        let twice = !two.contract.is_none() && one.contract == two.contract;
        verdict.violate(Property::OneVector, twice);
    }
}

fn judge_study(model: &Model, sums: &[(Transcript, Opened)], verdict: &mut Verdict) {
    for (number, (_, one)) in sums.iter().enumerate() {
        let whole = model.honest(one.contract.participants()) == one.sites;
        verdict.violate(Property::Membership, model.bounds.fixed && !whole);
        for (_, two) in &sums[number + 1..] {
            verdict.violate(Property::Membership, model.bounds.fixed && one.sites != two.sites);
            let differs = Sites(one.changed.0 ^ two.changed.0);
            verdict.violate(Property::Data, !one.sites.and(two.sites).and(differs).is_empty());
        }
    }
    for site in 0..model.bounds.honest {
        let open = sums.iter().filter(|(_, sum)| sum.sites.contains(site)).count();
        verdict.violate(Property::Limit, open > usize::from(model.bounds.limit));
    }
}

fn judge_goals(model: &Model, state: &State, sums: &[(Transcript, Opened)], verdict: &mut Verdict) {
    verdict.reach(Goal::Opened, !sums.is_empty());
    verdict.reach(Goal::OpenedTwice, sums.len() > 1);
    for (transcript, sum) in sums {
        let without = model.honest(sum.contract.participants()) != sum.sites;
        verdict.reach(Goal::OpenedWithout, without);
        for site in sum.sites.iter().map(|site| &state.sites[site]) {
            let here = |epoch: &Epoch| epoch.transcript == *transcript && epoch.live;
            let lost = |epoch: &Epoch| epoch.transcript != *transcript && !epoch.live;
            let came_back =
                site.epochs.iter().any(here) && lost(&site.epochs[0]) && state.crashes > 0;
            verdict.reach(Goal::OpenedAfterCrash, came_back);
            let restored = site.head.life == 1 && site.epochs.iter().any(here);
            verdict.reach(Goal::OpenedAfterRestore, restored);
        }
    }
}
