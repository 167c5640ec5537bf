//! The model: a scenario's bounds, and the rules that its sites follow.

use crate::bounds::{Bounds, Numbers, Pace};
use crate::coordinator;
use crate::knowledge::Knowledge;
use crate::message::{Action, Cut, MAX_HONEST, Sites, Transcript};
use crate::rules::{Rule, Rules};
use crate::site::{ledger, round, setup};
use crate::state::{Advert, State};

/// Honest sites, and what the adversary may do to them.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// How large it is.
    pub bounds: Bounds,
    /// What the sites check.
    pub rules: Rules,
}

impl Model {
    /// The state in which everything begins.
    #[must_use]
    pub fn initial(&self) -> State {
        let mut state = State::default();
        if self.bounds.founded {
            // Without A2 the coordinator has founded it with the numbers that suit it best.
            let given = self.rules.on(Rule::CharterCorrupt);
            let corrupt = if given { self.bounds.corrupt as u8 } else { 0 };
            let lowered = self.rules.off(Rule::Threshold);
            let holders = self.bounds.charter();
            let transcript = Transcript::new(1, holders, [0; MAX_HONEST], corrupt, lowered);
            for site in &mut state.sites[..self.bounds.honest] {
                site.adverts[0] = Advert { number: 1, ..Advert::default() };
                (site.draws, site.last) = (1, 1);
                site.epochs[0].transcript = transcript;
                site.epochs[0].live = true;
            }
        }
        state
    }

    /// Everything that the adversary can do, and everything that can happen.
    pub fn actions(&self, state: &State, into: &mut Vec<Action>) {
        coordinator::actions(self, state, into);
    }

    /// What follows, or `None` where the site refuses or nothing changes.
    #[must_use]
    pub fn next(&self, state: &State, action: Action) -> Option<State> {
        let mut next = self.step(state, action)?;
        if self.bounds.pace == Pace::Prompt {
            ledger::show_all(self, &mut next);
        }
        (next != *state).then_some(next)
    }

    fn step(&self, state: &State, action: Action) -> Option<State> {
        match action {
            Action::Advertise { site, number } => setup::advertise(self, state, site, number),
            Action::Join { site, transcript } => setup::join(self, state, site, transcript),
            Action::SetUp { number, holders, corrupt, lowered } => {
                setup::whole(self, state, number, holders, (corrupt, lowered))
            }
            Action::Upload { site, epoch, slot, contract, cut } => {
                round::upload(self, state, (site, epoch, slot), contract, cut)
            }
            Action::Sign { site, epoch, slot, outcome } => {
                round::sign(self, state, (site, epoch, slot), outcome)
            }
            Action::Void { site, epoch, slot } => round::void(self, state, (site, epoch, slot)),
            Action::Decide { transcript, slot, outcome, signers } => {
                round::decide(self, state, (transcript, slot), outcome, signers)
            }
            Action::Open { site, epoch, slot, outcome, cut } => {
                round::open(self, state, (site, epoch, slot), outcome, cut)
            }
            Action::Learn { site, epoch, slot, outcome } => {
                ledger::learn(self, state, (site, epoch, slot), outcome)
            }
            Action::LearnVoid { site, epoch, slot } => {
                ledger::learn_void(self, state, (site, epoch, slot))
            }
            Action::Crash { site } => {
                let mut next = *state;
                self.crash(&mut next, site)?;
                Some(next)
            }
            Action::Restore { site } => self.restore(state, site),
            Action::Change { site } => self.change(state, site),
        }
    }

    /// What the adversary knows.
    #[must_use]
    pub fn knowledge<'a>(&'a self, state: &'a State) -> Knowledge<'a> {
        Knowledge::new(self, state)
    }

    /// t, m and v of a transcript.
    #[must_use]
    pub fn numbers(&self, transcript: Transcript) -> Option<Numbers> {
        self.bounds.numbers(transcript, self.rules)
    }

    /// The honest sites of a set.
    #[must_use]
    pub fn honest(&self, sites: Sites) -> Sites {
        sites.and(self.bounds.honest_sites())
    }

    /// A site crashes and starts again, if there may be one more crash.
    pub(crate) fn crash(&self, state: &mut State, site: usize) -> Option<()> {
        if state.crashes >= self.bounds.crashes {
            return None;
        }
        state.crashes += 1;
        state.sites[site].restart(self.rules);
        Some(())
    }

    /// The same where a step is cut off; whether anything of the step's end is left to do.
    pub(crate) fn cut(&self, state: &mut State, site: usize, cut: Cut) -> Option<()> {
        match cut {
            Cut::None => Some(()),
            Cut::Recorded | Cut::Sent => self.crash(state, site),
        }
    }

    fn restore(&self, state: &State, site: usize) -> Option<State> {
        let allowed = state.restores < self.bounds.restores && state.sites[site].head.life == 0;
        allowed.then(|| {
            let mut next = *state;
            next.restores += 1;
            next.sites[site].restore();
            next
        })
    }

    fn change(&self, state: &State, site: usize) -> Option<State> {
        let allowed = state.changes < self.bounds.changes && state.sites[site].data == 0;
        allowed.then(|| {
            let mut next = *state;
            next.changes += 1;
            next.sites[site].data = 1;
            next
        })
    }
}
