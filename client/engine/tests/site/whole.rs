//! Without a lie, everything goes through: what the other tests break does work.

use crate::common::federation::{Federation, Settings};
use crate::common::studies::{glm, vector};

#[test]
fn honest_parties_come_to_the_same_result() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let study = federation.begin(&glm(""));
    federation.run(&[study]);
    let report = federation.result(&study).unwrap().unwrap().digest();
    for (index, site) in &federation.sites {
        assert_eq!(site.report(&study).unwrap().digest(), report);
        let refused = |entry: &String| entry.starts_with("refusal");
        assert_eq!(federation.log(*index).into_iter().find(refused), None);
    }
}

#[test]
fn a_large_sum_is_verified_in_parts() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&vector(40_000, 2, ""));
    federation.run(&[study]);
    assert!(federation.sites.values().all(|site| site.report(&study).is_some()));
}
