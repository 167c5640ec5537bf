//! The capability to open a table. Rust has no friend crates, so the capability is an object:
//! whoever holds the one [`Authority`] of a catalogue decides, nobody else can.

use std::sync::Arc;

use ripieno_study::manifest::DataSpec;
use ripieno_study::{Digest, Hasher, Tag};

use crate::catalog::Catalog;
use crate::error::{CatalogError, PermitError};

/// Identity of one catalogue in this process.
#[derive(Debug)]
pub(crate) struct Instance;

/// The power to issue permits of one catalogue and to open tables with them. Made once, by
/// [`Catalog::new`]; it cannot be copied or built.
#[derive(Debug)]
pub struct Authority {
    instance: Arc<Instance>,
}

/// What a decision allows.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Digest of the study.
    pub study: Digest,
    /// The data set, its columns, and what to do with incomplete rows.
    pub data: DataSpec,
    /// What the study is for.
    pub purpose: String,
    /// The fewest complete rows a view may have.
    pub minimum_rows: u64,
    /// The most sums of the study that may be opened.
    pub releases: u64,
    /// When the permit ends, in seconds since 1970 UTC.
    pub expires: u64,
    /// Columns that are read for the choice of rows alone, besides those of the data.
    pub also: Vec<String>,
    /// Digest of what is done with the rows; `None` where they are taken as they are.
    pub plan: Option<Digest>,
}

/// A decision's leave to read some columns of one data set, as it was when the decision was made.
/// Only an [`Authority`] issues it; it cannot be copied or built.
#[derive(Debug)]
pub struct Permit {
    instance: Arc<Instance>,
    lineage: Digest,
    fingerprint: Digest,
    terms: Box<Terms>,
}

impl Authority {
    pub(crate) fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }

    /// Issues a permit for a data set of `catalog` as it is registered now.
    ///
    /// # Errors
    /// Where the catalogue is another one, or lacks the data set or one of the columns.
    pub fn permit(&self, catalog: &Catalog, terms: Terms) -> Result<Permit, CatalogError> {
        self.check(catalog)?;
        let set = catalog.data_set(&terms.data.dataset)?;
        let also = terms.also.iter().map(String::as_str);
        terms.data.columns().chain(also).try_for_each(|column| set.column(column).map(drop))?;
        let (instance, terms) = (self.instance.clone(), Box::new(terms));
        Ok(Permit { instance, lineage: set.lineage(), fingerprint: set.fingerprint(), terms })
    }

    /// Whether this is the authority of `catalog`.
    pub(crate) fn check(&self, catalog: &Catalog) -> Result<(), PermitError> {
        let same = Arc::ptr_eq(&self.instance, catalog.instance());
        if same { Ok(()) } else { Err(PermitError::OtherCatalog) }
    }
}

impl Permit {
    /// Digest of the study that it was issued for.
    #[must_use]
    pub fn study(&self) -> Digest {
        self.terms.study
    }

    /// The data set, its columns, and what to do with incomplete rows.
    #[must_use]
    pub fn data(&self) -> &DataSpec {
        &self.terms.data
    }

    /// What the study is for.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.terms.purpose
    }

    /// The fewest complete rows a view may have.
    #[must_use]
    pub fn minimum_rows(&self) -> u64 {
        self.terms.minimum_rows
    }

    /// The most sums of the study that may be opened.
    #[must_use]
    pub fn releases(&self) -> u64 {
        self.terms.releases
    }

    /// When it ends, in seconds since 1970 UTC.
    #[must_use]
    pub fn expires(&self) -> u64 {
        self.terms.expires
    }

    /// Lineage of the data set, by which a site counts what it has opened.
    #[must_use]
    pub fn lineage(&self) -> Digest {
        self.lineage
    }

    /// Digest of the file's bytes that it was issued for.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// All columns that it reads: the outcome, the features, and those for the choice of rows.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.terms.data.columns().chain(self.terms.also.iter().map(String::as_str))
    }

    /// Digest of what is done with the rows; `None` where they are taken as they are.
    #[must_use]
    pub fn plan(&self) -> Option<Digest> {
        self.terms.plan
    }

    /// Digest of what a study computes on: the file's bytes, and what is done with its rows. Other
    /// rows of the same file are other content: their sums could be subtracted.
    #[must_use]
    pub fn content(&self) -> Digest {
        self.terms.plan.map_or(self.fingerprint, |plan| {
            Hasher::new(Tag::Governed).part(self.fingerprint).part(plan).finish()
        })
    }

    /// Whether it was issued for `catalog`.
    pub(crate) fn check(&self, catalog: &Catalog) -> Result<(), PermitError> {
        let same = Arc::ptr_eq(&self.instance, catalog.instance());
        if same { Ok(()) } else { Err(PermitError::OtherCatalog) }
    }
}
