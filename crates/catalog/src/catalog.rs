//! The catalogue: registered tables, and the one door to their rows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ripieno_study::{Digest, Hasher, Tag};

use crate::classify::{Suggestion, suggest_all};
#[cfg(feature = "parquet")]
use crate::columnar;
use crate::dataset::DataSet;
use crate::entry::Entry;
use crate::error::{CatalogError, PermitError};
use crate::limits::MAX_CELLS;
use crate::origin::{Origin, Roots};
use crate::permit::{Authority, Instance, Permit};
use crate::reads::{ColumnReads, Reads};
use crate::records::Records;
use crate::scan::scan;
use crate::sieve::Sieve;
use crate::table::Table;

/// A CSV file and the name under which studies find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The data set's name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
}

/// The registered tables of one site.
#[derive(Debug)]
pub struct Catalog {
    instance: Arc<Instance>,
    sets: BTreeMap<Arc<str>, DataSet>,
    reads: Reads,
}

impl Catalog {
    /// Registers the tables of a site: reads each file once and checks its form. `site` is the
    /// site's own stable label, part of each table's lineage. The [`Authority`] is the only one
    /// that will ever open these tables: hand it to whoever decides.
    ///
    /// # Errors
    /// The first name that is empty or doubled, and the first fault of a file, with its line and
    /// column.
    pub fn new(
        site: &str,
        sources: impl IntoIterator<Item = Source>,
    ) -> Result<(Self, Authority), CatalogError> {
        Self::within(site, None, sources)
    }

    /// The same with tables that must lie in these folders; anywhere where there are none.
    ///
    /// # Errors
    /// As [`Catalog::new`], and [`CatalogError::Outside`] or [`CatalogError::Link`].
    pub fn within(
        site: &str,
        roots: Option<&Roots>,
        sources: impl IntoIterator<Item = Source>,
    ) -> Result<(Self, Authority), CatalogError> {
        let mut sets = BTreeMap::new();
        for source in sources {
            if source.name.trim().is_empty() || sets.contains_key(source.name.as_str()) {
                return Err(CatalogError::Name { name: source.name });
            }
            let set = register(site, source, roots.cloned())?;
            sets.insert(set.name.clone(), set);
        }
        let instance = Arc::new(Instance);
        let authority = Authority::new(instance.clone());
        Ok((Self { instance, sets, reads: Reads::default() }, authority))
    }

    /// Attaches what the site wrote down of its tables. An entry of no table is left out, and so is
    /// one of other content than the table's, whose columns are unconfirmed with it.
    ///
    /// Returns the names of the tables with other content.
    pub fn describe(&mut self, entries: impl IntoIterator<Item = Entry>) -> Vec<Arc<str>> {
        let mut changed = Vec::new();
        for entry in entries {
            let Some(set) = self.sets.get_mut(entry.name.as_str()) else { continue };
            let same = entry.fingerprint == set.fingerprint;
            set.entry = same.then(|| Arc::new(entry));
            if !same {
                changed.push(set.name.clone());
            }
        }
        changed
    }

    /// Suggests class and type for each column of a registered table, which is read once more.
    ///
    /// # Errors
    /// As [`Catalog::data_set`] and [`classify()`](crate::classify()).
    pub fn suggest(&self, name: &str) -> Result<Vec<Suggestion>, CatalogError> {
        let set = self.data_set(name)?;
        suggest_all(set.origin(), &set.file)
    }

    /// The registered tables by name.
    pub fn data_sets(&self) -> impl Iterator<Item = &DataSet> {
        self.sets.values()
    }

    /// One table by its name.
    ///
    /// # Errors
    /// [`CatalogError::UnknownDataSet`], with the names that exist.
    pub fn data_set(&self, name: &str) -> Result<&DataSet, CatalogError> {
        self.sets.get(name).ok_or_else(|| CatalogError::UnknownDataSet {
            name: name.into(),
            known: self.sets.keys().cloned().collect(),
        })
    }

