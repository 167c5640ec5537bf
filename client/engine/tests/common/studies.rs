//! Studies, and the tables that they run on.

use std::fmt::Write as _;
use std::path::Path;

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use ripieno_study::SiteIndex;

/// The data set of every site.
pub(crate) const DATA_SET: &str = "made";

/// A logistic regression on the sites' tables, with further lines of `[aggregation]`.
pub(crate) fn glm(aggregation: &str) -> String {
    format!(
        "name = \"made up\"\npurpose = \"research\"\n[data]\ndataset = \"{DATA_SET}\"\n\
         outcome = \"y\"\nfeatures = [\"x1\", \"x2\"]\n[analysis]\nkind = \"glm\"\n\
         family = \"binomial\"\n[aggregation]\n{aggregation}\n"
    )
}

/// Federated averaging on the sites' tables with packed updates.
pub(crate) fn fedavg(aggregation: &str) -> String {
    format!(
        "name = \"averaged\"\npurpose = \"research\"\n[data]\ndataset = \"{DATA_SET}\"\n\
         outcome = \"y\"\nfeatures = [\"x1\", \"x2\"]\n[analysis]\nkind = \"fedavg\"\n\
         family = \"binomial\"\nrounds = 2\nlocal_steps = 2\nlearning_rate = 0.1\n\
         [aggregation]\nencoding = \"packed\"\nclip = \"coordinate\"\n{aggregation}\n"
    )
}

/// Sums of seeded vectors of `length` wide values over `rounds` rounds.
pub(crate) fn vector(length: u64, rounds: u32, aggregation: &str) -> String {
    format!(
        "name = \"vectors\"\npurpose = \"research\"\n[analysis]\nkind = \"vector\"\n\
         length = {length}\nrounds = {rounds}\nseed = 5\n[aggregation]\nencoding = \"wide\"\n\
         {aggregation}\n"
    )
}

/// Writes a site's table: made-up rows of a logistic model, and a column that no study names.
pub(crate) fn write_table(path: &Path, site: SiteIndex) {
    let mut rng = ChaCha20Rng::seed_from_u64(u64::from(site));
    let mut text = String::from("id,x1,x2,y\n");
    for row in 0..30 + 5 * site.get() {
        let x1: f64 = rng.random_range(-2.0..2.0);
        let x2: f64 = rng.random_range(0.0..10.0);
        let mean = 1.0 / (1.0 + (0.5 - 0.8 * x1 - 0.1 * x2).exp());
        let y = u8::from(rng.random::<f64>() < mean);
        writeln!(text, "{row},{x1},{x2},{y}").expect("a string takes any text");
    }
    std::fs::write(path, text).expect("the folder can be written");
}
