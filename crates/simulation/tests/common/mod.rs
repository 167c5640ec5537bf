//! Tables and studies for the tests.

use std::fmt::Write as _;
use std::path::Path;

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use ripieno_simulation::{Options, Outcome, SimulationError, simulate, tables_in};
use ripieno_study::Study;

/// Writes `sites` tables with made-up rows of a logistic model into `folder`.
pub(crate) fn write_tables(folder: &Path, sites: usize) {
    for site in 0..sites {
        let mut rng = ChaCha20Rng::seed_from_u64(site as u64);
        let mut text = String::from("x1,x2,y\n");
        for _ in 0..40 + 10 * site {
            let x1: f64 = rng.random_range(-2.0..2.0);
            let x2: f64 = rng.random_range(0.0..100.0);
            let mean = 1.0 / (1.0 + (0.5 - 0.8 * x1 - 0.01 * x2).exp());
            let y = u8::from(rng.random::<f64>() < mean);
            writeln!(text, "{x1},{x2},{y}").unwrap();
        }
        std::fs::write(folder.join(format!("site-{:02}.csv", site + 1)), text).unwrap();
    }
}

/// A study of these tables, with further lines of `[analysis]` and `[aggregation]`.
pub(crate) fn study(analysis: &str, aggregation: &str) -> Study {
    let text = format!(
        "name = \"made up\"\npurpose = \"test\"\n[data]\ndataset = \"made\"\noutcome = \"y\"\n\
         features = [\"x1\", \"x2\"]\n[analysis]\n{analysis}\n[aggregation]\n{aggregation}\n"
    );
    Study::parse(&text).unwrap()
}

/// Runs a study on the tables of a folder.
pub(crate) fn run(
    study: &Study,
    folder: &Path,
    options: &Options,
) -> Result<Outcome, SimulationError> {
    simulate(study, &tables_in(folder)?, options, &mut |_| {})
}
