//! What a site knows after a restart, and that nothing of it leaves before it is kept.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fs;
use std::rc::Rc;
use std::time::Duration;

use rand::rngs::ChaCha20Rng;
use rand::{TryCryptoRng, TryRng};
use ripieno_client_engine::{Key, StartError, StudyStanding};
use ripieno_study::{Check, Culprit, Digest};
use ripieno_wire::{FromSite, StudyOffer, ToSite};

use crate::common::federation::{Federation, Settings, Tapes};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::common::tape::Tape;
use crate::lies::{assert_refused, is_contract, next_contract, next_published};

type Change<'a> = dyn Fn(&mut Vec<u8>) + 'a;

fn standing(federation: &Federation, study: &Digest) -> Option<String> {
    let mut studies = federation.sites[&site(2)].studies();
    studies
        .find(|known| known.study.digest() == *study)
        .map(|known| format!("{:?}", known.standing))
}

/// The restarted site 2 is in the same place, and the coordinator notices it.
fn back(federation: &mut Federation) {
    federation.restart(site(2));
    federation.lose(site(2), None);
    federation.attend(site(2));
}

/// The next contract in an epoch that the restarted site is in.
fn next_in_another_epoch(federation: &mut Federation, left: &Digest) -> ToSite {
    federation.intercept(site(2), |message| {
        matches!(message, ToSite::Contract(signed) if signed.contract.transcript != *left)
    })
}

#[test]
fn the_shelf_fails_at_every_write() {
    let run = |room: Option<usize>| {
        let mut federation = Federation::new(&Settings::new(4, 0));
        if let Some(room) = room {
            federation.tapes[&site(2)].shelf.fail_after(room);
        }
        let study = federation.begin(&vector(8, 2, ""));
        federation.run(&[study]);
        federation
    };
    let writes = run(None).tapes[&site(2)].shelf.writes();
    assert_eq!(writes, 5, "the advert and the deal, the approval, two sums");
    for room in 0..writes {
        let federation = run(Some(room));
        let says_so = |answer: &FromSite| {
            matches!(answer, FromSite::Refused { refusal, .. }
                if refusal.check == Check::S8
                    && refusal.culprit == Culprit::Own
                    && refusal.reason.contains("could not be kept")
                    && !refusal.reason.contains("the shelf is full"))
        };
        let answers = federation.network.answers.iter().filter(|(from, _)| *from == site(2));
        let mut after = answers.map(|(_, list)| list).skip_while(|list| !list.iter().any(says_so));
        let failed = after.next().unwrap_or_else(|| panic!("write {room} failed unnoticed"));
        assert_eq!(failed.len(), 1, "write {room}: nothing else leaves: {failed:?}");
        for later in after {
            assert!(matches!(later.as_slice(), [one] if says_so(one)), "write {room}: {later:?}");
        }
        let log = federation.log(site(2));
        assert!(log.iter().any(|entry| entry.starts_with("alarm problem=\"the record of")));
        assert!(log.iter().any(|entry| entry.contains("the shelf is full")));
        assert_eq!(federation.tapes[&site(2)].shelf.writes(), room);
    }
}

#[test]
fn a_record_that_is_damaged_is_named_and_the_site_does_not_start() {
    let mut federation = Federation::new(&Settings::new(4, 0));
    let study = federation.begin(&glm(""));
    let other = federation.begin(&vector(8, 1, ""));
    federation.run(&[study, other]);
    let saved = federation.tapes[&site(2)].shelf.saved();
    assert_eq!(saved.len(), 3);
    let swapped = saved.iter().find(|(key, _)| *key == Key::Study(other)).unwrap().1.clone();
    for (key, bytes) in &saved {
        let changes: [&Change<'_>; 5] = [
            &|record| record.truncate(bytes.len() / 2),
            &|record| record.clear(),
            &|record| {
                let text = String::from_utf8(record.clone()).unwrap();
                *record = text.replacen("\"version\":1", "\"version\":2", 1).into_bytes();
            },
            &|record| {
                let text = String::from_utf8(record.clone()).unwrap();
                *record = text.replacen("\"record\":{", "\"record\":{\"more\":1,", 1).into_bytes();
            },
            &|record| {
                // Another study's record, or one in which a digit was lost.
                let text = String::from_utf8(record.clone()).unwrap();
                let lost = text.replacen("\"iterations\":", "\"iterations\":1", 1);
                *record = if lost == text {
                    b"{\"version\":1,\"record\":{}}".to_vec()
                } else {
                    lost.into_bytes()
                };
            },
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert_damaged(&federation, *key, change, number);
        }
    }
    assert_damaged(&federation, Key::Study(study), &|record| record.clone_from(&swapped), 9);
    // Undamaged, it starts.
    federation.restart(site(2));
    assert!(federation.sites[&site(2)].report_json(&study).is_some());
}

