//! Steps in words.

use std::fmt::Write;

use crate::bounds::Bounds;
use crate::checker::Counterexample;
use crate::message::{Action, Contract, Cut, Outcome, Sites, Transcript};
use crate::model::Model;
use crate::properties::Property;
use crate::state::State;

/// The counterexample, one line a step.
#[must_use]
pub fn tell(model: &Model, found: &Counterexample) -> String {
    let mut text = String::new();
    let mut state = model.initial();
    for (number, action) in (1..).zip(&found.actions) {
        let line = step(&model.bounds, &state, *action);
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {number:2}. {line}");
        state = model.next(&state, *action).unwrap_or(state);
    }
    let _ = writeln!(text, "  so: {}", harm(model, &state, found.property));
    text
}

fn step(bounds: &Bounds, state: &State, action: Action) -> String {
    let name = |site: usize| name(bounds, site);
    let within = |site: usize, epoch: usize, slot: usize| {
        let transcript = state.sites[site].epochs[epoch].transcript;
        format!("slot {slot} of {}", epoch_words(bounds, transcript))
    };
    match action {
        Action::Advertise { site, number } => {
            format!("{} advertises for epoch {number}", name(site))
        }
        Action::Join { site, transcript } => {
            format!("{} joins {}", name(site), epoch_words(bounds, transcript))
        }
        Action::SetUp { number, holders, .. } => {
            format!("epoch {number} is set up with {}", set(bounds, holders))
        }
        Action::Upload { site, epoch, slot, contract, cut } => {
            let version = if state.sites[site].data == 1 { " of other rows" } else { "" };
            let with = contract_words(bounds, contract);
            let end = match cut {
                Cut::None => "",
                Cut::Recorded => ", but crashes after the ledger's entry, before anything leaves",
                Cut::Sent => ", and crashes before the ledger's entry is durable",
            };
            let at = within(site, epoch, slot);
            format!("{} uploads a vector{version} in {at} under {with}{end}", name(site))
        }
        Action::Sign { site, epoch, slot, outcome } => {
            let at = within(site, epoch, slot);
            format!("{} signs {} in {at}", name(site), outcome_words(bounds, outcome))
        }
        Action::Void { site, epoch, slot } => {
            format!("{} signs VOID in {}", name(site), within(site, epoch, slot))
        }
        Action::Decide { transcript, slot, outcome, signers } => {
            let (all, epoch) = (set(bounds, signers), epoch_words(bounds, transcript));
            let outcome = outcome_words(bounds, outcome);
            format!(
                "{all} sign {outcome} in slot {slot} of {epoch}, which is certified and shown to all"
            )
        }
        Action::Open { site, epoch, slot, outcome, cut } => {
            let end = match cut {
                Cut::None | Cut::Recorded => "",
                Cut::Sent => ", and crashes before the certificate is in its ledger",
            };
            let (at, outcome) = (within(site, epoch, slot), outcome_words(bounds, outcome));
            format!("{} releases shares for {outcome} in {at}{end}", name(site))
        }
        Action::Learn { site, epoch, slot, outcome } => {
            let at = within(site, epoch, slot);
            format!(
                "{} records a certificate for {} in {at}",
                name(site),
                outcome_words(bounds, outcome)
            )
        }
        Action::LearnVoid { site, epoch, slot } => {
            format!("{} records that {} is void", name(site), within(site, epoch, slot))
        }
        Action::Crash { site } => format!("{} restarts", name(site)),
        Action::Restore { site } => format!("{} is restored from an old backup", name(site)),
        Action::Change { site } => format!("the rows at {} change", name(site)),
    }
}

fn harm(model: &Model, state: &State, property: Property) -> String {
    let knowledge = model.knowledge(state);
    let sums = knowledge.slots().flat_map(|(t, slot)| knowledge.opened(t, slot));
    let sums: Vec<_> = sums.map(|sum| set(&model.bounds, sum.sites)).collect();
    let said = property.violation();
    if sums.is_empty() { said.into() } else { format!("{said}; open: {}", sums.join(" and ")) }
}

fn name(bounds: &Bounds, site: usize) -> String {
    let letter = |from: u8, number: usize| char::from(from + number as u8);
    if site < bounds.honest {
        letter(b'A', site).to_string()
    } else if site < bounds.honest + bounds.corrupt {
        letter(b'x', site - bounds.honest).to_string()
    } else {
        format!("invented{}", site - bounds.honest - bounds.corrupt + 1)
    }
}

fn set(bounds: &Bounds, sites: Sites) -> String {
    let names: Vec<_> = sites.iter().map(|site| name(bounds, site)).collect();
    format!("{{{}}}", names.join(" "))
}

fn epoch_words(bounds: &Bounds, transcript: Transcript) -> String {
    let holders = set(bounds, transcript.holders());
    format!("epoch {} {holders}", transcript.number())
}

fn contract_words(bounds: &Bounds, contract: Contract) -> String {
    let rule = if contract.fixed() { "fixed" } else { "may change" };
    let salt = if contract.salt() == 0 { "" } else { "', another one" };
    let participants = set(bounds, contract.participants());
    format!("P = {participants}, m = {}, {rule}{salt}", contract.minimum())
}

fn outcome_words(bounds: &Bounds, outcome: Outcome) -> String {
    if outcome == Outcome::VOID {
        return "VOID".into();
    }
    let contract = contract_words(bounds, outcome.contract());
    format!("U = {} ({contract})", set(bounds, outcome.survivors()))
}
