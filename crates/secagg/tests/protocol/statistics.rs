//! What a coordinator can count in masked vectors: nothing. Constant inputs are masked, and the
//! bytes that leave the site are those of a uniform source, as far as 2^24 words can tell.

use ripieno_study::Membership;
use ripieno_study::plan::{Clip, Encoding, InputSpec, Packing, Plan};

use crate::common::scene::Scene;
use crate::common::{digest, site};

/// Lanes of one upload: two of them are 2^24 words.
const LANES: usize = 1 << 23;
/// A chi-squared statistic of 255 degrees of freedom lies above once in three million times
/// (Wilson and Hilferty's approximation at 5 standard deviations). Seeds are fixed, so the test
/// never sees a bad day.
const LIMIT: f64 = 385.0;
/// What the site adds up: the same word in every lane.
const CONSTANT: u64 = 0x0000_0001_0000_0001;

fn plan() -> Plan {
    let packed = Encoding::Packed { packing: Packing::Two, range: 1.0, clip: Clip::Refuse };
    let input = |name: &str, length, encoding| InputSpec { name: name.into(), length, encoding };
    let half = LANES as u64 / 2;
    let inputs = vec![input("packed", half * 2, packed), input("wide", half / 2, Encoding::Wide)];
    Plan { inputs, tile_lanes: 1 << 17 }
}

/// What site 2 sends for the same constant vector in the first two slots.
fn uploads() -> [Vec<u64>; 2] {
    let mut scene = Scene::new(4, 0, Membership::MayChange);
    scene.study.plan = plan();
    assert_eq!(scene.study.plan.lanes(), LANES as u64);
    [0, 1].map(|slot| {
        let from = site(2);
        // A study of its own for each slot: neither is resolved here.
        scene.study.digest = digest(5000 + u64::from(slot));
        let signed = scene.sign(scene.contract(slot));
        scene.start(from, &signed).expect("an honest contract");
        let member = scene.world.members.get_mut(&from).expect("a member");
        let epoch = scene.run.epochs.get_mut(&from).expect("it joined");
        let (approved, lanes) = (scene.study.approved(), vec![CONSTANT; LANES]);
        let upload = epoch.upload(slot, &approved, lanes, digest(9), &mut member.ledger);
        upload.expect("an honest upload").lanes.to_vec()
    })
}

/// Chi-squared statistics of the values of each of the eight bytes of a word, against a uniform
/// source.
fn chi_squared(words: impl Iterator<Item = u64>) -> [f64; 8] {
    let mut counts = [[0_u64; 256]; 8];
    let mut total = 0.0;
    for word in words {
        total += 1.0;
        for (counts, byte) in counts.iter_mut().zip(word.to_le_bytes()) {
            counts[usize::from(byte)] += 1;
        }
    }
    let expected = total / 256.0;
    counts.map(|counts| {
        let deviation = |count: &u64| (*count as f64 - expected).powi(2) / expected;
        counts.iter().map(deviation).sum()
    })
}

fn is_uniform(words: impl Iterator<Item = u64>) -> bool {
    chi_squared(words).iter().all(|statistic| *statistic < LIMIT)
}

#[test]
fn masked_lanes_of_a_constant_look_uniform_and_independent() {
    let [first, second] = uploads();
    // The same words before the mask are found out at once.
    assert!(!is_uniform(vec![CONSTANT; LANES].into_iter()));
    assert!(is_uniform(first.iter().chain(&second).copied()), "the words of both slots");
    let pairs = || first.iter().zip(&second);
    // One word says nothing of the other, nor of its neighbour.
    assert!(is_uniform(pairs().map(|(a, b)| a.wrapping_sub(*b))), "their differences");
    assert!(is_uniform(pairs().map(|(a, b)| a ^ b)), "where they differ");
    assert!(is_uniform(first.windows(2).map(|pair| pair[0] ^ pair[1])), "neighbours");
    assert_eq!(pairs().filter(|(a, b)| a == b).count(), 0, "equal words: one in 2^41 runs");
}
