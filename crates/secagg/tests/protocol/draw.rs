//! Check D1: the draw of cohorts.

use ripieno_identity::{PublicKey, Signature};
use ripieno_secagg::Roster;
use ripieno_secagg::cohort::{CommitList, Draw, DrawCommit, Reveal};
use ripieno_study::{Check, Digest, SiteIndex, SiteSet};
use serde_json::Value;

use super::common::cohorts::{Drawing, drawn, reveals};
use super::common::refused::{COORDINATOR, assert_refused};
use super::common::{digest, set, site};

#[test]
fn every_site_computes_the_same_cut_and_is_in_one_cohort() {
    let (world, draw, parties) = drawn(200);
    let sizes: Vec<_> = draw.cohorts().map(|(_, sites)| sites.len()).collect();
    assert_eq!(sizes, [66, 67, 67]);
    let all: SiteSet = draw.cohorts().flat_map(|(_, sites)| sites.iter()).collect();
    assert_eq!(all, set(1..=200));
    for (site, party) in parties {
        let cohort = party.roster().cohort.expect("it was drawn");
        assert_eq!(Some(cohort.number), draw.cohort_of(site));
        assert_eq!((cohort.seed, cohort.study), (draw.seed(), draw.study()));
        let members = &draw.roster(&world.roster, cohort.number).expect("it exists").sites;
        assert_eq!(*members, party.roster().sites);
        assert!(members.contains_key(&site));
    }
    assert!(draw.roster(&world.roster, 3).is_none());
    let (_, other, _) = drawn(201);
    assert_ne!(draw.seed(), other.seed());
    assert!(other.roster(&Roster { charter: digest(1), ..(*world.roster).clone() }, 0).is_none());
}

/// W2: the list of commitments, changed by `change`.
fn refused_list(change: impl FnOnce(&mut Vec<DrawCommit>, &Drawing)) {
    let drawing = Drawing::new(130);
    let mut commits = drawing.commits();
    change(&mut commits, &drawing);
    let list = CommitList::verify(&drawing.world.roster, drawing.study, commits);
    assert_refused(list, Check::D1, COORDINATOR);
}

fn sign(commit: &mut DrawCommit, drawing: &Drawing) {
    commit.signature = drawing.world.members[&commit.from].key.sign(&commit.digest());
}

#[test]
fn a_list_with_a_commitment_that_is_not_the_sites_own_is_refused() {
    assert_eq!(Check::D1.to_string(), "D1");
    refused_list(|commits, _| commits[3].commitment = digest(1));
    refused_list(|commits, _| commits[3].signature = Signature::from_bytes([0; 64]));
    refused_list(|commits, drawing| {
        commits[3].study = digest(1);
        sign(&mut commits[3], drawing);
    });
    refused_list(|commits, drawing| {
        commits[3].charter = digest(1);
        sign(&mut commits[3], drawing);
    });
    refused_list(|commits, _| commits.swap(3, 4));
    refused_list(|commits, _| commits[3] = commits[4].clone());
    refused_list(|commits, _| commits[129].from = site(131));
    refused_list(|commits, _| commits.truncate(128));
}

#[test]
fn a_site_reveals_nothing_for_a_list_without_its_own_commitment() {
    let drawing = Drawing::new(131);
    let (world, study) = (&drawing.world, drawing.study);
    let mut commits = drawing.commits();
    commits.remove(0);
    let list = CommitList::verify(&world.roster, study, commits).expect("130 are enough");
    let mut committed = drawing.committed;
    let left_out = committed.remove(&site(1)).expect("it committed");
    assert!(!format!("{left_out:?}").contains('['), "{left_out:?}");
    assert_refused(left_out.reveal(&list), Check::D1, COORDINATOR);
    assert!(committed.remove(&site(2)).expect("it committed").reveal(&list).is_ok());
}

#[test]
fn reveals_must_open_their_commitments_once_and_in_order() {
    let drawing = Drawing::new(130);
    let list = drawing.list();
    let (_, revealed) = drawing.reveal(&list);
    let honest = reveals(&revealed);
    let changes: [fn(&mut Vec<Reveal>); 5] = [
        |reveals| reveals[5].nonce[0] ^= 1,
        |reveals| reveals.swap(5, 6),
        |reveals| reveals[5] = reveals[6],
        |reveals| reveals[129].from = site(131),
        |reveals| reveals.truncate(128),
    ];
    for change in changes {
        let mut reveals = honest.clone();
        change(&mut reveals);
        assert_refused(Draw::new(&list, 1, &reveals), Check::D1, COORDINATOR);
    }
    assert!(Draw::new(&list, 1, &honest).is_ok());
}