fn assert_damaged(federation: &Federation, key: Key, change: &Change<'_>, number: usize) {
    let tapes = federation.tapes[&site(2)].clone();
    let mut before = Vec::new();
    tapes.shelf.tamper(key, |record| {
        before.clone_from(record);
        change(record);
        assert_ne!(*record, before, "{key}, change {number}");
    });
    let shelf = tapes.shelf.clone();
    let started = federation.try_make_site(site(2), tapes, federation.secrets(site(2)));
    let Err(StartError::Damaged { key: named, .. }) = started.map(drop) else {
        panic!("{key}: change {number} went unnoticed");
    };
    assert_eq!(named, key);
    let advice = StartError::Damaged { key, reason: String::new() }.to_string();
    if let Key::Study(study) = key {
        assert!(advice.contains(&study.to_string()), "{advice}");
    }
    // Without its last epoch a site could use a slot twice.
    let goes = key != Key::LastEpoch;
    assert_eq!(
        (advice.contains("remove it"), advice.contains("as a new site")),
        (goes, !goes),
        "{advice}"
    );
    shelf.tamper(key, |record| *record = before);
}

#[test]
fn a_restarted_site_reads_its_data_again_by_the_rules_of_the_day() {
    let policy = "[[dataset]]\nname = \"made\"\ncolumns = \"all\"\npurposes = \"all\"\n\
                  analyses = \"all\"\nroles = \"all\"\non_match = \"approve\"\n\
                  expires = 2023-11-15T22:00:00Z\n";
    let mut federation = Federation::new(&Settings::new(4, 1).policy(policy));
    let study = federation.begin(&glm(""));
    let published = next_published(&mut federation, site(2));
    let left = published.contract.contract.transcript;
    back(&mut federation);
    assert!(federation.sites[&site(2)].gate().catalog().reads().is_empty(), "when it is needed");
    assert_eq!(federation.sites[&site(2)].hello().rounds.get(&study), Some(&1));
    federation.deliver(site(2), ToSite::Published(published));
    let second = next_in_another_epoch(&mut federation, &left);
    // The rule ends before the next round.
    federation.network.now += Duration::from_secs(48 * 3600);
    let refusal = assert_refused(&mut federation, site(2), second, Check::S2, Culprit::Own);
    assert!(refusal.reason.contains("policy.expires"), "{refusal}");
    assert!(federation.sites[&site(2)].gate().catalog().reads().is_empty());
    federation.restart(site(2));
    let known = standing(&federation, &study).unwrap();
    assert!(known.starts_with("Refused { rule: \"policy.expires\""), "{known}");
}

/// A study would otherwise sum other rows than it did before: their difference would be known (check
/// S8).
#[test]
fn a_file_that_changed_while_the_site_was_down_is_not_used() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.begin(&glm(""));
    let contract = next_contract(&mut federation, site(2));
    federation.deliver(site(2), ToSite::Contract(contract));
    let published = next_published(&mut federation, site(2));
    let left = published.contract.contract.transcript;
    federation.deliver(site(2), ToSite::Published(published));
    let table = federation.table(site(2));
    let rows = fs::read_to_string(&table).unwrap();
    fs::write(&table, rows.lines().take(20).collect::<Vec<_>>().join("\n") + "\n").unwrap();
    back(&mut federation);
    let next = next_in_another_epoch(&mut federation, &left);
    let refusal = assert_refused(&mut federation, site(2), next, Check::S2, Culprit::Own);
    assert!(refusal.reason.starts_with("data.changed"), "{refusal}");
    assert!(federation.sites[&site(2)].gate().catalog().reads().is_empty());
}

