//! What the adversary can do in a state: the messages that it can form, and accidents.

use crate::bounds::{Pace, Setup};
use crate::message::{Action, Contract, Cut, MAX_HONEST, Outcome, Sites, Transcript};
use crate::model::Model;
use crate::rules::Rule;
use crate::site::Place;
use crate::state::{Standing, State, Step};

/// Every message to every site, and every accident. What a site is sure to refuse is left out.
pub fn actions(model: &Model, state: &State, into: &mut Vec<Action>) {
    for site in 0..model.bounds.honest {
        set_up(model, state, site, into);
        for (epoch, held) in state.sites[site].epochs.iter().enumerate() {
            if held.transcript == Transcript::default() {
                continue;
            }
            for slot in 0..model.bounds.slots_of(held.transcript) {
                if held.live && !rests(model, state, held.transcript, slot) {
                    round(model, state, (site, epoch, slot), into);
                }
                // Without the count of votes, what passes for a certificate needs no votes.
                if model.bounds.pace == Pace::Any || model.rules.off(Rule::VoidQuorum) {
                    certificates(model, state, (site, epoch, slot), into);
                }
            }
        }
        into.push(Action::Crash { site });
        into.push(Action::Restore { site });
        into.push(Action::Change { site });
    }
    if model.bounds.pace == Pace::Prompt {
        decisions(model, state, into);
    }
    if model.bounds.steps == Setup::Whole {
        whole_set_ups(model, into);
    }
}

/// Whether a slot has a certificate, after which nothing is done any more.
fn rests(model: &Model, state: &State, transcript: Transcript, slot: usize) -> bool {
    let knowledge = model.knowledge(state);
    let certified = |outcome: &Outcome| knowledge.is_certified(transcript, slot, *outcome);
    model.bounds.pace == Pace::Prompt && knowledge.voted(transcript, slot).iter().any(certified)
}

fn whole_set_ups(model: &Model, into: &mut Vec<Action>) {
    for number in 1..=model.bounds.epochs {
        for holders in large(model) {
            for (corrupt, lowered) in thresholds(model) {
                into.push(Action::SetUp { number, holders, corrupt, lowered });
            }
        }
    }
}

/// Sets that an epoch may have as holders: no fewer than 3, which A2 refuses.
fn large(model: &Model) -> impl Iterator<Item = Sites> {
    let least = if model.rules.on(Rule::EpochSize) { 3 } else { 1 };
    model.bounds.everyone(model.rules).subsets().filter(move |sites| sites.len() >= least)
}

/// The c, and whether t is lower than it should be.
fn thresholds(model: &Model) -> Vec<(u8, bool)> {
    let corrupt = model.bounds.corrupt as u8;
    let mut all = vec![(corrupt, false)];
    if model.rules.off(Rule::CharterCorrupt) && corrupt > 0 {
        all.push((0, false));
    }
    if model.rules.off(Rule::Threshold) {
        all.push((corrupt, true));
    }
    all
}

fn set_up(model: &Model, state: &State, at: usize, into: &mut Vec<Action>) {
    if model.bounds.steps == Setup::Whole {
        return;
    }
    for number in 1..=model.bounds.epochs {
        into.push(Action::Advertise { site: at, number });
    }
    let site = &state.sites[at];
    let Some(draw) = site.pending.checked_sub(1) else { return };
    let number = site.adverts[usize::from(draw)].number;
    for holders in large(model).filter(|holders| holders.contains(at)) {
        for draws in adverts(model, state, holders, number) {
            if draws[at] == draw {
                for (corrupt, lowered) in thresholds(model) {
                    let transcript = Transcript::new(number, holders, draws, corrupt, lowered);
                    into.push(Action::Join { site: at, transcript });
                }
            }
        }
    }
}

/// Every choice of one advert of this number for each honest holder.
fn adverts(model: &Model, state: &State, holders: Sites, number: u8) -> Vec<[u8; MAX_HONEST]> {
    let mut choices = vec![[0; MAX_HONEST]];
    for site in model.honest(holders).iter() {
        let of_number: Vec<u8> = (0..state.sites[site].draws)
            .filter(|draw| state.sites[site].adverts[usize::from(*draw)].number == number)
            .collect();
        let with = |choice: &[u8; MAX_HONEST]| {
            let mut choice = *choice;
            of_number
                .iter()
                .map(move |draw| {
                    choice[site] = *draw;
                    choice
                })
                .collect::<Vec<_>>()
        };
        choices = choices.iter().flat_map(with).collect();
    }
    choices
}

fn round(model: &Model, state: &State, at: Place, into: &mut Vec<Action>) {
    let (site, epoch, slot) = at;
    let held = &state.sites[site].epochs[epoch];
    let step = held.slots[slot].step;
    if step == Step::Closed {
        return;
    }
    if model.bounds.pace == Pace::Any {
        into.push(Action::Void { site, epoch, slot });
    }
    if matches!(step, Step::Fresh | Step::Uploaded | Step::Signed) {
        for contract in contracts(model, held.transcript) {
            for cut in [Cut::None, Cut::Recorded, Cut::Sent] {
                if cut != Cut::Sent || model.rules.off(Rule::EntryFirst) {
                    into.push(Action::Upload { site, epoch, slot, contract, cut });
                }
            }
        }
    }
    if model.bounds.pace == Pace::Any && (step != Step::Signed || model.rules.off(Rule::OneSet)) {
        for outcome in proposals(model, state, held.transcript, slot) {
            into.push(Action::Sign { site, epoch, slot, outcome });
        }
    }
}

