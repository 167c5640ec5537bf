//! Weighing a request: one function per rule, in the order in which they decide.

use ripieno_study::Membership;
use ripieno_study::manifest::DataSpec;

use super::{DataSetRules, Grant, Kind, OnMatch, Policy, no_rule};
use crate::decision::{Denial, Request, Rule};

type Check = fn(&DataSetRules, &DataSpec, &Request<'_>) -> Result<(), Denial>;

/// The rules of a data set, in the order in which they decide.
const CHECKS: [Check; 8] =
    [expiry, role, purpose, analysis, columns, membership, minimum_sites, releases];

impl Policy {
    /// Whether a study that reads no data may use this site.
    pub(crate) fn weigh_without_data(&self, request: &Request<'_>) -> Result<(), Denial> {
        let kind = request.study.manifest().analysis.kind();
        match &self.0 {
            Kind::Laboratory => Ok(()),
            Kind::Site { without_data, .. } if without_data.has(kind) => Ok(()),
            Kind::Site { .. } => Err(Denial::new(
                Rule::WithoutData,
                format!("this site runs no {kind} that reads no data"),
                format!("the steward can add {kind:?} to without_data"),
            )),
        }
    }

    /// Whether a study may read `data`, and on which terms.
    pub(crate) fn weigh(&self, data: &DataSpec, request: &Request<'_>) -> Result<Grant, Denial> {
        let Kind::Site { rules, .. } = &self.0 else {
            let (plan, most) = (self.plan(data)?, u64::MAX);
            return Ok(Grant { minimum_rows: 1, expires: most, releases: most, plan, ask: None });
        };
        let name = &data.dataset;
        let rules = rules.iter().find(|rules| rules.name == *name).ok_or_else(|| no_rule(name))?;
        CHECKS.iter().try_for_each(|check| check(rules, data, request))?;
        Ok(Grant {
            minimum_rows: rules.minimum_rows,
            expires: rules.expires.as_ref().map_or(u64::MAX, |(_, seconds)| *seconds),
            releases: rules.maximum_releases,
            plan: rules.view.plan(data)?,
            ask: question(rules, request),
        })
    }
}

fn expiry(rules: &DataSetRules, data: &DataSpec, request: &Request<'_>) -> Result<(), Denial> {
    match &rules.expires {
        Some((written, seconds)) if request.now >= *seconds => Err(Denial::new(
            Rule::Expiry,
            format!("the rules for {:?} ended on {written}", data.dataset),
            "the steward can set a later expires",
        )),
        _ => Ok(()),
    }
}

fn role(rules: &DataSetRules, _: &DataSpec, request: &Request<'_>) -> Result<(), Denial> {
    let role = &request.requester.role;
    permitted(rules.roles.has(role), Rule::Role, || {
        let reason = format!("the requester's role {role:?} is not among those allowed");
        (reason, "ask with a credential of another role, or the steward to add this one to roles")
    })
}

fn purpose(rules: &DataSetRules, _: &DataSpec, request: &Request<'_>) -> Result<(), Denial> {
    let purpose = &request.study.manifest().purpose;
    permitted(rules.purposes.has(purpose), Rule::Purpose, || {
        let reason = format!("the purpose {purpose:?} is not among those allowed");
        (reason, "the steward can add it to purposes")
    })
}

fn analysis(rules: &DataSetRules, _: &DataSpec, request: &Request<'_>) -> Result<(), Denial> {
    let kind = request.study.manifest().analysis.kind();
    permitted(rules.analyses.has(kind), Rule::Analysis, || {
        (
            format!("a {kind} is not among the analyses allowed"),
            "the steward can add it to analyses",
        )
    })
}

/// A denied column is refused whatever `columns` allows.
fn columns(rules: &DataSetRules, data: &DataSpec, _: &Request<'_>) -> Result<(), Denial> {
    let denied = |name: &str| rules.denied_columns.iter().any(|denied| denied == name);
    let refused = |name: &&str| denied(name) || !rules.columns.has(name);
    let refused: Vec<_> = data.columns().filter(refused).map(|name| format!("{name:?}")).collect();
    permitted(refused.is_empty(), Rule::Columns, || {
        let reason =
            format!("columns of {:?} are not allowed: {}", data.dataset, refused.join(", "));
        (reason, "leave them out, or ask the steward to change columns or denied_columns")
    })
}

fn membership(rules: &DataSetRules, _: &DataSpec, request: &Request<'_>) -> Result<(), Denial> {
    let asked = request.study.manifest().aggregation.membership;
    permitted(rules.membership.contains(&asked), Rule::Membership, || {
        let reason = format!("membership {:?} is not allowed", asked.name());
        (reason, "set membership = \"fixed\", or ask the steward to add the other to membership")
    })
}

fn minimum_sites(rules: &DataSetRules, _: &DataSpec, request: &Request<'_>) -> Result<(), Denial> {
    let (asked, least) = (request.study.manifest().aggregation.minimum_sites, rules.minimum_sites);
    permitted(asked >= least, Rule::MinimumSites, || {
        let reason = format!("the study opens sums over {asked} sites, this site allows {least}");
        (reason, "raise minimum_sites in [aggregation]")
    })
}

/// Each opened sum says something about the rows; noise would make it less, and there is none.
fn releases(rules: &DataSetRules, _: &DataSpec, request: &Request<'_>) -> Result<(), Denial> {
    let (planned, opened) = (u64::from(request.study.manifest().most_sums()), request.opened);
    let most = rules.maximum_releases;
    permitted(planned <= most && opened < most, Rule::Releases, || {
        let reason = format!(
            "the study may open {planned} sums and has opened {opened}; this site allows {most}"
        );
        (reason, "lower rounds or max_iterations, or ask the steward for more maximum_releases")
    })
}

/// Why a steward is asked about a study that the rules allow.
fn question(rules: &DataSetRules, request: &Request<'_>) -> Option<String> {
    if request.study.manifest().aggregation.membership == Membership::MayChange {
        let why = "membership = \"may-change\": differencing is not prevented, sums over \
                   different sets of sites can be subtracted";
        return Some(why.into());
    }
    let ask = rules.on_match == OnMatch::Ask;
    ask.then(|| format!("the rules for {:?} say on_match = \"ask\"", rules.name))
}

fn permitted<R: Into<String>>(
    allowed: bool,
    rule: Rule,
    otherwise: impl FnOnce() -> (String, R),
) -> Result<(), Denial> {
    if allowed {
        return Ok(());
    }
    let (reason, remedy) = otherwise();
    Err(Denial::new(rule, reason, remedy))
}
