//! Local training and evaluation of federated averaging.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand::rngs::ChaCha20Rng;
use rand::{Rng, SeedableRng};
use ripieno_analysis::NamedVector;
use ripieno_analysis::fedavg::{EVALUATION, FedAvgState, Phase, ROWS, UPDATE, WEIGHT};
use ripieno_study::manifest::{Family, FedAvgSpec, Standardise, UpdateEncoding};

use crate::Rows;
use crate::error::RowError;
use crate::family;

/// What a site adds to a round: rows, a weighted update with its weight, or an evaluation.
pub(crate) fn sums(
    spec: &FedAvgSpec,
    encoding: UpdateEncoding,
    state: &FedAvgState,
    rows: Rows<'_>,
) -> Result<Vec<NamedVector>, RowError> {
    if state.parameters.len() != rows.features.ncols() + 1 {
        return Err(RowError::State);
    }
    family::check(spec.family, &rows.outcome)?;
    let n = rows.outcome.len() as f64;
    Ok(match state.phase {
        Phase::Count => vec![NamedVector::new(ROWS, vec![n])],
        Phase::Train => {
            let weight = weight(encoding, state, rows.outcome.len())?;
            let design = design(spec.standardise, rows);
            let trained = train(spec, state, &design, &rows.outcome);
            let moved = |(new, old): (&f64, &f64)| (new - old) * weight;
            let update = trained.iter().zip(&state.parameters).map(moved).collect();
            vec![NamedVector::new(UPDATE, update), NamedVector::new(WEIGHT, vec![n])]
        }
        Phase::Evaluate => {
            let design = design(spec.standardise, rows);
            let evaluation = evaluate(spec.family, &state.parameters, &design, &rows.outcome);
            vec![NamedVector::new(EVALUATION, evaluation.to_vec())]
        }
    })
}

/// What the update is multiplied by: rows, or for packed fields their share of `W_max`, at most 1.
fn weight(encoding: UpdateEncoding, state: &FedAvgState, rows: usize) -> Result<f64, RowError> {
    match encoding {
        UpdateEncoding::Wide => Ok(rows as f64),
        UpdateEncoding::Packed { .. } if rows as u64 > state.max_rows => Err(RowError::TooManyRows),
        UpdateEncoding::Packed { .. } => Ok(rows as f64 / state.max_rows as f64),
    }
}

/// A column of ones, then the features, standardised over the site's own rows where the study says
/// so: `(x − mean) / (deviation + 1e-9)`, n − 1 in the deviation.
fn design(standardise: Standardise, rows: Rows<'_>) -> Array2<f64> {
    let (n, features) = rows.features.dim();
    let mut design = Array2::ones((n, features + 1));
    for (mut column, values) in
        design.axis_iter_mut(Axis(1)).skip(1).zip(rows.features.axis_iter(Axis(1)))
    {
        let (mean, divisor) = match standardise {
            Standardise::None => (0.0, 1.0),
            Standardise::Site => scaling(&values),
        };
        column.zip_mut_with(&values, |entry, value| *entry = (value - mean) / divisor);
    }
    design
}

fn scaling(values: &ArrayView1<'_, f64>) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    // One row has no deviation: it stands at the mean.
    let deviation = if n > 1.0 { (squares / (n - 1.0)).sqrt() } else { 0.0 };
    (mean, deviation + 1e-9)
}

/// The parameters after `local_steps` steps of gradient descent on the mean loss of a batch.
fn train(
    spec: &FedAvgSpec,
    state: &FedAvgState,
    design: &Array2<f64>,
    outcome: &ArrayView1<'_, f64>,
) -> Vec<f64> {
    let mut parameters = state.parameters.clone();
    let mut gradient = Array1::zeros(parameters.len());
    let mut batches = Batches::new(spec, state.round, outcome.len());
    for _ in 0..spec.local_steps {
        let batch = batches.next_batch();
        gradient.fill(0.0);
        for row in batch {
            let terms = design.row(*row);
            let residual =
                family::mean(spec.family, predictor(&terms, &parameters)) - outcome[*row];
            gradient.zip_mut_with(&terms, |sum, term| *sum += residual * term);
        }
        let rows = batch.len() as f64;
        for (parameter, sum) in parameters.iter_mut().zip(&gradient) {
            *parameter -= spec.learning_rate * (sum / rows);
        }
    }
    parameters
}

