//! Plays a script over the library.

use std::collections::{BTreeMap, VecDeque};

use rand::rngs::ChaCha20Rng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use ripieno_secagg::coordinator::open::Reconstruction;
use ripieno_secagg::coordinator::{Deciding, Gathering, MemorySpool, Opening, Voiding};
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::round::tiles;
use ripieno_study::{Check, Contract, SiteIndex, SiteSet};

use super::refused::{COORDINATOR, assert_refused};
use super::scene::{Scene, Slot};
use super::script::{Ending, Fate, Script, Step};
use super::study::{self, Study};
use super::world::{Run, World, adverts_of};

const EPOCH: Announcement = Announcement { epoch: 1, slots: 1 };

/// A script on its way.
struct Player<'a> {
    script: &'a Script,
    order: ChaCha20Rng,
}

/// Plays the script, asserting on the way that every sum is exactly that of its survivors.
pub(crate) fn play(script: &Script) -> Ending {
    let order = ChaCha20Rng::seed_from_u64(script.order);
    let mut player = Player { script, order };
    let world = World::with_sites(script.sites.iter().copied(), script.corrupt, script.order);
    let Some((world, run)) = player.set_up(world) else { return Ending::NoEpoch };
    let plan = study::plan(script.packing, 300);
    let mut study = Study::new(1, script.membership, plan);
    study.minimum = 0;
    player.round(&mut Scene { world, run, study })
}

