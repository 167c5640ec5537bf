//! A site whose journal fails takes no further step: what depends on the record does not leave.

use ripieno_study::{Check, Culprit};
use ripieno_wire::FromSite;

use crate::common::federation::{Federation, Settings, Tapes};
use crate::common::site;
use crate::common::studies::vector;
use crate::lies::gives_away;

const UNWRITTEN: &str = "could not be written";

/// Runs a study whose site 2 has journals that were prepared.
fn run(prepare: &dyn Fn(&Tapes)) -> Federation {
    let mut federation = Federation::new(&Settings::new(4, 0));
    prepare(&federation.tapes[&site(2)]);
    let study = federation.begin(&vector(8, 2, ""));
    federation.run(&[study]);
    federation
}

/// What site 2 answered, message by message.
fn answers(federation: &Federation) -> impl Iterator<Item = &Vec<FromSite>> {
    federation.network.answers.iter().filter(|(from, _)| *from == site(2)).map(|(_, list)| list)
}

/// Whether this is the site's word that it cannot write.
fn says_so(answer: &FromSite, text: &str) -> bool {
    matches!(answer, FromSite::Refused { refusal, .. }
        if refusal.check == Check::S8
            && refusal.culprit == Culprit::Own
            && refusal.reason.contains(text))
}

#[test]
fn the_ledger_fails_at_every_record() {
    let records = run(&|_| {}).tapes[&site(2)].ledger.len();
    assert_eq!(records, 6, "entry, trailer and certificate of two rounds");
    for room in 0..records {
        let federation = run(&|tapes| tapes.ledger.fail_after(room));
        let mut all = answers(&federation)
            .skip_while(|list| !list.iter().any(|answer| says_so(answer, UNWRITTEN)));
        let failed = all.next().unwrap_or_else(|| panic!("record {room} failed unnoticed"));
        assert_eq!(failed.len(), 1, "record {room}: nothing else leaves: {failed:?}");
        for later in all.flatten() {
            let uploads = matches!(later, FromSite::Tile { .. } | FromSite::Trailer { .. });
            assert!(!uploads, "record {room}: {later:?}");
            assert!(!matches!(later, FromSite::State { .. }), "record {room}: {later:?}");
        }
        assert_eq!(federation.tapes[&site(2)].ledger.len(), room);
        let log = federation.log(site(2));
        assert!(log.iter().any(|entry| entry.contains(UNWRITTEN)));
    }
}

#[test]
fn the_witness_fails_at_every_record() {
    let records = run(&|_| {}).tapes[&site(2)].witness.len();
    assert!(records >= 4, "the heads of three peers, and its own");
    for room in 0..records {
        let federation = run(&|tapes| tapes.witness.fail_after(room));
        let failed = answers(&federation)
            .find(|list| list.iter().any(|answer| says_so(answer, UNWRITTEN)))
            .unwrap_or_else(|| panic!("record {room} failed unnoticed"));
        assert!(!failed.iter().any(gives_away), "record {room}: {failed:?}");
        let log = federation.log(site(2));
        assert!(log.iter().any(|entry| entry.contains("the tape is full")));
        assert_eq!(federation.tapes[&site(2)].witness.len(), room);
    }
}
