//! What a site writes down: signed, in order, and before anything leaves that depends on it.

use std::time::Duration;

use ripieno_audit::{Entry, Kind, verify};
use ripieno_client_engine::{Key, StudyStanding};
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_study::{Check, Culprit, Study};
use ripieno_wire::{FromSite, StudyOffer, StudyVerdict, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::log::entries;
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::lies::is_contract;

/// What a site that cannot write says.
const UNWRITTEN: &str = "the site's audit log cannot be written";

/// Runs a study whose site 2 can write so many entries.
fn run(text: &str, room: Option<usize>) -> Federation {
    let mut federation = Federation::new(&Settings::new(4, 0));
    if let Some(room) = room {
        federation.tapes[&site(2)].audit.fail_after(room);
    }
    let study = federation.begin(text);
    federation.run(&[study]);
    federation
}

fn log(federation: &Federation) -> Vec<Entry> {
    entries(&federation.sites[&site(2)])
}

fn says_so(answer: &FromSite) -> bool {
    matches!(answer, FromSite::Refused { refusal, .. }
        if refusal.check == Check::S8
            && refusal.culprit == Culprit::Own
            && refusal.reason.contains(UNWRITTEN))
}

#[test]
fn the_log_fails_at_every_entry() {
    let text = vector(8, 2, "");
    let records = log(&run(&text, None)).len();
    assert!(records > 10, "{records}");
    for room in 0..records {
        let federation = run(&text, Some(room));
        let answers = federation.network.answers.iter().filter(|(from, _)| *from == site(2));
        let mut after = answers.map(|(_, list)| list).skip_while(|list| !list.iter().any(says_so));
        let failed = after.next().unwrap_or_else(|| panic!("entry {room} failed unnoticed"));
        assert_eq!(failed.len(), 1, "entry {room}: nothing else leaves: {failed:?}");
        for later in after {
            assert!(matches!(later.as_slice(), [one] if says_so(one)), "entry {room}: {later:?}");
        }
        assert_eq!(federation.tapes[&site(2)].audit.len(), room);
        // Nothing is remembered either that the log does not tell of.
        let told = |what: &str| federation.log(site(2)).iter().any(|entry| entry.contains(what));
        let mut known = federation.sites[&site(2)].studies();
        let runs = known.any(|known| matches!(known.standing, StudyStanding::Running { .. }));
        let saved = federation.tapes[&site(2)].shelf.saved();
        let kept = saved.iter().any(|(key, _)| matches!(key, Key::Study(_)));
        assert!(!kept || (runs && told("verdict=\"approved\"")) || told("sum-verified"), "{room}");
    }
}

#[test]
fn no_row_is_read_before_that_is_written() {
    let read = |entry: &Entry| entry.kind == Kind::DataRead;
    let place = log(&run(&glm(""), None)).iter().position(read).unwrap();
    let reads = |room| {
        let federation = run(&glm(""), Some(room));
        federation.sites[&site(2)].gate().catalog().reads().len()
    };
    assert_eq!((reads(place), reads(place + 1)), (0, 3));
}

#[test]
fn nothing_is_entered_in_the_ledger_for_an_upload_that_is_not_written_down() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.begin(&vector(8, 1, ""));
    let contract = federation.intercept(site(2), is_contract);
    let tapes = federation.tapes[&site(2)].clone();
    tapes.audit.fail_after(tapes.audit.len());
    let answers = federation.tell(site(2), contract);
    assert!(matches!(answers.as_slice(), [one] if says_so(one)), "{answers:?}");
    assert_eq!(tapes.ledger.len(), 0);
}