/// Rows, total loss, and for the binomial family the correct predictions at a probability of 0.5.
fn evaluate(
    family: Family,
    parameters: &[f64],
    design: &Array2<f64>,
    outcome: &ArrayView1<'_, f64>,
) -> [f64; 3] {
    let (mut loss, mut correct) = (0.0, 0.0);
    for (terms, y) in design.outer_iter().zip(outcome) {
        let eta = predictor(&terms, parameters);
        loss += family::loss(family, *y, eta);
        let right = family == Family::Binomial && (eta > 0.0) == (*y > 0.5);
        correct += f64::from(u8::from(right));
    }
    [outcome.len() as f64, loss, correct]
}

fn predictor(terms: &ArrayView1<'_, f64>, parameters: &[f64]) -> f64 {
    terms.iter().zip(parameters).map(|(term, parameter)| term * parameter).sum()
}

/// The batches of a round, pass after pass over the rows; the last batch of a pass is what is left.
///
/// The order is that of the view, or drawn anew for each pass by Fisher and Yates from ChaCha20,
/// whose key is the study's seed and the round (two LE64, then zeros): every site can repeat its
/// own, and no site's order depends on another.
struct Batches {
    order: Vec<usize>,
    size: usize,
    at: usize,
    shuffle: Option<ChaCha20Rng>,
}

impl Batches {
    fn new(spec: &FedAvgSpec, round: u32, rows: usize) -> Self {
        let size = spec.batch_size.map_or(rows, |size| rows.min(size as usize));
        let mut key = [0; 32];
        key[..8].copy_from_slice(&spec.seed.to_le_bytes());
        key[8..16].copy_from_slice(&u64::from(round).to_le_bytes());
        let shuffle = (spec.shuffle && size < rows).then(|| ChaCha20Rng::from_seed(key));
        Self { order: (0..rows).collect(), size, at: rows, shuffle }
    }

    fn next_batch(&mut self) -> &[usize] {
        if self.at >= self.order.len() {
            self.at = 0;
            self.reorder();
        }
        let start = self.at;
        self.at = self.order.len().min(start + self.size);
        &self.order[start..self.at]
    }

    fn reorder(&mut self) {
        let Some(random) = &mut self.shuffle else { return };
        for last in (1..self.order.len()).rev() {
            // Multiply and shift: off from uniform by less than rows / 2^64.
            let draw = (u128::from(random.next_u64()) * (last as u128 + 1)) >> 64;
            self.order.swap(last, draw as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(batch_size: u32, shuffle: bool) -> FedAvgSpec {
        FedAvgSpec {
            family: Family::Gaussian,
            rounds: 1,
            local_steps: 1,
            batch_size: Some(batch_size),
            learning_rate: 0.1,
            shuffle,
            standardise: Standardise::None,
            seed: 7,
            max_rows: None,
        }
    }

    fn passes(batches: &mut Batches, count: usize) -> Vec<Vec<usize>> {
        (0..count).map(|_| batches.next_batch().to_vec()).collect()
    }

    #[test]
    fn a_pass_ends_with_a_smaller_batch() {
        let mut batches = Batches::new(&spec(2, false), 1, 5);
        let expected = vec![vec![0, 1], vec![2, 3], vec![4], vec![0, 1]];
        assert_eq!(passes(&mut batches, 4), expected);
        let mut whole = Batches::new(&spec(9, true), 1, 3);
        assert_eq!(passes(&mut whole, 2), vec![vec![0, 1, 2]; 2]);
    }

    #[test]
    fn a_shuffle_is_a_permutation_of_seed_round_and_pass() {
        let pass = |round, number: usize| {
            let mut batches = Batches::new(&spec(10, true), round, 40);
            passes(&mut batches, 4 * (number + 1)).split_off(4 * number).concat()
        };
        let mut sorted = pass(1, 0);
        assert_eq!(pass(1, 0), sorted);
        assert_ne!(pass(1, 0), pass(1, 1));
        assert_ne!(pass(1, 0), pass(2, 0));
        sorted.sort_unstable();
        assert_eq!(sorted, (0..40).collect::<Vec<_>>());
    }
}
