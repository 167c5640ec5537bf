//! R5 of a large sum: tiles are shared out, verdicts are signed, the next contract carries them.

use ripieno_analysis::{Step, Sums};
use ripieno_encoding::decode;
use ripieno_secagg::coordinator::sign_contract;
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_study::{Check, Digest, Study};
use ripieno_wire::{FromSite, Parts, Published, ToSite};

use crate::common::federation::{Federation, Settings, coordinator_key};
use crate::common::site;
use crate::common::studies::vector;
use crate::lies::{COORDINATOR, assert_refused, next_contract, next_published, sign_receipt};

/// Five tiles over four sites, two of them looking at each.
fn published() -> (Federation, Published) {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.begin(&vector(40_000, 2, ""));
    let published = next_published(&mut federation, site(2));
    (federation, published)
}

/// What site 2 says of its tiles; it refuses the sum as well.
fn false_verdict(federation: &mut Federation, lie: Published) {
    let answers = federation.tell(site(2), ToSite::Published(lie));
    let [FromSite::Verdict(verdict), FromSite::Refused { refusal, .. }] = answers.as_slice() else {
        panic!("{answers:?}");
    };
    assert!(!verdict.holds);
    assert_eq!((refusal.check, refusal.culprit), (Check::P1, COORDINATOR), "{refusal}");
}

#[test]
fn a_tile_of_the_sum_that_does_not_recompute() {
    let (mut federation, honest) = published();
    let Parts::Tiles(parts) = &honest.parts else { panic!("the sum is large") };
    let assigned: Vec<u32> = parts.keys().copied().collect();
    let plan = &honest.contract.contract.plan;
    for tile in tiles::tiles(plan).filter(|tile| assigned.contains(&(tile.number as u32))) {
        let mut lie = honest.clone();
        lie.sum[tile.offset] ^= 1;
        lie.receipt.sum = tiles::root(Content::Sum, plan, &lie.sum);
        sign_receipt(&federation, &mut lie.receipt);
        false_verdict(&mut federation, lie);
    }
}

#[test]
fn a_verdict_is_on_the_tiles_that_were_verified_and_on_no_others() {
    let (mut federation, honest) = published();
    let mut without = honest.clone();
    let Parts::Tiles(parts) = &mut without.parts else { panic!() };
    parts.pop_first();
    let left: Vec<u32> = parts.keys().copied().collect();
    let answers = federation.tell(site(2), ToSite::Published(without));
    let [FromSite::Verdict(verdict), FromSite::State { .. }] = answers.as_slice() else {
        panic!("{answers:?}");
    };
    assert!(verdict.holds);
    assert_eq!(verdict.tiles, left);
    // Asked again, for all of them: the verdict is on all of them.
    let Parts::Tiles(parts) = &honest.parts else { panic!() };
    let all: Vec<u32> = parts.keys().copied().collect();
    let answers = federation.tell(site(2), ToSite::Published(honest));
    let verdicts: Vec<_> = answers.iter().filter_map(verdict_of).collect();
    assert_eq!(verdicts, [all]);
}

fn verdict_of(answer: &FromSite) -> Option<Vec<u32>> {
    match answer {
        FromSite::Verdict(verdict) => Some(verdict.tiles.clone()),
        _ => None,
    }
}

#[test]
fn the_last_result_stands_only_with_the_verdicts_of_c_plus_1_sites() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&vector(40_000, 1, ""));
    let honest = next_published(&mut federation, site(2));
    // A tile that does not fall to site 2 is changed, and the receipt signed anew.
    let plan = &honest.contract.contract.plan;
    let Parts::Tiles(parts) = &honest.parts else { panic!("the sum is large") };
    let other = tiles::tiles(plan).find(|tile| !parts.contains_key(&(tile.number as u32)));
    let mut lie = honest.clone();
    lie.sum[other.unwrap().offset] ^= 2;
    lie.receipt.sum = tiles::root(Content::Sum, plan, &lie.sum);
    lie.receipt.next_state = result_of(&vector(40_000, 1, ""), &lie);
    sign_receipt(&federation, &mut lie.receipt);
    federation.tell(site(2), ToSite::Published(lie));
    assert!(federation.sites[&site(2)].report(&study).is_none(), "nobody has confirmed it");
    let settled = ToSite::Settled { study, verdicts: Vec::new() };
    assert_refused(&mut federation, site(2), settled, Check::S5, COORDINATOR);
    assert!(federation.sites[&site(2)].report(&study).is_none());
}

