//! Sums of a fit over a site's rows.

use ndarray::ArrayView1;
use ripieno_analysis::NamedVector;
use ripieno_analysis::glm::{GRADIENT, GlmState, INFORMATION, Point, STATISTICS, Units};
use ripieno_study::manifest::{Family, GlmSpec};

use crate::Rows;
use crate::error::RowError;
use crate::family::{self, Contribution};

/// Rows summed before their sums are added to the total: keeps rounding small for many rows.
const BLOCK: usize = 512;

/// Gradient, information and statistics at the state's point.
pub(crate) fn sums(
    spec: &GlmSpec,
    state: &GlmState,
    rows: Rows<'_>,
) -> Result<Vec<NamedVector>, RowError> {
    let features = rows.features.ncols();
    let misfit = state.point.as_ref().is_some_and(|point| point.beta.len() != features + 1);
    if misfit || state.units.features.len() != features {
        return Err(RowError::State);
    }
    family::check(spec.family, &rows.outcome)?;
    let row = Row::new(spec.family, &state.units, state.point.as_ref());
    let mut total = Accumulator::new(features + 1);
    let mut block = Accumulator::new(features + 1);
    let mut terms = vec![1.0; features + 1];
    for (number, (values, y)) in rows.features.outer_iter().zip(rows.outcome).enumerate() {
        let contribution = row.read(&values, *y, &mut terms);
        block.add_row(&terms, &contribution);
        if number % BLOCK == BLOCK - 1 {
            total.take(&mut block);
        }
    }
    total.take(&mut block);
    Ok(total.into_vectors())
}

/// How a row is read.
struct Row<'a> {
    family: Family,
    /// Factors of the features, powers of two.
    factors: Vec<f64>,
    outcome_factor: f64,
    point: Option<&'a Point>,
}

impl<'a> Row<'a> {
    fn new(family: Family, units: &Units, point: Option<&'a Point>) -> Self {
        let power = |exponent: i32| libm::scalbn(1.0, exponent);
        let factors = units.features.iter().copied().map(power).collect();
        Self { family, factors, outcome_factor: power(units.outcome), point }
    }

    /// Writes the row's terms, the intercept first, and gives its contribution.
    fn read(&self, values: &ArrayView1<'_, f64>, y: f64, terms: &mut [f64]) -> Contribution {
        for ((term, value), factor) in terms.iter_mut().skip(1).zip(values).zip(&self.factors) {
            *term = value * factor;
        }
        let y = y * self.outcome_factor;
        match self.point {
            None => family::start(self.family, y),
            Some(point) => {
                let eta = terms.iter().zip(&point.beta).map(|(term, beta)| term * beta).sum();
                family::contribution(self.family, y, eta, point.centre)
            }
        }
    }
}

struct Accumulator {
    gradient: Vec<f64>,
    /// Upper triangle, row by row.
    information: Vec<f64>,
    /// Rows, deviance, outcome, spread.
    statistics: [f64; 4],
}

impl Accumulator {
    fn new(size: usize) -> Self {
        Self {
            gradient: vec![0.0; size],
            information: vec![0.0; size * (size + 1) / 2],
            statistics: [0.0; 4],
        }
    }

    fn add_row(&mut self, terms: &[f64], row: &Contribution) {
        let mut triangle = self.information.iter_mut();
        for (i, term) in terms.iter().enumerate() {
            self.gradient[i] += term * row.residual;
            let weighted = term * row.weight;
            // In this order: the triangle must not lose an entry when the terms end.
            for (other, entry) in terms[i..].iter().zip(triangle.by_ref()) {
                *entry += weighted * other;
            }
        }
        let parts = [1.0, row.deviance, row.outcome, row.spread];
        self.statistics.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
    }

    /// Adds the sums of `block`, and empties it.
    fn take(&mut self, block: &mut Self) {
        let pairs = (self.gradient.iter_mut().zip(&mut block.gradient))
            .chain(self.information.iter_mut().zip(&mut block.information))
            .chain(self.statistics.iter_mut().zip(&mut block.statistics));
        pairs.for_each(|(sum, part)| *sum += std::mem::take(part));
    }

    fn into_vectors(self) -> Vec<NamedVector> {
        vec![
            NamedVector::new(GRADIENT, self.gradient),
            NamedVector::new(INFORMATION, self.information),
            NamedVector::new(STATISTICS, self.statistics.to_vec()),
        ]
    }
}
