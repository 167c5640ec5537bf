//! Messages that come twice, or in another order between sites, change nothing.

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::studies::{glm, vector};
use crate::oracle::{assert_sums, blames, report, rounds, undisturbed};

fn twice() -> crate::common::network::Hook {
    Box::new(|flight| match flight {
        Flight::Up(..) => Fate::Replace(vec![flight.clone(), flight.clone()]),
        Flight::Down(..) => Fate::Pass,
    })
}

#[test]
fn every_answer_twice() {
    let (settings, text) = (Settings::new(4, 1), glm(""));
    let whole = undisturbed(&settings, &text);
    let mut federation = Federation::new(&settings);
    federation.network.hook = Some(twice());
    let study = federation.begin(&text);
    federation.run(&[study]);
    assert_eq!(report(&federation, &study).digest(), whole);
    assert_eq!(blames(&federation).count(), 0);
}

#[test]
fn every_order_between_sites() {
    let settings = || Settings::new(5, 1).slots(6);
    let text = glm("");
    let whole = undisturbed(&settings(), &text);
    for seed in 0..12 {
        let mut federation = Federation::new(&settings());
        federation.network.shuffle = Some(ChaCha20Rng::seed_from_u64(seed));
        federation.network.hook = (seed % 2 == 0).then(twice);
        let study = federation.begin(&text);
        federation.run(&[study]);
        assert_eq!(report(&federation, &study).digest(), whole, "seed {seed}");
        let blamed: Vec<_> = blames(&federation).collect();
        assert!(blamed.is_empty(), "seed {seed}: {blamed:?}");
        assert!(federation.sites.values().all(|site| site.report(&study).is_some()));
    }
}

#[test]
fn a_large_sum_in_any_order() {
    let text = vector(40_000, 2, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.network.shuffle = Some(ChaCha20Rng::seed_from_u64(3));
    federation.network.hook = Some(twice());
    let study = federation.begin(&text);
    federation.run(&[study]);
    assert_eq!(rounds(&federation, &study).len(), 2);
    assert_sums(&federation, &text);
}
