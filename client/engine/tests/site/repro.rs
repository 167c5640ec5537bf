//! What a site once took for granted: room for every study, time without end, one encoding.

use std::time::Duration;

use ripieno_access::Policy;
use ripieno_secagg::round::outcome::Proposal;
use ripieno_study::{Check, Study};
use ripieno_wire::{FromSite, StudyOffer, StudyVerdict, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::lies::{
    COORDINATOR, assert_refused, assert_silent, culprit, is_proposal, next_contract, sign,
};

const SIX_HOURS: u64 = 6 * 60 * 60;

const ASK: &str = "[[dataset]]\nname = \"made\"\ncolumns = \"all\"\npurposes = \"all\"\n\
                   analyses = \"all\"\nroles = \"all\"\non_match = \"ask\"\n";

/// What site 2 says of a study.
fn verdict(federation: &mut Federation, text: &str) -> StudyVerdict {
    let submission = federation.submission(text);
    let offer = ToSite::Study(StudyOffer { text: text.into(), submission });
    match federation.tell(site(2), offer).as_slice() {
        [FromSite::StudyAnswer(answer)] => answer.verdict.clone(),
        other => panic!("{other:?}"),
    }
}

fn is_over_capacity(verdict: &StudyVerdict) -> bool {
    matches!(verdict, StudyVerdict::Refused { rule, .. } if rule == "site.capacity")
}

#[test]
fn repro_a_site_runs_so_many_studies_at_a_time() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    for length in 1..=64 {
        assert_eq!(verdict(&mut federation, &vector(length, 1, "")), StudyVerdict::Approved);
    }
    let refused = verdict(&mut federation, &vector(65, 1, ""));
    assert!(is_over_capacity(&refused), "{refused}");
    let again = verdict(&mut federation, &vector(7, 1, ""));
    assert_eq!(again, StudyVerdict::Approved, "one that runs already is no further one");
}

/// A study that the steward will never see is not said to wait for the steward.
#[test]
fn repro_a_full_desk_is_said_to_be_full() {
    let mut federation = Federation::new(&Settings::new(4, 1).policy(ASK));
    let study = |number: usize| glm("").replace("made up", &format!("study {number}"));
    for number in 0..64 {
        let pending = verdict(&mut federation, &study(number));
        assert!(matches!(pending, StudyVerdict::Pending { .. }), "{number}: {pending}");
    }
    let refused = verdict(&mut federation, &study(64));
    assert!(is_over_capacity(&refused), "{refused}");
    let log = federation.log(site(2));
    let entry = log.last().unwrap();
    assert!(entry.contains("site.capacity"), "{entry}");
    let again = verdict(&mut federation, &study(5));
    assert!(matches!(again, StudyVerdict::Pending { .. }), "it lies there already: {again}");
    // One is decided: there is room for another.
    let now = federation.network.unix();
    let digest = |number| Study::parse(&study(number)).unwrap().digest();
    let steward = federation.sites.get_mut(&site(2)).unwrap();
    assert_eq!(steward.approve(&digest(64), "Grace", now), None, "it was not kept");
    assert!(steward.approve(&digest(5), "Grace", now).is_some());
    let taken = verdict(&mut federation, &study(64));
    assert!(matches!(taken, StudyVerdict::Pending { .. }), "{taken}");
}

/// Lets site 2's own clock go by `seconds`.
fn tick(federation: &mut Federation, seconds: u64) -> Vec<FromSite> {
    federation.network.now += Duration::from_secs(seconds);
    let now = federation.network.unix();
    federation.sites.get_mut(&site(2)).unwrap().tick(now)
}

#[test]
fn repro_a_slot_without_an_outcome_is_ended_by_the_site_s_own_clock() {
    // Once as a participant, once as a mere holder.
    for takes_part in [true, false] {
        let mut federation = Federation::new(&Settings::new(5, 1));
        federation.begin(&glm(""));
        let mut contract = next_contract(&mut federation, site(2));
        if !takes_part {
            contract.contract.participants = crate::common::set([1, 3, 4, 5]);
            contract = sign(&federation, contract.contract);
        }
        let slot = contract.contract.slot;
        federation.tell(site(2), ToSite::Contract(contract.clone()));
        assert_eq!(tick(&mut federation, SIX_HOURS - 1), []);
        // The same contract again does not begin the time anew.
        federation.tell(site(2), ToSite::Contract(contract.clone()));
        let ballots = tick(&mut federation, 1);
        let [FromSite::Ballot(ballot)] = ballots.as_slice() else { panic!("{ballots:?}") };
        assert_eq!((ballot.id.slot, ballot.from), (slot, site(2)));
        assert_eq!(ballot.vote, ripieno_secagg::round::outcome::Vote::Void);
        assert_eq!(tick(&mut federation, SIX_HOURS), [], "once");
        let late = ToSite::Contract(contract);
        assert_refused(&mut federation, site(2), late, Check::S4, COORDINATOR);
    }
}

