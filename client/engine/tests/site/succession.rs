//! A charter follows another at a site: in every state, or not at all.

use ripieno_secagg::SlotId;
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::round::outcome::Certificate;
use ripieno_study::{Check, Culprit, Digest, Refusal};
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings, key};
use crate::common::site;
use crate::common::studies::glm;
use crate::lies::{assert_refused, assert_silent, is_open, next_contract, next_published};

/// The same sites under another minimum.
fn next(federation: &Federation) -> ripieno_identity::RatifiedCharter {
    federation.successor(|fields| fields.policy.minimum_sites += 1)
}

fn succeed(
    federation: &mut Federation,
    charter: &ripieno_identity::RatifiedCharter,
) -> Result<(), Refusal> {
    federation.sites.get_mut(&site(2)).unwrap().succeed(charter.clone())
}

#[test]
fn epochs_end_with_their_charter_and_studies_do_not() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let study = federation.begin(&glm(""));
    let contract = ToSite::Contract(next_contract(&mut federation, site(2)));
    let charter = next(&federation);
    assert_eq!(succeed(&mut federation, &charter), Ok(()));
    assert_eq!(federation.sites[&site(2)].charter().digest(), charter.digest());
    assert_eq!(federation.sites[&site(2)].hello().rounds.get(&study), Some(&1));
    assert_refused(&mut federation, site(2), contract, Check::S4, Culprit::Coordinator);
    // Its next advert is for the new charter; numbers of epochs begin anew, for T names the charter.
    assert_eq!(federation.sites[&site(2)].hello().last_epoch, 0);
    let announced = ToSite::Announce(Announcement { epoch: 1, slots: 4 });
    let answers = federation.tell(site(2), announced.clone());
    let [FromSite::Advert(advert)] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(advert.charter, charter.digest());
    assert_refused(&mut federation, site(2), announced.clone(), Check::A2, Culprit::Coordinator);
    let log = federation.log(site(2));
    let noted = log.iter().filter(|entry| entry.contains("charter-succeeded"));
    assert_eq!(noted.count(), 1);
    // It starts again under the new one.
    federation.charter = charter;
    federation.restart(site(2));
    assert_eq!(federation.sites[&site(2)].hello().rounds.get(&study), Some(&1));
    assert_eq!(federation.sites[&site(2)].hello().last_epoch, 1);
    assert_refused(&mut federation, site(2), announced, Check::A2, Culprit::Coordinator);
}

/// The site may end after its own record of the change and before that of whoever drives it: then
/// it starts under the old charter, in which its last epoch still counts.
#[test]
fn the_last_epoch_of_a_charter_is_known_also_after_a_step_forward_and_back() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    next_contract(&mut federation, site(2));
    let charter = next(&federation);
    assert_eq!(succeed(&mut federation, &charter), Ok(()));
    federation.restart(site(2));
    assert_eq!(federation.sites[&site(2)].hello().last_epoch, 1);
    let announced = ToSite::Announce(Announcement { epoch: 1, slots: 4 });
    assert_refused(&mut federation, site(2), announced, Check::A2, Culprit::Coordinator);
}

#[test]
fn one_announcement_does_not_use_the_numbers_of_epochs_up() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let last = ToSite::Announce(Announcement { epoch: u64::MAX, slots: 4 });
    assert_refused(&mut federation, site(2), last, Check::A2, Culprit::Coordinator);
    let study = federation.begin(&glm(""));
    federation.run(&[study]);
    assert!(federation.result(&study).unwrap().is_ok());
}

/// Site 2 has uploaded and signed, and a charter comes instead of the certificate.
fn unresolved_under_the_next_charter() -> (Federation, Certificate, Digest) {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let study = federation.begin(&glm(""));
    let ToSite::Open { certificate, .. } = federation.intercept(site(2), is_open) else { panic!() };
    let charter = next(&federation);
    assert_eq!(succeed(&mut federation, &charter), Ok(()));
    federation.charter = charter;
    (federation, certificate, study)
}

