//! A plan at work on the rows of a table.

use ripieno_catalog::{Field, Fields, Sieve, Unfit, Why};

use super::cell::Cell;
use super::keys::StudyKeys;
use super::step::{At, Step};
use super::{Plan, PlannedColumn};

/// Takes rows out and changes values as the plan says, one row at a time: its memory does not grow
/// with the table.
#[derive(Debug)]
pub struct PlanSieve<'a> {
    plan: &'a Plan,
    keys: Option<&'a StudyKeys>,
    /// Where the columns of the row filter stand among those that are read.
    filter: Vec<usize>,
    /// For each group of levels: the column, and the steps of each level.
    levels: Vec<(usize, &'a [Vec<Step>])>,
    cell: Cell,
    row: u64,
}

impl<'a> PlanSieve<'a> {
    /// A sieve for the columns of [`Plan::columns`] and, behind them, [`Plan::also`]. Of each row
    /// that stays it makes a value for each column, then one for each level of each column that is
    /// made coarser, of which each level is made from the one before.
    #[must_use]
    pub fn new(plan: &'a Plan, keys: Option<&'a StudyKeys>) -> Self {
        let also = plan.also();
        let names = plan.columns.iter().map(|column| column.name.as_str());
        let names: Vec<&str> = names.chain(also.iter().map(String::as_str)).collect();
        let position = |wanted: &str| names.iter().position(|name| *name == wanted);
        // What is nowhere is missing, and takes the row out.
        let filter = plan.rows.columns().map(|name| position(name).unwrap_or(usize::MAX)).collect();
        let quasi = plan.anonymity.iter().flat_map(|anonymity| &anonymity.quasi);
        let levels = quasi.filter_map(|quasi| {
            let column = plan.columns.iter().position(|column| column.name == quasi.column)?;
            Some((column, quasi.levels.as_slice()))
        });
        Self { plan, keys, filter, levels: levels.collect(), cell: Cell::default(), row: 0 }
    }

    /// How many rows came, whether they stayed or not.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.row
    }

    /// Puts the values of the columns and levels behind `values`.
    fn make(&mut self, row: &dyn Fields, values: &mut Vec<f64>) -> Result<(), Unfit> {
        let (plan, keys, number) = (self.plan, self.keys, self.row);
        for (column, PlannedColumn { name, steps }) in plan.columns.iter().enumerate() {
            if steps.is_empty() {
                values.push(as_it_is(row.field(column)).map_err(|why| Unfit { column, why })?);
                continue;
            }
            self.cell.load(row.field(column));
            let at = At { column: name, row: number, keys };
            put(&mut self.cell, steps, at, values).map_err(|why| Unfit { column, why })?;
        }
        for (column, levels) in self.levels.iter().copied() {
            let Some(PlannedColumn { name, steps }) = plan.columns.get(column) else { continue };
            self.cell.load(row.field(column));
            let at = At { column: name, row: number, keys };
            let unfit = |why| Unfit { column, why };
            steps.iter().try_for_each(|step| step.apply(&mut self.cell, at)).map_err(unfit)?;
            for level in levels {
                put(&mut self.cell, level, at, values).map_err(unfit)?;
            }
        }
        Ok(())
    }
}

impl Sieve for PlanSieve<'_> {
    fn width(&self) -> usize {
        let levels = self.levels.iter().map(|(_, levels)| levels.len());
        self.plan.columns.len() + levels.sum::<usize>()
    }

    fn sift(&mut self, row: &dyn Fields, values: &mut Vec<f64>) -> Result<bool, Unfit> {
        let field =
            |number: usize| row.field(self.filter.get(number).copied().unwrap_or(usize::MAX));
        let keeps = self.plan.rows.keeps(field).map_err(|(number, why)| Unfit {
            column: self.filter.get(number).copied().unwrap_or(usize::MAX),
            why,
        })?;
        if keeps {
            self.make(row, values)?;
        }
        self.row += 1;
        Ok(keeps)
    }
}

fn as_it_is(field: Field<'_>) -> Result<f64, Why> {
    match field {
        Field::Missing => Ok(f64::NAN),
        field => field.number().ok_or(Why::NotANumber),
    }
}

fn put(cell: &mut Cell, steps: &[Step], at: At<'_>, values: &mut Vec<f64>) -> Result<(), Why> {
    steps.iter().try_for_each(|step| step.apply(cell, at))?;
    let value = if cell.is_missing() { f64::NAN } else { cell.number().ok_or(Why::NotANumber)? };
    values.push(value);
    Ok(())
}
