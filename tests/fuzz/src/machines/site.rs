//! A site and a coordinator that says anything.

use std::collections::BTreeSet;

use ripieno_study::SiteIndex;
use ripieno_wire::{FromSite, ToSite};

use super::RUN_BYTES;
use super::mutate::mutate;
use super::trace::{Moment, Trace, settings, traces};
use crate::allocations::within;
use crate::common::federation::Federation;
use crate::common::site as index;
use crate::input::Input;
use crate::invariants::Watch;

/// The most messages of a run.
const MOST: usize = 400;
/// The most answers to one message: the tiles of the largest update of these runs, and some more.
const ANSWERS: usize = 80;

/// What the coordinator says to the first site, in any order, doubled, changed; between them the
/// site's process ends, its steward decides, its records are damaged, time passes.
pub fn site(data: &[u8]) {
    let mut input = Input::new(data);
    let traces = traces();
    let trace = &traces[input.below(traces.len())];
    within(RUN_BYTES, || Run::new(trace).play(&mut input));
}

struct Run {
    federation: Federation,
    watch: Watch,
    site: SiteIndex,
    /// What the coordinator said to this site.
    said: Vec<ToSite>,
    next: usize,
    /// How many seconds have passed.
    later: u64,
    kinds: BTreeSet<String>,
}

impl Run {
    fn new(trace: &Trace) -> Self {
        let federation = Federation::new(&settings());
        let watch = Watch::new(&federation, std::slice::from_ref(&trace.text));
        let site = index(1);
        let to_site = |moment: &Moment| match moment {
            Moment::Down(to, message) if *to == site => Some(message.clone()),
            _ => None,
        };
        let said = trace.moments.iter().filter_map(to_site).collect();
        Self { federation, watch, site, said, next: 0, later: 0, kinds: BTreeSet::new() }
    }

    /// Which kinds of messages left the site.
    fn play(mut self, input: &mut Input<'_>) -> BTreeSet<String> {
        for _ in 0..MOST {
            if input.is_empty() {
                break;
            }
            self.step(input);
        }
        self.kinds
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        match choice % 16 {
            0..=7 => (0..=choice / 16).for_each(|_| self.deliver_next()),
            8 => self.next += 1,
            9 => {
                let at = input.below(self.said.len());
                self.deliver(self.said[at].clone());
            }
            10 | 11 => self.deliver_changed(input),
            12 => self.end(input),
            13 => {
                self.later += u64::from(input.number());
                let now = self.now();
                let answers = self.federation.sites.get_mut(&self.site).map(|s| s.tick(now));
                self.heard(&answers.unwrap_or_default());
            }
            14 => self.steward(input),
            _ => self.damage(input),
        }
    }

    fn now(&self) -> u64 {
        self.federation.network.unix() + self.later
    }

    fn deliver_next(&mut self) {
        if let Some(message) = self.said.get(self.next).cloned() {
            self.next += 1;
            self.deliver(message);
        }
    }

    fn deliver_changed(&mut self, input: &mut Input<'_>) {
        let at = self.next.min(self.said.len() - 1);
        let (message, donor) = (self.said[at].encode(), input.below(self.said.len()));
        let changed = mutate(&message, &self.said[donor].encode(), input);
        if let Ok(message) = ToSite::decode(changed.into()) {
            self.deliver(message);
        }
    }

    fn deliver(&mut self, message: ToSite) {
        let now = self.now();
        let Some(site) = self.federation.sites.get_mut(&self.site) else { return };
        let answers = site.handle(message, now);
        assert!(answers.len() <= ANSWERS, "{} answers", answers.len());
        self.heard(&answers);
    }

    /// What leaves can be read, and breaks no rule together with all that left before.
    fn heard(&mut self, answers: &[FromSite]) {
        for answer in answers {
            let read = FromSite::decode(answer.encode()).expect("what a site says can be read");
            self.watch.heard(self.site, &read);
            self.kinds.insert(format!("{read:?}"));
        }
    }

    /// The process ends, perhaps at a write, and another one begins.
    fn end(&mut self, input: &mut Input<'_>) {
        let fuse = self.federation.tapes[&self.site].fuse();
        fuse.set(fuse.writes() + usize::from(input.byte() % 4), input.byte() % 2 == 1);
        let now = self.now();
        while !fuse.is_blown() && self.next < self.said.len() {
            let message = self.said[self.next].clone();
            self.next += 1;
            let Some(site) = self.federation.sites.get_mut(&self.site) else { return };
            let answers = site.handle(message, now);
            if !fuse.is_blown() {
                self.heard(&answers);
            }
        }
        self.federation.restart(self.site);
    }

    fn steward(&mut self, input: &mut Input<'_>) {
        let now = self.now();
        let Some(site) = self.federation.sites.get_mut(&self.site) else { return };
        let studies: Vec<_> = site.studies().map(|known| known.study.digest()).collect();
        let Some(study) = studies.first().copied() else { return };
        let answers = match input.byte() % 3 {
            0 => Vec::from_iter(site.approve(&study, "steward", now)),
            1 => Vec::from_iter(site.refuse(&study, "steward", "no", now)),
            _ => site.withdraw(&study, "steward", "no more", now),
        };
        self.heard(&answers);
    }

    /// A site does not start on damaged records, or starts and goes on.
    fn damage(&mut self, input: &mut Input<'_>) {
        let tapes = &self.federation.tapes[&self.site];
        let saved = tapes.shelf.saved();
        let Some((key, record)) = saved.get(input.below(saved.len())).cloned() else { return };
        let changed = mutate(&record, &record, input);
        let copy = tapes.backup();
        tapes.shelf.tamper(key, |record| *record = changed);
        let secrets = self.federation.secrets_after(self.site, 99);
        let started = self.federation.try_make_site(self.site, tapes.clone(), secrets).map(|_| ());
        drop(started);
        self.federation.tapes[&self.site].go_back(&copy);
        self.federation.restart(self.site);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_changes_goes_through_the_whole_protocol() {
        let mut kinds = BTreeSet::new();
        for trace in traces() {
            kinds.extend(Run::new(trace).play(&mut Input::new(&[0; MOST])));
        }
        for kind in ["Advert", "Bundles", "Acceptance", "Tile", "Trailer", "Ballot", "Release"] {
            assert!(kinds.contains(&format!("FromSite::{kind}")), "{kind}: {kinds:?}");
        }
        assert!(kinds.contains("FromSite::State"), "{kinds:?}");
    }
}