/// Digest of the result that a published last sum leads to.
fn result_of(text: &str, published: &Published) -> Digest {
    let study = Study::parse(text).unwrap();
    let analysis = ripieno_analysis::for_study(study.manifest()).unwrap();
    let contract = &published.contract.contract;
    let survivors = published.receipt.survivors().len();
    let sums = decode(&contract.plan, &published.sum, survivors, contract.participants.len());
    let sums = Sums::new(sums.unwrap());
    match analysis.combine(&analysis.initial(), &sums, survivors).unwrap() {
        Step::Done(report) => report.digest(),
        Step::Continue { .. } => panic!("there is one round"),
    }
}

#[test]
fn tiles_that_are_altered() {
    let (mut federation, honest) = published();
    let mut altered = honest.clone();
    let Parts::Tiles(parts) = &mut altered.parts else { panic!() };
    parts.first_entry().unwrap().get_mut()[0].lanes[0] ^= 1;
    false_verdict(&mut federation, altered);
    let mut old_digest = honest;
    old_digest.sum[0] ^= 1;
    let lie = ToSite::Published(old_digest);
    assert_refused(&mut federation, site(2), lie, Check::P1, COORDINATOR);
}

/// In a tile that others verify, and with the result that follows from it.
#[test]
fn a_sum_that_is_not_the_receipt_s() {
    let text = vector(40_000, 1, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.begin(&text);
    let mut lie = next_published(&mut federation, site(2));
    let Parts::Tiles(parts) = &lie.parts else { panic!("the sum is large") };
    let other = tiles::tiles(&lie.contract.contract.plan)
        .find(|tile| !parts.contains_key(&(tile.number as u32)));
    let at = other.expect("another site's tile").offset;
    lie.sum[at] ^= 2;
    lie.receipt.next_state = result_of(&text, &lie);
    sign_receipt(&federation, &mut lie.receipt);
    let lie = ToSite::Published(lie);
    assert_refused(&mut federation, site(2), lie, Check::P1, COORDINATOR);
}

/// Asked for its tiles once more, it looks at them as it did the first time.
#[test]
fn tiles_that_are_altered_when_they_come_again() {
    let (mut federation, honest) = published();
    federation.deliver(site(2), ToSite::Published(honest.clone()));
    let mut altered = honest.clone();
    let Parts::Tiles(parts) = &mut altered.parts else { panic!() };
    let assigned: Vec<u32> = parts.keys().copied().collect();
    parts.first_entry().unwrap().get_mut()[0].lanes[0] ^= 1;
    let mut elsewhere = honest.clone();
    let plan = &honest.contract.contract.plan;
    let other = tiles::tiles(plan).find(|tile| !assigned.contains(&(tile.number as u32)));
    elsewhere.sum[other.expect("another site's tile").offset] ^= 1;
    for lie in [altered, elsewhere] {
        let lie = ToSite::Published(lie);
        assert_refused(&mut federation, site(2), lie, Check::P1, COORDINATOR);
    }
    let answers = federation.tell(site(2), ToSite::Published(honest));
    assert_eq!(answers.iter().filter_map(verdict_of).collect::<Vec<_>>(), [assigned]);
}

#[test]
fn a_large_sum_in_the_form_of_a_small_one() {
    let (mut federation, honest) = published();
    let lie = Published { parts: Parts::Whole(std::collections::BTreeMap::new()), ..honest };
    let lie = ToSite::Published(lie);
    assert_refused(&mut federation, site(2), lie, Check::P1, COORDINATOR);
}

#[test]
fn the_next_contract_must_carry_everyones_verdicts() {
    let (mut federation, honest) = published();
    federation.deliver(site(2), ToSite::Published(honest));
    let next = next_contract(&mut federation, site(2));
    assert_eq!(next.verdicts.len(), 4);
    let charter = federation.charter.digest();
    let signed = |verdicts| {
        ToSite::Contract(sign_contract(
            &charter,
            &coordinator_key(),
            next.contract.clone(),
            verdicts,
        ))
    };
    let mut wrong = next.verdicts.clone();
    wrong[0].holds = false;
    let mut unhappy = wrong.clone();
    unhappy[0].signature = federation.keys[&unhappy[0].from].sign(&unhappy[0].digest());
    let fewer = next.verdicts[1..].to_vec();
    let twice = [&next.verdicts[1..], &next.verdicts[1..2]].concat();
    for verdicts in [Vec::new(), fewer, twice, wrong, unhappy] {
        let lie = signed(verdicts);
        assert_refused(&mut federation, site(2), lie, Check::S5, COORDINATOR);
    }
    let answers = federation.tell(site(2), ToSite::Contract(next));
    assert!(matches!(answers.last(), Some(FromSite::Trailer { .. })), "{answers:?}");
}
