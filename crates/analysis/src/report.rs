//! The result of an analysis.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ripieno_study::{Digest, Hasher, Tag};
use serde::{Deserialize, Serialize};

use crate::bits::hash_floats;
use crate::figure;

/// What a researcher gets. A figure that cannot be computed is not a number, and `null` in JSON;
/// from JSON a report comes back as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "analysis", rename_all = "lowercase")]
pub enum Report {
    /// Of a generalised linear model.
    Glm(Box<GlmReport>),
    /// Of federated averaging.
    FedAvg(FedAvgReport),
    /// Of a sum of random vectors.
    Vector(VectorReport),
}

/// A fitted generalised linear model. Every figure is of the sites of the last round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GlmReport {
    /// `gaussian`, `binomial` or `poisson`.
    pub family: Cow<'static, str>,
    /// How the fit ended; the coefficients are the maximum-likelihood estimates only where it
    /// converged.
    pub status: Status,
    /// The same in a sentence, with the terms concerned and what to do.
    pub message: String,
    /// Whether `status` is [`Status::Converged`].
    pub converged: bool,
    /// Rows.
    pub n: u64,
    /// Names of the coefficients, the intercept first.
    pub terms: Vec<String>,
    /// Estimates, in the order of `terms`.
    #[serde(deserialize_with = "figure::list")]
    pub coefficients: Vec<f64>,
    /// Their standard errors, from the Fisher information and the dispersion.
    #[serde(deserialize_with = "figure::list")]
    pub standard_errors: Vec<f64>,
    /// `z` (normal) or `t` (Student, gaussian family): what `statistics` are compared with.
    pub statistic: Cow<'static, str>,
    /// Wald statistics: coefficient over standard error.
    #[serde(deserialize_with = "figure::list")]
    pub statistics: Vec<f64>,
    /// Two-sided p-values.
    #[serde(deserialize_with = "figure::list")]
    pub p_values: Vec<f64>,
    /// Level of the confidence intervals.
    #[serde(deserialize_with = "figure::one")]
    pub confidence: f64,
    /// Wald intervals, lower and upper end.
    #[serde(deserialize_with = "figure::pairs")]
    pub confidence_intervals: Vec<[f64; 2]>,
    /// Residual deviance.
    #[serde(deserialize_with = "figure::one")]
    pub deviance: f64,
    /// Deviance of the model with an intercept alone.
    #[serde(deserialize_with = "figure::one")]
    pub null_deviance: f64,
    /// Estimated for the gaussian family (deviance over degrees of freedom), else 1.
    #[serde(deserialize_with = "figure::one")]
    pub dispersion: f64,
    /// Rows less coefficients; negative where there are too few rows.
    pub df_residual: i64,
    /// Rows less 1.
    pub df_null: i64,
    /// Newton steps taken, the first included.
    pub iterations: u32,
}

/// How a fit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// At the maximum of the likelihood.
    Converged,
    /// There is no maximum: some coefficients grow without bound.
    Separated,
    /// A column is a linear combination of others.
    Collinear,
    /// The steps were used up before the maximum was reached.
    NotConverged,
}

/// A model trained by federated averaging.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FedAvgReport {
    /// `gaussian`, `binomial` or `poisson`.
    pub family: Cow<'static, str>,
    /// Rows that the final parameters were evaluated on.
    pub n: u64,
    /// Names of the parameters, the intercept first.
    pub terms: Vec<String>,
    /// In the order of `terms`; of standardised features where the study standardises.
    #[serde(deserialize_with = "figure::list")]
    pub parameters: Vec<f64>,
    /// On the training rows: `loss` (mean; log loss for binomial, (y − μ)²/2 for gaussian,
    /// μ − y log μ for poisson), `accuracy` (binomial, at 0.5) and `n`.
    #[serde(deserialize_with = "figure::named")]
    pub metrics: BTreeMap<Cow<'static, str>, f64>,
    /// Rounds of averaging.
    pub training_rounds: u32,
    /// Values, or with L2 clipping updates, that were clipped over all rounds.
    pub clipped: u64,
}

