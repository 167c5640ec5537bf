//! The same regression on all rows in one place: plain Newton's method, written for comparison and
//! sharing nothing with the federated one.

use super::hospitals::{FEATURES, Hospital};

/// Coefficients: the intercept and the features.
const SIZE: usize = FEATURES.len() + 1;

type Vector = [f64; SIZE];
type Matrix = [Vector; SIZE];

/// A logistic regression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fit {
    pub(crate) coefficients: Vector,
    pub(crate) standard_errors: Vector,
    pub(crate) deviance: f64,
}

/// Fits the rows of all hospitals together; `None` where it does not converge.
pub(crate) fn fit(hospitals: &[Hospital]) -> Option<Fit> {
    let rows: Vec<(Vector, f64)> = hospitals
        .iter()
        .flat_map(|hospital| &hospital.rows)
        .map(|row| {
            let mut terms = [1.0; SIZE];
            terms.iter_mut().skip(1).zip(row.features).for_each(|(term, value)| *term = value);
            (terms, f64::from(u8::from(row.malignant)))
        })
        .collect();
    let mut beta = [0.0; SIZE];
    for _ in 0..50 {
        let (gradient, information, deviance) = sums(&rows, &beta);
        let inverse = inverse(information)?;
        let step = inverse.map(|row| dot(&row, &gradient));
        let decrement = dot(&step, &gradient);
        if decrement < 1e-20 {
            let mut standard_errors = [0.0; SIZE];
            standard_errors.iter_mut().enumerate().for_each(|(i, se)| *se = inverse[i][i].sqrt());
            return Some(Fit { coefficients: beta, standard_errors, deviance });
        }
        beta.iter_mut().zip(step).for_each(|(beta, step)| *beta += step);
    }
    None
}

/// Gradient, information and deviance at `beta`.
fn sums(rows: &[(Vector, f64)], beta: &Vector) -> (Vector, Matrix, f64) {
    let (mut gradient, mut information, mut deviance) = ([0.0; SIZE], [[0.0; SIZE]; SIZE], 0.0);
    for (terms, y) in rows {
        let eta = dot(terms, beta);
        let mean = 1.0 / (1.0 + (-eta).exp());
        deviance -= 2.0 * if *y > 0.5 { mean.ln() } else { (-mean).ln_1p() };
        for (i, term) in terms.iter().enumerate() {
            gradient[i] += term * (y - mean);
            for (j, other) in terms.iter().enumerate() {
                information[i][j] += term * mean * (1.0 - mean) * other;
            }
        }
    }
    (gradient, information, deviance)
}

fn dot(a: &Vector, b: &Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Gauss–Jordan elimination with partial pivoting; `None` for a singular matrix.
fn inverse(mut matrix: Matrix) -> Option<Matrix> {
    let mut inverse = [[0.0; SIZE]; SIZE];
    (0..SIZE).for_each(|i| inverse[i][i] = 1.0);
    for column in 0..SIZE {
        let largest =
            |a: &usize, b: &usize| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs());
        let pivot = (column..SIZE).max_by(largest)?;
        matrix.swap(column, pivot);
        inverse.swap(column, pivot);
        let head = matrix[column][column];
        if head == 0.0 || !head.is_finite() {
            return None;
        }
        matrix[column].iter_mut().chain(&mut inverse[column]).for_each(|entry| *entry /= head);
        for row in (0..SIZE).filter(|row| *row != column) {
            let factor = matrix[row][column];
            for k in 0..SIZE {
                matrix[row][k] -= factor * matrix[column][k];
                inverse[row][k] -= factor * inverse[column][k];
            }
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::super::hospitals::Row;
    use super::*;

    #[test]
    fn without_effects_the_intercept_is_the_log_odds() {
        // Each pattern of features once with and three times without the outcome.
        let mut rows = Vec::new();
        for pattern in 0..16_u8 {
            let features = [0, 1, 2, 3].map(|bit| f64::from(pattern >> bit & 1));
            rows.extend([true, false, false, false].map(|malignant| Row { malignant, features }));
        }
        let fit = fit(&[Hospital { name: "h", rows }]).unwrap();
        assert!((fit.coefficients[0] - (1.0_f64 / 3.0).ln()).abs() < 1e-12, "{fit:?}");
        assert!(fit.coefficients[1..].iter().all(|beta| beta.abs() < 1e-12), "{fit:?}");
        let deviance = -2.0 * 64.0 * (0.25 * 0.25_f64.ln() + 0.75 * 0.75_f64.ln());
        assert!((fit.deviance - deviance).abs() < 1e-10);
    }

    #[test]
    fn a_singular_matrix_has_no_inverse() {
        assert_eq!(inverse([[1.0; SIZE]; SIZE]), None);
    }
}
