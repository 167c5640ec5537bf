//! The one place where data is decided about and opened.

use ripieno_catalog::{Authority, Catalog, CatalogError, DataSet, Permit, Terms};
use ripieno_study::manifest::DataSpec;

use crate::decision::{Decision, Denial, Request, Rule};
use crate::policy::{Grant, Policy};
use crate::view::{View, ViewError};

/// How long a permit lasts at most: a day. A study that takes longer asks again.
pub const PERMIT_SECONDS: u64 = 24 * 60 * 60;

/// Decides by the site's policy and opens what it allowed. Takes the catalogue's authority for
/// good, so nothing else in the process can.
#[derive(Debug)]
pub struct Gate {
    catalog: Catalog,
    authority: Authority,
    policy: Policy,
}

impl Gate {
    /// A gate before a catalogue, with the authority that was made with it.
    #[must_use]
    pub fn new(catalog: Catalog, authority: Authority, policy: Policy) -> Self {
        Self { catalog, authority, policy }
    }

    /// The catalogue: what is registered, and what was read of it.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Weighs a request. Reads no row.
    ///
    /// # Errors
    /// A [`Denial`] that names the deciding rule and what would change it.
    pub fn decide(&self, request: &Request<'_>) -> Result<Decision, Denial> {
        check_approval(request)?;
        let Some(data) = &request.study.manifest().data else {
            self.policy.weigh_without_data(request)?;
            return Ok(Decision::NoData);
        };
        let grant = self.policy.weigh(data, request)?;
        self.check_table(data, &grant)?;
        if let (Some(why), None) = (&grant.ask, &request.approval) {
            return Ok(Decision::Ask { why: why.clone() });
        }
        let terms = Terms {
            study: request.study.digest(),
            data: data.clone(),
            purpose: request.study.manifest().purpose.clone(),
            minimum_rows: grant.minimum_rows,
            releases: grant.releases,
            expires: grant.expires.min(request.now.saturating_add(PERMIT_SECONDS)),
        };
        let permit = self.authority.permit(&self.catalog, terms);
        permit.map(Decision::Approved).map_err(|error| unknown(data, error))
    }

    /// Opens the governed view that a permit is for. `now` is in seconds since 1970 UTC.
    ///
    /// # Errors
    /// Where the permit no longer opens the table, a value is not a number, a value is missing and
    /// the study says `missing = "error"` (file, line and column), or too few complete rows are
    /// left.
    pub fn open(&self, permit: &Permit, now: u64) -> Result<View, ViewError> {
        let table = self.catalog.open(&self.authority, permit, now)?;
        View::of(&table, permit)
    }

    /// What the catalogue knows without reading rows: the table, its columns, its size.
    fn check_table(&self, data: &DataSpec, grant: &Grant) -> Result<(), Denial> {
        let set = self.catalog.data_set(&data.dataset).map_err(|error| unknown(data, error))?;
        check_columns(set, data)?;
        if set.rows() < grant.minimum_rows {
            return Err(Denial::new(
                Rule::MinimumRows,
                format!("the data set has fewer than {} rows here", grant.minimum_rows),
                "ask other sites, or the steward to lower minimum_rows",
            ));
        }
        Ok(())
    }
}

fn check_approval(request: &Request<'_>) -> Result<(), Denial> {
    match &request.approval {
        Some(approval) if approval.study != request.study.digest() => Err(Denial::new(
            Rule::Approval,
            format!(
                "the approval is for study {}, this is study {}",
                approval.study.short(),
                request.study.digest().short()
            ),
            "any change makes another study: ask the steward to approve this one",
        )),
        _ => Ok(()),
    }
}

fn check_columns(set: &DataSet, data: &DataSpec) -> Result<(), Denial> {
    let Some(missing) = data.columns().find_map(|column| set.column(column).err()) else {
        return Ok(());
    };
    Err(unknown(data, missing))
}

/// A data set or a column that does not exist here.
fn unknown(data: &DataSpec, error: CatalogError) -> Denial {
    let (rule, reason) = match &error {
        CatalogError::MissingColumn { column, .. } => {
            let reason = format!("{:?} has no column {column:?} here", data.dataset);
            (Rule::CatalogColumns, reason)
        }
        _ => (Rule::CatalogDataSet, format!("no data set {:?} is registered here", data.dataset)),
    };
    let remedy = "check the names in [data], or ask the steward what is registered";
    Denial::new(rule, reason, remedy).with_detail(error)
}
