//! Histories of charters: forged, cut, reordered, forked.

use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{
    Charter, CharterConsent, CharterFields, CharterSite, FederationPolicy, RatifiedCharter,
    SigningKey,
};
use ripieno_study::{Check, Culprit, Refusal, SiteIndex};
use zeroize::Zeroizing;

use crate::History;
use crate::membership::{decode_history, decode_ratified, encode_history, encode_ratified};

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([n; 32]))
}

fn index(i: u8) -> SiteIndex {
    SiteIndex::new(i.into()).unwrap()
}

/// Version 1 with sites 1 to 3, or the next version with one more; `mark` ends the name of the
/// last.
fn proposed(before: Option<&RatifiedCharter>, mark: &str) -> Charter {
    let site = |i, mark| CharterSite {
        index: index(i),
        name: format!("site {i}{mark}"),
        key: key(i).public(),
    };
    let mut sites = before.map_or_else(|| vec![site(1, ""), site(2, "")], |b| b.sites().to_vec());
    let n = u8::try_from(sites.len()).unwrap() + 1;
    sites.push(site(n, mark));
    Charter::new(CharterFields {
        federation: "cardiology".into(),
        version: u32::from(n) - 2,
        previous: before.map(RatifiedCharter::digest),
        sites,
        next_index: u16::from(n) + 1,
        coordinator: key(200).public(),
        corrupt: 0,
        quorum: u16::from(n) / 2 + 1,
        policy: FederationPolicy { minimum_sites: 3 },
    })
    .unwrap()
}

fn consents(charter: &Charter, sites: impl Iterator<Item = u8>) -> Vec<CharterConsent> {
    let sign = |i| CharterConsent {
        site: index(i),
        signature: key(i).sign(&consent_digest(charter, index(i))),
    };
    sites.map(sign).collect()
}

/// Versions 1 to `n`; the consents stand in falling order, as they may have come in.
fn federation(n: usize) -> Vec<RatifiedCharter> {
    let first = proposed(None, "");
    let signed = consents(&first, (1..=3).rev());
    let mut charters = vec![RatifiedCharter::found(first, signed).unwrap()];
    while charters.len() < n {
        charters.push(successor(charters.last().unwrap(), ""));
    }
    charters
}

fn successor(before: &RatifiedCharter, mark: &str) -> RatifiedCharter {
    let next = proposed(Some(before), mark);
    let electorate = u8::try_from(before.sites().len()).unwrap();
    let signed = consents(&next, (1..=electorate).rev());
    before.succeed(next, signed).unwrap()
}

/// What a receiver makes of them.
fn received<'a>(charters: impl IntoIterator<Item = &'a RatifiedCharter>) -> History {
    let charters: Vec<_> = charters.into_iter().cloned().collect();
    decode_history(encode_history(&charters)).unwrap()
}

fn digests(charters: &[RatifiedCharter]) -> Vec<ripieno_study::Digest> {
    charters.iter().map(RatifiedCharter::digest).collect()
}

#[track_caller]
fn refused(result: Result<Vec<RatifiedCharter>, Refusal>, culprit: Culprit, words: &str) {
    let refusal = result.expect_err("must be refused");
    assert_eq!((refusal.check, refusal.culprit), (Check::H1, culprit), "{refusal}");
    assert!(refusal.reason.contains(words), "{refusal}");
}

#[test]
fn a_whole_history_is_verified() {
    let all = federation(4);
    let verified = received(&all).verify().unwrap();
    assert_eq!(digests(&verified), digests(&all));
    assert_eq!(verified[3].consents().len(), 5);
}

#[test]
fn one_charter_in_force_round_trips() {
    let charter = federation(1).remove(0);
    let (decoded, consents) = decode_ratified(encode_ratified(&charter)).unwrap();
    assert_eq!(RatifiedCharter::found(decoded, consents).unwrap().digest(), charter.digest());
}

#[test]
fn who_holds_a_version_verifies_the_later_ones() {
    let all = federation(4);
    for start in 0..=2 {
        // From the beginning, from the version that is held, and from the one after it.
        let later = received(&all[start..]).verify_after(&all[1]).unwrap();
        assert_eq!(digests(&later), digests(&all[2..]), "from {start}");
    }
    assert_eq!(received(&all[..2]).verify_after(&all[1]), Ok(Vec::new()));
    assert_eq!(received(&all[..1]).verify_after(&all[1]), Ok(Vec::new()), "older ones only");
    assert_eq!(received([]).verify_after(&all[1]), Ok(Vec::new()));
}

#[test]
fn a_history_begins_with_version_1() {
    let all = federation(3);
    refused(received([]).verify(), Culprit::Coordinator, "no charter in the history");
    refused(received(&all[1..]).verify(), Culprit::Coordinator, "only version 1");
}

#[test]
fn no_version_is_left_out_or_moved() {
    let all = federation(4);
    let (one, two, three, four) = (&all[0], &all[1], &all[2], &all[3]);
    let coordinator = Culprit::Coordinator;
    refused(received([one, three]).verify(), coordinator, "version 3 is not the one after");
    refused(received([one, three, two]).verify(), coordinator, "version 3 is not");
    refused(received([one, one]).verify(), coordinator, "version 1 is not");
    refused(received([four]).verify_after(two), coordinator, "version 4 is not");
    refused(received([four, three]).verify_after(two), coordinator, "version 4 is not");
    refused(received([three, two]).verify_after(two), coordinator, "version 2 is not");
    refused(received([two, two]).verify_after(two), coordinator, "version 2 is not");
}

/// Whoever passes a history on can put a bad signature under any name: the site that is named has
/// done nothing.
#[test]
fn repro_a_forged_consent_is_laid_to_whoever_passed_it_on() {
    let all = federation(2);
    let forged = |signed: Vec<CharterConsent>| {
        let second = (all[1].charter().clone(), signed);
        let first = (all[0].charter().clone(), all[0].consents().to_vec());
        History::new(vec![first, second]).verify()
    };
    let mut signed = consents(all[1].charter(), 1..=3);
    signed[1].signature = key(9).sign(&consent_digest(all[1].charter(), index(2)));
    let coordinator = Culprit::Coordinator;
    refused(forged(signed), coordinator, "site 2: its consent to the charter");
    let few = consents(all[1].charter(), 1..=1);
    refused(forged(few), coordinator, "has 1 of the 2 signatures");
    let newcomer = consents(all[1].charter(), 4..=4);
    refused(forged(newcomer), coordinator, "no say");
    let founder = (all[0].charter().clone(), consents(all[0].charter(), 1..=2));
    let lacking = History::new(vec![founder]).verify();
    refused(lacking, coordinator, "site 3: it has not signed version 1");
}

#[test]
fn another_charter_of_a_version_that_is_held_is_a_fork() {
    let all = federation(2);
    let other = successor(&all[0], " other");
    let third = successor(&other, "");
    let words = "compare the words";
    refused(received([&all[0], &other]).verify_after(&all[1]), Culprit::Coordinator, words);
    refused(received([&other, &third]).verify_after(&all[1]), Culprit::Coordinator, words);
    // Without the fork itself its successor does not follow.
    let words = "its previous digest is not that of the charter in force";
    refused(received([&third]).verify_after(&all[1]), Culprit::Coordinator, words);
}