/// The contracts that could matter: any P, the least m and lower ones, either rule, either salt.
fn contracts(model: &Model, transcript: Transcript) -> Vec<Contract> {
    let Some(numbers) = model.numbers(transcript) else { return Vec::new() };
    let rules = model.rules;
    let of =
        if rules.on(Rule::Accepted) { transcript.holders() } else { model.bounds.everyone(rules) };
    let mut minima = vec![numbers.minimum];
    if rules.off(Rule::Floor) {
        minima.push(2);
    }
    if model.bounds.wanted > numbers.minimum {
        minima.push(model.bounds.wanted);
    }
    let mut all = Vec::new();
    for participants in of.subsets().filter(|sites| model.bounds.names(*sites, of)) {
        for minimum in &minima {
            if participants.len() < *minimum && rules.on(Rule::Reach) {
                continue;
            }
            for fixed in [false, true] {
                for salt in 0..model.bounds.salts {
                    all.push(Contract::new(participants, *minimum, fixed, salt));
                }
            }
        }
    }
    all
}

/// Proposals of survivors. A set with an honest survivor needs its trailer, so an upload under the
/// contract; sets of corrupt sites alone are too small for every minimum that is tried here.
fn proposals(model: &Model, state: &State, transcript: Transcript, slot: usize) -> Vec<Outcome> {
    let any = model.rules.off(Rule::Trailers) || model.rules.off(Rule::Minimum);
    let contracts = if any {
        contracts(model, transcript)
    } else {
        model.knowledge(state).uploaded(transcript, slot)
    };
    let mut all = Vec::new();
    for contract in contracts {
        let of = if model.rules.on(Rule::Subset) {
            contract.participants()
        } else {
            model.bounds.charter()
        };
        let least = if model.rules.on(Rule::Minimum) { contract.minimum() } else { 0 };
        let sets = of.subsets().filter(|sites| sites.len() >= least);
        all.extend(sets.map(|survivors| Outcome::new(contract, survivors)));
    }
    all
}

/// What can be certified, by as many honest holders as it takes.
fn decisions(model: &Model, state: &State, into: &mut Vec<Action>) {
    for (transcript, slot) in model.knowledge(state).slots() {
        if rests(model, state, transcript, slot) {
            continue;
        }
        let Some(numbers) = model.numbers(transcript) else { continue };
        let honest = model.honest(transcript.holders());
        let theirs = transcript.holders().without(honest).len();
        let of_size = |needed: u8| {
            honest.subsets().filter(move |signers| signers.len() == needed.saturating_sub(theirs))
        };
        for signers in of_size(numbers.void) {
            into.push(Action::Decide { transcript, slot, outcome: Outcome::VOID, signers });
        }
        for outcome in proposals(model, state, transcript, slot) {
            for signers in of_size(numbers.threshold) {
                into.push(Action::Decide { transcript, slot, outcome, signers });
            }
        }
    }
}

fn certificates(model: &Model, state: &State, at: Place, into: &mut Vec<Action>) {
    let (site, epoch, number) = at;
    let held = &state.sites[site].epochs[epoch];
    let slot = &held.slots[number];
    for outcome in openable(model, state, at) {
        for cut in [Cut::None, Cut::Sent] {
            if cut == Cut::None || model.rules.off(Rule::CertificateFirst) {
                into.push(Action::Open { site, epoch, slot: number, outcome, cut });
            }
        }
    }
    if slot.standing == Standing::Unresolved {
        into.push(Action::LearnVoid { site, epoch, slot: number });
        for outcome in model.knowledge(state).voted(held.transcript, number) {
            if outcome != Outcome::VOID {
                into.push(Action::Learn { site, epoch, slot: number, outcome });
            }
        }
    }
}

/// Outcomes for which a holder may be shown a certificate.
fn openable(model: &Model, state: &State, (site, epoch, number): Place) -> Vec<Outcome> {
    let held = &state.sites[site].epochs[epoch];
    let slot = &held.slots[number];
    let own = Outcome::new(slot.bound, slot.survivors);
    if !held.live || matches!(slot.step, Step::Fresh | Step::Uploaded | Step::Closed) {
        return Vec::new();
    }
    if model.rules.off(Rule::Quorum) {
        // Nobody needs to have signed it.
        let sets = slot.bound.participants().subsets();
        return sets.map(|survivors| Outcome::new(slot.bound, survivors)).collect();
    }
    let mut all = model.knowledge(state).voted(held.transcript, number);
    all.retain(|outcome| *outcome != Outcome::VOID);
    if slot.step == Step::Signed && !all.contains(&own) {
        all.push(own);
    }
    all
}