/// How many slots wait for a certificate, or for the steward.
fn waiting(federation: &Federation) -> usize {
    federation.sites[&site(2)].unresolved().count()
}

fn unresolved(federation: &Federation) -> Vec<SlotId> {
    federation.sites[&site(2)].hello().unresolved
}

#[test]
fn a_slot_without_a_certificate_stays_unresolved_and_nothing_waits_for_it() {
    let (mut federation, certificate, study) = unresolved_under_the_next_charter();
    let id = certificate.outcome.id;
    assert_eq!(unresolved(&federation), [id]);
    let spent = federation.sites[&site(2)].studies().find(|known| known.study.digest() == study);
    assert_eq!(spent.unwrap().opened, 0);
    // Sites of the new charter that were not of the old one cannot resolve it.
    let mut forged = certificate.clone();
    let digest = forged.outcome.digest();
    forged.signatures.values_mut().for_each(|signature| *signature = key("nobody").sign(&digest));
    for _ in 0..2 {
        let open = ToSite::Open { certificate: forged.clone(), proposal: None };
        assert_refused(&mut federation, site(2), open, Check::U1, Culprit::Coordinator);
        federation.restart(site(2));
        assert_eq!(unresolved(&federation), [id]);
    }
    let open = ToSite::Open { certificate, proposal: None };
    assert_silent(&mut federation, site(2), open);
    assert_eq!(unresolved(&federation), []);
    federation.restart(site(2));
    assert_eq!(unresolved(&federation), []);
}

/// The next charter gives a holder another key: its signature under the old one still counts.
#[test]
fn a_late_certificate_is_verified_by_the_members_of_its_own_charter() {
    for restart in [false, true] {
        let mut federation = Federation::new(&Settings::new(5, 1));
        federation.begin(&glm(""));
        let ToSite::Open { certificate, .. } = federation.intercept(site(2), is_open) else {
            panic!()
        };
        let gone = certificate.signatures.keys().copied().find(|from| *from != site(2)).unwrap();
        let charter = federation.successor(|fields| {
            fields.sites.retain(|listed| listed.index != gone);
            fields.quorum = 3;
        });
        assert_eq!(succeed(&mut federation, &charter), Ok(()));
        let after = federation.successor_of(&charter);
        assert_eq!(succeed(&mut federation, &after), Ok(()));
        federation.charter = after;
        if restart {
            federation.restart(site(2));
        }
        let open = ToSite::Open { certificate, proposal: None };
        assert_silent(&mut federation, site(2), open);
        assert_eq!(unresolved(&federation), []);
    }
}

#[test]
fn the_sum_of_the_charter_before_is_verified_by_its_members() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let study = federation.begin(&glm(""));
    let published = next_published(&mut federation, site(2));
    let charter = next(&federation);
    assert_eq!(succeed(&mut federation, &charter), Ok(()));
    let answers = federation.tell(site(2), ToSite::Published(published));
    assert!(matches!(answers.as_slice(), [FromSite::State { .. }]), "{answers:?}");
    assert_eq!(federation.sites[&site(2)].hello().rounds.get(&study), Some(&2));
}

/// Site 2's steward about a slot; whether it was taken.
fn decide(federation: &mut Federation, id: &SlotId, opened: bool) -> Result<(), Refusal> {
    let now = federation.network.unix();
    let steward = federation.sites.get_mut(&site(2)).unwrap();
    steward.decide_slot(id, opened, "Grace", "the holders are gone", now)
}

