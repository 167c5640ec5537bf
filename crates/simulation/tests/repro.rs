//! Runs that once went wrong.

#[allow(dead_code)] // It is shared with the other tests.
mod common;

use common::{run, study, write_tables};
use ripieno_simulation::{Losses, Options};

/// Sites that were lost while an epoch was set up followed none of its sums, and said so for ever.
#[test]
fn repro_a_site_that_is_lost_during_a_set_up_refuses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 6);
    let text = "kind = \"vector\"\nlength = 10\nrounds = 75";
    let study = study(text, "membership = \"may-change\"");
    for seed in [1, 2, 4] {
        let options = Options { losses: Losses::Rate(0.1), seed: Some(seed) };
        let outcome = run(&study, folder.path(), &options).unwrap();
        assert_eq!(outcome.refusals, [], "seed {seed}");
        assert!(outcome.rounds.last().unwrap().summary.epoch >= 2, "seed {seed}");
    }
}
