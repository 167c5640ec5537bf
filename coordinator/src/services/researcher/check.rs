//! Whether a study could run, as far as the coordinator can tell.

use ripieno_analysis::for_study;
use ripieno_identity::RatifiedCharter;
use ripieno_rpc::CheckResponse;
use ripieno_secagg::params::{MAX_HOLDERS, Parameters};
use ripieno_study::manifest::Manifest;
use ripieno_study::{Membership, SiteIndex, Study};
use ripieno_terminal::counted;

/// Looks for what stands in the way of a study, and for what is good to know before.
pub(super) fn check(text: &str, charter: &RatifiedCharter, present: &[SiteIndex]) -> CheckResponse {
    let mut response = CheckResponse::default();
    match Study::parse(text) {
        Ok(study) => {
            if let Err(problem) = weigh(study.manifest(), charter, present, &mut response) {
                response.problems.push(problem);
            }
        }
        Err(error) => response.problems.push(format!("The study cannot be read: {error}.")),
    }
    response
}

fn weigh(
    manifest: &Manifest,
    charter: &RatifiedCharter,
    present: &[SiteIndex],
    response: &mut CheckResponse,
) -> Result<(), String> {
    let sentence = |error: &dyn std::fmt::Display| format!("{error}.");
    let analysis = for_study(manifest).map_err(|error| sentence(&error))?;
    let plan = ripieno_analysis::plan(analysis.as_ref(), &analysis.initial());
    let plan = plan.map_err(|error| sentence(&error))?;
    let sites = charter.sites().len();
    plan.check(sites.min(MAX_HOLDERS)).map_err(|error| sentence(&error))?;
    let corrupt = charter.corrupt();
    let asked = manifest.aggregation.corrupt.unwrap_or(corrupt);
    if asked > corrupt {
        return Err(format!(
            "The study wants to stand {}; the charter assumes {corrupt}: lower `corrupt` in \
             [aggregation], or have the sites sign another charter.",
            counted(asked, "corrupt site")
        ));
    }
    let parameters = Parameters::new(sites.min(MAX_HOLDERS), corrupt, 1);
    let parameters = parameters.map_err(|refusal| sentence(&refusal.reason))?;
    let policy = charter.charter().fields().policy.minimum_sites;
    let minimum = parameters.minimum(manifest.aggregation.minimum_sites.max(policy));
    if usize::from(minimum) > sites {
        return Err(format!(
            "No sum of fewer than {minimum} sites is opened, and the federation has {sites}: \
             lower `minimum_sites` in [aggregation] as far as the charter allows."
        ));
    }
    if present.len() < usize::from(minimum) {
        response.warnings.push(format!(
            "{} of at least {minimum} sites are there now: the study would wait for more.",
            present.len()
        ));
    }
    warn_of_membership(manifest, response);
    Ok(())
}

fn warn_of_membership(manifest: &Manifest, response: &mut CheckResponse) {
    let warning = match manifest.aggregation.membership {
        Membership::MayChange => {
            "Membership may change: differencing is not prevented, and a steward of every site \
             must approve."
        }
        Membership::Fixed => {
            "Membership is fixed: a round waits until every site of the first one is there."
        }
    };
    response.warnings.push(warning.to_owned());
}
