//! The one place where data is decided about and opened.

use ripieno_catalog::{Authority, Catalog, CatalogError, DataSet, Permit, Terms};
use ripieno_study::manifest::DataSpec;

use crate::cedar::{Grants, Overruled, Policies, Verdict};
use crate::decision::{Decision, Denial, Request, Requester, Rule};
use crate::facts::Facts;
use crate::inquiry::Inquiry;
use crate::plan::{Plan, PlanSieve};
use crate::policy::{Grant, Policy};
use crate::preview::{Preview, PreviewError};
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
    columns: Option<ColumnPolicies>,
}

/// What decides about columns beside the policy.
#[derive(Debug)]
struct ColumnPolicies {
    policies: Policies,
    facts: Facts,
}

impl Gate {
    /// A gate before a catalogue, with the authority that was made with it.
    #[must_use]
    pub fn new(catalog: Catalog, authority: Authority, policy: Policy) -> Self {
        Self { catalog, authority, policy, columns: None }
    }

    /// With policies about columns and what is known of these: what the policy allows, they must
    /// allow too. A laboratory's policy is asked alone.
    #[must_use]
    pub fn with_policies(self, policies: Policies, facts: Facts) -> Self {
        Self { columns: Some(ColumnPolicies { policies, facts }), ..self }
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

    /// The grants of owners, where there are policies about columns.
    #[must_use]
    pub fn grants(&self) -> Option<&Grants> {
        self.columns.as_ref().map(|columns| columns.policies.grants())
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
        self.check_plan(&grant.plan)?;
        let asks = self.check_policies(data, request)?;
        if let (Some(why), None) = (grant.ask.clone().or(asks), &request.approval) {
            return Ok(Decision::Ask { why });
        }
        self.permit(request, data, &grant).map(Decision::Approved)
    }

    /// What a study would see, in words, whoever asks for it.
    ///
    /// # Errors
    /// Where the policy has no rule for the data set, or its opt-out list is missing.
    pub fn plan(&self, data: &DataSpec) -> Result<Plan, Denial> {
        self.policy.plan(data)
    }

    /// Counts what a study would compute on, also where a steward would be asked. Reads the rows,
    /// and hands out none.
    ///
    /// # Errors
    /// The denial that the study would meet, or what [`Gate::open`] says.
    pub fn preview(&self, request: &Request<'_>) -> Result<Option<Preview>, PreviewError> {
        let Some(data) = &request.study.manifest().data else { return Ok(None) };
        if let Decision::NoData = self.decide(request)? {
            return Ok(None);
        }
        let grant = self.policy.weigh(data, request)?;
        let view = self.open(&self.permit(request, data, &grant)?, request.now)?;
        Ok(Some(Preview { plan: grant.plan, counts: view.counts().clone() }))
    }

    fn permit(
        &self,
        request: &Request<'_>,
        data: &DataSpec,
        grant: &Grant,
    ) -> Result<Permit, Denial> {
        let terms = Terms {
            study: request.study.digest(),
            data: data.clone(),
            purpose: request.study.manifest().purpose.clone(),
            minimum_rows: grant.minimum_rows,
            releases: grant.releases,
            expires: grant.expires.min(request.now.saturating_add(PERMIT_SECONDS)),
            also: grant.plan.also(),
            plan: (!grant.plan.is_plain()).then(|| grant.plan.digest()),
        };
        self.authority.permit(&self.catalog, terms).map_err(|error| unknown(data, error))
    }

    /// Whether the policies about columns still allow a study that was approved. Reads no row.
    ///
    /// # Errors
    /// A [`Denial`], as [`Gate::decide`].
    pub fn still_allows(&self, request: &Request<'_>) -> Result<(), Denial> {
        let Some(data) = &request.study.manifest().data else { return Ok(()) };
        match self.check_policies(data, request)? {
            Some(why) if request.approval.is_none() => Err(Denial::new(
                Rule::Approval,
                format!("a steward must approve it: {why}"),
                "ask the steward of the site",
            )),
            _ => Ok(()),
        }
    }

    /// What the policies about columns say of each column that a study names, in its order; nothing
    /// where there are none, or the study reads no data. Reads no row.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> Vec<Verdict> {
        let Some(data) = &request.study.manifest().data else { return Vec::new() };
        match (&self.columns, self.inquiry(data, request)) {
            (Some(columns), Some(inquiry)) => inquiry.decide(&columns.policies),
            _ => Vec::new(),
        }
    }

