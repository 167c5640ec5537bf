//! Tail probabilities and quantiles of the normal and the t distribution.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// What a Wald statistic is compared with.
pub(crate) enum Reference {
    Normal(Normal),
    T(StudentsT),
}

impl Reference {
    /// The standard normal.
    pub(crate) fn normal() -> Self {
        Reference::Normal(Normal::standard())
    }

    /// Student's t; `None` unless there are degrees of freedom.
    pub(crate) fn t(freedom: f64) -> Option<Self> {
        StudentsT::new(0.0, 1.0, freedom).ok().map(Reference::T)
    }

    /// `P(|X| > |statistic|)`; not a number where the statistic is not.
    pub(crate) fn two_sided(&self, statistic: f64) -> f64 {
        if statistic.is_nan() { f64::NAN } else { 2.0 * self.above(statistic.abs()) }
    }

    /// The `q` with `P(|X| ≤ q) = confidence`, for `confidence` in (0, 1).
    ///
    /// By bisection: the tail is known to 13 digits, and no iteration can run astray.
    pub(crate) fn quantile(&self, confidence: f64) -> f64 {
        let outside = |q: f64| self.two_sided(q) > 1.0 - confidence;
        let (mut low, mut high) = (0.0, 1.0);
        while outside(high) && high < f64::MAX / 2.0 {
            (low, high) = (high, 2.0 * high);
        }
        for _ in 0..80 {
            let middle = low + (high - low) / 2.0;
            if outside(middle) { low = middle } else { high = middle }
        }
        high
    }

    fn above(&self, x: f64) -> f64 {
        match self {
            Reference::Normal(normal) => normal.sf(x),
            Reference::T(t) => t.sf(x),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, expected: f64) {
        assert!((got / expected - 1.0).abs() < 1e-9, "{got} {expected}");
    }

    #[test]
    fn agrees_with_tables() {
        let normal = Reference::normal();
        close(normal.quantile(0.95), 1.959963984540054);
        close(normal.two_sided(-1.959963984540054), 0.05);
        // 2 Φ(−10)
        close(normal.two_sided(10.0), 1.523970604832105e-23);
        // t with 1 degree is Cauchy, with 2 it is algebraic: P(|X| > x) = 1 − x / √(2 + x²).
        let cauchy = Reference::t(1.0).unwrap();
        close(cauchy.two_sided(1.0), 0.5);
        close(cauchy.quantile(0.95), 12.706204736174707);
        let two = Reference::t(2.0).unwrap();
        close(two.quantile(0.95), 4.302652729749464);
        close(two.two_sided(3.0), 1.0 - 3.0 / 11_f64.sqrt());
        close(Reference::t(30.0).unwrap().quantile(0.95), 2.042272456301238);
        assert!(Reference::t(0.0).is_none() && cauchy.two_sided(f64::NAN).is_nan());
    }
}