#[test]
fn who_does_not_reveal_is_out_of_the_study() {
    let drawing = Drawing::new(130);
    let list = drawing.list();
    let (_, mut revealed) = drawing.reveal(&list);
    let late = revealed.remove(&site(7)).expect("it committed");
    let draw = Draw::new(&list, 1, &reveals(&revealed)).expect("129 are enough");
    assert_eq!(draw.cohort_of(site(7)), None);
    let seed = draw.seed();
    assert_refused(late.join(&draw), Check::D1, COORDINATOR);
    let (_, other, _) = drawn(130);
    assert_ne!(seed, other.seed(), "its bytes count");
}

/// A coordinator that has seen the reveals for one list draws anew, over another one.
#[test]
fn a_site_takes_part_in_no_draw_over_another_list_than_it_revealed_for() {
    let drawing = Drawing::new(131);
    let (study, roster) = (drawing.study, drawing.world.roster.clone());
    let mut commits = drawing.commits();
    let first = drawing.list();
    commits.pop();
    let second = CommitList::verify(&roster, study, commits).expect("130 are enough");
    assert_ne!(first.digest(), second.digest());
    let (_, mut revealed) = drawing.reveal(&first);
    revealed.remove(&site(131));
    let anew = Draw::new(&second, 1, &reveals(&revealed)).expect("the reveals fit both lists");
    let misled = revealed.remove(&site(1)).expect("it revealed");
    assert_refused(misled.join(&anew), Check::D1, COORDINATOR);
}

/// The study and the charter are in the commitment: a reveal opens none of another draw.
#[test]
fn one_draw_is_for_one_study() {
    let drawing = Drawing::new(130);
    let other: Digest = digest(77);
    let list = CommitList::verify(&drawing.world.roster, other, drawing.commits());
    assert_refused(list, Check::D1, COORDINATOR);
}

/// What the second implementation draws from the same bytes (tests/reference).
#[test]
fn a_second_implementation_computes_the_same_cut() {
    let file = "../../tests/reference/vectors/cohorts.json";
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let (charter, study) = (digest_of(&vectors["charter"]), digest_of(&vectors["study"]));
    let items = |name: &str| vectors[name].as_array().unwrap().clone();
    let commit = |each: &Value| DrawCommit {
        charter,
        study,
        from: index(&each["site"]),
        commitment: digest_of(&each["commitment"]),
        signature: Signature::from_bytes(bytes(&each["signature"])),
    };
    let commits: Vec<_> = items("commits").iter().map(commit).collect();
    for (commit, each) in commits.iter().zip(items("commits")) {
        assert_eq!(commit.digest(), digest_of(&each["digest"]));
    }
    let key = |each: &Value| (index(&each["site"]), PublicKey::from_bytes(&bytes(&each["key"])));
    let keys = items("commits").iter().map(key).map(|(site, key)| (site, key.unwrap())).collect();
    let (world, _, _) = drawn(129);
    let roster = Roster { charter, sites: keys, ..(*world.roster).clone() };
    let list = CommitList::verify(&roster, study, commits).unwrap();
    assert_eq!(list.digest(), digest_of(&vectors["list"]));
    let reveal = |each: &Value| Reveal { from: index(&each["site"]), nonce: bytes(&each["nonce"]) };
    let reveals: Vec<_> = items("reveals").iter().map(reveal).collect();
    for cut in items("cuts") {
        let corrupt = u16::try_from(cut["corrupt"].as_u64().unwrap()).unwrap();
        let draw = Draw::new(&list, corrupt, &reveals).unwrap();
        assert_eq!(draw.seed(), digest_of(&vectors["seed"]));
        let found: Vec<Vec<u64>> =
            draw.cohorts().map(|(_, sites)| sites.iter().map(u64::from).collect()).collect();
        assert_eq!(serde_json::json!(found), cut["cohorts"], "c = {corrupt}");
    }
}

fn index(value: &Value) -> SiteIndex {
    site(u16::try_from(value.as_u64().unwrap()).unwrap())
}

fn digest_of(value: &Value) -> Digest {
    Digest::from_bytes(bytes(value))
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    let text = value.as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
    assert_eq!(text.len(), 2 * N);
    std::array::from_fn(byte)
}
