//! Symmetric systems by Cholesky's method, in a fixed order of operations.

use ndarray::Array2;

/// Entries of the packed upper triangle of a `size` × `size` matrix.
pub(crate) const fn packed_length(size: usize) -> usize {
    size * (size + 1) / 2
}

/// Position of entry (`row`, `column`), `row` ≤ `column`, in the packed upper triangle (row by
/// row).
pub(crate) const fn packed_index(size: usize, row: usize, column: usize) -> usize {
    row * size - row * (row + 1) / 2 + column
}

/// A pivot below this, of a matrix scaled to a unit diagonal, is taken for rounding: the pivot is
/// 1 − R² of a column on the columns before it, and sums of squares carry about 13 digits.
const SMALLEST_PIVOT: f64 = 1e-11;

/// `A = S L Lᵀ S`: Cholesky after scaling to a unit diagonal (`S` is diagonal).
pub(crate) struct Factor {
    scale: Vec<f64>,
    lower: Array2<f64>,
}

/// A column that the columns before it determine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependent {
    /// The column.
    pub(crate) column: usize,
    /// Those that it is a combination of; empty where it is zero.
    pub(crate) on: Vec<usize>,
}

impl Factor {
    /// Factorises a `size` × `size` matrix of finite entries, given as packed upper triangle.
    ///
    /// # Errors
    /// [`Dependent`] names the first column that the ones before it determine.
    pub(crate) fn new(packed: &[f64], size: usize) -> Result<Self, Dependent> {
        let at = |row: usize, column: usize| packed[packed_index(size, row, column)];
        let mut scale = Vec::with_capacity(size);
        for column in 0..size {
            if at(column, column) <= 0.0 {
                return Err(Dependent { column, on: Vec::new() });
            }
            scale.push(at(column, column).sqrt());
        }
        let mut factor = Self { scale, lower: Array2::zeros((size, size)) };
        for row in 0..size {
            for column in 0..=row {
                let scaled = at(column, row) / factor.scale[column] / factor.scale[row];
                let mut rest = if row == column { 1.0 } else { scaled };
                for k in 0..column {
                    rest -= factor.lower[[row, k]] * factor.lower[[column, k]];
                }
                if row > column {
                    factor.lower[[row, column]] = rest / factor.lower[[column, column]];
                } else if rest > SMALLEST_PIVOT {
                    factor.lower[[row, row]] = rest.sqrt();
                } else {
                    return Err(factor.dependent(row));
                }
            }
        }
        Ok(factor)
    }

    /// Solves `A x = b`.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x: Vec<f64> = b.iter().zip(&self.scale).map(|(b, scale)| b / scale).collect();
        for row in 0..x.len() {
            for k in 0..row {
                x[row] -= self.lower[[row, k]] * x[k];
            }
            x[row] /= self.lower[[row, row]];
        }
        self.solve_upper(&mut x);
        x.iter().zip(&self.scale).map(|(x, scale)| x / scale).collect()
    }

    /// The diagonal of `A⁻¹`.
    pub(crate) fn inverse_diagonal(&self) -> Vec<f64> {
        let size = self.scale.len();
        let entry = |column: usize| {
            let unit: Vec<f64> = (0..size).map(|k| f64::from(u8::from(k == column))).collect();
            self.solve(&unit)[column]
        };
        (0..size).map(entry).collect()
    }

    /// Solves `Lᵀ x = x` for the leading part of `L` that `x` covers, in place.
    fn solve_upper(&self, x: &mut [f64]) {
        for row in (0..x.len()).rev() {
            for k in row + 1..x.len() {
                x[row] -= self.lower[[k, row]] * x[k];
            }
            x[row] /= self.lower[[row, row]];
        }
    }

    /// Column `column` regressed on the ones before it; those with a weight that is not rounding.
    fn dependent(&self, column: usize) -> Dependent {
        let mut weights: Vec<f64> = (0..column).map(|k| self.lower[[column, k]]).collect();
        self.solve_upper(&mut weights);
        let on = (0..column).filter(|k| weights[*k].abs() > 1e-4).collect();
        Dependent { column, on }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_a_badly_scaled_system() {
        // A = S [[4,2,0],[2,5,3],[0,3,6]] S with S = diag(1e-6, 1, 1e9), x = (1e6, 2, 3e-9).
        let a = [4e-12, 2e-6, 0.0, 5.0, 3e9, 6e18];
        let factor = Factor::new(&a, 3).unwrap();
        let x = factor.solve(&[8e-6, 21.0, 24e9]);
        for (x, expected) in x.iter().zip([1e6, 2.0, 3e-9]) {
            assert!((x / expected - 1.0).abs() < 1e-14);
        }
        // Determinant of the inner matrix is 60; cofactors of the diagonal are 21, 24, 16.
        let inverse = factor.inverse_diagonal();
        for (entry, expected) in inverse.iter().zip([21.0 / 60e-12, 24.0 / 60.0, 16.0 / 60e18]) {
            assert!((entry / expected - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn names_the_columns_that_determine_another() {
        // Columns a, b, c, a + 2c over rows (1,0,0), (0,1,0), (0,0,1), (1,1,1).
        let rows = [
            [1.0, 0.0, 0.0, 1.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 2.0],
            [1.0, 1.0, 1.0, 3.0],
        ];
        let mut a = vec![0.0; packed_length(4)];
        for row in rows {
            for i in 0..4 {
                for j in i..4 {
                    a[packed_index(4, i, j)] += row[i] * row[j];
                }
            }
        }
        let refused = Factor::new(&a, 4).err();
        assert_eq!(refused, Some(Dependent { column: 3, on: vec![0, 2] }));
        a[packed_index(4, 1, 1)] = 0.0;
        assert_eq!(Factor::new(&a, 4).err(), Some(Dependent { column: 1, on: vec![] }));
    }
}
