//! What a seed stands for: a federation, its studies, and what befalls them.

use std::time::Duration;

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use ripieno_study::SiteIndex;

use crate::common::crashes::Crash;
use crate::common::site;
use crate::common::studies::{fedavg, glm, vector};

/// Until this step things go wrong; behind it they are left in peace, so that they can be seen to
/// come to rest.
pub(crate) const HORIZON: usize = 700;

/// How often a message meets a fate other than to arrive, each of 10,000.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub(crate) dropped: u32,
    /// With the connection.
    pub(crate) lost: u32,
    pub(crate) doubled: u32,
    /// Until nothing else is on its way.
    pub(crate) held: u32,
    /// An older message of the same link arrives behind it.
    pub(crate) replayed: u32,
}

impl Rates {
    pub(crate) const NONE: Self = Self { dropped: 0, lost: 0, doubled: 0, held: 0, replayed: 0 };
}

/// Something that befalls a federation between two messages.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// The site's process ends at a write: this many more are made. With `at_once` it ends with
    /// the last of them, and otherwise at the one behind it.
    EndSite { site: SiteIndex, writes: usize, at_once: bool },
    /// The site's disk is full after so many more writes; the process goes on.
    FillDisk { site: SiteIndex, writes: usize },
    /// There is room again, and the site is started anew.
    MendDisk(SiteIndex),
    /// These cannot reach the coordinator for so long.
    Part { sites: Vec<SiteIndex>, away: Duration },
    /// The site's folder is copied.
    Copy(SiteIndex),
    /// The site's folder is put back to its copy.
    GoBack(SiteIndex),
    /// The coordinator's process ends; what it had not handed out is lost.
    EndCoordinator,
    /// The next charter; a site may leave with it.
    Succeed { leaves: Option<SiteIndex> },
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) sites: u16,
    pub(crate) corrupt: u16,
    pub(crate) slots: u16,
    pub(crate) texts: Vec<String>,
    pub(crate) rates: Rates,
    /// Before which step, in order.
    pub(crate) acts: Vec<(usize, Act)>,
    /// At which of the coordinator's commits.
    pub(crate) crashes: Vec<Crash>,
    /// Whether links overtake each other.
    pub(crate) shuffled: bool,
}

impl Scenario {
    /// The one of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let corrupt = u16::from(rng.random_bool(0.4));
        let sites = rng.random_range(4 + corrupt..=6);
        let mut scenario = Self {
            seed,
            sites,
            corrupt,
            slots: [2, 3, 4, 8, 16][rng.random_range(0..5)],
            texts: Vec::new(),
            rates: rates(&mut rng),
            acts: Vec::new(),
            crashes: Vec::new(),
            shuffled: rng.random_bool(0.7),
        };
        scenario.texts = texts(&mut rng);
        for _ in 0..rng.random_range(0..=5) {
            let act = act(&mut rng, sites);
            scenario.acts.push((rng.random_range(0..HORIZON / 2), act));
        }
        scenario.draw_backup(&mut rng);
        scenario.draw_succession(&mut rng);
        scenario.acts.sort_by_key(|(step, _)| *step);
        for _ in 0..rng.random_range(0..=2) {
            let (at, durable) = (rng.random_range(0..60), rng.random_bool(0.5));
            scenario.crashes.push(Crash { at, durable });
        }
        scenario
    }

    /// A copy of a site's folder, and its return.
    fn draw_backup(&mut self, rng: &mut ChaCha20Rng) {
        if rng.random_bool(0.5) {
            let whose = any_site(rng, self.sites);
            let copied = rng.random_range(0..HORIZON / 10);
            let back = rng.random_range(copied + 60..HORIZON / 2);
            self.acts.extend([(copied, Act::Copy(whose)), (back, Act::GoBack(whose))]);
        }
    }

    fn draw_succession(&mut self, rng: &mut ChaCha20Rng) {
        if rng.random_bool(0.35) {
            let may_leave = self.sites > self.corrupt + 4 && rng.random_bool(0.5);
            let leaves = may_leave.then(|| any_site(rng, self.sites));
            self.acts.push((rng.random_range(0..HORIZON / 2), Act::Succeed { leaves }));
        }
    }
}

fn rates(rng: &mut ChaCha20Rng) -> Rates {
    if rng.random_bool(0.3) {
        return Rates::NONE;
    }
    let mut up_to = |most: u32| rng.random_range(0..=most);
    Rates {
        dropped: up_to(150),
        lost: up_to(150),
        doubled: up_to(300),
        held: up_to(300),
        replayed: up_to(200),
    }
}

/// One to three studies, no two the same.
fn texts(rng: &mut ChaCha20Rng) -> Vec<String> {
    let draw = |rng: &mut ChaCha20Rng, length: u64| {
        let membership = if rng.random_bool(0.5) { "membership = \"may-change\"" } else { "" };
        match rng.random_range(0..8) {
            0 => glm(membership),
            1 => fedavg(membership),
            // More than is verified by each site as a whole.
            2 => vector(17_000 + length, 2, membership),
            _ => vector(length, rng.random_range(1..=3), membership),
        }
    };
    let mut texts: Vec<String> =
        (5..5 + rng.random_range(1..=3)).map(|length| draw(rng, length)).collect();
    texts.sort();
    texts.dedup();
    texts
}

fn act(rng: &mut ChaCha20Rng, sites: u16) -> Act {
    match rng.random_range(0..10) {
        0..5 => Act::EndSite {
            site: any_site(rng, sites),
            writes: rng.random_range(0..6),
            at_once: rng.random_bool(0.5),
        },
        5..8 => {
            let parted = rng.random_range(1..=sites);
            let sites = (0..parted).map(|_| any_site(rng, sites)).collect();
            Act::Part { sites, away: Duration::from_secs(rng.random_range(1..90)) }
        }
        _ => Act::EndCoordinator,
    }
}

fn any_site(rng: &mut ChaCha20Rng, sites: u16) -> SiteIndex {
    site(rng.random_range(1..=sites))
}
