//! Plays a scenario.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_identity::RatifiedCharter;
use ripieno_study::{Digest, SiteIndex};

use crate::chaos;
use crate::common::federation::{Backup, Federation, Settings, Tapes};
use crate::invariants::{Seen, Watch};
use crate::scenario::{Act, HORIZON, Scenario};

/// A run in progress.
struct Play {
    federation: Federation,
    watch: Watch,
    copies: BTreeMap<SiteIndex, Backup>,
    /// Who leaves with the next charter, once the rounds are quiet.
    succession: Option<Option<SiteIndex>>,
    told: u64,
}

/// Where the processes of a run can end.
pub(crate) struct Points {
    /// How often the coordinator commits.
    pub(crate) commits: usize,
    /// How often each site writes.
    pub(crate) writes: BTreeMap<SiteIndex, usize>,
}

/// Plays a scenario, and counts where its processes could have ended.
pub(crate) fn points(scenario: &Scenario) -> Points {
    let play = run(scenario);
    let writes = |tapes: &Tapes| tapes.fuse().writes();
    let sites = play.federation.tapes.iter();
    Points {
        commits: play.federation.crashes.drains,
        writes: sites.map(|(site, tapes)| (*site, writes(tapes))).collect(),
    }
}

/// Plays a scenario to its end; what was seen on the way.
///
/// # Panics
/// Where an invariant is broken, or nothing comes to rest.
pub(crate) fn play(scenario: &Scenario) -> Seen {
    let play = run(scenario);
    play.watch.end(&play.federation)
}

fn run(scenario: &Scenario) -> Play {
    let settings = Settings::new(scenario.sites, scenario.corrupt).slots(scenario.slots);
    let mut federation = Federation::new(&settings);
    let on = Rc::new(Cell::new(true));
    federation.network.hook = Some(chaos::hook(scenario.seed, scenario.rates, Rc::clone(&on)));
    federation.network.shuffle =
        scenario.shuffled.then(|| ChaCha20Rng::seed_from_u64(scenario.seed));
    federation.crashes.planned.clone_from(&scenario.crashes);
    let mut play = Play {
        watch: Watch::new(&federation, &scenario.texts),
        federation,
        copies: BTreeMap::new(),
        succession: None,
        told: 0,
    };
    play.federation.attend_all();
    let studies: Vec<Digest> =
        scenario.texts.iter().map(|text| play.federation.submit(text)).collect();
    let mut acts = scenario.acts.iter().peekable();
    for step in 0.. {
        on.set(step < HORIZON);
        while let Some((_, act)) = acts.next_if(|(when, _)| *when <= step) {
            play.act(act);
        }
        if !play.step(&studies) {
            break;
        }
    }
    play.watch.look(&play.federation);
    play
}

impl Play {
    fn step(&mut self, studies: &[Digest]) -> bool {
        self.try_succession();
        let more = self.federation.step(studies);
        self.tell_time();
        self.watch.look(&self.federation);
        more
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::EndSite { site, .. } if self.has_left(*site) => {}
            Act::EndSite { site, writes, at_once } => {
                let fuse = self.federation.tapes[site].fuse();
                fuse.set(fuse.writes() + writes, *at_once);
                self.end_if_blown(*site);
            }
            Act::FillDisk { site, writes } => {
                let fuse = self.federation.tapes[site].fuse();
                fuse.fill(fuse.writes() + writes);
            }
            Act::MendDisk(site) => {
                self.watch.mended(self.federation.tapes[site].fuse().is_full());
                self.federation.crash(*site);
            }
            Act::Part { sites, away } => {
                for site in sites {
                    if !self.has_left(*site) {
                        self.federation.lose(*site, Some(*away));
                    }
                }
            }
            Act::Copy(site) => {
                self.copies.insert(*site, self.federation.tapes[site].backup());
            }
            Act::GoBack(site) => self.go_back(*site),
            Act::EndCoordinator => self.federation.crash_coordinator(),
            Act::Succeed { leaves } => self.succession = Some(*leaves),
        }
    }

    fn go_back(&mut self, site: SiteIndex) {
        let Some(copy) = self.copies.get(&site) else { return };
        // A site that left is not in the charter, and one under a newer charter than its copy's is
        // what its daemon refuses to start.
        if self.has_left(site) || self.watch.successions() > 0 {
            return;
        }
        self.federation.tapes[&site].go_back(copy);
        self.watch.went_back(&self.federation, site);
        self.federation.crash(site);
    }

    fn has_left(&self, site: SiteIndex) -> bool {
        self.federation.charter.sites().iter().all(|listed| listed.index != site)
    }

    /// Sites hear the time, and may have something to say.
    fn tell_time(&mut self) {
        let now = self.federation.network.unix();
        if now == self.told {
            return;
        }
        self.told = now;
        for listed in self.federation.charter.sites().to_vec() {
            let site = listed.index;
            let answers =
                self.federation.sites.get_mut(&site).map(|s| s.tick(now)).unwrap_or_default();
            if self.end_if_blown(site) {
                continue;
            }
            for answer in answers {
                self.watch.heard(site, &answer);
                self.federation.answer(site, answer);
            }
        }
    }

    fn end_if_blown(&mut self, site: SiteIndex) -> bool {
        let blown = self.federation.tapes[&site].fuse().is_blown();
        if blown {
            self.federation.crash(site);
        }
        blown
    }

    /// As soon as nothing is under way, the next charter is in force everywhere.
    fn try_succession(&mut self) {
        let Some(leaves) = self.succession else { return };
        self.federation.coordinator.hold();
        if let Some(gone) = leaves {
            let clock = self.federation.clock();
            self.federation.coordinator.expel(gone, clock);
        }
        self.federation.collect();
        let charter = self.next_charter(leaves);
        let clock = self.federation.clock();
        if self.federation.coordinator.succeed(charter.clone(), clock).is_err() {
            return;
        }
        self.succession = None;
        self.watch.succeeded();
        self.federation.charter = charter.clone();
        let sites: Vec<SiteIndex> = self.federation.sites.keys().copied().collect();
        for site in sites {
            if self.has_left(site) {
                self.federation.lose(site, None);
                continue;
            }
            let entered = self.federation.sites.get_mut(&site).map(|s| s.succeed(charter.clone()));
            if !self.end_if_blown(site) {
                assert_eq!(entered, Some(Ok(())), "{site}");
            }
        }
    }

    fn next_charter(&self, leaves: Option<SiteIndex>) -> RatifiedCharter {
        self.federation.successor(|fields| {
            fields.sites.retain(|listed| Some(listed.index) != leaves);
            let sites = u16::try_from(fields.sites.len()).expect("few sites");
            fields.quorum = (sites + fields.corrupt) / 2 + 1;
        })
    }
}
