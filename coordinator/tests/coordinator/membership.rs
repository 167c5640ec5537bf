//! Charters: proposed, signed, in force, followed by others.

use ripieno_coordinator::store::Store;
use ripieno_rpc::SitesRequest;
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Heard;
use ripieno_rpc::{GetRequest, ProposeCharterRequest, RevokeRequest, ShowCharterRequest};
use ripieno_study::{Check, Digest, Refusal};
use ripieno_wire::FromSite;
use ripieno_wire::membership::{decode_charter, decode_ratified, encode_consent};
use tonic::Code;

use crate::support::{BETWEEN, Hub, Researcher, STUDY, audit, bytes_of, failure, in_time};

#[tokio::test(flavor = "multi_thread")]
async fn a_federation_is_founded_by_all_its_sites() {
    let hub = Hub::start().await;
    let few = ProposeCharterRequest::default();
    let status = failure(hub.operator().await.propose_charter(few)).await;
    assert_eq!(status.code(), Code::FailedPrecondition);
    let (members, there) = hub.found(&["a", "b", "c", "d"]).await;
    let charter = there[0].charter.clone().unwrap();
    assert!(there.iter().all(|site| site.charter.as_ref() == Some(&charter)));
    assert_eq!((charter.sites().len(), charter.corrupt()), (4, 1));
    assert_eq!(members[2].index(charter.charter()).get(), 3);
    let shown = in_time(hub.operator().await.show_charter(ShowCharterRequest {})).await.unwrap();
    let (shown, consents) = decode_ratified(shown.into_inner().in_force.unwrap()).unwrap();
    assert_eq!((shown.digest(), consents.len()), (charter.digest(), 4));
    assert!(audit(&hub.folder()).contains("charter-in-force"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_in_anothers_name_does_not_count() {
    let hub = Hub::start().await;
    let mut members = Vec::new();
    for name in ["a", "b", "c"] {
        members.push(hub.enrol(name).await);
    }
    let request = ProposeCharterRequest::default();
    in_time(hub.operator().await.propose_charter(request)).await.unwrap();
    let mut thief = hub.attend(&members[0], None).await;
    let charter = thief.proposal().await;
    let stolen = members[1].consent(&charter);
    thief.say(Said::Consent(encode_consent(&stolen))).await;
    // Its own is asked for again.
    assert_eq!(thief.proposal().await, charter);
    let shown = in_time(hub.operator().await.show_charter(ShowCharterRequest {})).await.unwrap();
    let shown = shown.into_inner();
    assert_eq!((shown.signed.len(), shown.unsigned.len(), shown.needed), (0, 3, 3));
    assert!(audit(&hub.folder()).contains("charter-consent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_outlive_a_restart_and_bind_the_operator() {
    let mut hub = Hub::start().await;
    let mut members = Vec::new();
    for name in ["a", "b", "c"] {
        members.push(hub.enrol(name).await);
    }
    let propose = ProposeCharterRequest::default;
    in_time(hub.operator().await.propose_charter(propose())).await.unwrap();
    // Nobody has signed: it may be replaced.
    let other = ProposeCharterRequest { quorum: Some(3), ..propose() };
    in_time(hub.operator().await.propose_charter(other)).await.unwrap();
    let mut first = hub.attend(&members[0], None).await;
    let charter = first.proposal().await;
    assert_eq!(charter.fields().quorum, 3);
    first.say(Said::Consent(encode_consent(&members[0].consent(&charter)))).await;
    in_time(async {
        while hub.signed().await.is_empty() {
            tokio::time::sleep(BETWEEN).await;
        }
    })
    .await;
    let status = failure(hub.operator().await.propose_charter(propose())).await;
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    hub.stop().await;
    hub.serve().await;
    assert_eq!(hub.signed().await, ["a"]);
    // What a site said before it left may be lost with its connection: they stay.
    let mut here = Vec::new();
    for member in &members[1..] {
        let mut there = hub.attend(member, None).await;
        assert_eq!(there.proposal().await, charter);
        there.say(Said::Consent(encode_consent(&member.consent(&charter)))).await;
        if member.name == "c" {
            assert_eq!(there.charters().await.len(), 1);
        }
        here.push(there);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_gets_the_charters_that_it_lacks() {
    let mut hub = Hub::start().await;
    let (members, there) = hub.found(&["a", "b", "c"]).await;
    let charter = there[0].charter.clone().unwrap();
    drop(there);
    hub.stop().await;
    hub.serve().await;
    let mut anew = hub.attend(&members[0], None).await;
    assert_eq!(anew.charters().await, std::slice::from_ref(&charter));
    hub.attend(&members[1], Some(&charter)).await;
    // A charter that is not this federation's.
    let (_, others) = Hub::start().await.found(&["a", "b", "c"]).await;
    let other = others[0].charter.as_ref();
    let status = hub.try_attend(&members[2], other).await.err().unwrap();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    assert!(audit(&hub.folder()).contains("charter-differs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_joins_by_the_next_charter() {
    let hub = Hub::start().await;
    let (members, mut there) = hub.found(&["a", "b", "c"]).await;
    let newcomer = hub.enrol("d").await;
    let mut new = hub.attend(&newcomer, None).await;
    assert_eq!(new.charters().await.len(), 1);
    let request = ProposeCharterRequest { corrupt: Some(1), ..ProposeCharterRequest::default() };
    let answer = in_time(hub.operator().await.propose_charter(request)).await.unwrap();
    let charter = decode_charter(answer.into_inner().proposed).unwrap();
    assert_eq!((charter.fields().version, charter.fields().sites.len()), (2, 4));
    // Two of three are the quorum of the charter in force.
    for (member, site) in members.iter().zip(&mut there).take(2) {
        assert_eq!(site.proposal().await, charter);
        site.say(Said::Consent(encode_consent(&member.consent(&charter)))).await;
    }
    for site in &mut there {
        assert_eq!(*site.charters().await[0].charter(), charter);
    }
    assert_eq!(hub.status().await.charter_version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_a_member_proposes_a_charter_without_it() {
    let hub = Hub::start().await;
    let (_, mut there) = hub.found(&["a", "b", "c", "d", "e"]).await;
    let request = RevokeRequest { site: "e".into(), reason: "left".into(), corrupt: None };
    let answer = in_time(hub.operator().await.revoke(request)).await.unwrap().into_inner();
    let charter = decode_charter(answer.proposed.unwrap()).unwrap();
    assert_eq!(charter.fields().sites.len(), 4);
    assert_eq!(there[0].proposal().await, charter);
    let alarms = hub.status().await.alarms;
    assert!(alarms.iter().any(|alarm| alarm.contains("e is revoked")), "{alarms:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_sites_for_the_next_charter_are_said() {
    let hub = Hub::start().await;
    hub.found(&["a", "b", "c"]).await;
    let request = RevokeRequest { site: "c".into(), reason: "left".into(), corrupt: None };
    let answer = in_time(hub.operator().await.revoke(request)).await.unwrap().into_inner();
    assert_eq!(answer.proposed, None);
    assert!(answer.why_none.contains("no study runs any more"), "{}", answer.why_none);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_refused_is_shown_told_and_written_down() {
    let hub = Hub::start().await;
    let (members, mut there) = hub.found(&["a", "b", "c"]).await;
    let charter = there[0].charter.clone().unwrap();
    let of = members[2].index(charter.charter());
    let reason =
        "its ledger ends at record 1, and record 4 was seen before: was it restored from a backup?";
    let refusal = Refusal::site(Check::L1, of, reason);
    there[0].tell(FromSite::Refused { id: None, study: None, refusal: refusal.clone() }).await;
    loop {
        if let Heard::LedgerBehind(behind) = there[2].next().await.unwrap() {
            assert_eq!(behind.refused_by, [u32::from(members[0].index(charter.charter()).get())]);
            assert!(!behind.by_coordinator, "it is the word of a site alone");
            break;
        }
    }
    let alarms = hub.status().await.alarms;
    let alarm = alarms.iter().find(|alarm| alarm.contains("The ledger of c")).unwrap();
    assert!(alarm.contains("check L1, by a)") && alarm.contains("newest folder"), "{alarm}");
    assert!(alarm.contains("unproven") && !alarm.contains("this coordinator"), "{alarm}");
    let sites = in_time(hub.operator().await.sites(SitesRequest {})).await.unwrap().into_inner();
    let behind: Vec<_> = sites.sites.iter().map(|site| site.ledger_behind).collect();
    assert_eq!(behind, [false, false, true]);
    // Said again by the same site, it is one entry; and who comes back is told again.
    there[0].tell(FromSite::Refused { id: None, study: None, refusal }).await;
    let mut again = hub.attend(&members[2], Some(&charter)).await;
    loop {
        if matches!(again.next().await.unwrap(), Heard::LedgerBehind(_)) {
            break;
        }
    }
    assert_eq!(audit(&hub.folder()).matches("ledger-behind").count(), 1);
}

/// What a site says of its own ledger is not shown as what the coordinator found.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_site_cannot_speak_as_the_coordinator_of_its_ledger() {
    let hub = Hub::start().await;
    let (members, mut there) = hub.found(&["a", "b", "c"]).await;
    let charter = there[0].charter.clone().unwrap();
    let own = Refusal::site(Check::L1, members[0].index(charter.charter()), "made up");
    there[0].tell(FromSite::Refused { id: None, study: None, refusal: own }).await;
    // What is heard after it shows that it was handled.
    let of = members[2].index(charter.charter());
    let other = Refusal::site(Check::L1, of, "made up as well");
    there[0].tell(FromSite::Refused { id: None, study: None, refusal: other }).await;
    while !matches!(there[2].next().await.unwrap(), Heard::LedgerBehind(_)) {}
    let alarms = hub.status().await.alarms;
    assert!(alarms.iter().any(|alarm| alarm.contains("The ledger of c")), "{alarms:?}");
    assert!(!alarms.iter().any(|alarm| alarm.contains("The ledger of a")), "{alarms:?}");
    assert!(!alarms.iter().any(|alarm| alarm.contains("this coordinator")), "{alarms:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_one_of_four_says_what_to_type_or_takes_it() {
    let revoke = |corrupt| RevokeRequest { site: "d".into(), reason: "left".into(), corrupt };
    let hub = Hub::start().await;
    hub.found(&["a", "b", "c", "d"]).await;
    let answer = in_time(hub.operator().await.revoke(revoke(None))).await.unwrap().into_inner();
    assert_eq!(answer.proposed, None);
    assert!(answer.why_none.contains("charter propose --corrupt 0"), "{}", answer.why_none);
    // It is typed, and that is it.
    let request = ProposeCharterRequest { corrupt: Some(0), ..ProposeCharterRequest::default() };
    let answer = in_time(hub.operator().await.propose_charter(request)).await.unwrap();
    let charter = decode_charter(answer.into_inner().proposed).unwrap();
    assert_eq!((charter.fields().sites.len(), charter.fields().corrupt), (3, 0));

    let hub = Hub::start().await;
    hub.found(&["a", "b", "c", "d"]).await;
    let answer = in_time(hub.operator().await.revoke(revoke(Some(0)))).await.unwrap().into_inner();
    let charter = decode_charter(answer.proposed.unwrap()).unwrap();
    assert_eq!((charter.fields().sites.len(), charter.fields().corrupt), (3, 0));
}

/// Who has signed a proposal that was replaced is bound by it, also after a restart: it signs no other
/// in its place, and is not counted on for one.
#[tokio::test(flavor = "multi_thread")]
async fn signatures_under_a_proposal_that_was_replaced_bind_after_a_restart() {
    let mut hub = Hub::start().await;
    let (members, mut there) = hub.found(&["a", "b", "c", "d", "e"]).await;
    let propose = |minimum_sites| ProposeCharterRequest {
        minimum_sites: Some(minimum_sites),
        quorum: Some(5),
        corrupt: Some(1),
    };
    for (signer, minimum_sites) in [(0, 4), (1, 5)] {
        let mut operator = hub.operator().await;
        let proposed = operator.propose_charter(propose(minimum_sites));
        let proposed = in_time(proposed).await.unwrap().into_inner().proposed;
        let charter = decode_charter(proposed).unwrap();
        let consent = members[signer].consent(&charter);
        there[signer].say(Said::Consent(encode_consent(&consent))).await;
        in_time(async {
            while hub.signed().await.is_empty() {
                tokio::time::sleep(BETWEEN).await;
            }
        })
        .await;
    }
    // Three are left who have signed none, and four are needed.
    for _ in 0..2 {
        let status = failure(hub.operator().await.propose_charter(propose(4))).await;
        assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
        assert!(status.message().contains("too few are left"), "{status}");
        there.clear();
        hub.stop().await;
        hub.serve().await;
        assert_eq!(hub.signed().await, ["b"]);
    }
}

/// The coordinator ends when the last signature is durable and the charter is not yet in force: it is
/// from the next start on, of the first charter and of a later one.
#[tokio::test(flavor = "multi_thread")]
async fn a_charter_with_all_signatures_is_in_force_after_a_crash() {
    let mut hub = Hub::start().await;
    let mut members = Vec::new();
    for name in ["a", "b", "c"] {
        members.push(hub.enrol(name).await);
    }
    let requests = [
        ProposeCharterRequest::default(),
        ProposeCharterRequest { quorum: Some(3), ..ProposeCharterRequest::default() },
    ];
    for (version, request) in (1..).zip(requests) {
        let proposed = in_time(hub.operator().await.propose_charter(request)).await.unwrap();
        let charter = decode_charter(proposed.into_inner().proposed).unwrap();
        hub.stop().await;
        let store = Store::open(&hub.folder().join("coordinator.db")).await.unwrap();
        for member in &members {
            let consent = member.consent(&charter);
            let record = encode_consent(&consent);
            assert!(store.consent(&charter.digest(), consent.site, record).await.unwrap());
        }
        store.close().await.unwrap();
        hub.serve().await;
        in_time(async {
            while hub.status().await.charter_version != version {
                tokio::time::sleep(BETWEEN).await;
            }
        })
        .await;
        let request = ShowCharterRequest {};
        let shown = in_time(hub.operator().await.show_charter(request)).await.unwrap().into_inner();
        let (in_force, _) = decode_ratified(shown.in_force.unwrap()).unwrap();
        assert_eq!((in_force.digest(), shown.proposed), (charter.digest(), None));
    }
}

/// Says what it is until it is mended.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_site_that_is_turned_away_for_its_charter_is_an_alarm() {
    let mut hub = Hub::start().await;
    let (members, there) = hub.found(&["a", "b", "c"]).await;
    let first = there[0].charter.clone().unwrap();
    assert_eq!(hub.status().await.alarms, Vec::<String>::new());
    drop(there);
    let (_, others) = Hub::start().await.found(&["a", "b", "c"]).await;
    hub.try_attend(&members[1], others[0].charter.as_ref()).await.err().unwrap();
    let alarm = async |hub: &Hub, words: &str| {
        hub.status().await.alarms.iter().any(|alarm| alarm.contains(words))
    };
    assert!(alarm(&hub, "b holds another version 1 of the charter").await);
    // An older copy of the folder: the charter that came after it is unknown.
    hub.stop().await;
    let copy = tempfile::tempdir().unwrap();
    for name in ["coordinator.db", "coordinator.db-wal"] {
        if hub.folder().join(name).exists() {
            std::fs::copy(hub.folder().join(name), copy.path().join(name)).unwrap();
        }
    }
    hub.serve().await;
    let mut there = Vec::new();
    for member in &members {
        there.push(hub.attend(member, Some(&first)).await);
    }
    assert!(!alarm(&hub, "b holds").await, "it is admitted");
    let request = ProposeCharterRequest { quorum: Some(3), ..ProposeCharterRequest::default() };
    in_time(hub.operator().await.propose_charter(request)).await.unwrap();
    for (member, site) in members.iter().zip(&mut there) {
        let charter = site.proposal().await;
        site.say(Said::Consent(encode_consent(&member.consent(&charter)))).await;
    }
    let second = there[0].charters().await.pop().unwrap();
    drop(there);
    hub.stop().await;
    for name in ["coordinator.db", "coordinator.db-wal", "coordinator.db-shm"] {
        let (from, to) = (copy.path().join(name), hub.folder().join(name));
        match from.exists() {
            true => drop(std::fs::copy(from, to).unwrap()),
            // There may be none.
            false => drop(std::fs::remove_file(to)),
        }
    }
    hub.serve().await;
    hub.try_attend(&members[0], Some(&second)).await.err().unwrap();
    assert!(alarm(&hub, "a holds a later charter than this coordinator, version 2").await);
    assert!(alarm(&hub, "The database is older than the list of revoked certificates").await);
    let request = RevokeRequest { site: "a".into(), reason: "gone".into(), corrupt: None };
    in_time(hub.operator().await.revoke(request)).await.unwrap();
    assert!(!alarm(&hub, "a holds").await, "it does not come back");
}

/// It is connected, and takes part in nothing.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_newcomer_that_has_not_confirmed_the_words_is_an_alarm() {
    let hub = Hub::start().await;
    let (members, mut there) = hub.found(&["a", "b", "c"]).await;
    let newcomer = hub.enrol("d").await;
    let mut new = hub.attend(&newcomer, None).await;
    let first = new.charters().await.pop().unwrap();
    let request = ProposeCharterRequest { corrupt: Some(1), ..ProposeCharterRequest::default() };
    in_time(hub.operator().await.propose_charter(request)).await.unwrap();
    for (member, site) in members.iter().zip(&mut there) {
        let charter = site.proposal().await;
        site.say(Said::Consent(encode_consent(&member.consent(&charter)))).await;
    }
    for site in &mut there {
        site.charter = site.charters().await.pop();
        site.hello().await;
    }
    new.charter = Some(first);
    let second = new.charters().await.pop().unwrap();
    let words = "d has not yet confirmed the words of version 2 of the charter";
    let alarms = hub.status().await.alarms;
    assert_eq!(alarms.iter().filter(|alarm| alarm.contains(words)).count(), 1, "{alarms:?}");
    // Another one comes back, and has not said a word yet: its steward has confirmed them long ago.
    let _back = hub.attend(&members[2], Some(&second)).await;
    let mut researcher = Researcher::of(&hub, &members[0], &second);
    let submitted = researcher.submit(STUDY).await.unwrap();
    let study = Digest::from_bytes(submitted.study[..].try_into().unwrap());
    let answer_of = async |researcher: &mut Researcher, site: usize| {
        let proof = researcher.proof("Get", Some(&study));
        let request = GetRequest { proof, study: bytes_of(&study) };
        let got = in_time(researcher.calls.get(request)).await.unwrap().into_inner();
        got.status.unwrap().sites[site].answer.clone()
    };
    let answer = async |researcher: &mut Researcher| answer_of(researcher, 3).await;
    assert_eq!(answer_of(&mut researcher, 2).await, "absent");
    assert!(!hub.status().await.alarms.iter().any(|alarm| alarm.starts_with("c has not yet")));
    assert_eq!(answer(&mut researcher).await, "unconfirmed");
    new.hello().await;
    in_time(async {
        while hub.status().await.alarms.iter().any(|alarm| alarm.contains(words)) {
            tokio::time::sleep(BETWEEN).await;
        }
    })
    .await;
    assert_ne!(answer(&mut researcher).await, "unconfirmed");
}

/// Nobody waits for its signature, nobody is told to propose what is proposed already, and who comes
/// in beside it is named.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_revoked_site_is_missed_by_nobody() {
    let hub = Hub::start().await;
    let _there = hub.found(&["a", "b", "c", "d", "e"]).await;
    hub.enrol("f").await;
    let request = RevokeRequest { site: "e".into(), reason: "left".into(), corrupt: None };
    let answer = in_time(hub.operator().await.revoke(request)).await.unwrap().into_inner();
    assert_eq!(answer.newcomers, ["f"]);
    let shown = in_time(hub.operator().await.show_charter(ShowCharterRequest {})).await.unwrap();
    let shown = shown.into_inner();
    assert_eq!((shown.unsigned, shown.revoked), (names("abcd"), names("e")));
    let alarms = hub.status().await.alarms;
    let alarm = alarms.iter().find(|alarm| alarm.contains("e is revoked")).unwrap();
    assert!(alarm.contains("have version 2 signed") && !alarm.contains("propose"), "{alarm}");
}

/// All sites sign the first version: it is proposed anew without the one that was revoked.
#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_is_made_anew_without_a_site_that_is_revoked() {
    let hub = Hub::start().await;
    for name in ["a", "b", "c", "d"] {
        hub.enrol(name).await;
    }
    let request = ProposeCharterRequest::default();
    in_time(hub.operator().await.propose_charter(request)).await.unwrap();
    let request = RevokeRequest { site: "d".into(), reason: "left".into(), corrupt: None };
    let answer = in_time(hub.operator().await.revoke(request)).await.unwrap().into_inner();
    let charter = decode_charter(answer.proposed.unwrap()).unwrap();
    assert_eq!((charter.fields().version, charter.fields().sites.len()), (1, 3));
    let shown = in_time(hub.operator().await.show_charter(ShowCharterRequest {})).await.unwrap();
    assert_eq!(shown.into_inner().unsigned, names("abc"));
}

fn names(letters: &str) -> Vec<String> {
    letters.chars().map(String::from).collect()
}
