//! R5 where uploads are large: tiles are shared out, and verdicts ride in the next contract (P1,
//! S5).

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_secagg::Lanes;
use ripieno_secagg::cohort::Evidence;
use ripieno_secagg::coordinator::collect::sign_contract;
use ripieno_secagg::coordinator::{MemorySpool, Opened};
use ripieno_secagg::round::publish::{Receipt, SumRecord, TilePart, Verdict, verify_receipt};
use ripieno_secagg::round::start::SignedContract;
use ripieno_study::plan::{Clip, Encoding, InputSpec, Packing, Plan};
use ripieno_study::{Check, Membership, SiteIndex};

use crate::common::refused::{COORDINATOR, assert_refused};
use crate::common::scene::{Scene, first};
use crate::common::study::{self, Study};
use crate::common::{digest, site};

/// Five uploads of 26 000 packed and 600 wide lanes: 1.06 MiB in all, in five tiles.
fn large() -> Plan {
    let packed = Encoding::Packed { packing: Packing::Two, range: 1.0, clip: Clip::Refuse };
    let input = |name: &str, length, encoding| InputSpec { name: name.into(), length, encoding };
    let inputs = vec![input("update", 54_000, packed), input("count", 300, Encoding::Wide)];
    Plan { inputs, tile_lanes: 8192 }
}

struct Large {
    scene: Scene,
    opened: Opened,
    spool: MemorySpool,
    receipt: Receipt,
}

/// A large sum over the first five of six sites, open in slot 0.
fn opened() -> Large {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    scene.study = Study::new(1, Membership::MayChange, large());
    scene.study.minimum = 5;
    let (opening, spool) = scene.certified(0, &first(5));
    let opened = scene.opened(opening, &spool);
    let receipt = scene.receipt(&opened);
    Large { scene, opened, spool, receipt }
}

impl Large {
    fn parts(&self, tile: u32) -> Vec<TilePart> {
        let source = self.opened.parts(&self.spool);
        (0..).map_while(|position| source.part(tile as usize, position).unwrap()).collect()
    }

    fn verified(&self) -> ripieno_secagg::round::publish::Verified<'_> {
        let (roster, transcript) = (&self.scene.world.roster, self.scene.run.transcript());
        let contract = &self.opened.signed().contract;
        verify_receipt(roster, transcript, contract, None, &self.receipt).unwrap()
    }

    fn record(&self) -> SumRecord {
        self.verified().record(1)
    }

    /// The verdicts of all survivors, each after verifying its tiles.
    fn verdicts(&self) -> BTreeMap<SiteIndex, Verdict> {
        let verified = self.verified();
        verified.sum_digest(self.opened.sum()).unwrap();
        let verdict = |from: SiteIndex| {
            let assigned = self.record().assigned(from);
            for tile in &assigned {
                let parts = self.parts(*tile);
                verified.tile(*tile as usize, self.opened.sum(), &parts).unwrap();
            }
            (from, verified.verdict(&self.scene.world.members[&from].party, assigned, true))
        };
        first(5).iter().map(verdict).collect()
    }

    /// The next contract with these verdicts, signed.
    fn next(&mut self, verdicts: Vec<Verdict>) -> SignedContract {
        if self.scene.study.previous.is_none() {
            let record = self.record();
            self.scene.study.advance(self.receipt.next_state, record);
        }
        let (charter, key) = (self.scene.world.roster.charter, &self.scene.world.coordinator);
        sign_contract(&charter, key, self.scene.contract(1), verdicts)
    }

    /// Everyone closes the slot of the sum.
    fn close(&mut self) {
        for (site, epoch) in &mut self.scene.run.epochs {
            let ledger = &mut self.scene.world.members.get_mut(site).unwrap().ledger;
            epoch.close_published(&self.receipt.certificate, ledger).unwrap();
        }
    }
}

#[test]
fn every_tile_falls_to_c_plus_1_survivors() {
    let large = opened();
    let record = large.record();
    assert!(record.is_in_parts());
    let mut count = BTreeMap::<u32, usize>::new();
    for survivor in first(5).iter() {
        record.assigned(survivor).iter().for_each(|tile| *count.entry(*tile).or_default() += 1);
    }
    assert_eq!(count.into_iter().collect::<Vec<_>>(), [(0, 2), (1, 2), (2, 2), (3, 2), (4, 2)]);
    assert_eq!(record.assigned(site(6)), Vec::<u32>::new(), "it did not survive");
}