/// The sum of random vectors. Figures are of the last round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VectorReport {
    /// Values in the vector.
    pub length: u64,
    /// How often vectors were summed.
    pub summed_rounds: u32,
    /// Sites in the sum.
    pub summands: u64,
    /// Digest of the decoded sum, values by their bits.
    pub sum_digest: Digest,
    /// Mean of the sum's values.
    #[serde(deserialize_with = "figure::one")]
    pub mean: f64,
    /// L2 norm of the sum.
    #[serde(deserialize_with = "figure::one")]
    pub norm: f64,
    /// Values, or with L2 clipping vectors, that were clipped over all rounds.
    pub clipped: u64,
}

impl Report {
    /// Digest of what was computed from the sums, equal at every site. Statistics, p-values and
    /// intervals are left out: they follow from the rest through functions that may differ in the
    /// last bit between platforms.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hasher = Hasher::new(Tag::State).part("report");
        match self {
            Report::Glm(report) => report.hash_into(hasher.part("glm")),
            Report::FedAvg(report) => report.hash_into(hasher.part("fedavg")),
            Report::Vector(report) => hasher
                .part("vector")
                .number(report.length)
                .number(report.summed_rounds)
                .number(report.summands)
                .part(report.sum_digest)
                .number(report.clipped),
        }
        .finish()
    }
}

impl GlmReport {
    fn hash_into(&self, hasher: Hasher) -> Hasher {
        let hasher = hasher.part(self.family.as_bytes()).part(&self.message).number(self.n);
        let hasher = hasher.list(self.terms.iter(), Hasher::part);
        let hasher = hash_floats(hasher, &self.coefficients);
        let hasher = hash_floats(hasher, &self.standard_errors);
        let figures = [self.deviance, self.null_deviance, self.dispersion, self.confidence];
        hash_floats(hasher, &figures).number(self.iterations)
    }
}

impl FedAvgReport {
    fn hash_into(&self, hasher: Hasher) -> Hasher {
        let hasher = hasher.part(self.family.as_bytes()).number(self.n);
        let hasher = hasher.list(self.terms.iter(), Hasher::part);
        let hasher = hash_floats(hasher, &self.parameters);
        let hasher = hasher.list(self.metrics.iter(), |hasher, (name, value)| {
            hasher.part(name.as_bytes()).number(value.to_bits())
        });
        hasher.number(self.training_rounds).number(self.clipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(report: &Report) -> Report {
        let text = serde_json::to_string(report).unwrap();
        let back: Report = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
        back
    }

    #[test]
    fn a_report_comes_back_from_json_to_the_same_bits() {
        let glm = Report::Glm(Box::new(GlmReport {
            family: "binomial".into(),
            status: Status::NotConverged,
            message: "not converged".into(),
            converged: false,
            n: 569,
            terms: vec!["(Intercept)".into(), "x".into()],
            coefficients: vec![-35.073_926_512_345_67, 0.1 + 0.2],
            standard_errors: vec![5e-324, f64::MAX],
            statistic: "z".into(),
            statistics: vec![-0.0, 1.0 / 3.0],
            p_values: vec![0.0, 1e-300],
            confidence: 0.95,
            confidence_intervals: vec![[1.0, 2.0], [0.3, 0.7]],
            deviance: 174.615_008_123,
            null_deviance: 751.44,
            dispersion: 1.0,
            df_residual: -1,
            df_null: 568,
            iterations: 9,
        }));
        assert_eq!(round_trip(&glm), glm);
        assert_eq!(round_trip(&glm).digest(), glm.digest());
        let fedavg = Report::FedAvg(FedAvgReport {
            family: "poisson".into(),
            n: 3,
            terms: vec!["(Intercept)".into()],
            parameters: vec![1.1],
            metrics: BTreeMap::from([("loss".into(), 0.123_456_789_012_345_6)]),
            training_rounds: 20,
            clipped: 1,
        });
        assert_eq!(round_trip(&fedavg), fedavg);
    }

    #[test]
    fn what_is_not_a_number_is_null_and_comes_back_as_such() {
        let report = Report::Vector(VectorReport {
            length: 1,
            summed_rounds: 1,
            summands: 3,
            sum_digest: Digest::from_bytes([7; 32]),
            mean: f64::NAN,
            norm: 2.5,
            clipped: 0,
        });
        let Report::Vector(back) = round_trip(&report) else { panic!("another kind") };
        assert!(back.mean.is_nan() && back.norm == 2.5, "{back:?}");
    }
}