#[test]
fn a_sum_that_comes_again_after_a_restart_gets_the_same_answers() {
    for text in [glm(""), vector(17_000, 2, "")] {
        let mut federation = Federation::new(&Settings::new(4, 1));
        let study = federation.begin(&text);
        let published = ToSite::Published(next_published(&mut federation, site(2)));
        let first = federation.tell(site(2), published.clone());
        assert!(matches!(first.last(), Some(FromSite::State { .. })), "{first:?}");
        // The process ends before they leave.
        federation.restart(site(2));
        assert_eq!(federation.sites[&site(2)].hello().rounds.get(&study), Some(&2));
        let mut again = federation.tell(site(2), published);
        let order = |answer: &FromSite| matches!(answer, FromSite::State { .. });
        again.sort_by_key(order);
        assert_eq!(again, first);
    }
}

#[test]
fn a_result_is_kept_and_an_epoch_is_never_advertised_twice() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&glm(""));
    federation.run(&[study]);
    let before = &federation.sites[&site(2)];
    let json = serde_json_of(before.report(&study).unwrap());
    let digest = before.report_digest(&study);
    let opened = before.studies().next().unwrap().opened;
    assert!(opened > 2);
    federation.restart(site(2));
    let after = &federation.sites[&site(2)];
    assert!(after.hello().rounds.is_empty());
    assert_eq!(after.report(&study).map(ripieno_analysis::Report::digest), digest);
    assert_eq!(after.report_json(&study), Some(json.as_str()));
    assert_eq!(after.report_digest(&study), digest);
    let known = after.studies().next().unwrap();
    assert_eq!((known.standing, known.opened), (StudyStanding::Done, opened));
    let announcement = ripieno_secagg::epoch::advertise::Announcement { epoch: 1, slots: 16 };
    let again = ToSite::Announce(announcement);
    assert_refused(&mut federation, site(2), again, Check::A2, Culprit::Coordinator);
}

#[test]
fn a_result_that_stands_by_verdicts_stands_after_a_restart() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&vector(17_000, 1, ""));
    next_published(&mut federation, site(2));
    federation.lose(site(2), None);
    federation.attend(site(2));
    federation.run(&[study]);
    let digest = federation.sites[&site(2)].report_digest(&study);
    assert!(digest.is_some());
    federation.restart(site(2));
    assert_eq!(federation.sites[&site(2)].report_digest(&study), digest);
}

#[test]
fn a_number_that_was_advertised_is_not_advertised_by_the_next_process() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let announcement = ripieno_secagg::epoch::advertise::Announcement { epoch: 3, slots: 4 };
    let answers = federation.tell(site(2), ToSite::Announce(announcement));
    assert!(matches!(answers.as_slice(), [FromSite::Advert(_)]), "{answers:?}");
    federation.restart(site(2));
    let again = ToSite::Announce(announcement);
    assert_refused(&mut federation, site(2), again, Check::A2, Culprit::Coordinator);
}

fn serde_json_of(report: &ripieno_analysis::Report) -> String {
    serde_json::to_string(report).unwrap()
}

#[test]
fn a_study_that_was_given_up_is_forgotten_until_it_is_offered_again() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let text = glm("");
    let study = federation.begin(&text);
    let contract = ToSite::Contract(next_contract(&mut federation, site(2)));
    let ended = ToSite::Ended { study, reason: "cancelled".into() };
    assert_eq!(federation.tell(site(2), ended.clone()), []);
    assert_eq!(federation.tell(site(2), ended), [], "it says so once");
    let notes = |entry: &&String| entry.contains("step=\"study-ended\"");
    assert_eq!(federation.log(site(2)).iter().filter(notes).count(), 1);
    for restart in [false, true] {
        if restart {
            federation.restart(site(2));
        }
        assert!(federation.sites[&site(2)].hello().rounds.is_empty());
        let known = standing(&federation, &study).unwrap();
        assert_eq!(known, "Ended { reason: \"cancelled\" }");
        if !restart {
            let lie = contract.clone();
            let refusal = assert_refused(&mut federation, site(2), lie, Check::S2, Culprit::Own);
            assert!(refusal.reason.contains("cancelled"), "{refusal}");
        }
    }
    let submission = federation.submission(&text);
    federation.tell(site(2), ToSite::Study(StudyOffer { text, submission }));
    assert!(standing(&federation, &study).unwrap().starts_with("Running { round: 1"));
    let unknown = Digest::from_bytes([7; 32]);
    let ended = ToSite::Ended { study: unknown, reason: "never heard of".into() };
    assert_eq!(federation.tell(site(2), ended), []);
    assert_eq!(standing(&federation, &unknown), None);
}

