//! A coordinator and sites that say anything.

use std::time::Duration;

use ripieno_coordinator_engine::{Coordinator, MemorySpools, Saved};
use ripieno_study::SiteIndex;
use ripieno_wire::FromSite;

use super::RUN_BYTES;
use super::mutate::mutate;
use super::trace::{Moment, Trace, settings, traces};
use crate::allocations::within;
use crate::common::federation::{Federation, coordinator_key};
use crate::input::Input;
use crate::invariants::Watch;
use crate::oracle;

/// The most steps of a run.
const MOST: usize = 600;

/// What four sites say, in any order, doubled, changed, in each other's names; between them the
/// coordinator's process ends, what it stored is damaged, sites leave and come back, time passes.
pub fn coordinator(data: &[u8]) {
    let mut input = Input::new(data);
    let traces = traces();
    let trace = &traces[input.below(traces.len())];
    within(RUN_BYTES, || Run::new(trace).play(&mut input));
}

struct Run<'a> {
    federation: Federation,
    watch: Watch,
    trace: &'a Trace,
    /// What the sites said, and when it became later.
    said: Vec<&'a Moment>,
    next: usize,
}

impl<'a> Run<'a> {
    fn new(trace: &'a Trace) -> Self {
        let mut federation = Federation::new(&settings());
        let mut watch = Watch::new(&federation, std::slice::from_ref(&trace.text));
        let said: Vec<_> =
            trace.moments.iter().filter(|m| !matches!(m, Moment::Down(..))).collect();
        for moment in &said {
            if let Moment::Up(from, message) = moment {
                watch.heard(*from, message);
            }
        }
        federation.submit(&trace.text);
        Self { federation, watch, trace, said, next: 0 }
    }

    /// How many sums were published.
    fn play(mut self, input: &mut Input<'_>) -> usize {
        for _ in 0..MOST {
            if input.is_empty() {
                break;
            }
            self.step(input);
            self.collect();
        }
        if self.trace.text.contains("kind = \"vector\"") {
            oracle::assert_sums(&self.federation, &self.trace.text);
        }
        self.federation.network.published.len()
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        match choice % 16 {
            0..=7 => (0..=choice / 8).for_each(|_| self.take_next()),
            8 => self.next += 1,
            9 => {
                let at = input.below(self.said.len());
                self.take(at, None);
            }
            10 | 11 => self.take_changed(input),
            12 => {
                let other = site(input);
                self.take(self.next, Some(other));
                self.next += 1;
            }
            13 => self.end(input),
            14 => {
                let site = site(input);
                self.federation.coordinator.disconnected(site);
            }
            _ => self.let_time_pass(Duration::from_secs(u64::from(input.byte()))),
        }
    }

    /// What is new is durable, and breaks no rule.
    fn collect(&mut self) {
        self.federation.collect();
        self.watch.look(&self.federation);
        // What the sites would say to it is in the trace.
        self.federation.network.forget();
    }

    fn take_next(&mut self) {
        self.take(self.next, None);
        self.next += 1;
    }

    /// The moment comes; its message from another site than the one that said it.
    fn take(&mut self, at: usize, instead: Option<SiteIndex>) {
        match self.said.get(at).copied() {
            Some(Moment::Up(from, message)) => {
                self.receive(instead.unwrap_or(*from), message.clone());
            }
            Some(Moment::Time(now)) => {
                let later = now.saturating_sub(self.federation.network.now);
                self.let_time_pass(later);
            }
            Some(Moment::Down(..)) | None => {}
        }
    }

    fn take_changed(&mut self, input: &mut Input<'_>) {
        let Some(Moment::Up(from, message)) = self.said.get(self.next).copied() else { return };
        let donor = match self.said[input.below(self.said.len())] {
            Moment::Up(_, donor) => donor.encode(),
            _ => message.encode(),
        };
        let changed = mutate(&message.encode(), &donor, input);
        if let Ok(message) = FromSite::decode(changed.into()) {
            self.receive(*from, message);
        }
    }

    fn receive(&mut self, from: SiteIndex, message: FromSite) {
        let clock = self.federation.clock();
        self.federation.coordinator.receive(from, message, clock);
    }

    fn let_time_pass(&mut self, later: Duration) {
        self.federation.network.now += later;
        let clock = self.federation.clock();
        self.federation.coordinator.tick(clock);
    }

    /// The process ends; another one goes on from what was stored, where that is sound.
    fn end(&mut self, input: &mut Input<'_>) {
        if input.byte().is_multiple_of(4) {
            let mut saved = self.federation.saved.clone();
            damage(&mut saved, input);
            let restored = Coordinator::restore(
                self.federation.charter.clone(),
                coordinator_key(),
                self.federation.limits.clone(),
                // Not the run's own, from which it would remove what it does not know.
                Box::new(MemorySpools::default()),
                (saved, &self.federation.crashes.revoked),
                self.federation.clock(),
            );
            drop(restored.map(|mut coordinator| coordinator.drain()));
        }
        self.federation.try_restore().expect("what was stored is sound");
    }
}

fn site(input: &mut Input<'_>) -> SiteIndex {
    crate::common::site(1 + u16::from(input.byte() % 4))
}

/// Changes one record.
fn damage(saved: &mut Saved, input: &mut Input<'_>) {
    let epochs = saved.epochs.iter_mut().map(|(_, record)| record);
    let studies = saved.studies.iter_mut().map(|(_, record)| record);
    let outcomes = saved.outcomes.iter_mut().map(|(_, _, record)| record);
    let sums = saved.sums.iter_mut().map(|(_, _, record)| record);
    let seen = saved.seen.iter_mut().map(|(_, record)| record);
    let mut records: Vec<_> =
        epochs.chain(studies).chain(outcomes).chain(sums).chain(seen).collect();
    let at = input.below(records.len());
    if let Some(record) = records.get_mut(at) {
        **record = mutate(record, record, input).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_changes_ends_in_sums() {
        for (number, trace) in traces().iter().enumerate() {
            let published = Run::new(trace).play(&mut Input::new(&[0; MOST]));
            assert!(published > 0, "run {number}");
        }
    }
}
