//! What a charter must keep, and who must sign it.

use crate::common::{consents, fields, founded, index, key, public, site};
use ripieno_identity::charter::{BadCharter, Charter, CharterFields, FINGERPRINT_WORDS};
use ripieno_identity::ratification::{BadSuccession, RatifiedCharter, consent_digest};
use ripieno_study::{Check, Culprit, Refusal};

/// Version 2 of a federation: what `change` makes of version 1.
fn next(current: &RatifiedCharter, change: impl FnOnce(&mut CharterFields)) -> Charter {
    let mut fields = current.charter().fields().clone();
    fields.version += 1;
    fields.previous = Some(current.digest());
    change(&mut fields);
    Charter::new(fields).expect("a charter good by itself")
}

fn culprit(result: Result<RatifiedCharter, Refusal>) -> Culprit {
    let refusal = result.expect_err("must be refused");
    assert_eq!(refusal.check, Check::H1, "{refusal}");
    refusal.culprit
}

fn broken(change: impl FnOnce(&mut CharterFields)) -> BadCharter {
    let mut fields = fields(4);
    change(&mut fields);
    Charter::new(fields).expect_err("must be refused")
}

#[test]
fn names_are_short_plain_and_unique() {
    assert!(matches!(broken(|f| f.federation.clear()), BadCharter::Name(_)));
    assert!(matches!(broken(|f| f.federation = "a".repeat(65)), BadCharter::Name(_)));
    assert!(matches!(broken(|f| f.sites[1].name = "Zürich".into()), BadCharter::Name(_)));
    assert!(matches!(broken(|f| f.sites[1].name = "a\nb".into()), BadCharter::Name(_)));
    let doubled = broken(|f| f.sites[2].name = f.sites[0].name.to_uppercase());
    assert_eq!(doubled, BadCharter::DoubledName(index(3)));
}

#[test]
fn keys_are_unique_the_coordinators_included() {
    let doubled = BadCharter::DoubledKey(index(4));
    assert_eq!(broken(|f| f.sites[3].key = f.sites[0].key), doubled);
    assert_eq!(broken(|f| f.coordinator = f.sites[3].key), doubled);
}

#[test]
fn indices_increase_and_stay_below_the_next_one() {
    assert_eq!(broken(|f| f.sites.swap(0, 1)), BadCharter::Order(index(1)));
    assert_eq!(broken(|f| f.sites[1].index = index(1)), BadCharter::Order(index(1)));
    let low = BadCharter::NextIndex { next_index: 4, highest: index(4) };
    assert_eq!(broken(|f| f.next_index = 4), low);
}

#[test]
fn a_charter_says_where_two_sums_may_share_one_honest_site_alone() {
    let least = |sites: u16, corrupt: u16, minimum: u16| {
        let mut fields = fields(sites);
        (fields.corrupt, fields.policy.minimum_sites) = (corrupt, minimum);
        fields.quorum = (sites + corrupt) / 2 + 1;
        let charter = Charter::new(fields).expect("a charter");
        assert_eq!(charter.caution().is_some(), charter.minimum_to_meet().is_some());
        charter.minimum_to_meet()
    };
    assert_eq!([least(3, 0, 3), least(4, 0, 3), least(5, 1, 4)], [None; 3]);
    assert_eq!(least(5, 0, 3), Some(4));
    assert_eq!(least(6, 1, 4), Some(5), "two sets of four share two, of which one is corrupt");
    assert_eq!(least(6, 1, 5), None);
    assert_eq!(least(20, 2, 5), Some(12));
}

#[test]
fn versions_are_chained() {
    let some = founded(3).digest();
    assert_eq!(broken(|f| f.version = 0), BadCharter::Version(0));
    let zeroth = broken(|f| (f.version, f.previous) = (0, Some(some)));
    assert_eq!(zeroth, BadCharter::Version(0));
    assert_eq!(broken(|f| f.version = 2), BadCharter::Version(2));
    assert_eq!(broken(|f| f.previous = Some(some)), BadCharter::Version(1));
}