/// A generator that remembers everything that it gave.
#[derive(Clone)]
struct Recorder(Rc<RefCell<(ChaCha20Rng, Vec<Vec<u8>>)>>);

impl TryRng for Recorder {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.borrow_mut().0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.borrow_mut().0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let mut state = self.0.borrow_mut();
        state.0.try_fill_bytes(bytes)?;
        state.1.push(bytes.to_vec());
        Ok(())
    }
}

impl TryCryptoRng for Recorder {}

/// Whether `bytes` hold `secret`, raw or in a form in which a record may hold it.
fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list: Vec<_> = secret.iter().map(u8::to_string).collect();
    let forms = [secret.to_vec(), hex.into_bytes(), list.join(",").into_bytes()];
    forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
}

/// Bytes of every base64 text of a record.
fn decoded(record: &[u8]) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let text = String::from_utf8_lossy(record);
    let texts = text.split('"').filter(|text| text.len() > 40);
    let engine = base64::engine::general_purpose::STANDARD;
    texts.filter_map(|text| engine.decode(text).ok()).collect()
}

#[test]
fn no_secret_of_an_epoch_is_kept() {
    let mut federation = Federation::new(&Settings::new(4, 1).slots(4));
    let tapes = Tapes::default();
    let recorder = Recorder(Rc::new(RefCell::new((federation.secrets(site(2)), Vec::new()))));
    let mut twin = federation.make_site_with(site(2), tapes.clone(), recorder.clone());
    // The twin hears what site 2 hears, and says the same: its secrets are the same.
    let heard = Rc::new(RefCell::new(Vec::new()));
    let hears = heard.clone();
    federation.network.hook = Some(Box::new(move |flight| {
        if let crate::common::network::Flight::Down(to, message) = flight
            && *to == site(2)
        {
            hears.borrow_mut().push(message.clone());
        }
        crate::common::network::Fate::Pass
    }));
    let study = federation.begin(&glm("membership = \"may-change\""));
    federation.run(&[study]);
    for message in heard.borrow().iter() {
        twin.handle(message.clone(), federation.network.unix());
    }
    assert_eq!(twin.report_digest(&study), federation.sites[&site(2)].report_digest(&study));
    assert!(twin.report_digest(&study).is_some());
    let drawn = recorder.0.borrow().1.clone();
    // Channel keys and `local` are 32 bytes as drawn, scalars are drawn as 64 and reduced.
    let mut secrets: Vec<Vec<u8>> = drawn.iter().filter(|d| d.len() == 32).cloned().collect();
    assert!(secrets.len() > 4, "{}", secrets.len());
    let scalars = drawn.iter().filter_map(|drawn| <[u8; 64]>::try_from(drawn.as_slice()).ok());
    let scalars: Vec<_> = scalars
        .map(|wide| curve25519_dalek::Scalar::from_bytes_mod_order_wide(&wide).to_bytes().to_vec())
        .collect();
    assert!(scalars.len() > 8, "{}", scalars.len());
    secrets.extend(scalars);
    let journals = [&tapes.ledger, &tapes.witness, &tapes.audit];
    let mut records: Vec<_> = journals.into_iter().flat_map(Tape::records).collect();
    records.extend(tapes.shelf.ever().into_iter().map(|(_, record)| record));
    let inner: Vec<_> = records.iter().flat_map(|record| decoded(record)).collect();
    assert!(inner.iter().any(|bytes| holds(bytes, glm("").lines().next().unwrap().as_bytes())));
    records.extend(inner);
    for record in &records {
        let found = secrets.iter().find(|secret| holds(record, secret));
        assert!(found.is_none(), "{}", String::from_utf8_lossy(record));
    }
}

#[test]
fn a_restarted_site_in_no_round_says_nothing_of_the_epoch_it_left() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&vector(8, 2, ""));
    federation.intercept(site(2), is_contract);
    back(&mut federation);
    federation.run(&[study]);
    assert!(federation.sites[&site(2)].report(&study).is_some());
}
