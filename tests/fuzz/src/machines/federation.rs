//! A whole federation, and a network that does what the input says.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ripieno_study::SiteIndex;
use ripieno_wire::{FromSite, ToSite};

use super::RUN_BYTES;
use super::mutate::mutate;
use super::trace::settings;
use crate::allocations::within;
use crate::common::federation::Federation;
use crate::common::network::{Fate, Flight, Hook};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::input::Input;
use crate::invariants::Watch;

/// The most steps in which something goes wrong.
const MOST: usize = 600;
/// Messages of all links that are remembered, to come again.
const REMEMBERED: usize = 32;

/// Coordinator and four sites, all honest, between whom messages are lost, doubled, held back,
/// changed, and come from elsewhere; processes end at any write. When the input ends nothing more
/// goes wrong, and everything comes to rest.
pub fn federation(data: &[u8]) {
    within(RUN_BYTES, || play(&mut Input::new(data)));
}

fn play(input: &mut Input<'_>) {
    let text = match input.byte() % 4 {
        0 => glm("membership = \"may-change\""),
        1 => vector(5, 2, ""),
        2 => vector(17_000, 1, "membership = \"may-change\""),
        _ => vector(6, 2, "membership = \"may-change\""),
    };
    let acts = input.part();
    let mut federation = Federation::new(&settings());
    let on = Rc::new(Cell::new(true));
    federation.network.hook = Some(hook(input.rest().to_vec(), Rc::clone(&on)));
    let mut watch = Watch::new(&federation, std::slice::from_ref(&text));
    federation.attend_all();
    let study = federation.submit(&text);
    let mut acts = Input::new(acts);
    for step in 0.. {
        on.set(step < MOST);
        if !acts.is_empty() {
            act(&mut federation, &mut acts);
        }
        if !federation.step(&[study]) {
            break;
        }
        watch.look(&federation);
    }
    watch.look(&federation);
    watch.end(&federation);
}

/// Something befalls a process.
fn act(federation: &mut Federation, acts: &mut Input<'_>) {
    let (choice, site) = (acts.byte(), any_site(acts.byte()));
    match choice % 32 {
        0 => federation.crash_coordinator(),
        1 => federation.crash(site),
        2 => {
            let fuse = federation.tapes[&site].fuse();
            fuse.set(fuse.writes() + usize::from(choice / 64), choice & 32 == 0);
            if fuse.is_blown() {
                federation.crash(site);
            }
        }
        3 => federation.lose(site, Some(Duration::from_secs(u64::from(choice / 32) * 5))),
        _ => {}
    }
}

fn any_site(byte: u8) -> SiteIndex {
    site(1 + u16::from(byte % 4))
}

/// The fate of each message, by the next byte of the script.
fn hook(script: Vec<u8>, on: Rc<Cell<bool>>) -> Hook {
    let mut at = 0;
    let mut before = Vec::<Flight>::new();
    Box::new(move |flight| {
        if !on.get() || at >= script.len() {
            return Fate::Pass;
        }
        let mut input = Input::new(&script[at..]);
        let fate = fate(flight, &before, &mut input);
        at = script.len() - input.rest().len();
        if before.len() == REMEMBERED {
            before.remove(0);
        }
        before.push(flight.clone());
        fate
    })
}

fn fate(flight: &Flight, before: &[Flight], input: &mut Input<'_>) -> Fate {
    let older = |input: &mut Input<'_>| before.get(input.below(before.len())).cloned();
    match input.byte() {
        200..=207 => Fate::Drop,
        208..=215 => Fate::Replace(vec![flight.clone(), flight.clone()]),
        216..=223 => Fate::Hold,
        224..=227 => Fate::Lose(Duration::from_secs(u64::from(input.byte() % 40) + 1)),
        228..=235 => {
            Fate::Replace([Some(flight.clone()), older(input)].into_iter().flatten().collect())
        }
        236..=251 => changed(flight, older(input), input),
        252..=255 => Fate::Replace(vec![redirected(flight, any_site(input.byte()))]),
        _ => Fate::Pass,
    }
}

/// The message arrives changed, or, where it is none any more, its connection is cut.
fn changed(flight: &Flight, donor: Option<Flight>, input: &mut Input<'_>) -> Fate {
    let donor = donor.map(|donor| encoded(&donor)).unwrap_or_default();
    let bytes = mutate(&encoded(flight), &donor, input).into();
    let changed = match flight {
        Flight::Down(site, _) => ToSite::decode(bytes).map(|message| Flight::Down(*site, message)),
        Flight::Up(site, _) => FromSite::decode(bytes).map(|message| Flight::Up(*site, message)),
    };
    match changed {
        Ok(changed) => Fate::Replace(vec![changed]),
        Err(_) => Fate::Lose(Duration::from_secs(1)),
    }
}

fn encoded(flight: &Flight) -> Vec<u8> {
    match flight {
        Flight::Down(_, message) => message.encode().to_vec(),
        Flight::Up(_, message) => message.encode().to_vec(),
    }
}

/// The message arrives at another site, or as another site's.
fn redirected(flight: &Flight, site: SiteIndex) -> Flight {
    match flight {
        Flight::Down(_, message) => Flight::Down(site, message.clone()),
        Flight::Up(_, message) => Flight::Up(site, message.clone()),
    }
}