impl Player<'_> {
    fn shuffled<T>(&mut self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut items: Vec<_> = items.into_iter().collect();
        items.shuffle(&mut self.order);
        items
    }

    /// How often a site's message arrives.
    fn times(&self, site: SiteIndex, step: Step) -> usize {
        match self.script.fate(site, step) {
            Fate::Sent => 1,
            Fate::Twice => 2,
            Fate::Dropped | Fate::Partial | Fate::Late => 0,
        }
    }

    /// E1 to E4; `None` where there are too few adverts.
    fn set_up(&mut self, mut world: World) -> Option<(World, Run)> {
        let mut advertised = world.advertise_all(EPOCH);
        let mut gathering = Gathering::new(world.roster.clone(), EPOCH);
        for advert in self.shuffled(adverts_of(&advertised)) {
            for _ in 0..self.times(advert.from, Step::Advert) {
                gathering.receive(advert.clone()).expect("an honest advert");
            }
        }
        let mut sharing = gathering.close().ok()?;
        let holders = sharing.transcript().holders();
        let adverts: Vec<_> = sharing.transcript().adverts().map(|(_, a)| a.clone()).collect();
        let mut dealt = BTreeMap::new();
        for site in self.shuffled(holders.iter()) {
            let state = advertised.remove(&site).expect("it advertised");
            let adverts = self.shuffled(adverts.clone());
            let state = world.share(site, state, adverts).expect("honest adverts");
            assert_eq!(state.transcript().digest(), sharing.transcript().digest());
            for _ in 0..self.times(site, Step::Bundles) {
                let bundles = self.shuffled(state.bundles().to_vec());
                sharing.receive(site, bundles).expect("honest bundles");
            }
            dealt.insert(site, state);
        }
        let bundles: BTreeMap<_, _> =
            holders.iter().map(|site| (site, self.shuffled(sharing.bundles_for(site)))).collect();
        let mut accepting = sharing.close();
        let mut accepted = Vec::new();
        for (site, state) in self.shuffled(dealt) {
            let (state, faults) = state.accept(&bundles[&site]);
            assert!(faults.is_empty(), "{faults:?}");
            for _ in 0..self.times(site, Step::Acceptance) {
                accepting.receive(state.acceptance().clone()).expect("an honest acceptance");
            }
            accepted.push((site, state));
        }
        let relay = accepting.close();
        let mut epochs = BTreeMap::new();
        for (site, state) in accepted {
            let acceptances = self.shuffled(relay.acceptances());
            let joined = state.join(acceptances);
            match self.times(site, Step::Acceptance) {
                0 => assert_refused(joined, Check::A3, COORDINATOR),
                _ => drop(epochs.insert(site, joined.expect("honest acceptances"))),
            }
        }
        Some((world, Run { relay, epochs }))
    }

    fn round(&mut self, scene: &mut Scene) -> Ending {
        let joined: SiteSet = scene.run.epochs.keys().copied().collect();
        let participants = scene.run.relay.eligible(&joined.difference(&self.script.outside));
        let contract = Contract { participants: participants.clone(), ..scene.contract(0) };
        let mut slot = scene.slot_with(contract);
        if participants.len() < usize::from(slot.signed.contract.minimum) {
            for site in joined.iter() {
                assert_refused(scene.start(site, &slot.signed), Check::S3, COORDINATOR);
            }
            return Ending::NoRound;
        }
        for site in self.shuffled(joined.iter()) {
            for _ in 0..self.times(site, Step::Contract) {
                scene.start(site, &slot.signed).expect("an honest contract");
            }
        }
        self.uploads(scene, &mut slot, &participants);
        let Slot { collecting, spool, .. } = slot;
        match collecting.propose() {
            Ok(deciding) => self.decide(scene, deciding, &joined, &spool),
            Err(collecting) => {
                let voiding = collecting.give_up(scene.run.transcript());
                let asked: Vec<_> =
                    joined.iter().filter(|site| self.times(*site, Step::Ballot) > 0).collect();
                self.void(scene, voiding, &asked)
            }
        }
    }

    /// R2: tiles of all sites come mixed, those of one site in order.
    fn uploads(&mut self, scene: &mut Scene, slot: &mut Slot, participants: &SiteSet) {
        let started = participants.iter().filter(|site| self.times(*site, Step::Contract) > 0);
        let mut queues = Vec::new();
        for site in started.collect::<Vec<_>>() {
            let fate = self.script.fate(site, Step::Upload);
            if fate == Fate::Late {
                continue;
            }
            let upload = scene.upload(site, 0).expect("an honest upload");
            if fate != Fate::Dropped {
                let tiles: VecDeque<_> = tiles::tiles(&slot.signed.contract.plan).collect();
                queues.push((upload, fate, tiles));
            }
        }
        while !queues.is_empty() {
            let next = self.order.random_range(0..queues.len());
            let (upload, fate, tiles) = &mut queues[next];
            let (from, times) = (upload.trailer.from, if *fate == Fate::Twice { 2 } else { 1 });
            if let Some(tile) = tiles.pop_front() {
                for _ in 0..times {
                    let lanes = tile.of(&upload.lanes).to_vec();
                    let taken = slot.collecting.tile(from, tile.number, lanes, &mut slot.spool);
                    taken.expect("an honest tile");
                }
                continue;
            }
            for _ in 0..if *fate == Fate::Partial { 0 } else { times } {
                let taken = slot.collecting.trailer(&scene.world.roster, upload.trailer.clone());
                taken.expect("an honest trailer");
            }
            queues.swap_remove(next);
        }
    }

    fn decide(
        &mut self,
        scene: &mut Scene,
        mut deciding: Deciding,
        joined: &SiteSet,
        spool: &MemorySpool,
    ) -> Ending {
        for site in self.shuffled(joined.iter()) {
            for _ in 0..self.times(site, Step::Ballot) {
                let ballot = scene.decide(site, deciding.proposal()).expect("an honest proposal");
                let (roster, transcript) = (&scene.world.roster, scene.run.relay.transcript());
                deciding.ballot(roster, transcript, &ballot).expect("an honest ballot");
            }
            self.late(scene, site);
        }
        match deciding.certify(scene.run.transcript()) {
            Ok(opening) => self.open(scene, opening, joined, spool),
            Err(deciding) => {
                let (mut waiting, mut signed) = (Vec::new(), Vec::new());
                for site in joined.iter() {
                    match self.times(site, Step::Ballot) {
                        0 => waiting.push(site),
                        _ => signed.push(site),
                    }
                }
                for site in signed {
                    let void = scene.run.epochs.get_mut(&site).expect("it joined").void(0);
                    assert_refused(void, Check::C3, COORDINATOR);
                }
                let proposal = deciding.proposal().clone();
                let ending =
                    self.void(scene, deciding.give_up(scene.run.relay.transcript()), &waiting);
                for site in waiting {
                    let signed = scene.decide(site, &proposal);
                    assert_refused(signed, Check::C3, COORDINATOR);
                }
                ending
            }
        }
    }

    /// A late upload of a site that has signed is never made.
    fn late(&self, scene: &mut Scene, site: SiteIndex) {
        let late = self.script.fate(site, Step::Upload) == Fate::Late;
        if late && self.times(site, Step::Ballot) > 0 {
            assert_refused(scene.upload(site, 0), Check::S4, COORDINATOR);
        }
    }

    fn void(&mut self, scene: &mut Scene, mut voiding: Voiding, asked: &[SiteIndex]) -> Ending {
        for site in self.shuffled(asked.iter().copied()) {
            let ballot = scene.run.epochs.get_mut(&site).expect("it joined").void(0);
            let (roster, transcript) = (&scene.world.roster, scene.run.relay.transcript());
            voiding.ballot(roster, transcript, &ballot.expect("nothing is signed")).expect("good");
            assert_refused(scene.upload(site, 0), Check::S4, COORDINATOR);
        }
        match voiding.certificate() {
            None => Ending::Unresolved,
            Some(certificate) => {
                scene.close_void(&certificate);
                Ending::Void
            }
        }
    }

    fn open(
        &mut self,
        scene: &mut Scene,
        mut opening: Opening,
        joined: &SiteSet,
        spool: &MemorySpool,
    ) -> Ending {
        let survivors = opening.certificate().outcome.survivors.clone();
        for site in self.shuffled(joined.iter()) {
            for _ in 0..self.times(site, Step::Release) {
                scene.release(&mut opening, &[site].into_iter().collect());
            }
        }
        let found = opening.reconstruct(scene.run.transcript());
        let stalled = matches!(found, Reconstruction::MoreReleases);
        if stalled {
            scene.release(&mut opening, joined);
        }
        let opened = scene.unmask(opening, spool);
        scene.close(&opened, spool);
        if stalled { Ending::Stalled(survivors) } else { Ending::Opened(survivors) }
    }
}