#[test]
fn a_site_that_fell_silent_lets_no_slot_end_and_no_steward_decide() {
    let policy = "without_data = [\"vector\"]\n[[dataset]]\nname = \"made\"\ncolumns = \"all\"\n\
                  purposes = \"all\"\n\
                  analyses = \"all\"\nroles = \"all\"\non_match = \"ask\"\n";
    let mut federation = Federation::new(&Settings::new(4, 1).policy(policy));
    let first = federation.begin(&vector(8, 1, ""));
    let contract = federation.intercept(site(2), is_contract);
    federation.tell(site(2), contract);
    let text = glm("");
    let (submission, pending) = (federation.submission(&text), Study::parse(&text).unwrap());
    let pending = pending.digest();
    federation.tell(site(2), ToSite::Study(StudyOffer { text, submission }));
    let now = federation.network.unix();
    let audit = federation.tapes[&site(2)].audit.clone();
    audit.fail_after(audit.len());
    let silent = federation.sites.get_mut(&site(2)).unwrap();
    let answer = silent.approve(&pending, "Grace", now).expect("the study is pending");
    assert!(says_so(&answer), "{answer:?}");
    assert_eq!(silent.tick(now + 7 * 3600), []);
    assert!(silent.gate().catalog().reads().is_empty() && silent.report(&first).is_none());
}

#[test]
fn the_log_is_verified_by_the_sites_key_and_its_heads_were_sent() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&glm(""));
    federation.run(&[study]);
    let mut export = Vec::new();
    let log = federation.sites[&site(2)].audit();
    log.export(&mut export).unwrap();
    let public = federation.keys[&site(2)].public();
    let lines = export.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let report = verify(lines, &public);
    assert_eq!((&report.fault, report.head()), (&None, log.head()));

    let entries = self::log(&federation);
    let rounds = federation.network.published.len();
    assert!(rounds >= 3, "{rounds}");
    for published in &federation.network.published {
        let trailer = published.receipt.trailers.iter().find(|t| t.from == site(2)).unwrap();
        let at = entries.iter().position(|entry| entry.digest == trailer.audit);
        let sent = &entries[at.expect("the trailer's head is one of the log's")];
        assert_eq!(sent.fields["step"], "contribution", "the upload's own entry");
        let (round, study) = (published.contract.contract.round, study.to_string());
        assert_eq!((&sent.fields["round"], &sent.fields["study"]), (&round.to_string(), &study));
        let receipt = published.receipt.digest(&federation.charter.digest()).to_string();
        let ends = |entry: &Entry| entry.fields.get("receipt") == Some(&receipt);
        let end = entries.iter().position(ends).expect("the end of the round");
        assert!(entries[end..].iter().take(2).any(|entry| entry.signature.is_some()));
    }
}

#[test]
fn every_step_of_a_round_is_written_once() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    // Site 5 is lost while it uploads in the first slot.
    let mut lost = false;
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Tile { .. }) if *from == site(5) && !lost => {
            lost = true;
            Fate::Lose(Duration::from_secs(30))
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&vector(8, 1, ""));
    federation.run(&[study]);
    let log = log(&federation);
    let steps: Vec<_> = log.iter().filter_map(|entry| entry.fields.get("step")).collect();
    let void = ["contribution", "void-signed", "void"];
    let done = ["contribution", "survivors-signed", "shares-released", "sum-verified"];
    let expected: Vec<_> = ["epoch-joined"].into_iter().chain(void).chain(done).collect();
    assert_eq!(steps, expected);
    let slots: Vec<_> = log.iter().filter_map(|entry| entry.fields.get("slot")).collect();
    assert_eq!(slots, ["0", "0", "0", "1", "1", "1", "1"]);
    let ends = |step: &str| {
        log.iter().position(|entry| entry.fields.get("step").is_some_and(|s| s == step))
    };
    for end in [ends("void"), ends("sum-verified")].map(Option::unwrap) {
        assert_eq!(log[end + 1].kind, Kind::Seal);
        assert!(log[end + 1].signature.is_some());
    }
}

