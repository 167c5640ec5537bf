//! What several topics need.

use std::time::Duration;

use ripieno_study::Digest;
use ripieno_tests::{Federation, Kind, Setup, Site, Watch, programs, until};
use serde_json::Value;

/// For a study of a few rounds.
pub(crate) const DONE: Duration = Duration::from_secs(120);

/// So many sites.
pub(crate) fn setup(kind: Kind, sites: usize) -> Setup {
    Setup::new(programs!(), kind, sites)
}

/// With steps that give up soon, for tests that lose a site.
pub(crate) fn impatient(setup: Setup) -> Setup {
    let seconds = [
        ("offer_seconds", 2),
        ("setup_seconds", 2),
        ("collect_seconds", 2),
        ("decide_seconds", 2),
        ("open_seconds", 2),
        ("void_seconds", 2),
        ("settle_seconds", 2),
        ("rejoin_seconds", 1),
    ];
    seconds.into_iter().fold(setup, |setup, (key, seconds)| setup.phase(key, seconds))
}

/// Runs a study to its result.
pub(crate) async fn complete(federation: &Federation, text: &str) -> (Digest, Watch, Value) {
    let study = federation.researcher.submit(text).await;
    let watch = federation.researcher.watch(study);
    watch.done(DONE).await;
    let result = federation.researcher.result(&study).await;
    (study, watch, result)
}

/// Waits until these sites, by their places, have computed the result themselves; it is the
/// coordinator's, to the bit.
pub(crate) async fn assert_sites_agree(
    federation: &Federation,
    study: &Digest,
    places: &[usize],
    result: &Value,
) {
    agree(places.iter().map(|place| &federation.sites[*place]), study, result).await;
}

/// The same of these sites.
pub(crate) async fn agree(sites: impl IntoIterator<Item = &Site>, study: &Digest, result: &Value) {
    for site in sites {
        let report = until(DONE, "the result at a site", || async {
            let shown = site.show(study).await;
            shown.report.ok_or_else(|| format!("{}: {}", site.name, shown.problem))
        })
        .await;
        let own: Value = serde_json::from_slice(&report).unwrap();
        assert_eq!(&own, result, "{}", site.name);
    }
}

/// All places of a federation.
pub(crate) fn all(federation: &Federation) -> Vec<usize> {
    (0..federation.sites.len()).collect()
}

/// A list of numbers.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// A list of texts.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Asserts that lists agree within `tolerance`.
#[track_caller]
pub(crate) fn assert_close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let difference = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(difference <= tolerance, "{what}: off by {difference:e}\n{got:?}\n{expected:?}");
}
