//! Two studies at once, over the same epoch.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_wire::FromSite;

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::oracle::{assert_sums, blames, report, rounds, undisturbed, voided};

#[test]
fn both_get_what_they_would_get_alone() {
    let settings = || Settings::new(5, 1).slots(32);
    let (one, two) = (glm(""), vector(6, 6, ""));
    let alone = [undisturbed(&settings(), &one), undisturbed(&settings(), &two)];
    for seed in 0..4 {
        let mut federation = Federation::new(&settings());
        federation.network.shuffle = Some(ChaCha20Rng::seed_from_u64(seed));
        let studies = [federation.begin(&one), federation.submit(&two)];
        federation.run(&studies);
        let results = studies.map(|study| report(&federation, &study).digest());
        assert_eq!(results, alone, "seed {seed}");
        assert_sums(&federation, &two);
        assert_eq!((voided(&federation), blames(&federation).count()), (0, 0), "seed {seed}");
        let slots =
            |n: usize| rounds(&federation, &studies[n]).into_iter().map(|r| (r.epoch, r.slot));
        let mut all: Vec<_> = slots(0).chain(slots(1)).collect();
        assert!(all.iter().all(|(epoch, _)| *epoch == 1), "one epoch serves both: {all:?}");
        let interleaved = all.windows(2).any(|pair| pair[1].1 > pair[0].1 + 1);
        assert!(interleaved, "they took slots in turn: {all:?}");
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), rounds(&federation, &studies[0]).len() + 6, "no slot twice");
    }
}

#[test]
fn a_loss_in_both_disturbs_neither_result() {
    let settings = || Settings::new(4, 1).slots(32);
    let (one, two) = (glm(""), vector(6, 6, ""));
    let alone = [undisturbed(&settings(), &one), undisturbed(&settings(), &two)];
    for at in [1, 4, 7] {
        let mut federation = Federation::new(&settings());
        let mut trailers = 0;
        federation.network.hook = Some(Box::new(move |flight| match flight {
            Flight::Up(from, FromSite::Trailer { .. }) if *from == site(3) => {
                trailers += 1;
                if trailers == at { Fate::Lose(Duration::from_secs(30)) } else { Fate::Pass }
            }
            _ => Fate::Pass,
        }));
        let studies = [federation.begin(&one), federation.submit(&two)];
        federation.run(&studies);
        let results = studies.map(|study| report(&federation, &study).digest());
        assert_eq!(results, alone, "lost at upload {at}");
    }
}

#[test]
fn the_same_study_is_not_taken_twice() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let text = vector(6, 1, "");
    federation.begin(&text);
    let (submission, clock) = (federation.submission(&text), federation.clock());
    let again = federation.coordinator.submit(&text, submission, clock).unwrap_err();
    assert!(again.to_string().contains("was submitted before"), "{again}");
    let other = vector(6, 2, "");
    let submission = federation.submission(&text);
    let mixed = federation.coordinator.submit(&other, submission, clock).unwrap_err();
    assert!(mixed.to_string().contains("signed for study"), "{mixed}");
}