/// Whoever sends nothing but nonsense does not fill the log.
#[test]
fn refusals_by_one_check_are_counted_beyond_a_hundred_an_hour() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let lie = ToSite::Announce(Announcement { epoch: 0, slots: 4 });
    let refused = |federation: &Federation| {
        let log = log(federation);
        log.into_iter().filter(|entry| entry.kind == Kind::Refusal).collect::<Vec<_>>()
    };
    for _ in 0..250 {
        let answers = federation.tell(site(2), lie.clone());
        assert!(matches!(answers.as_slice(), [FromSite::Refused { .. }]), "each is answered");
    }
    assert_eq!(refused(&federation).len(), 100);
    federation.network.now += Duration::from_secs(3600);
    federation.tell(site(2), lie.clone());
    let written = refused(&federation);
    assert_eq!(written.len(), 102, "what was counted, and the next one");
    assert_eq!(written[100].fields["more"], "150");
    assert_eq!(written[100].fields["check"], "A2");
    // Nothing else needs to come.
    for _ in 0..120 {
        federation.tell(site(2), lie.clone());
    }
    let later = federation.network.unix() + 3600;
    federation.sites.get_mut(&site(2)).unwrap().tick(later);
    assert_eq!(refused(&federation).last().unwrap().fields["more"], "21");
}

/// Names of files, and what the system says of them, stay at the site.
#[test]
fn what_ails_the_records_is_for_the_sites_own_people() {
    for fails in ["ledger", "audit"] {
        let mut federation = Federation::new(&Settings::new(4, 1));
        federation.begin(&vector(8, 1, ""));
        let contract = federation.intercept(site(2), is_contract);
        let tapes = federation.tapes[&site(2)].clone();
        match fails {
            "ledger" => tapes.ledger.fail_after(tapes.ledger.len()),
            _ => tapes.audit.fail_after(tapes.audit.len()),
        }
        let answers = federation.tell(site(2), contract);
        let [FromSite::Refused { refusal, .. }] = answers.as_slice() else { panic!("{answers:?}") };
        assert_eq!((refusal.check, refusal.culprit), (Check::S8, Culprit::Own));
        assert!(!refusal.reason.contains("the tape is full"), "{refusal}");
        let trouble = federation.sites[&site(2)].trouble().unwrap().to_owned();
        assert!(trouble.contains("the tape is full"), "{trouble}");
        let alarmed = federation.log(site(2)).iter().any(|entry| entry.contains(&trouble));
        assert_eq!(alarmed, fails == "ledger", "{trouble}");
    }
}

/// A coordinator that offers a study again and again gets an answer each time, and fills no disk.
#[test]
fn verdicts_and_problems_are_counted_beyond_a_hundred_an_hour() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    // The table does not suit it: a problem and a verdict each time.
    let text = glm("").replace("outcome = \"y\"", "outcome = \"id\"");
    let submission = federation.submission(&text);
    let offer = ToSite::Study(StudyOffer { text, submission });
    let of = |federation: &Federation, kind: Kind| {
        log(federation).into_iter().filter(|entry| entry.kind == kind).collect::<Vec<_>>()
    };
    for _ in 0..250 {
        let answers = federation.tell(site(2), offer.clone());
        assert!(matches!(answers.as_slice(), [FromSite::StudyAnswer(_)]), "each is answered");
    }
    assert_eq!(of(&federation, Kind::Decision).len(), 100);
    assert_eq!(of(&federation, Kind::DataRead).len(), 250, "what was read is never left out");
    let later = federation.network.unix() + 3600;
    federation.sites.get_mut(&site(2)).unwrap().tick(later);
    let written = of(&federation, Kind::Decision);
    assert_eq!((written.len(), written[100].fields["more"].as_str()), (101, "400"));
}

/// What is read is written down, so it is bounded itself.
#[test]
fn tables_are_opened_a_thousand_times_an_hour_and_no_more() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let text = glm("").replace("outcome = \"y\"", "outcome = \"id\"");
    let submission = federation.submission(&text);
    let offer = ToSite::Study(StudyOffer { text, submission });
    let mut last = Vec::new();
    for _ in 0..1001 {
        last = federation.tell(site(2), offer.clone());
    }
    let [FromSite::StudyAnswer(answer)] = last.as_slice() else { panic!("{last:?}") };
    let StudyVerdict::Refused { rule, .. } = &answer.verdict else { panic!("{answer:?}") };
    assert_eq!(rule, "site.capacity");
    let reads = log(&federation).into_iter().filter(|entry| entry.kind == Kind::DataRead).count();
    assert_eq!(reads, 1000);
}
