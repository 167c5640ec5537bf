//! Sites encode, lanes are added, and the decoded sum is the sum of the values.

use std::time::Instant;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_encoding::{NamedVector, decode, encode, plan_for, resolution};
use ripieno_study::plan::Clip;
use ripieno_study::{Encoding, InputSpec, Packing, Plan};

/// What the protocol does to lanes, without the masks.
fn add(plan: &Plan, sum: &mut [u64], lanes: &[u64]) {
    let mut at = 0;
    for input in &plan.inputs {
        let end = at + input.lanes() as usize;
        match input.encoding {
            Encoding::Packed { .. } => {
                for (sum, lane) in sum[at..end].iter_mut().zip(&lanes[at..end]) {
                    *sum = sum.wrapping_add(*lane);
                }
            }
            Encoding::Wide => {
                for (sum, lane) in sum[at..end].chunks_mut(2).zip(lanes[at..end].chunks(2)) {
                    let wide = |pair: &[u64]| u128::from(pair[0]) | u128::from(pair[1]) << 64;
                    let total = wide(sum).wrapping_add(wide(lane));
                    sum.copy_from_slice(&[total as u64, (total >> 64) as u64]);
                }
            }
        }
        at = end;
    }
}

fn packing() -> impl Strategy<Value = Packing> {
    prop::sample::select(vec![Packing::One, Packing::Two, Packing::Three, Packing::Four])
}

/// Per participant: whether it survives, and its values as fractions of the range.
fn sites(length: usize) -> impl Strategy<Value = Vec<(bool, Vec<f64>)>> {
    let fraction = prop_oneof![4 => -1.0..=1.0, 1 => Just(1.0), 1 => Just(-1.0), 1 => Just(0.0)];
    let site = (any::<bool>(), prop::collection::vec(fraction, length));
    prop::collection::vec(site, 3..=128).prop_map(|mut sites| {
        sites[0].0 = true;
        sites
    })
}

/// Encodes and sums the survivors: (decoded, true sums, number of survivors).
fn summed(
    plan: &Plan,
    sites: &[(bool, Vec<f64>)],
    vectors: impl Fn(&[f64]) -> Vec<NamedVector>,
) -> (Vec<NamedVector>, usize) {
    let mut sum = vec![0; plan.lanes() as usize];
    for (seed, (_, values)) in sites.iter().enumerate().filter(|(_, (survives, _))| *survives) {
        let mut rounding = ChaCha20Rng::seed_from_u64(seed as u64);
        let encoded = encode(plan, &vectors(values), sites.len(), &mut rounding).unwrap();
        add(plan, &mut sum, &encoded.lanes);
    }
    let survivors = sites.iter().filter(|(survives, _)| *survives).count();
    (decode(plan, &sum, survivors, sites.len()).unwrap(), survivors)
}

fn total(sites: &[(bool, Vec<f64>)], position: usize) -> f64 {
    sites.iter().filter(|(survives, _)| *survives).map(|(_, values)| values[position]).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn packed_sums_are_within_a_level_a_survivor(
        packing in packing(),
        range in prop::sample::select(vec![1e-3, 1.0, 7.5, 1e6]),
        sites in (1_usize..=9).prop_flat_map(sites),
    ) {
        let length = sites[0].1.len();
        let encoding = Encoding::Packed { packing, range, clip: Clip::Coordinate };
        let input = InputSpec { name: "update".into(), length: length as u64, encoding };
        let weight = InputSpec { name: "weight".into(), length: 1, encoding: Encoding::Wide };
        let plan = plan_for(&[input, weight], 512);
        let (decoded, survivors) = summed(&plan, &sites, |values| vec![
            NamedVector::new("update", values.iter().map(|value| value * range).collect()),
            NamedVector::new("weight", vec![3.0]),
        ]);
        prop_assert_eq!(&decoded[1].values, &vec![0.0]);
        prop_assert_eq!(&decoded[2].values, &vec![3.0 * survivors as f64]);
        // A level each for rounding, and for One the 53 bits of a float.
        let bound = survivors as f64 * (resolution(packing, range, sites.len()) + 1e-15 * range);
        for (i, got) in decoded[0].values.iter().enumerate() {
            let expected = total(&sites, i) * range;
            prop_assert!((got - expected).abs() <= bound, "{got} {expected} {bound}");
        }
    }

    #[test]
    fn wide_sums_are_exact_to_half_a_unit_a_survivor(
        exponent in -20..=76_i32,
        sites in (1_usize..=4).prop_flat_map(sites),
    ) {
        let scale = 2_f64.powi(exponent);
        let length = sites[0].1.len() as u64;
        let input = InputSpec { name: "gradient".into(), length, encoding: Encoding::Wide };
        let plan = plan_for(&[input], 512);
        let (decoded, survivors) = summed(&plan, &sites, |values| {
            vec![NamedVector::new("gradient", values.iter().map(|value| value * scale).collect())]
        });
        let bound = survivors as f64 * (0.5 * 2_f64.powi(-40) + 1e-14 * scale);
        for (i, got) in decoded[0].values.iter().enumerate() {
            prop_assert!((got - total(&sites, i) * scale).abs() <= bound);
        }
    }
}

#[test]
fn a_million_values_take_a_moment() {
    let length = 1_000_000;
    let values: Vec<f64> = (0..length).map(|i| f64::from(i) / f64::from(length) - 0.5).collect();
    let packed = Encoding::Packed { packing: Packing::Three, range: 1.0, clip: Clip::Refuse };
    for encoding in [packed, Encoding::Wide] {
        let input = InputSpec { name: "update".into(), length: length as u64, encoding };
        let plan = plan_for(&[input], 1 << 15);
        let vectors = [NamedVector::new("update", values.clone())];
        let start = Instant::now();
        let encoded = encode(&plan, &vectors, 4, &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        let decoded = decode(&plan, &encoded.lanes, 1, 4).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        println!("{encoding:?}: {seconds:.3} s");
        // Generous, for a debug build on a busy machine; it is about 20 ms when optimised.
        assert!(seconds < 10.0, "{seconds}");
        assert_eq!(decoded[0].values.len(), values.len());
    }
}
