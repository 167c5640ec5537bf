//! Large sums with their tiles, and what is said of cohorts.

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_secagg::cohort::{CohortSum, DrawCommit, Reveal, Total, Word};
use ripieno_secagg::round::publish::TilePart;
use ripieno_study::{Digest, Hasher, SiteIndex, Tag};
use ripieno_wire::cohort::{
    encode_commit, encode_commits, encode_reveal, encode_reveals, encode_total, encode_word,
};
use ripieno_wire::{Parts, Published, ToSite};

use super::Seed;
use super::messages::seeds_of;
use crate::common::federation::{coordinator_key, key};
use crate::common::site;
use crate::machines::trace::{Moment, traces};

pub(super) fn seeds() -> Vec<Seed> {
    let sums = sums();
    let mut seeds: Vec<Seed> = (0..).zip(&sums).flat_map(|(n, sum)| large_sums(n, sum)).collect();
    seeds.extend(cohorts(&sums));
    seeds
}

/// The first sum of each run that has its uploads in it.
fn sums() -> Vec<Published> {
    let first = |moments: &[Moment]| {
        moments.iter().find_map(|moment| match moment {
            Moment::Down(_, ToSite::Published(sum)) if matches!(sum.parts, Parts::Whole(_)) => {
                Some(sum.clone())
            }
            _ => None,
        })
    };
    traces().iter().filter_map(|trace| first(&trace.moments)).collect()
}

/// A sum with tiles instead of uploads: with none, with one, and with two of more than two.
fn large_sums(number: usize, sum: &Published) -> Vec<Seed> {
    let Parts::Whole(uploads) = &sum.parts else { return Vec::new() };
    let part = |(from, lanes): (&SiteIndex, &Vec<u64>), path: &[Digest]| TilePart {
        from: *from,
        lanes: lanes.clone().into(),
        path: path.to_vec(),
    };
    let parts = |path: &[Digest]| uploads.iter().map(|upload| part(upload, path)).collect();
    let path = [digest("left"), digest("right")];
    let kinds = [
        ("none", BTreeMap::new()),
        ("one", BTreeMap::from([(0, parts(&[]))])),
        ("two", BTreeMap::from([(0, parts(&path)), (3, parts(&path))])),
    ];
    let seed = |(name, tiles): (&str, BTreeMap<u32, Vec<TilePart>>)| {
        let sum = Published { parts: Parts::Tiles(tiles), ..sum.clone() };
        ("large_sum", format!("{name}-{number}"), ToSite::Published(sum).encode().to_vec())
    };
    kinds.into_iter().map(seed).collect()
}

fn cohorts(sums: &[Published]) -> Vec<Seed> {
    let commits = [1, 2, 200].map(|index| DrawCommit {
        charter: digest("charter"),
        study: digest("study"),
        from: site(index),
        commitment: digest("commitment"),
        signature: signed("commitment"),
    });
    let reveals = [1, 2, 200].map(|index| Reveal { from: site(index), nonce: [7; 32] });
    let sums: Vec<CohortSum> = sums.iter().take(2).map(cohort_sum).collect();
    let word = sums[0].words[0];
    let next_state = digest("state");
    let total = Total { cohorts: sums, next_state, signature: signed("total") };
    let kinds = [
        ("commit", encode_commit(&commits[0])),
        ("commits", encode_commits(&commits)),
        ("reveal", encode_reveal(&reveals[0])),
        ("reveals", encode_reveals(&reveals)),
        ("word", encode_word(&word)),
        ("total", encode_total(&total)),
    ];
    seeds_of("cohorts", kinds.map(|(name, bytes)| (name, bytes.to_vec())))
}

/// The sum of a run as that of a cohort, with the words of two of its sites.
fn cohort_sum(sum: &Published) -> CohortSum {
    let words = [1, 2].map(|index| Word {
        ctx: digest("ctx"),
        outcome: digest("outcome"),
        sum: sum.receipt.sum,
        from: site(index),
        signature: key("word").sign(&digest("word")),
    });
    CohortSum {
        contract: sum.contract.contract.clone(),
        outcome: sum.receipt.certificate.outcome.clone(),
        lanes: sum.sum.to_vec(),
        words: words.into(),
    }
}

fn digest(of: &str) -> Digest {
    Hasher::new(Tag::State).part(of).finish()
}

fn signed(what: &str) -> Signature {
    coordinator_key().sign(&digest(what))
}