#[test]
fn a_steward_resolves_a_slot_for_which_no_certificate_can_be_had() {
    for opened in [true, false] {
        let (mut federation, certificate, study) = unresolved_under_the_next_charter();
        let id = certificate.outcome.id;
        let other = SlotId { slot: id.slot + 1, ..id };
        assert_eq!(decide(&mut federation, &other, opened).unwrap_err().check, Check::S8);
        assert_eq!(decide(&mut federation, &id, opened), Ok(()));
        assert_eq!(waiting(&federation), 0);
        assert_eq!(unresolved(&federation), [id], "its certificate would outrank the steward");
        let log = federation.log(site(2)).join("\n");
        assert!(log.contains("Grace") && log.contains("the holders are gone"), "{log}");
        assert_eq!(decide(&mut federation, &id, opened).unwrap_err().check, Check::S8, "once");
        federation.restart(site(2));
        assert_eq!(waiting(&federation), 0);
        assert_eq!(unresolved(&federation), [id]);
        let opened_sums = |federation: &Federation| {
            let mut known = federation.sites[&site(2)].studies();
            known.find(|known| known.study.digest() == study).unwrap().opened
        };
        assert_eq!(opened_sums(&federation), u64::from(opened));
        // The certificate comes after all, and outranks the steward.
        let open = ToSite::Open { certificate, proposal: None };
        assert_silent(&mut federation, site(2), open);
        assert_eq!(opened_sums(&federation), 1);
        assert_eq!(unresolved(&federation), [], "nothing is lacking any more");
    }
}

#[test]
fn a_slot_whose_survivors_this_site_signed_does_not_count_as_void_while_its_epoch_lives() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    let open = federation.intercept(site(2), is_open);
    let ToSite::Open { certificate, .. } = &open else { panic!() };
    let id = certificate.outcome.id;
    let refusal = decide(&mut federation, &id, false).unwrap_err();
    assert_eq!((refusal.check, refusal.culprit), (Check::S8, Culprit::Own));
    assert_eq!(unresolved(&federation), [id]);
    assert_eq!(decide(&mut federation, &id, true), Ok(()));
    let answers = federation.tell(site(2), open);
    assert!(matches!(answers.as_slice(), [FromSite::Release(_)]), "{answers:?}");
}

#[test]
fn a_site_that_was_revoked_and_a_charter_that_does_not_follow() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let without = federation.successor(|fields| {
        fields.sites.retain(|listed| listed.index != site(2));
        fields.quorum = 3;
    });
    let refusal = succeed(&mut federation, &without).unwrap_err();
    assert_eq!((refusal.check, refusal.culprit), (Check::H1, Culprit::Own));
    assert!(refusal.reason.contains("it was revoked"), "{refusal}");
    let second = next(&federation);
    let first = std::mem::replace(&mut federation.charter, second.clone());
    let third = next_of(&federation);
    let lone = first.clone();
    for lie in [third, lone] {
        let refusal = succeed(&mut federation, &lie).unwrap_err();
        assert_eq!(refusal.check, Check::H1);
        assert!(refusal.reason.contains("does not follow"), "{refusal}");
    }
    assert_eq!(succeed(&mut federation, &second), Ok(()));
    let refusal = succeed(&mut federation, &second).unwrap_err();
    assert!(refusal.reason.contains("does not follow"), "{refusal}");
    // The right version, behind another second one.
    federation.charter = first;
    let other = federation.successor(|fields| fields.quorum += 1);
    let third = federation.successor_of(&other);
    let refusal = succeed(&mut federation, &third).unwrap_err();
    assert!(refusal.reason.contains("does not follow"), "{refusal}");
}

fn next_of(federation: &Federation) -> ripieno_identity::RatifiedCharter {
    federation.successor(|_| {})
}

#[test]
fn a_site_that_cannot_write_has_no_new_charter() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let charter = next(&federation);
    let shelf = federation.tapes[&site(2)].shelf.clone();
    shelf.fail_after(shelf.writes());
    let refusal = succeed(&mut federation, &charter).unwrap_err();
    assert_eq!((refusal.check, refusal.culprit), (Check::S8, Culprit::Own));
    let announced = ToSite::Announce(Announcement { epoch: 2, slots: 4 });
    let answers = federation.tell(site(2), announced);
    assert!(matches!(answers.as_slice(), [FromSite::Refused { .. }]), "{answers:?}");
}