#[test]
fn repro_a_slot_whose_survivors_were_signed_is_not_ended_by_the_clock() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    let proposal = federation.intercept(site(2), is_proposal);
    let ballots = federation.tell(site(2), proposal.clone());
    assert!(matches!(ballots.as_slice(), [FromSite::Ballot(_)]), "{ballots:?}");
    assert_eq!(tick(&mut federation, 10 * SIX_HOURS), []);
    assert_eq!(federation.tell(site(2), proposal), ballots, "it stands by what it signed");
}

/// Bit 255 of an X25519 key is not looked at: with it, one key has two encodings.
#[test]
fn repro_an_advert_with_a_key_in_another_encoding_is_refused() {
    for of_slot in [false, true] {
        let mut federation = Federation::new(&Settings::new(4, 1));
        federation.begin(&vector(8, 2, ""));
        let is_adverts = |message: &ToSite| matches!(message, ToSite::Adverts { .. });
        let ToSite::Adverts { epoch, slots, mut adverts } =
            federation.intercept(site(2), is_adverts)
        else {
            panic!()
        };
        let key = match of_slot {
            true => &mut adverts[2].slots[1].mask_key,
            false => &mut adverts[2].channel_key,
        };
        key[31] |= 0x80;
        adverts[2].signature = federation.keys[&site(3)].sign(&adverts[2].digest());
        let lie = ToSite::Adverts { epoch, slots, adverts };
        assert_refused(&mut federation, site(2), lie, Check::A1, culprit(3));
    }
}

/// A site that was heard too late is not in the epoch. That is no lie, and it deals nothing.
#[test]
fn repro_an_epoch_without_this_site_is_no_lie() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&vector(8, 2, ""));
    let is_adverts = |message: &ToSite| matches!(message, ToSite::Adverts { .. });
    let ToSite::Adverts { epoch, slots, adverts } = federation.intercept(site(2), is_adverts)
    else {
        panic!()
    };
    let without: Vec<_> = adverts.into_iter().filter(|advert| advert.from != site(2)).collect();
    let adverts = ToSite::Adverts { epoch, slots, adverts: without };
    assert_silent(&mut federation, site(2), adverts.clone());
    assert_silent(&mut federation, site(2), adverts);
}

/// The others may need this site to void a slot that it has no part in.
#[test]
fn repro_an_epoch_is_kept_while_a_slot_of_others_is_under_way() {
    let mut federation = Federation::new(&Settings::new(5, 1).slots(1));
    let study = federation.begin(&vector(8, 6, ""));
    let mut contract = next_contract(&mut federation, site(2));
    contract.contract.participants = crate::common::set([1, 3, 4, 5]);
    let contract = sign(&federation, contract.contract);
    let id = ripieno_secagg::SlotId::of(&contract.contract);
    assert_silent(&mut federation, site(2), ToSite::Contract(contract));
    // What the coordinator says of that slot is lost.
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Down(to, ToSite::VoidRequest(of)) if *to == site(2) && *of == id => Fate::Drop,
        Flight::Down(to, ToSite::Voided(of)) if *to == site(2) && of.id == id => Fate::Drop,
        _ => Fate::Pass,
    }));
    federation.run(&[study]);
    assert!(federation.result(&study).unwrap().is_ok());
    let ballots = federation.tell(site(2), ToSite::VoidRequest(id));
    assert!(matches!(ballots.as_slice(), [FromSite::Ballot(_)]), "{ballots:?}");
}

/// A holder meets the slot with a proposal that it refuses: its own clock ends the slot.
#[test]
fn repro_a_slot_that_was_met_with_a_bad_proposal_is_ended_by_the_clock() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&vector(8, 1, ""));
    let contract = next_contract(&mut federation, site(2));
    let survivors = contract.contract.participants.clone();
    let proposal = Proposal { contract, survivors, trailers: Vec::new() };
    let answers = federation.tell(site(2), ToSite::Propose(proposal));
    assert!(matches!(answers.as_slice(), [FromSite::Refused { .. }]), "{answers:?}");
    let ballots = tick(&mut federation, SIX_HOURS);
    assert!(matches!(ballots.as_slice(), [FromSite::Ballot(_)]), "{ballots:?}");
}

/// What is frozen needs no data, and no permit.
#[test]
fn repro_a_frozen_upload_goes_out_again_whatever_the_policy_says_by_then() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.begin(&glm(""));
    let contract = ToSite::Contract(next_contract(&mut federation, site(2)));
    let upload = federation.tell(site(2), contract.clone());
    assert!(matches!(upload.last(), Some(FromSite::Trailer { .. })), "{upload:?}");
    let closed = federation.gate(site(2), Policy::parse("").expect("a policy"));
    federation.sites.get_mut(&site(2)).unwrap().set_gate(closed);
    assert_eq!(federation.tell(site(2), contract), upload);
}