#[test]
fn the_numbers_must_protect_somebody() {
    assert_eq!(broken(|f| f.sites.truncate(2)), BadCharter::TooFewSites(2));
    assert_eq!(broken(|f| f.sites.clear()), BadCharter::TooFewSites(0));
    assert_eq!(broken(|f| f.corrupt = 2), BadCharter::Corrupt { corrupt: 2, sites: 4 });
    for minimum in [2, 5] {
        let bad = BadCharter::Minimum { minimum, corrupt: 0, sites: 4 };
        assert_eq!(broken(|f| f.policy.minimum_sites = minimum), bad);
    }
}

#[test]
fn a_quorum_that_could_be_reached_twice_is_refused() {
    // 4 sites: without corrupt ones 3 suffice; with one, 2q > 5 still gives 3.
    for quorum in [0, 2, 5, u16::MAX] {
        let bad = BadCharter::Quorum { quorum, corrupt: 0, sites: 4 };
        assert_eq!(broken(|f| f.quorum = quorum), bad);
    }
    let six = |quorum| {
        let mut fields = fields(6);
        (fields.corrupt, fields.quorum, fields.policy.minimum_sites) = (2, quorum, 5);
        Charter::new(fields)
    };
    assert_eq!(six(4), Err(BadCharter::Quorum { quorum: 4, corrupt: 2, sites: 6 }));
    assert!(six(5).is_ok());
}

#[test]
fn every_field_changes_the_digest() {
    // Six sites and a quorum of five leave room to move every number by one.
    let base = || {
        let mut fields = fields(6);
        fields.quorum = 5;
        fields
    };
    let changes: [fn(&mut CharterFields); 11] = [
        |f| f.federation.push('y'),
        |f| (f.version, f.previous) = (2, Some(founded(3).digest())),
        |f| (f.version, f.previous) = (2, Some(founded(4).digest())),
        |f| (f.version, f.previous) = (3, Some(founded(4).digest())),
        |f| f.sites.truncate(5),
        |f| f.sites[0].name.push('x'),
        |f| f.sites[0].key = public(77),
        |f| (f.sites[5].index, f.next_index) = (index(7), 8),
        |f| f.coordinator = public(77),
        |f| f.quorum = 6,
        |f| f.policy.minimum_sites = 4,
    ];
    let mut seen = vec![Charter::new(base()).unwrap().digest()];
    let corrupt = |f: &mut CharterFields| (f.corrupt, f.policy.minimum_sites) = (1, 4);
    let free = |f: &mut CharterFields| f.next_index += 1;
    let all = changes.into_iter().chain([corrupt as fn(&mut _), free as fn(&mut _)]);
    for (i, change) in all.enumerate() {
        let mut fields = base();
        change(&mut fields);
        let digest = Charter::new(fields).unwrap().digest();
        assert!(!seen.contains(&digest), "change {i}");
        seen.push(digest);
    }
}

#[test]
fn the_fingerprint_is_all_of_the_digest() {
    let words = Charter::new(fields(3)).unwrap().fingerprint_words();
    assert_eq!(words.len(), FINGERPRINT_WORDS);
    let other = founded(4).charter().fingerprint_words();
    assert_ne!(words, other);
    let back = bip39::Mnemonic::parse(words.join(" ")).unwrap().to_entropy();
    assert_eq!(back, founded(3).digest().as_bytes());
}

#[test]
fn a_founding_charter_needs_every_site() {
    let charter = || Charter::new(fields(3)).unwrap();
    let found = |consents| RatifiedCharter::found(charter(), consents);
    assert!(found(consents(&charter(), &[3, 1, 2])).is_ok());
    assert_eq!(culprit(found(consents(&charter(), &[1, 3]))), Culprit::Site(index(2)));
    assert_eq!(culprit(found(consents(&charter(), &[1, 1, 2, 3]))), Culprit::Site(index(1)));
    assert_eq!(culprit(found(consents(&charter(), &[1, 2, 3, 4]))), Culprit::Site(index(4)));
}

