//! The sum of lanes as values.

use ripieno_study::plan::PlanError;
use ripieno_study::{Encoding, InputSpec, Plan};
use thiserror::Error;

use crate::packed::{BadLanes, Quantiser};
use crate::vector::NamedVector;
use crate::wide;

/// Why lanes are not the sum that a plan describes.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The plan itself is impossible.
    #[error("the plan of the round is impossible: {0}")]
    Plan(#[from] PlanError),
    /// More survivors than participants, or none.
    #[error("{survivors} of {participants} sites cannot have survived")]
    Survivors {
        /// Number of sites summed.
        survivors: usize,
        /// Number of sites that might have been.
        participants: usize,
    },
    /// The wrong number of lanes.
    #[error("the sum has {found} lanes, its plan {expected}")]
    Lanes {
        /// Lanes of the plan.
        expected: u64,
        /// Lanes given.
        found: u64,
    },
    /// A value that no honest sites add up to.
    #[error(
        "vector \"{0}\": the sum is larger than its sites can make it, so a site encoded it wrongly"
    )]
    OutOfReach(String),
    /// Bits are set that no value uses.
    #[error("vector \"{0}\": unused bits are set, so a site encoded it wrongly")]
    UnusedBits(String),
}

/// Decodes the sum of the updates of `survivors` out of `participants` sites: every vector of the
/// plan in order, companions for clipped counts included. The same lanes give the same bits on
/// every CPU.
///
/// # Errors
/// [`DecodeError`]; the last two kinds say that one of the survivors did not encode as agreed.
pub fn decode(
    plan: &Plan,
    lanes: &[u64],
    survivors: usize,
    participants: usize,
) -> Result<Vec<NamedVector>, DecodeError> {
    check(plan, lanes, survivors, participants)?;
    let mut rest = lanes;
    let vectors = plan.inputs.iter().map(|spec| {
        // The lanes of all vectors were counted above, so the split is within bounds.
        let (own, others) = rest.split_at(spec.lanes() as usize);
        rest = others;
        let values = read(spec, own, survivors, participants)?;
        Ok(NamedVector::new(&spec.name, values))
    });
    vectors.collect()
}

/// What a plan, its lanes and numbers of sites must keep, whatever stands in the lanes.
pub(crate) fn check(
    plan: &Plan,
    lanes: &[u64],
    survivors: usize,
    participants: usize,
) -> Result<(), DecodeError> {
    plan.check(participants)?;
    if survivors == 0 || survivors > participants {
        return Err(DecodeError::Survivors { survivors, participants });
    }
    if lanes.len() as u64 != plan.lanes() {
        let (expected, found) = (plan.lanes(), lanes.len() as u64);
        return Err(DecodeError::Lanes { expected, found });
    }
    Ok(())
}

pub(crate) fn read(
    spec: &InputSpec,
    lanes: &[u64],
    survivors: usize,
    participants: usize,
) -> Result<Vec<f64>, DecodeError> {
    match spec.encoding {
        Encoding::Wide => wide::read(lanes, survivors, participants)
            .ok_or_else(|| DecodeError::OutOfReach(spec.name.clone())),
        Encoding::Packed { packing, range, .. } => Quantiser::new(packing, range, participants)
            .read(lanes, spec.length as usize, survivors)
            .map_err(|bad| match bad {
                BadLanes::Field => DecodeError::OutOfReach(spec.name.clone()),
                BadLanes::Unused => DecodeError::UnusedBits(spec.name.clone()),
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let wide = InputSpec { name: "n".into(), length: 2, encoding: Encoding::Wide };
        Plan { inputs: vec![wide], tile_lanes: 512 }
    }

    #[test]
    fn sums_that_do_not_fit_the_plan_are_refused() {
        let decoded = decode(&plan(), &[1 << 40, 0, 0, 0], 3, 4).unwrap();
        assert_eq!(decoded, [NamedVector::new("n", vec![1.0, 0.0])]);
        let lanes = decode(&plan(), &[0; 3], 3, 4);
        assert_eq!(lanes, Err(DecodeError::Lanes { expected: 4, found: 3 }));
        for survivors in [0, 5] {
            let refused = decode(&plan(), &[0; 4], survivors, 4);
            assert!(matches!(refused, Err(DecodeError::Survivors { .. })));
        }
        let large = decode(&plan(), &[0, 1 << 62, 0, 0], 1, 4);
        assert_eq!(large, Err(DecodeError::OutOfReach("n".into())));
    }
}
