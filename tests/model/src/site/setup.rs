//! E1 to E4 at a site: checks A1, A2, L1.

use crate::message::{MAX_HONEST, Sites, Transcript};
use crate::model::Model;
use crate::rules::Rule;
use crate::state::{Advert, Head, MAX_DRAWS, Site, State};

/// E1: a site draws secrets and advertises.
#[must_use]
pub fn advertise(model: &Model, state: &State, at: usize, number: u8) -> Option<State> {
    let mut next = *state;
    let site = &mut next.sites[at];
    let newer = number > site.last || model.rules.off(Rule::NewerEpoch);
    if !newer || usize::from(site.draws) >= MAX_DRAWS {
        return None;
    }
    site.adverts[usize::from(site.draws)] = Advert { number, head: site.head };
    site.draws += 1;
    site.pending = site.draws;
    site.last = site.last.max(number);
    site.counts = std::array::from_fn(|peer| site.highest(peer));
    Some(next)
}

/// E2 to E4: a site is shown the adverts of a transcript, and joins it.
#[must_use]
pub fn join(model: &Model, state: &State, at: usize, transcript: Transcript) -> Option<State> {
    let mut next = *state;
    let site = &mut next.sites[at];
    let draw = site.pending.checked_sub(1)?;
    let holders = transcript.holders();
    // A1: the own advert is among those that are shown.
    if !holders.contains(at) || transcript.draw(at) != draw || site.slot(transcript, 0).is_some() {
        return None;
    }
    // A1, A2: adverts of sites of the charter for this number; t and m as computed; c as it is.
    model.numbers(transcript)?;
    for peer in model.honest(holders).iter() {
        let advert = state.sites[peer].adverts[usize::from(transcript.draw(peer))];
        if advert.number != transcript.number() {
            return None;
        }
        if peer != at {
            see_advert(model, site, peer, advert.head)?;
        }
    }
    let place = site.epochs.iter().position(|epoch| epoch.transcript == Transcript::default())?;
    site.epochs[place].transcript = transcript;
    site.epochs[place].live = true;
    if model.rules.on(Rule::OneTranscript) {
        site.pending = 0;
        site.counts = [0; MAX_HONEST];
    }
    Some(next)
}

/// E1 to E4 without anything in between: every honest holder advertises, and joins if it agrees.
#[must_use]
pub fn whole(
    model: &Model,
    state: &State,
    number: u8,
    holders: Sites,
    (corrupt, lowered): (u8, bool),
) -> Option<State> {
    let honest = model.honest(holders);
    let mut next = *state;
    let mut draws = [0; MAX_HONEST];
    for site in honest.iter() {
        let waiting = next.sites[site].pending != 0;
        if !waiting {
            next = advertise(model, &next, site, number)?;
        }
        draws[site] = next.sites[site].pending - 1;
    }
    let transcript = Transcript::new(number, holders, draws, corrupt, lowered);
    let mut joined = false;
    for site in honest.iter() {
        if let Some(with) = join(model, &next, site, transcript) {
            (next, joined) = (with, true);
        }
        if model.rules.on(Rule::OneTranscript) {
            next.sites[site].pending = 0;
            next.sites[site].counts = [0; MAX_HONEST];
        }
    }
    joined.then_some(next)
}

/// L1 for an advert.
fn see_advert(model: &Model, site: &mut Site, peer: usize, head: Head) -> Option<()> {
    if head.count < site.counts[peer] && model.rules.on(Rule::LedgerCount) {
        return None;
    }
    see(model, site, peer, head)
}

/// L1 for a trailer: no count has two heads. An empty ledger has one head in all lives.
pub(crate) fn see(model: &Model, site: &mut Site, peer: usize, head: Head) -> Option<()> {
    if model.bounds.restores == 0 || head.count == 0 {
        return Some(());
    }
    let bit = 1 << (head.count - 1);
    let other = site.seen[peer][1 - usize::from(head.life)];
    if other & bit != 0 && model.rules.on(Rule::LedgerHeads) {
        return None;
    }
    site.seen[peer][usize::from(head.life)] |= bit;
    Some(())
}
