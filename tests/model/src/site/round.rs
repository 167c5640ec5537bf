//! R1 to R4 at a site: checks S3, S4, C1 to C3, U1, U2.

use crate::bounds::Setup;
use crate::message::{Contract, Cut, Outcome, Sites, Transcript};
use crate::model::Model;
use crate::rules::Rule;
use crate::site::Place;
use crate::site::ledger::admits;
use crate::site::setup::see;
use crate::state::{Slot, Standing, State, Step, Upload};

/// R1, R2: a participant enters the slot and uploads. That a contract is bound and nothing is sent
/// is no step here: such a slot can do less than an unused one.
#[must_use]
pub fn upload(
    model: &Model,
    state: &State,
    at: Place,
    contract: Contract,
    cut: Cut,
) -> Option<State> {
    let (site_index, epoch, number) = at;
    let site = &state.sites[site_index];
    let (transcript, slot) = live(state, at)?;
    let data = site.data;
    let again = slot.step == Step::Uploaded && slot.bound == contract;
    if again && model.rules.off(Rule::Frozen) {
        let mut next = *state;
        let slot = &mut next.sites[site_index].epochs[epoch].slots[number];
        keep_upload(slot, Upload { contract, data })?;
        return Some(next);
    }
    let participants = contract.participants();
    let refused = !may_upload(model, slot, contract)
        // Masks are derived from the adverts of all of P.
        || !participants.is_subset(transcript.holders())
        || !serves(model, state, transcript, contract)
        || (!participants.contains(site_index) && model.rules.on(Rule::Member))
        || (contract.minimum() < model.bounds.wanted && model.rules.on(Rule::Wanted))
        || (contract.fixed() != model.bounds.fixed && model.rules.on(Rule::StudyRule))
        || !admits(model, site, slot, contract);
    if refused {
        return None;
    }
    let mut next = *state;
    let site = &mut next.sites[site_index];
    if cut != Cut::Sent {
        site.record();
    }
    let (head, history) = (site.head, site.history());
    let slot = &mut site.epochs[epoch].slots[number];
    if cut != Cut::Sent {
        slot.standing = Standing::Unresolved;
        slot.entry = Upload { contract, data };
    }
    if cut != Cut::Recorded {
        keep_upload(slot, Upload { contract, data })?;
        (slot.head, slot.history) = (head, history);
        if slot.step != Step::Signed {
            (slot.step, slot.bound) = (Step::Uploaded, contract);
        }
    }
    model.cut(&mut next, site_index, cut)?;
    Some(next)
}

/// S4: whether a slot's step lets an upload out.
fn may_upload(model: &Model, slot: &Slot, contract: Contract) -> bool {
    match slot.step {
        Step::Fresh => true,
        Step::Uploaded => slot.bound != contract && model.rules.off(Rule::OneContract),
        Step::Signed => {
            slot.bound == contract
                && slot.upload(contract).is_none()
                && model.rules.off(Rule::NoLateUpload)
        }
        Step::Released | Step::Voided | Step::Closed => false,
    }
}

/// S3 of every holder.
fn serves(model: &Model, state: &State, transcript: Transcript, contract: Contract) -> bool {
    let Some(numbers) = model.numbers(transcript) else { return false };
    let participants = contract.participants();
    let floor = contract.minimum() >= numbers.minimum || model.rules.off(Rule::Floor);
    let reach = participants.len() >= contract.minimum() || model.rules.off(Rule::Reach);
    floor
        && reach
        && (accepted(model, state, transcript, participants, numbers.threshold)
            || model.rules.off(Rule::Accepted))
}

/// E4: at least t holders, and all of P, joined. (A corrupt site accepts whatever helps.)
fn accepted(model: &Model, state: &State, transcript: Transcript, of: Sites, t: u8) -> bool {
    let joined = |site: &usize| state.sites[*site].slot(transcript, 0).is_some();
    let holders = transcript.holders();
    let honest = model.honest(holders);
    let accepting = honest.iter().filter(joined).count() as u8 + holders.without(honest).len();
    of.is_subset(holders) && accepting >= t && model.honest(of).iter().all(|site| joined(&site))
}

fn keep_upload(slot: &mut Slot, upload: Upload) -> Option<()> {
    if slot.uploads.contains(&upload) {
        return None;
    }
    let place = slot.uploads.iter_mut().find(|place| place.contract.is_none())?;
    *place = upload;
    Some(())
}

/// R3: a holder signs survivors.
#[must_use]
pub fn sign(model: &Model, state: &State, at: Place, outcome: Outcome) -> Option<State> {
    let (me, epoch, number) = at;
    let (transcript, slot) = live(state, at)?;
    let contract = outcome.contract();
    let waits = state.sites[me].pending != 0 && model.bounds.steps == Setup::Quiet;
    if waits
        || !may_sign(model, slot, outcome)
        || !serves(model, state, transcript, contract)
        || !are_survivors(model, outcome)
        || !agree(model, state, (transcript, number), outcome)
    {
        return None;
    }
    let shown_own = outcome.survivors().contains(me);
    let sent = slot.step != Step::Fresh && slot.upload(contract).is_some();
    if shown_own && !sent && model.rules.on(Rule::OwnTrailer) {
        return None;
    }
    let mut next = *state;
    see_trailers(model, &mut next, me, transcript, number, outcome)?;
    let slot = &mut next.sites[me].epochs[epoch].slots[number];
    keep(&mut slot.ballots, outcome)?;
    (slot.step, slot.bound, slot.survivors) = (Step::Signed, contract, outcome.survivors());
    Some(next)
}

