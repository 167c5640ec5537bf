//! Regressions on pooled rows, to compare with: plain Newton's method in the units of the data.

use std::path::Path;

/// Rows of files: the terms, the intercept first, and the outcome.
pub(crate) fn rows<'a>(
    files: impl IntoIterator<Item = &'a Path>,
    features: &[String],
    outcome: &str,
) -> Vec<(Vec<f64>, f64)> {
    let mut rows = Vec::new();
    for file in files {
        let mut reader = csv::Reader::from_path(file).unwrap();
        let header = reader.headers().unwrap().clone();
        let place = |name: &str| header.iter().position(|other| other == name).unwrap();
        for record in reader.records() {
            let record = record.unwrap();
            let cell = |name: &str| record[place(name)].parse::<f64>().unwrap();
            let terms = std::iter::once(1.0).chain(features.iter().map(|name| cell(name)));
            rows.push((terms.collect(), cell(outcome)));
        }
    }
    rows
}

/// Coefficients and standard errors of a logistic regression.
pub(crate) fn logistic(rows: &[(Vec<f64>, f64)]) -> (Vec<f64>, Vec<f64>) {
    let size = rows[0].0.len();
    let mut beta = vec![0.0; size];
    for _ in 0..100 {
        let mut gradient = vec![0.0; size];
        let mut information = vec![vec![0.0; size]; size];
        for (terms, y) in rows {
            let eta: f64 = terms.iter().zip(&beta).map(|(a, b)| a * b).sum();
            let mean = 1.0 / (1.0 + (-eta).exp());
            for i in 0..size {
                gradient[i] += terms[i] * (y - mean);
                for j in 0..size {
                    information[i][j] += terms[i] * mean * (1.0 - mean) * terms[j];
                }
            }
        }
        let inverse = inverse(information);
        let times = |row: &Vec<f64>| row.iter().zip(&gradient).map(|(a, b)| a * b).sum::<f64>();
        let step: Vec<f64> = inverse.iter().map(times).collect();
        if step.iter().zip(&gradient).map(|(a, b)| a * b).sum::<f64>() < 1e-20 {
            return (beta, (0..size).map(|i| inverse[i][i].sqrt()).collect());
        }
        beta.iter_mut().zip(&step).for_each(|(beta, step)| *beta += step);
    }
    panic!("no convergence");
}

fn inverse(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let size = matrix.len();
    let unit = |i: usize| (0..size).map(|j| f64::from(u8::from(i == j))).collect::<Vec<_>>();
    let mut inverse: Vec<_> = (0..size).map(unit).collect();
    for column in 0..size {
        let by_size =
            |a: &usize, b: &usize| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs());
        let pivot = (column..size).max_by(by_size).unwrap();
        matrix.swap(column, pivot);
        inverse.swap(column, pivot);
        let head = matrix[column][column];
        matrix[column].iter_mut().chain(&mut inverse[column]).for_each(|entry| *entry /= head);
        for row in (0..size).filter(|row| *row != column) {
            let factor = matrix[row][column];
            for k in 0..size {
                matrix[row][k] -= factor * matrix[column][k];
                inverse[row][k] -= factor * inverse[column][k];
            }
        }
    }
    inverse
}
