//! Honest sites are alike: states that differ in who is who are one state.

use std::hash::{Hash, Hasher};

use crate::bounds::Bounds;
use crate::message::{Contract, MAX_HONEST, Outcome, Sites, Transcript};
use crate::state::{Site, Slot, State, Upload};

/// Renames honest sites: `to[i]` is the new number of site i.
type Renaming = [usize; MAX_HONEST];

/// One state for all that are the same but for the names of the honest sites: the smallest.
#[must_use]
pub fn canonical(state: &State, bounds: &Bounds) -> State {
    let honest = bounds.honest;
    let alike = 0..bounds.alike();
    let mut keyed: Vec<(u64, usize)> =
        alike.map(|site| (shape(&state.sites[site], site, honest), site)).collect();
    keyed.sort_unstable();
    let mut best: Option<State> = None;
    // Sites of different shape have their places; those of one shape are tried in every order.
    orders(&keyed, &mut Vec::new(), &mut |order| {
        let mut to = [0, 1, 2, 3, 4];
        for (place, site) in order.iter().enumerate() {
            to[*site] = place;
        }
        let renamed = rename(state, &to, honest);
        if best.as_ref().is_none_or(|best| renamed < *best) {
            best = Some(renamed);
        }
    });
    best.unwrap_or(*state)
}

/// Every order of the sites in which the shapes rise.
fn orders(keyed: &[(u64, usize)], chosen: &mut Vec<usize>, found: &mut impl FnMut(&[usize])) {
    let Some((shape, _)) = keyed.get(chosen.len()) else { return found(chosen) };
    for (_, site) in keyed.iter().filter(|(other, _)| other == shape) {
        if !chosen.contains(site) {
            chosen.push(*site);
            orders(keyed, chosen, found);
            chosen.pop();
        }
    }
}

/// A quick hash. Where two shapes fall together, one more order is tried, and nothing is lost.
struct Shape(u64);

impl Hasher for Shape {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u8(*byte);
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

/// What of a site does not depend on names.
fn shape(site: &Site, me: usize, honest: usize) -> u64 {
    let mut hasher = Shape(0);
    let set = |sites: Sites, hasher: &mut Shape| {
        let (mine, others) = (sites.and(Sites::first(honest)), sites.0 >> honest);
        (mine.len(), mine.contains(me), others).hash(hasher);
    };
    let contract = |contract: Contract, hasher: &mut Shape| {
        set(contract.participants(), hasher);
        (contract.0 >> 7).hash(hasher);
    };
    for epoch in &site.epochs {
        set(epoch.transcript.holders(), &mut hasher);
        (epoch.live, epoch.transcript.draw(me)).hash(&mut hasher);
        for slot in &epoch.slots {
            (slot.step as u8, slot.standing as u8, slot.entry.data).hash(&mut hasher);
            contract(slot.bound, &mut hasher);
            set(slot.survivors, &mut hasher);
            contract(slot.entry.contract, &mut hasher);
            slot.uploads.iter().for_each(|upload| contract(upload.contract, &mut hasher));
            for outcome in slot.ballots.iter().chain(&slot.releases) {
                contract(outcome.contract(), &mut hasher);
                set(outcome.survivors(), &mut hasher);
            }
        }
    }
    (site.draws, site.pending, site.last, site.head.count, site.head.life, site.data)
        .hash(&mut hasher);
    hasher.finish()
}

fn rename(state: &State, to: &Renaming, honest: usize) -> State {
    let mut renamed = *state;
    for (site, place) in to.iter().enumerate().take(honest) {
        renamed.sites[*place] = rename_site(&state.sites[site], to, honest);
    }
    renamed
}

fn rename_site(site: &Site, to: &Renaming, honest: usize) -> Site {
    let mut renamed = *site;
    for epoch in &mut renamed.epochs {
        if epoch.transcript != Transcript::default() {
            epoch.transcript = rename_transcript(epoch.transcript, to, honest);
            epoch.slots.iter_mut().for_each(|slot| rename_slot(slot, to, honest));
        }
    }
    for (peer, place) in to.iter().enumerate().take(honest) {
        renamed.seen[*place] = site.seen[peer];
        renamed.counts[*place] = site.counts[peer];
    }
    renamed
}

fn rename_slot(slot: &mut Slot, to: &Renaming, honest: usize) {
    let contract = |contract: Contract| rename_contract(contract, to, honest);
    let upload = |upload: &mut Upload| upload.contract = contract(upload.contract);
    slot.bound = contract(slot.bound);
    slot.survivors = rename_set(slot.survivors, to, honest);
    upload(&mut slot.entry);
    slot.uploads.iter_mut().for_each(upload);
    for outcome in slot.ballots.iter_mut().chain(&mut slot.releases) {
        if !outcome.is_none() && *outcome != Outcome::VOID {
            let survivors = rename_set(outcome.survivors(), to, honest);
            *outcome = Outcome::new(contract(outcome.contract()), survivors);
        }
    }
}

fn rename_contract(contract: Contract, to: &Renaming, honest: usize) -> Contract {
    if contract.is_none() {
        return contract;
    }
    let participants = rename_set(contract.participants(), to, honest);
    Contract::new(participants, contract.minimum(), contract.fixed(), contract.salt())
}

fn rename_transcript(transcript: Transcript, to: &Renaming, honest: usize) -> Transcript {
    let mut draws = [0; MAX_HONEST];
    for (site, place) in to.iter().enumerate().take(honest) {
        draws[*place] = transcript.draw(site);
    }
    let holders = rename_set(transcript.holders(), to, honest);
    Transcript::new(transcript.number(), holders, draws, transcript.corrupt(), transcript.lowered())
}

fn rename_set(sites: Sites, to: &Renaming, honest: usize) -> Sites {
    let others = sites.without(Sites::first(honest));
    let ours = sites.and(Sites::first(honest));
    Sites(ours.iter().fold(others.0, |bits, site| bits | 1 << to[site]))
}
