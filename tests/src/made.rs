//! Tables and studies that are made up.

use std::fmt::Write as _;

/// The data set that sites have.
pub const DATA_SET: &str = "made-up";

/// Forty rows of site `number`, from 0, that do not separate: `y`, `x`, and one column for each of
/// `sites` sites that is 1 at that site and 0 elsewhere.
#[must_use]
pub fn table(number: usize, sites: usize) -> String {
    let hot: Vec<_> = (0..sites).map(|site| format!("at{site}")).collect();
    let mut text = format!("y,x,level,{}\n", hot.join(","));
    let ones: Vec<_> = (0..sites).map(|site| u8::from(site == number).to_string()).collect();
    for row in 0..40 {
        let x = (row * 7 + number * 3) % 23;
        let y = usize::from((row * 5 + number * 11 + x) % 17 > 7);
        let level = level(number, row);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{y},{x}.5,{level},{}", ones.join(","));
    }
    text
}

/// A whole number that a row of a site has.
#[must_use]
pub fn level(site: usize, row: usize) -> usize {
    100 * (site + 1) + row % (3 + site)
}

/// What sites allow: everything, at once where the policy can.
pub const POLICY: &str = r#"without_data = ["vector"]

[[dataset]]
name = "made-up"
columns = "all"
purposes = "all"
analyses = "all"
roles = "all"
membership = ["fixed", "may-change"]
maximum_releases = 1000
unclassified = "allow"
on_match = "approve"
"#;

/// A regression of y on x.
#[must_use]
pub fn regression(name: &str) -> String {
    format!(
        "name = \"{name}\"\npurpose = \"research\"\n[data]\ndataset = \"{DATA_SET}\"\noutcome = \
         \"y\"\nfeatures = [\"x\"]\n[analysis]\nkind = \"glm\"\nfamily = \"binomial\"\n"
    )
}

/// A regression of level on the columns that are 1 at one site each, the first left out.
#[must_use]
pub fn one_hot(sites: usize) -> String {
    let features: Vec<_> = (1..sites).map(|site| format!("\"at{site}\"")).collect();
    format!(
        "name = \"one hot\"\npurpose = \"research\"\n[data]\ndataset = \"{DATA_SET}\"\noutcome = \
         \"level\"\nfeatures = [{}]\n[analysis]\nkind = \"glm\"\nfamily = \"gaussian\"\n",
        features.join(", ")
    )
}

/// A sum of vectors; `rest` is the table `[aggregation]`, or nothing.
#[must_use]
pub fn vector(name: &str, length: usize, rounds: u32, rest: &str) -> String {
    format!(
        "name = \"{name}\"\npurpose = \"research\"\n[analysis]\nkind = \"vector\"\nlength = \
         {length}\nrounds = {rounds}\nseed = 7\n{rest}"
    )
}

/// Exact sums.
pub const WIDE: &str = "[aggregation]\nencoding = \"wide\"\n";
/// Exact sums, and sites may be missing.
pub const WIDE_MAY_CHANGE: &str =
    "[aggregation]\nencoding = \"wide\"\nmembership = \"may-change\"\ncorrupt = 0\n";