    /// Permits of the site and of owners that would apply to this requester, approved and for any
    /// purpose, and that something outranks: by data set.
    #[must_use]
    pub fn conflicts(&self, requester: &Requester, now: u64) -> Vec<(String, Overruled)> {
        let Some(columns) = &self.columns else { return Vec::new() };
        let mut conflicts = Vec::new();
        for set in self.catalog.data_sets() {
            let Some((environment, terms)) = self.policy.terms(set.name()) else { continue };
            let inquiry = Inquiry::of_all(set, requester, environment, terms, &columns.facts, now);
            let found = inquiry.overruled(&columns.policies);
            conflicts.extend(found.into_iter().map(|one| (set.name().to_owned(), one)));
        }
        conflicts
    }

    fn inquiry(&self, data: &DataSpec, request: &Request<'_>) -> Option<Inquiry> {
        let facts = &self.columns.as_ref()?.facts;
        let (environment, terms) = self.policy.terms(&data.dataset)?;
        Some(Inquiry::new(data, request, environment, terms, facts))
    }

    /// What the policies say of a study's columns: why a steward must be asked, where they wait for
    /// an approval alone.
    fn check_policies(
        &self,
        data: &DataSpec,
        request: &Request<'_>,
    ) -> Result<Option<String>, Denial> {
        let inquiry = self.inquiry(data, request);
        let (Some(columns), Some(inquiry)) = (&self.columns, inquiry) else { return Ok(None) };
        inquiry.weigh(&columns.policies)
    }

    /// Opens the governed view that a permit is for. `now` is in seconds since 1970 UTC.
    ///
    /// # Errors
    /// Where the permit no longer opens the table, a value is not a number, a value is missing and
    /// the study says `missing = "error"` (file, line and column), or too few complete rows are
    /// left.
    pub fn open(&self, permit: &Permit, now: u64) -> Result<View, ViewError> {
        let plan = self.policy.plan(permit.data()).map_err(|_| ViewError::OtherPlan)?;
        if permit.plan() != (!plan.is_plain()).then(|| plan.digest()) {
            return Err(ViewError::OtherPlan);
        }
        // A plan that needs keys is denied: no analysis takes what they make.
        let mut sieve = PlanSieve::new(&plan, None);
        let table = self.catalog.open(&self.authority, permit, now, &mut sieve)?;
        View::of(&table, permit, &plan, sieve.rows())
    }

    /// Whether a model can be fitted to what the plan makes, and whether it can be carried out.
    fn check_plan(&self, plan: &Plan) -> Result<(), Denial> {
        if let Some((column, step)) = plan.without_numbers() {
            let reason = format!("{column:?} is shown as {step}, which are no numbers");
            let remedy = "leave the column out, or ask the steward for another view of it";
            return Err(Denial::new(Rule::View, reason, remedy));
        }
        if plan.needs_key() {
            let reason = "its columns are shown as pseudonyms, and no analysis takes these";
            let remedy = "leave such columns out, or ask the steward for another view of them";
            return Err(Denial::new(Rule::View, reason, remedy));
        }
        let set = self.catalog.data_set(&plan.dataset);
        let set = set.map_err(|error| slip(error, &plan.dataset))?;
        let mut named = self.policy.view_columns(&plan.dataset);
        let missing = named.find_map(|column| set.column(column).err());
        missing.map_or(Ok(()), |error| Err(slip(error, &plan.dataset)))
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

/// The policy's view does not fit the table.
fn slip(error: CatalogError, dataset: &str) -> Denial {
    let reason = format!("the view of {dataset:?} names a column that the table lacks");
    Denial::new(Rule::View, reason, "the steward can correct the policy").with_detail(error)
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
