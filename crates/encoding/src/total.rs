//! The sums of several cohorts as one sum of values (docs/protocol.md §9).

use ripieno_study::{Encoding, InputSpec, Plan};

use crate::decode::{DecodeError, check, read};
use crate::vector::NamedVector;
use crate::wide;

/// The opened sum of one cohort.
#[derive(Clone, Copy, Debug)]
pub struct CohortLanes<'a> {
    /// All lanes of the plan.
    pub lanes: &'a [u64],
    /// Number of sites summed.
    pub survivors: usize,
    /// Number of sites that might have been: it decides the width of a level.
    pub participants: usize,
}

/// Decodes the sums of cohorts under one plan, and adds them: wide vectors as integers, which are
/// rounded once; packed ones as doubles, in the order given. The same lanes give the same bits on
/// every CPU, and one cohort gives those of [`decode`](crate::decode).
///
/// # Errors
/// [`DecodeError`], as for each cohort by itself; [`DecodeError::OutOfReach`] also where wide sums
/// leave 128 bits together.
pub fn decode_total(
    plan: &Plan,
    cohorts: &[CohortLanes<'_>],
) -> Result<Vec<NamedVector>, DecodeError> {
    for cohort in cohorts {
        check(plan, cohort.lanes, cohort.survivors, cohort.participants)?;
    }
    let mut at = 0;
    let vectors = plan.inputs.iter().map(|spec| {
        let from = at;
        // The lanes of all vectors were counted above, so they are within bounds.
        at += spec.lanes() as usize;
        let parts: Vec<_> = cohorts
            .iter()
            .map(|cohort| CohortLanes { lanes: &cohort.lanes[from..at], ..*cohort })
            .collect();
        let values = match spec.encoding {
            Encoding::Wide => add_wide(spec, &parts)?,
            Encoding::Packed { .. } => add_packed(spec, &parts)?,
        };
        Ok(NamedVector::new(&spec.name, values))
    });
    vectors.collect()
}

fn add_wide(spec: &InputSpec, parts: &[CohortLanes<'_>]) -> Result<Vec<f64>, DecodeError> {
    let far = || DecodeError::OutOfReach(spec.name.clone());
    let mut total = vec![0_i128; spec.length as usize];
    for part in parts {
        let units = wide::units(part.lanes, part.survivors, part.participants).ok_or_else(far)?;
        for (sum, units) in total.iter_mut().zip(units) {
            *sum = sum.checked_add(units).ok_or_else(far)?;
        }
    }
    Ok(total.into_iter().map(wide::value).collect())
}

fn add_packed(spec: &InputSpec, parts: &[CohortLanes<'_>]) -> Result<Vec<f64>, DecodeError> {
    // −0.0 is what adds nothing to any double.
    let mut total = vec![-0.0; spec.length as usize];
    for part in parts {
        let values = read(spec, part.lanes, part.survivors, part.participants)?;
        total.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha20Rng;
    use ripieno_study::Packing;
    use ripieno_study::plan::Clip;

    use super::*;
    use crate::{decode, encode, plan_for};

    fn plan() -> Plan {
        let packed = Encoding::Packed { packing: Packing::Two, range: 2.0, clip: Clip::Refuse };
        let input = |name: &str, encoding| InputSpec { name: name.into(), length: 3, encoding };
        plan_for(&[input("update", packed), input("count", Encoding::Wide)], 512)
    }

    /// The sum of `sites` equal updates, of which the plan expects `participants`.
    fn lanes(update: [f64; 3], count: [f64; 3], sites: usize, participants: usize) -> Vec<u64> {
        let vectors = [
            NamedVector::new("update", update.to_vec()),
            NamedVector::new("count", count.to_vec()),
        ];
        let mut random = ChaCha20Rng::seed_from_u64(1);
        let one = encode(&plan(), &vectors, participants, &mut random).unwrap().lanes;
        let (packed, wide) = one.split_at(2);
        let packed = packed.iter().map(|lane| lane.wrapping_mul(sites as u64));
        let wide = wide.as_chunks::<2>().0.iter().flat_map(|[low, high]| {
            let units = u128::from(*low) | u128::from(*high) << 64;
            let sum = units.wrapping_mul(sites as u128);
            [sum as u64, (sum >> 64) as u64]
        });
        packed.chain(wide).collect()
    }

    #[test]
    fn one_cohort_is_decoded_as_ever() {
        let lanes = lanes([0.5, -2.0, 0.0], [1.0, -7.25, 1e20 / 3.0], 60, 65);
        let cohort = CohortLanes { lanes: &lanes, survivors: 60, participants: 65 };
        let bits = |vectors: Vec<NamedVector>| {
            vectors.iter().flat_map(|v| &v.values).map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let total = bits(decode_total(&plan(), &[cohort]).unwrap());
        assert_eq!(total, bits(decode(&plan(), &lanes, 60, 65).unwrap()));
    }

    /// 64 and 65 participants have levels of different widths.
    #[test]
    fn cohorts_of_different_sizes_are_added_as_values() {
        let (small, large) = (
            lanes([2.0, -2.0, 0.0], [1.0, 0.5, 0.0], 60, 64),
            lanes([2.0, 0.0, 2.0], [3.0; 3], 65, 65),
        );
        let cohorts = [
            CohortLanes { lanes: &small, survivors: 60, participants: 64 },
            CohortLanes { lanes: &large, survivors: 65, participants: 65 },
        ];
        let total = decode_total(&plan(), &cohorts).unwrap();
        let near = |found: &[f64], expected: [f64; 3]| {
            found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-5)
        };
        assert!(near(&total[0].values, [250.0, -120.0, 130.0]), "{total:?}");
        assert_eq!(total[1].values, [255.0, 225.0, 195.0]);
    }

    #[test]
    fn wide_sums_are_rounded_once() {
        // Each alone rounds to 2^53: together they are 2^54 + 2.
        let big = (1_u128 << 53) + 1;
        let with = |units: u128| {
            let mut all = vec![0; 8];
            (all[2], all[3]) = (units as u64, (units >> 64) as u64);
            all[..2].copy_from_slice(&lanes([0.0; 3], [0.0; 3], 3, 64)[..2]);
            all
        };
        let part = with(big);
        let cohort = CohortLanes { lanes: &part, survivors: 3, participants: 64 };
        let total = decode_total(&plan(), &[cohort, cohort]).unwrap();
        assert_eq!(total[1].values[0], ((1_u64 << 54) + 2) as f64 / (1_u64 << 40) as f64);
    }

    #[test]
    fn sums_that_cannot_be_are_refused_also_together() {
        let good = lanes([0.0; 3], [0.0; 3], 64, 64);
        let cohort = |lanes| CohortLanes { lanes, survivors: 64, participants: 64 };
        let mut bad = good.clone();
        bad[0] = u64::MAX;
        let refused = decode_total(&plan(), &[cohort(&good), cohort(&bad)]);
        assert_eq!(refused, Err(DecodeError::OutOfReach("update".into())));
        // 2^126 units are what 64 sites can make, 2^127 of two cohorts no longer fit.
        let mut large = good.clone();
        large[3] = 1 << 62;
        assert!(decode_total(&plan(), &[cohort(&large)]).is_ok());
        let refused = decode_total(&plan(), &[cohort(&large), cohort(&large)]);
        assert_eq!(refused, Err(DecodeError::OutOfReach("count".into())));
        let short = decode_total(&plan(), &[cohort(&good[1..])]);
        assert_eq!(short, Err(DecodeError::Lanes { expected: 8, found: 7 }));
        let nobody = CohortLanes { survivors: 0, ..cohort(&good) };
        assert!(matches!(decode_total(&plan(), &[nobody]), Err(DecodeError::Survivors { .. })));
    }
}
