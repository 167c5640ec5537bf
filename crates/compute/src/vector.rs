//! The values of a `vector` study.

use rand::rngs::ChaCha20Rng;
use rand::{Rng, SeedableRng};
use ripieno_analysis::NamedVector;
use ripieno_analysis::State;
use ripieno_analysis::vector::VECTOR;
use ripieno_study::SiteIndex;
use ripieno_study::manifest::VectorSpec;

use crate::error::ComputeError;

/// Values drawn at a time.
const CHUNK: usize = 512;

/// What `site` adds in `state`: values uniform on (−1, 1), from ChaCha20 keyed by the study's seed,
/// the site and the round (three LE64, then zeros). Reads no data.
///
/// # Errors
/// [`ComputeError::State`] for a state of another analysis.
pub fn local_vector(
    spec: &VectorSpec,
    state: &State,
    site: SiteIndex,
) -> Result<Vec<NamedVector>, ComputeError> {
    let State::Vector(state) = state else { return Err(ComputeError::State) };
    let mut key = [0; 32];
    let parts = [spec.seed, u64::from(site), u64::from(state.round)];
    for (place, part) in key.chunks_exact_mut(8).zip(parts) {
        place.copy_from_slice(&part.to_le_bytes());
    }
    let mut random = ChaCha20Rng::from_seed(key);
    let mut values = Vec::with_capacity(spec.length as usize);
    let mut bytes = [0; 8 * CHUNK];
    while values.len() < spec.length as usize {
        let count = CHUNK.min(spec.length as usize - values.len());
        random.fill_bytes(&mut bytes[..8 * count]);
        let words = bytes.as_chunks::<8>().0.iter().take(count);
        values.extend(words.map(|word| uniform(u64::from_le_bytes(*word))));
    }
    Ok(vec![NamedVector::new(VECTOR, values)])
}

/// An odd multiple of 2^-52 between −1 and 1: exact, never an end.
fn uniform(random: u64) -> f64 {
    let odd = (random >> 12) * 2 + 1;
    odd as f64 / (1_u64 << 52) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use ripieno_analysis::vector::VectorState;

    use super::*;

    fn values(site: u16, round: u32, length: u64) -> Vec<f64> {
        let spec = VectorSpec { length, seed: 11, rounds: 9 };
        let state = State::Vector(VectorState { round, clipped: 0 });
        local_vector(&spec, &state, SiteIndex::new(site).unwrap()).unwrap().remove(0).values
    }

    #[test]
    fn values_follow_from_seed_site_and_round() {
        assert_eq!(values(1, 1, 2000), values(1, 1, 2000));
        assert_ne!(values(1, 1, 5), values(2, 1, 5));
        assert_ne!(values(1, 1, 5), values(1, 2, 5));
        assert_eq!(values(1, 1, 700)[..600], values(1, 1, 600));
    }

    #[test]
    fn values_are_spread_over_the_open_interval() {
        assert!(uniform(0) > -1.0 && uniform(u64::MAX) < 1.0);
        let values = values(3, 1, 10_000);
        // The mean's standard error is 1/√30000 = 0.006.
        assert!((values.iter().sum::<f64>() / 1e4).abs() < 0.03);
        assert!(values.iter().filter(|v| v.abs() > 0.5).count() > 4500);
    }
}
