//! Which rows a study may see at all.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use ripieno_catalog::{Field, Why};
use ripieno_study::{Digest, Hasher, Tag};

use super::day::Day;

/// The most entries of an opt-out list.
pub const MAX_OPT_OUTS: usize = 1 << 22;

/// Which rows stay. A row stays where every part that is there lets it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowFilter {
    /// Who agreed.
    pub consent: Option<Consent>,
    /// Who does not want to be in any study.
    pub opt_out: Option<OptOut>,
    /// From which time.
    pub dates: Option<Dates>,
}

/// Rows stay whose consent column says one of some texts. A missing or another value says no.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// The column.
    pub column: String,
    /// What it says where there is consent, letter for letter.
    pub values: Vec<String>,
}

/// Rows stay whose record number is not on a list. A row without a number does not stay.
#[derive(Clone, Debug, PartialEq)]
pub struct OptOut {
    /// The column with record numbers.
    pub column: String,
    /// The list.
    pub list: Arc<OptOutList>,
}

/// Rows stay whose day lies in a range. A row without a day does not stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dates {
    /// The column.
    pub column: String,
    /// The first day.
    pub from: Option<Day>,
    /// The last day.
    pub to: Option<Day>,
}

/// Record numbers, as digests: the list itself is not held.
#[derive(Clone, PartialEq, Eq)]
pub struct OptOutList(BTreeSet<Digest>);

impl OptOutList {
    /// Reads a list: one record number a line; blank lines and lines that begin with `#` do not
    /// count. `None` where it has more than [`MAX_OPT_OUTS`] entries.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim);
        let numbers = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut list = BTreeSet::new();
        for number in numbers {
            list.insert(entry(number));
            if list.len() > MAX_OPT_OUTS {
                return None;
            }
        }
        Some(Self(list))
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a record number is on it.
    #[must_use]
    pub fn has(&self, number: &str) -> bool {
        self.0.contains(&entry(number))
    }
}

impl RowFilter {
    /// The columns that it reads.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let consent = self.consent.as_ref().map(|consent| consent.column.as_str());
        let opt_out = self.opt_out.as_ref().map(|opt_out| opt_out.column.as_str());
        let dates = self.dates.as_ref().map(|dates| dates.column.as_str());
        [consent, opt_out, dates].into_iter().flatten()
    }

    /// Whether every row stays.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns().next().is_none()
    }

    /// Whether a row stays, by the fields of [`RowFilter::columns`].
    ///
    /// # Errors
    /// The number among those columns whose value has no meaning, and what it is not. A row that
    /// another part takes out is not looked at any further.
    pub fn keeps<'a>(&self, field: impl Fn(usize) -> Field<'a>) -> Result<bool, (usize, Why)> {
        let mut number = 0..;
        let mut next = || {
            let column = number.next().unwrap_or_default();
            (column, field(column))
        };
        let consent = self.consent.as_ref().is_none_or(|consent| consent.has(next().1));
        let opt_out = self.opt_out.as_ref().is_none_or(|opt_out| opt_out.keeps(next().1));
        let Some(dates) = self.dates.as_ref().filter(|_| consent && opt_out) else {
            return Ok(consent && opt_out);
        };
        let (column, field) = next();
        dates.keeps(field).map_err(|why| (column, why))
    }

    pub(super) fn hash(&self, hasher: Hasher) -> Hasher {
        let hasher = hasher.list(self.consent.iter(), |hasher, consent| {
            let values = consent.values.iter();
            hasher.part(&consent.column).list(values, Hasher::part)
        });
        let hasher = hasher.list(self.opt_out.iter(), |hasher, opt_out| {
            let entries = opt_out.list.0.iter();
            hasher.part(&opt_out.column).list(entries, Hasher::part)
        });
        hasher.list(self.dates.iter(), |hasher, dates| {
            let hasher = hasher.part(&dates.column);
            hasher.part(written(dates.from)).part(written(dates.to))
        })
    }
}

impl Consent {
    fn has(&self, field: Field<'_>) -> bool {
        field.text().is_some_and(|text| self.values.iter().any(|value| *value == *text))
    }
}

impl OptOut {
    fn keeps(&self, field: Field<'_>) -> bool {
        field.text().is_some_and(|number| !self.list.has(&number))
    }
}

impl Dates {
    fn keeps(&self, field: Field<'_>) -> Result<bool, Why> {
        let Some(text) = field.text() else { return Ok(false) };
        let day = Day::read(&text).ok_or(Why::Not("a date such as 2024-03-05 or 05.03.2024"))?;
        Ok(self.from.is_none_or(|from| day >= from) && self.to.is_none_or(|to| day <= to))
    }
}

/// In words, a line for each part.
impl fmt::Display for RowFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Consent { column, values }) = &self.consent {
            writeln!(f, "rows: only where {column:?} is one of {values:?}")?;
        }
        if let Some(OptOut { column, list }) = &self.opt_out {
            let count = list.len();
            writeln!(
                f,
                "rows: only where {column:?} is not on the opt-out list ({count} entries)"
            )?;
        }
        if let Some(Dates { column, from, to }) = &self.dates {
            write!(f, "rows: only where {column:?} is a day")?;
            from.iter().try_for_each(|from| write!(f, " from {from}"))?;
            to.iter().try_for_each(|to| write!(f, " to {to}"))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Shows the size.
impl fmt::Debug for OptOutList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OptOutList({} entries)", self.len())
    }
}

fn entry(number: &str) -> Digest {
    Hasher::new(Tag::OptOut).part(number).finish()
}

fn written(day: Option<Day>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}