#[test]
fn the_next_round_goes_on_with_all_verdicts() {
    let mut large = opened();
    let verdicts = large.verdicts().into_values().collect();
    large.close();
    let next = large.next(verdicts);
    let mut slot = large.scene.slot_signed(next);
    for site in first(6).iter() {
        large.scene.start(site, &slot.signed).unwrap();
    }
    large.scene.collect(&mut slot, &first(6));
    let deciding = slot.collecting.propose().unwrap();
    let opening = large.scene.certify(deciding, &first(6));
    large.scene.opened(opening, &slot.spool);
}

#[test]
fn a_large_sum_can_still_be_verified_as_a_whole() {
    let large = opened();
    let uploads = large.opened.uploads(&large.spool).unwrap();
    large.verified().sum(large.opened.sum(), &uploads).unwrap();
}

#[test]
fn a_tile_that_does_not_recompute_is_refused() {
    let large = opened();
    let verified = large.verified();
    for (tile, lane) in [(0, 0), (3, 26_999), (4, 27_599)] {
        let mut sum = large.opened.sum().to_vec();
        sum[lane] ^= 1 << 20;
        assert_refused(verified.sum_digest(&sum), Check::P1, COORDINATOR);
        assert_refused(
            verified.tile(tile, &sum, &large.parts(tile as u32)),
            Check::P1,
            COORDINATOR,
        );
    }
}

#[test]
fn tile_parts_are_those_of_the_signed_uploads() {
    let large = opened();
    let verified = large.verified();
    let changes: [fn(&mut Vec<TilePart>); 9] = [
        |parts| parts.push(parts[0].clone()),
        |parts| parts[1].lanes[0] ^= 1,
        |parts| parts[1].lanes = parts[1].lanes.part(0..1),
        |parts| parts[1].lanes = Lanes::default(),
        |parts| parts[1].path[0] = digest(1),
        |parts| parts[1].path.clear(),
        |parts| parts.swap(0, 1),
        |parts| drop(parts.pop()),
        |parts| parts[1] = parts[0].clone(),
    ];
    for change in changes {
        let mut parts = large.parts(2);
        change(&mut parts);
        assert_refused(verified.tile(2, large.opened.sum(), &parts), Check::P1, COORDINATOR);
    }
    // Another tile's parts, and a tile that is not there.
    for (tile, from) in [(1, 2), (5, 4), (usize::MAX, 4)] {
        let refused = verified.tile(tile, large.opened.sum(), &large.parts(from));
        assert_refused(refused, Check::P1, COORDINATOR);
    }
    verified.tile(2, large.opened.sum(), &large.parts(2)).unwrap();
}

/// Site 1 refuses to start the next round with what `change` makes of the verdicts.
fn refuses(large: &mut Large, change: impl FnOnce(&mut Vec<Verdict>)) {
    let honest: Vec<_> = large.verdicts().into_values().collect();
    let mut verdicts = honest.clone();
    change(&mut verdicts);
    let next = large.next(verdicts);
    assert_refused(large.scene.start(site(1), &next), Check::S5, COORDINATOR);
}

fn sign(large: &Large, verdict: &mut Verdict) {
    let key = &large.scene.world.members[&verdict.from].key;
    verdict.signature = key.sign(&verdict.digest());
}

#[test]
fn verdicts_must_cover_every_tile_c_plus_1_times() {
    let mut large = opened();
    large.close();
    refuses(&mut large, Vec::clear);
    refuses(&mut large, |verdicts| drop(verdicts.remove(0)));
    refuses(&mut large, |verdicts| verdicts[1] = verdicts[0].clone());
    let honest: Vec<_> = large.verdicts().into_values().collect();
    let next = large.next(honest);
    large.scene.start(site(1), &next).unwrap();
}