/// S4, C3: whether a slot's step lets this outcome be signed.
fn may_sign(model: &Model, slot: &Slot, outcome: Outcome) -> bool {
    let bound = slot.bound == outcome.contract() || model.rules.off(Rule::OneContract);
    match slot.step {
        Step::Fresh => true,
        Step::Uploaded => bound,
        Step::Signed | Step::Released => bound && model.rules.off(Rule::OneSet),
        Step::Voided => model.rules.off(Rule::SetOrVoid),
        Step::Closed => false,
    }
}

/// C1.
fn are_survivors(model: &Model, outcome: Outcome) -> bool {
    let (contract, survivors) = (outcome.contract(), outcome.survivors());
    let participants = contract.participants();
    (survivors.is_subset(participants) || model.rules.off(Rule::Subset))
        && (survivors.len() >= contract.minimum() || model.rules.off(Rule::Minimum))
        && (survivors == participants || !contract.fixed() || model.rules.off(Rule::WholeSet))
}

/// L1: under fixed membership all trailers name the same sums. A corrupt site's name what helps.
fn agree(
    model: &Model,
    state: &State,
    (transcript, number): (Transcript, usize),
    outcome: Outcome,
) -> bool {
    let named = |site: usize| {
        let site = &state.sites[site];
        let slot = site.slot(transcript, number)?;
        slot.upload(outcome.contract()).map(|_| site.named(slot.history))
    };
    let mut all = model.honest(outcome.survivors()).iter().filter_map(named);
    let first = all.next();
    !outcome.contract().fixed()
        || model.rules.off(Rule::History)
        || all.all(|other| Some(other) == first)
}

/// C2, and L1 for what trailers show. A corrupt site signs any trailer.
fn see_trailers(
    model: &Model,
    next: &mut State,
    me: usize,
    transcript: Transcript,
    number: usize,
    outcome: Outcome,
) -> Option<()> {
    for peer in model.honest(outcome.survivors()).iter() {
        let slot = next.sites[peer].slot(transcript, number);
        let sent = slot.filter(|slot| slot.upload(outcome.contract()).is_some());
        match sent.map(|slot| slot.head) {
            Some(head) if peer != me => see(model, &mut next.sites[me], peer, head)?,
            Some(_) => {}
            None if model.rules.on(Rule::Trailers) => return None,
            None => {}
        }
    }
    Some(())
}

/// R3: a holder signs VOID.
#[must_use]
pub fn void(model: &Model, state: &State, at: Place) -> Option<State> {
    let (me, epoch, number) = at;
    let (_, slot) = live(state, at)?;
    let both = slot.step == Step::Signed && model.rules.off(Rule::SetOrVoid);
    if !both && !matches!(slot.step, Step::Fresh | Step::Uploaded) {
        return None;
    }
    let mut next = *state;
    let slot = &mut next.sites[me].epochs[epoch].slots[number];
    keep(&mut slot.ballots, Outcome::VOID)?;
    if !both {
        slot.step = Step::Voided;
        if model.rules.on(Rule::NotVoided) {
            slot.bound = Contract::default();
        }
    }
    Some(next)
}

/// R3 for several holders, none of which may refuse.
#[must_use]
pub fn decide(
    model: &Model,
    state: &State,
    (transcript, slot): (Transcript, usize),
    outcome: Outcome,
    signers: Sites,
) -> Option<State> {
    let mut next = *state;
    for site in signers.iter() {
        let epochs = &state.sites[site].epochs;
        let epoch = epochs.iter().position(|epoch| epoch.transcript == transcript)?;
        let at = (site, epoch, slot);
        next = match outcome {
            Outcome::VOID => void(model, &next, at)?,
            _ => sign(model, &next, at, outcome)?,
        };
    }
    Some(next)
}

/// R4: a holder releases shares on a certificate.
#[must_use]
pub fn open(model: &Model, state: &State, at: Place, outcome: Outcome, cut: Cut) -> Option<State> {
    let (me, epoch, number) = at;
    let (transcript, slot) = live(state, at)?;
    let certified = model.rules.off(Rule::Quorum)
        || model.knowledge(state).is_certified(transcript, number, outcome);
    if !certified || !may_release(model, slot, outcome) {
        return None;
    }
    let mut next = *state;
    let site = &mut next.sites[me];
    let slot = &mut site.epochs[epoch].slots[number];
    let entered = slot.standing == Standing::Unresolved;
    if entered && slot.entry.contract != outcome.contract() {
        return None;
    }
    keep(&mut slot.releases, outcome)?;
    (slot.step, slot.bound, slot.survivors) =
        (Step::Released, outcome.contract(), outcome.survivors());
    if entered && cut != Cut::Sent {
        slot.standing = Standing::Opened;
        site.record();
    }
    model.cut(&mut next, me, cut)?;
    Some(next)
}

/// U1, U2: whether a slot's step lets shares for this outcome out.
fn may_release(model: &Model, slot: &Slot, outcome: Outcome) -> bool {
    let bound = slot.bound == outcome.contract();
    let own = bound && (slot.survivors == outcome.survivors() || model.rules.off(Rule::OwnOutcome));
    match slot.step {
        Step::Signed => own,
        Step::Released => bound && model.rules.off(Rule::OneRelease),
        Step::Voided => model.rules.off(Rule::NotVoided),
        Step::Fresh | Step::Uploaded | Step::Closed => false,
    }
}

/// The slot, if the site holds its secrets.
fn live(state: &State, (site, epoch, number): Place) -> Option<(Transcript, &Slot)> {
    let epoch = &state.sites[site].epochs[epoch];
    epoch.live.then(|| (epoch.transcript, &epoch.slots[number]))
}

fn keep(places: &mut [Outcome; 2], outcome: Outcome) -> Option<()> {
    if places.contains(&outcome) {
        return Some(());
    }
    *places.iter_mut().find(|place| place.is_none())? = outcome;
    Some(())
}