    /// Reads the permitted columns of a table through a sieve, and counts them. `now` is in seconds
    /// since 1970 UTC. Fields of other columns are skipped, not looked at.
    ///
    /// # Errors
    /// A [`PermitError`] where authority or permit are another catalogue's, the permit has
    /// expired, or the file is not byte for byte the one that was registered (which goes before
    /// any fault of the new content); [`CatalogError::NotANumber`] or [`CatalogError::Unfit`] with file, line and
    /// column.
    pub fn open(
        &self,
        authority: &Authority,
        permit: &Permit,
        now: u64,
        sieve: &mut dyn Sieve,
    ) -> Result<Table, CatalogError> {
        authority.check(self)?;
        permit.check(self)?;
        let set = self.data_set(&permit.data().dataset)?;
        let expires = permit.expires();
        if now >= expires {
            return Err(PermitError::Expired { dataset: set.name().into(), expires }.into());
        }
        let columns = permit.reads();
        let positions: Vec<_> =
            columns.map(|column| set.position(column)).collect::<Result<_, _>>()?;
        self.read(set, &positions, permit.fingerprint(), sieve)
    }

    /// What was read so far, by data set and column.
    #[must_use]
    pub fn reads(&self) -> Vec<ColumnReads> {
        self.reads.all()
    }

    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    fn read(
        &self,
        set: &DataSet,
        positions: &[usize],
        fingerprint: Digest,
        sieve: &mut dyn Sieve,
    ) -> Result<Table, CatalogError> {
        let cells = set.rows.saturating_mul(positions.len().max(sieve.width()) as u64);
        if cells > MAX_CELLS {
            return Err(CatalogError::TooManyCells { file: set.file.clone(), cells });
        }
        let columns = positions.iter().filter_map(|position| set.columns.get(*position));
        let columns: Vec<_> = columns.map(|column| column.name.clone()).collect();
        // At most MAX_CELLS, so it fits.
        let rows = usize::try_from(set.rows).unwrap_or(0);
        let mut table = Table::new(set.file.clone(), columns, sieve.width(), rows);
        let mut read = 0;
        #[cfg(feature = "parquet")]
        if columnar::is_parquet(set.origin()) {
            let filled = columnar::fill(&mut table, set, positions, sieve, &mut read);
            self.reads.add(&set.name, table.columns(), read);
            return filled.map(|()| table);
        }
        let mut records = Records::open(set.origin(), set.file.clone())?;
        let filled = table.fill(&mut records, positions, set.rows, sieve, &mut read);
        self.reads.add(&set.name, table.columns(), read);
        // The rows count only once the whole file is known to be the one that was decided about.
        if records.finish()? != fingerprint {
            return Err(PermitError::Changed { file: set.file.clone() }.into());
        }
        filled.map(|()| table)
    }
}

fn register(site: &str, source: Source, roots: Option<Roots>) -> Result<DataSet, CatalogError> {
    let file: Arc<str> = source.path.display().to_string().into();
    let origin = Origin { path: source.path, roots };
    let scan = scan(&origin, &file)?;
    Ok(DataSet {
        lineage: Hasher::new(Tag::Lineage).part(site).part(&source.name).finish(),
        name: source.name.into(),
        origin,
        file,
        columns: scan.columns,
        rows: scan.rows,
        fingerprint: scan.fingerprint,
        parts: scan.parts,
        entry: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Fields;
    use crate::sieve::Unfit;

    struct Plain;

    impl Sieve for Plain {
        fn width(&self) -> usize {
            2
        }

        fn sift(&mut self, row: &dyn Fields, values: &mut Vec<f64>) -> Result<bool, Unfit> {
            values.extend([0, 1].map(|column| row.field(column).number().unwrap_or(f64::NAN)));
            Ok(true)
        }
    }

    #[test]
    fn no_memory_is_taken_for_too_many_cells() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "y,x\n1,2\n").unwrap();
        let (mut catalog, _) = Catalog::new("va", [Source { name: "t".into(), path }]).unwrap();
        let read = |catalog: &Catalog| {
            let set = catalog.data_set("t").unwrap();
            let mut sieve = Plain;
            catalog.read(set, &[0, 1], set.fingerprint(), &mut sieve).map(|table| table.len())
        };
        assert!(matches!(read(&catalog), Ok(1)));
        catalog.sets.values_mut().for_each(|set| set.rows = MAX_CELLS / 2 + 1);
        let error = read(&catalog).unwrap_err();
        let cells = MAX_CELLS + 2;
        assert!(matches!(error, CatalogError::TooManyCells { cells: c, .. } if c == cells));
    }
}