#[test]
fn verdicts_are_signed_and_on_this_sum() {
    let mut large = opened();
    large.close();
    refuses(&mut large, |verdicts| verdicts[1].signature = Signature::from_bytes([0; 64]));
    refuses(&mut large, |verdicts| verdicts[1].from = verdicts[0].from);
    let changes: [fn(&mut Verdict); 3] =
        [|v| v.ctx = digest(1), |v| v.sum = digest(1), |v| v.holds = false];
    for change in changes {
        let mut bad = large.verdicts().remove(&site(2)).unwrap();
        change(&mut bad);
        sign(&large, &mut bad);
        refuses(&mut large, |verdicts| verdicts[1] = bad);
    }
}

#[test]
fn one_site_does_not_count_twice_for_a_tile() {
    let mut large = opened();
    large.close();
    // Tile 0 falls to sites 1 and 2. Site 1 leaves it out, and site 2 names it twice.
    let mut lazy = large.verdicts().remove(&site(1)).unwrap();
    assert_eq!(lazy.tiles, [0, 4]);
    lazy.tiles = vec![4];
    sign(&large, &mut lazy);
    let mut greedy = large.verdicts().remove(&site(2)).unwrap();
    greedy.tiles = vec![0, 0, 1];
    sign(&large, &mut greedy);
    refuses(&mut large, |verdicts| {
        verdicts[0] = lazy;
        verdicts[1] = greedy;
    });
}

#[test]
fn verdicts_of_sites_outside_of_the_charter_do_not_count() {
    let mut large = opened();
    large.close();
    let mut stranger = large.verdicts().remove(&site(1)).unwrap();
    stranger.from = site(9);
    stranger.signature = large.scene.world.member(1).key.sign(&stranger.digest());
    refuses(&mut large, |verdicts| verdicts[0] = stranger);
}

/// What counts is that c + 1 sites say so; whether their own data is in the sum does not matter.
#[test]
fn a_site_that_did_not_survive_may_verify_too() {
    let mut large = opened();
    large.close();
    let mut verdicts = large.verdicts();
    let mut outsider = verdicts.remove(&site(1)).unwrap();
    outsider.from = site(6);
    sign(&large, &mut outsider);
    let next = large.next(verdicts.into_values().chain([outsider]).collect());
    large.scene.start(site(2), &next).unwrap();
}

#[test]
fn verdicts_are_signed_with_the_contract() {
    let mut large = opened();
    let verdicts: Vec<_> = large.verdicts().into_values().collect();
    large.close();
    let mut next = large.next(verdicts);
    next.verdicts.pop();
    assert_refused(large.scene.start(site(1), &next), Check::S1, COORDINATOR);
}

#[test]
fn a_small_sum_needs_no_verdicts() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    scene.round(0, &first(4));
    assert!(!scene.study.previous.as_ref().unwrap().is_in_parts());
    scene.goes_on(1);
    assert_eq!(study::one_hot(&scene.study.plan, &first(0)).iter().max(), Some(&0));
}

/// The word on a sum for other cohorts (docs/protocol.md §9) rests on verdicts of c + 1 sites.
#[test]
fn a_word_on_a_large_sum_rests_on_verdicts_on_every_tile() {
    let mut large = opened();
    let word = |large: &Large, sum: &[u64], verdicts: &[Verdict]| {
        let party = &large.scene.world.members[&site(1)].party;
        large.verified().vouch(party, sum, Evidence::Verdicts(verdicts)).map(drop)
    };
    let verdicts: Vec<_> = large.verdicts().into_values().collect();
    let sum = large.opened.sum().to_vec();
    assert_refused(word(&large, &sum, &verdicts), Check::P1, COORDINATOR);
    // The receipt of a cohort names the state that the round started from.
    let (charter, key) = (large.scene.world.roster.charter, &large.scene.world.coordinator);
    let state = large.opened.signed().contract.state;
    large.receipt = large.opened.receipt(&charter, key, state, 1);
    let verdicts: Vec<_> = large.verdicts().into_values().collect();
    word(&large, &sum, &verdicts).unwrap();
    assert_refused(word(&large, &sum, &verdicts[1..]), Check::S5, COORDINATOR);
    let mut other = sum.clone();
    other[0] ^= 1;
    assert_refused(word(&large, &other, &verdicts), Check::P1, COORDINATOR);
}
