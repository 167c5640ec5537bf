//! A site's ledger: checks S4, S7, S8, and the certificates that resolve an entry.

use crate::message::{Contract, Cut, Outcome, Transcript};
use crate::model::Model;
use crate::rules::Rule;
use crate::site::Place;
use crate::site::round::open;
use crate::state::{Site, Slot, Standing, State, Step};

/// Whether the ledger lets this site's data enter a slot.
#[must_use]
pub fn admits(model: &Model, site: &Site, slot: &Slot, contract: Contract) -> bool {
    let rules = model.rules;
    if slot.standing != Standing::None && rules.on(Rule::EnteredOnce) {
        return false;
    }
    let mut opened = 0;
    for other in site.epochs.iter().flat_map(|epoch| &epoch.slots) {
        match other.standing {
            Standing::None | Standing::Void => continue,
            Standing::Unresolved if rules.on(Rule::Unresolved) => return false,
            Standing::Unresolved => {}
            Standing::Opened => {
                opened += 1;
                let entered = other.entry.contract;
                let differs = entered.participants() != contract.participants();
                let fixed = entered.fixed() || contract.fixed();
                if fixed && differs && rules.on(Rule::SameSet) {
                    return false;
                }
            }
        }
        if other.entry.data != site.data && rules.on(Rule::SameData) {
            return false;
        }
    }
    opened < model.bounds.limit || rules.off(Rule::Limit)
}

/// A certificate for survivors comes to a site whose data is in the slot, but which does not open
/// it itself: its epoch is gone, or others were asked.
#[must_use]
pub fn learn(model: &Model, state: &State, at: Place, outcome: Outcome) -> Option<State> {
    let (site, epoch, number) = at;
    let transcript = state.sites[site].epochs[epoch].transcript;
    if !model.knowledge(state).is_certified(transcript, number, outcome) {
        return None;
    }
    let mut next = *state;
    let epoch = &mut next.sites[site].epochs[epoch];
    let (live, slot) = (epoch.live, &mut epoch.slots[number]);
    let entered = slot.standing == Standing::Unresolved;
    if !entered || slot.entry.contract != outcome.contract() {
        return None;
    }
    slot.standing = Standing::Opened;
    close(slot, live);
    next.sites[site].record();
    Some(next)
}

/// The same for a VOID certificate.
#[must_use]
pub fn learn_void(model: &Model, state: &State, at: Place) -> Option<State> {
    let (site, epoch, number) = at;
    let transcript = state.sites[site].epochs[epoch].transcript;
    let certified = model.knowledge(state).is_certified(transcript, number, Outcome::VOID);
    if !certified && model.rules.on(Rule::VoidQuorum) {
        return None;
    }
    let mut next = *state;
    let epoch = &mut next.sites[site].epochs[epoch];
    let (live, slot) = (epoch.live, &mut epoch.slots[number]);
    if slot.standing != Standing::Unresolved || (live && slot.step == Step::Released) {
        return None;
    }
    slot.standing = Standing::Void;
    close(slot, live);
    next.sites[site].record();
    Some(next)
}

/// Every certificate is shown to all whom it concerns.
pub fn show_all(model: &Model, state: &mut State) {
    let slots: Vec<_> = model.knowledge(state).slots().collect();
    for (transcript, slot) in slots {
        let knowledge = model.knowledge(state);
        let mut certified = knowledge.voted(transcript, slot);
        certified.retain(|outcome| knowledge.is_certified(transcript, slot, *outcome));
        for outcome in certified {
            show(model, state, (transcript, slot), outcome);
        }
    }
}

fn show(model: &Model, state: &mut State, (of, slot): (Transcript, usize), outcome: Outcome) {
    for site in 0..model.bounds.honest {
        let epochs = state.sites[site].epochs;
        let Some(epoch) = epochs.iter().position(|epoch| epoch.transcript == of) else { continue };
        let at = (site, epoch, slot);
        let next = if outcome == Outcome::VOID {
            learn_void(model, state, at)
        } else {
            let opened = open(model, state, at, outcome, Cut::None);
            opened.or_else(|| learn(model, state, at, outcome))
        };
        if let Some(next) = next {
            *state = next;
        }
    }
}

fn close(slot: &mut Slot, live: bool) {
    slot.forget();
    if live {
        slot.step = Step::Closed;
    }
}
