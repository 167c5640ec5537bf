//! The rounds of one study, timed from what its researcher is told.

use std::collections::BTreeMap;
use std::time::Duration;

use ripieno_rpc::study_event::Event;
use ripieno_tests::cost::{cpu, forget_peak, memory};
use ripieno_tests::{Federation, Site, made};

/// What a round goes through.
pub(crate) const PHASES: [&str; 4] =
    ["contract to last upload", "to certificate", "to opened sum", "to all verified"];
const DEADLINE: Duration = Duration::from_secs(600);
/// Values of all sites together that are summed in about so many rounds.
const WORK: usize = 60_000_000;

/// A study that is measured.
pub(crate) struct Course {
    sites: usize,
    length: usize,
    rounds: u32,
}

/// What came of it.
pub(crate) struct Measured {
    pub(crate) sites: usize,
    pub(crate) length: usize,
    pub(crate) rounds: Vec<Round>,
    /// Most memory of the coordinator, and of the site that took most, in MB.
    pub(crate) peaks: (f64, f64),
}

/// One round.
pub(crate) struct Round {
    pub(crate) steps: [Step; 4],
}

/// One step of it, in milliseconds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Step {
    pub(crate) wall: f64,
    /// Of the processor: at the coordinator, and at a site in the mean.
    pub(crate) coordinator: f64,
    pub(crate) site: f64,
}

impl Round {
    /// Milliseconds.
    pub(crate) fn wall(&self) -> f64 {
        self.steps.iter().map(|step| step.wall).sum()
    }

    /// Milliseconds of the processor: at the coordinator, and at a site in the mean.
    pub(crate) fn cpu(&self) -> (f64, f64) {
        let sum = |of: fn(&Step) -> f64| self.steps.iter().map(of).sum();
        (sum(|step| step.coordinator), sum(|step| step.site))
    }
}

/// When a mark was reached.
#[derive(Clone, Copy)]
struct Mark {
    /// By the coordinator's clock, in milliseconds.
    at: f64,
    coordinator: f64,
    sites: f64,
}

impl Course {
    /// With so many rounds that a small one is measured well, and a large one within seconds.
    pub(crate) fn of(sites: usize, length: usize) -> Self {
        let rounds = (WORK / (sites * length.max(1))).clamp(2, 20);
        Self { sites, length, rounds: u32::try_from(rounds).unwrap_or(20) }
    }

    /// With so many.
    pub(crate) fn rounds(self, rounds: u32) -> Self {
        Self { rounds, ..self }
    }

    /// Runs it; the first round is not measured, for it pays for what is cold.
    pub(crate) async fn run(self, federation: &Federation) -> Measured {
        let lanes = "[aggregation]\nfields_per_lane = 3\n";
        let name = format!("measured with {}", self.length);
        let text = made::vector(&name, self.length, self.rounds + 1, lanes);
        let processes = processes(federation);
        processes.iter().for_each(|process| forget_peak(*process));
        let study = federation.researcher.submit(&text).await;
        let watch = federation.researcher.watch(study);
        let mut marks = BTreeMap::new();
        let what = "the end of the study";
        watch
            .find(DEADLINE, what, |event| {
                let now = Mark::now(&processes);
                if let Some(reached) = reached(event) {
                    marks.insert(reached, now);
                }
                match event {
                    Event::Ended(ended) => {
                        assert_eq!(ended.how, "done", "{}", ended.reason);
                        marks.insert((self.rounds + 2, 0), now);
                        Some(())
                    }
                    _ => None,
                }
            })
            .await;
        // The events' own times are those of the coordinator, before they went their way.
        for event in watch.events() {
            let mark = match &event.event {
                Some(Event::Ended(_)) => Some((self.rounds + 2, 0)),
                Some(inner) => reached(inner),
                None => None,
            };
            if let Some(mark) = mark.and_then(|reached| marks.get_mut(&reached)) {
                mark.at = event.at as f64;
            }
        }
        let peak = |process: &u32| memory(*process).1 as f64 / 1e6;
        let peaks = (peak(&processes[0]), processes[1..].iter().map(peak).fold(0.0, f64::max));
        let rounds = (2..=self.rounds + 1).map(|round| self.round(&marks, round)).collect();
        Measured { sites: self.sites, length: self.length, rounds, peaks }
    }

    fn round(&self, marks: &BTreeMap<(u32, u32), Mark>, round: u32) -> Round {
        let mark = |key| *marks.get(&key).unwrap_or_else(|| panic!("round {key:?} was not seen"));
        let ends = [(round, 0), (round, 1), (round, 2), (round, 3), (round + 1, 0)].map(mark);
        let mut steps = [Step::default(); 4];
        for (step, ends) in steps.iter_mut().zip(ends.windows(2)) {
            step.wall = ends[1].at - ends[0].at;
            step.coordinator = ends[1].coordinator - ends[0].coordinator;
            step.site = (ends[1].sites - ends[0].sites) / self.sites as f64;
        }
        Round { steps }
    }
}

/// Round and step that an event ends.
fn reached(event: &Event) -> Option<(u32, u32)> {
    match event {
        Event::Phase(phase) if phase.phase == "collecting" => Some((phase.round, 0)),
        Event::Phase(phase) if phase.phase == "deciding" => Some((phase.round, 1)),
        Event::Phase(phase) if phase.phase == "opening" => Some((phase.round, 2)),
        Event::Round(round) => Some((round.round, 3)),
        _ => None,
    }
}

/// The coordinator first.
fn processes(federation: &Federation) -> Vec<u32> {
    let sites = federation.sites.iter().map(Site::process);
    std::iter::once(federation.coordinator.process()).chain(sites).collect()
}

impl Mark {
    fn now(processes: &[u32]) -> Self {
        let milliseconds = |process: &u32| cpu(*process).as_secs_f64() * 1e3;
        let mut each = processes.iter().map(milliseconds);
        let coordinator = each.next().unwrap_or_default();
        Self { at: 0.0, coordinator, sites: each.sum() }
    }
}
