//! Small statistics.

/// The median; NaN of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The smallest value; infinite of nothing.
#[must_use]
pub fn minimum(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The distance between the quartiles: half of all values lie within it. NaN of nothing.
#[must_use]
pub fn spread(values: &[f64]) -> f64 {
    quantile(values, 0.75) - quantile(values, 0.25)
}

/// The value below which the share `q` (0 to 1) of `values` lies, between neighbours by a straight
/// line. NaN of nothing.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// The exponent e for which `y ≈ a · x^e`, by least squares on the logarithms of `(x, y)`. All are
/// positive; NaN where fewer than two x differ.
#[must_use]
pub fn exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<_> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean_x = logs.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = logs.iter().map(|(_, y)| y).sum::<f64>() / count;
    let across: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let along: f64 = logs.iter().map(|(x, _)| (x - mean_x) * (x - mean_x)).sum();
    if along > 0.0 { across / along } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quartiles_lie_between_neighbours() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(spread(&[1.0, 2.0, 3.0, 4.0, 5.0]), 2.0);
        assert_eq!(minimum(&[2.0, 1.5, 9.0]), 1.5);
        assert!(median(&[]).is_nan() && spread(&[]).is_nan());
    }

    #[test]
    fn exponents_of_powers_are_found() {
        let power = |e: f64| [1.0_f64, 10.0, 1e3, 1e5].map(|x| (x, 3.0 * x.powf(e)));
        for e in [0.0, 1.0, 2.0, -0.5] {
            assert!((exponent(&power(e)) - e).abs() < 1e-12);
        }
        // A fixed cost bends the curve.
        let bent = [1.0_f64, 10.0, 100.0].map(|x| (x, 10.0 + x));
        assert!(exponent(&bent) < 0.6);
        assert!(exponent(&[(1.0, 1.0), (1.0, 2.0)]).is_nan());
    }
}