#[test]
fn a_consent_counts_for_one_charter_and_one_site() {
    let charter = Charter::new(fields(3)).unwrap();
    let found = |consents| RatifiedCharter::found(charter.clone(), consents);
    let other = consents(founded(4).charter(), &[1, 2, 3]);
    assert_eq!(culprit(found(other)), Culprit::Site(index(1)));
    assert_ne!(consent_digest(&charter, index(1)), consent_digest(&charter, index(2)));
    let mut copied = consents(&charter, &[1, 2, 3]);
    copied[2].signature = copied[1].signature;
    assert_eq!(culprit(found(copied)), Culprit::Site(index(3)));
    let mut forged = consents(&charter, &[1, 2, 3]);
    forged[0].signature = key(9).sign(&consent_digest(&charter, index(1)));
    assert_eq!(culprit(found(forged)), Culprit::Site(index(1)));
}

#[test]
fn a_later_version_founds_nothing() {
    let charter = next(&founded(3), |_| ());
    let signed = consents(&charter, &[1, 2, 3]);
    assert_eq!(culprit(RatifiedCharter::found(charter, signed)), Culprit::Coordinator);
}

#[test]
fn a_quorum_of_the_version_before_decides() {
    let current = founded(4);
    let joined = next(&current, |f| {
        f.sites.push(site(5));
        f.next_index = 6;
        f.quorum = 4;
    });
    let succeed = |sites: &[u16]| current.succeed(joined.clone(), consents(&joined, sites));
    let after = succeed(&[1, 2, 4]).unwrap();
    assert_eq!((after.sites().len(), after.charter().fields().version), (5, 2));
    assert_eq!(culprit(succeed(&[1, 2])), Culprit::Coordinator);
    // The newcomer has no say on the charter that lets it in.
    assert_eq!(culprit(succeed(&[1, 2, 5])), Culprit::Site(index(5)));
    assert_eq!(culprit(succeed(&[1, 2, 2])), Culprit::Site(index(2)));
}

#[test]
fn a_successor_follows_its_predecessor() {
    let current = founded(4);
    let refused = |charter: Charter| {
        let signed = consents(&charter, &[1, 2, 3, 4]);
        let refusal = current.succeed(charter, signed).expect_err("must be refused");
        assert_eq!((refusal.check, refusal.culprit), (Check::H1, Culprit::Coordinator));
        refusal
    };
    let expect = |charter, bad: BadSuccession| assert_eq!(refused(charter), bad.into());
    let renamed = next(&current, |f| f.federation = "oncology".into());
    expect(renamed, BadSuccession::Federation("oncology".into()));
    expect(next(&current, |f| f.version = 3), BadSuccession::Version(3));
    let elsewhere = founded(3).digest();
    expect(next(&current, |f| f.previous = Some(elsewhere)), BadSuccession::Previous);
    let proposed = next(&current, |f| f.previous = Some(elsewhere));
    assert_eq!(current.check_successor(&proposed), Err(BadSuccession::Previous));
}

/// By check H1 an index belongs to one site for ever.
#[test]
fn an_index_is_never_given_to_another_site() {
    let first = founded(4);
    let reused = |current: &RatifiedCharter, change: fn(&mut CharterFields)| {
        let charter = next(current, change);
        let signed = consents(&charter, &[1, 2, 3]);
        current.succeed(charter, signed).expect_err("must be refused")
    };
    let bad = |i| Refusal::from(BadSuccession::ReusedIndex(index(i)));
    assert_eq!(reused(&first, |f| f.sites[3].key = public(50)), bad(4));
    assert_eq!(reused(&first, |f| f.sites[3].name = "annex".into()), bad(4));
    // Site 4 leaves; later nobody takes its number, not even itself, nor is it forgotten.
    let gone = next(&first, |f| f.sites.truncate(3));
    let signed = consents(&gone, &[1, 2, 3]);
    let second = first.succeed(gone, signed).unwrap();
    assert_eq!(reused(&second, |f| f.sites.push(site(4))), bad(4));
    let back = reused(&second, |f| f.next_index = 4);
    assert_eq!(back, BadSuccession::NextIndex { from: 5, to: 4 }.into());
    let again = next(&second, |f| {
        f.sites.push(site(5));
        f.next_index = 6;
    });
    let signed = consents(&again, &[1, 2, 3]);
    assert!(second.succeed(again, signed).is_ok());
}
