//! Epochs and contracts of a drawn cohort: checks A1, A3 and S3, and T.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_secagg::Roster;
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::roster::Cohort;
use ripieno_study::{Check, Contract, Digest, Membership, Packing, SiteIndex};

use super::common::refused::{COORDINATOR, assert_refused, culprit};
use super::common::scene::Scene;
use super::common::study::{self, Study};
use super::common::world::{World, adverts_of};
use super::common::{digest, site};

const EPOCH: Announcement = Announcement { epoch: 1, slots: 1 };

/// The cohort of a small world: as if it had been drawn.
fn cohort(number: u32) -> Cohort {
    Cohort { seed: digest(60), study: Study::new(1, Membership::Fixed, plan()).digest, number }
}

fn plan() -> ripieno_study::Plan {
    study::plan(Packing::Four, 8)
}

/// Sites 1 to 5, of which `members` say that they are in `cohort`.
fn world(members: impl Fn(SiteIndex) -> Option<Cohort>) -> World {
    let mut world = World::new(5, 1);
    for (site, member) in &mut world.members {
        let roster = Roster { cohort: members(*site), ..(*world.roster).clone() };
        member.party = member.party.under(Arc::new(roster)).expect("its key is the same");
    }
    world
}

fn transcript(cohort: Option<Cohort>) -> Digest {
    world(|_| cohort).deal_all(EPOCH)[&site(1)].transcript().digest()
}

#[test]
fn the_transcript_names_draw_and_cohort() {
    let all = [
        transcript(None),
        transcript(Some(cohort(0))),
        transcript(Some(cohort(1))),
        transcript(Some(Cohort { seed: digest(61), ..cohort(0) })),
    ];
    for (place, one) in all.iter().enumerate() {
        assert!(!all[..place].contains(one), "{place}");
    }
    assert_eq!(all[1], transcript(Some(cohort(0))));
}

/// Sites that were shown different draws, or put into different cohorts, agree on no T: what they
/// deal to each other does not open.
#[test]
fn sites_of_different_draws_share_nothing() {
    for other in [cohort(1), Cohort { seed: digest(61), ..cohort(0) }] {
        let misled = site(3);
        let mut world = world(|site| Some(if site == misled { other } else { cohort(0) }));
        let mut dealt = world.deal_all(EPOCH);
        let bundles: Vec<_> = dealt.values().flat_map(|d| d.bundles().to_vec()).collect();
        let to = |holder| bundles.iter().filter(|b| b.to == holder).cloned().collect::<Vec<_>>();
        let (state, faults) = dealt.remove(&site(1)).expect("it dealt").accept(&to(site(1)));
        assert!(!state.acceptance().dealers.contains(misled));
        let found: Vec<_> = faults.iter().map(|fault| (fault.check, fault.culprit)).collect();
        assert_eq!(found, [(Check::A3, culprit(3))]);
        let (state, faults) = dealt.remove(&misled).expect("it dealt").accept(&to(misled));
        assert_eq!((state.acceptance().dealers.len(), faults.len()), (1, 4));
    }
}

/// A site of another cohort is in the charter, and still no peer in this one.
#[test]
fn a_site_of_another_cohort_is_no_peer() {
    let mut world = world(|_| None);
    let members: BTreeMap<_, _> =
        world.roster.sites.iter().filter(|(s, _)| **s != site(5)).map(|(s, k)| (*s, *k)).collect();
    let roster = Roster { sites: members, cohort: Some(cohort(0)), ..(*world.roster).clone() };
    let member = world.members.get_mut(&site(1)).expect("a member");
    member.party = member.party.under(Arc::new(roster)).expect("it is a member");
    let mut advertised = world.advertise_all(EPOCH);
    let adverts = adverts_of(&advertised);
    let own = advertised.remove(&site(1)).expect("it advertised");
    assert_refused(world.share(site(1), own, adverts), Check::A1, COORDINATOR);
}

fn scene(cohort: Option<Cohort>) -> Scene {
    let mut world = world(|_| cohort);
    world.roster = Arc::new(Roster { cohort, ..(*world.roster).clone() });
    let run = world.set_up(1, 1);
    Scene { world, run, study: Study::new(1, Membership::Fixed, plan()) }
}

#[test]
fn a_contract_for_another_cohort_or_another_study_is_refused() {
    let mut scene = scene(Some(cohort(2)));
    for number in [0, 1, 3] {
        let contract = Contract { cohort: number, ..scene.contract(0) };
        let signed = scene.sign(contract);
        assert_refused(scene.start(site(1), &signed), Check::S3, COORDINATOR);
    }
    let contract = Contract { cohort: 2, study: digest(5), ..scene.contract(0) };
    let signed = scene.sign(contract);
    let start = scene.run.epoch(1).start(&signed, None, &scene.world.members[&site(1)].ledger);
    assert_refused(start, Check::S3, COORDINATOR);
    let contract = Contract { cohort: 2, ..scene.contract(0) };
    let signed = scene.sign(contract);
    scene.start(site(1), &signed).expect("its own cohort and study");
}

#[test]
fn without_a_draw_the_cohort_is_0() {
    let mut scene = scene(None);
    let signed = scene.sign(Contract { cohort: 1, ..scene.contract(0) });
    assert_refused(scene.start(site(1), &signed), Check::S3, COORDINATOR);
}
