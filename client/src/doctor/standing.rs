//! Where the site stands: its certificate, its charter.

use std::time::SystemTime;

use ripieno_identity::{Charter, RatifiedCharter};
use ripieno_terminal::{Exit, Failure};

use super::step::Step;
use crate::clock::{date, seconds};
use crate::config::Config;
use crate::daemon::renewal::is_due;
use crate::link::{Credentials, ENROL_AGAIN, Problem};
use crate::program;
use crate::state::{Consents, load_charters, load_proposal, of_key, signing_key};

pub(super) fn enrolment(config: &Config) -> (Step, Option<Credentials>) {
    const NAME: &str = "enrolment";
    let tried = "connection.pem and authorities.pem";
    let credentials = match Credentials::load(config) {
        Ok(credentials) => credentials,
        Err(error) => {
            let Problem { text, advice, exit } = (&error).into();
            return (Step::bad(NAME, tried, exit, text, advice), None);
        }
    };
    let certificate = credentials.identity.certificate();
    let (now, ends) = (SystemTime::now(), date(seconds(certificate.not_after)));
    let step = if certificate.not_after < now {
        let problem = format!("the certificate ended on {ends} by this machine's clock");
        let advice = format!(
            "compare this machine's clock with the true time; if it is right, {ENROL_AGAIN}"
        );
        Step::bad(NAME, tried, Exit::Denied, problem, advice)
    } else if certificate.not_before > now {
        let begins = date(seconds(certificate.not_before));
        let problem = format!("the certificate begins on {begins}, by this machine's clock later");
        Step::bad(NAME, tried, Exit::Denied, problem, "set this machine's clock by NTP")
    } else if is_due(certificate, now) {
        Step::good(NAME, format!("the certificate ends on {ends}: the daemon will renew it"))
    } else {
        Step::good(NAME, format!("the certificate ends on {ends}"))
    };
    (step, Some(credentials))
}

pub(super) fn charter(config: &Config) -> Step {
    const NAME: &str = "charter";
    match judge(config) {
        Ok(step) => step,
        Err(failure) => {
            let problem = failure.text().replace("error: ", "");
            Step::bad(NAME, "charters", Exit::Output, problem, "restore the file from the backup")
        }
    }
}

/// The newest charter does not list this site: any more, or yet.
fn not_listed(version: u32, was_listed: bool) -> Step {
    const NAME: &str = "charter";
    let (problem, advice) = match was_listed {
        true => (
            format!("version {version} of the charter does not list this site any more"),
            "ask the federation's operator; a revoked site comes back as a new site",
        ),
        false => (
            format!("version {version} of the charter is in force and does not list this site yet"),
            "wait: the federation's operator proposes the next one (coordinator charter propose), \
             and the sites of this one sign it; then its words come here to be compared",
        ),
    };
    Step::bad(NAME, "charters", Exit::Denied, problem, advice)
}

fn judge(config: &Config) -> Result<Step, Failure> {
    const NAME: &str = "charter";
    let layout = &config.layout;
    let own = signing_key(&config.layout)?.public();
    let in_force = load_charters(&layout.charters())?;
    let to_come = load_charters(&layout.charters_to_come())?;
    let proposal = load_proposal(layout)?;
    let consents = Consents::read(&layout.consents())?;
    let signed = |charter: &Charter| {
        let fields = charter.fields();
        consents.signed(&fields.federation, fields.version) == Some(charter.digest())
    };
    let newest = to_come.last().or(in_force.last()).map(RatifiedCharter::charter);
    if let Some(removed) = newest.filter(|charter| of_key(charter, own).is_none()) {
        let lists = |charter: &RatifiedCharter| of_key(charter.charter(), own).is_some();
        let was_listed = in_force.iter().chain(&to_come).any(lists);
        return Ok(not_listed(removed.fields().version, was_listed));
    }
    let waits = proposal.as_ref().filter(|charter| {
        newest.is_none_or(|newest| newest.fields().version < charter.fields().version)
            && !signed(charter)
    });
    if let Some(charter) = waits {
        let problem =
            format!("version {} waits for this site's signature", charter.fields().version);
        let advice = format!(
            "{} charter show, compare its words with the other sites, then charter sign",
            program()
        );
        return Ok(Step::bad(NAME, "charters", Exit::Denied, problem, advice));
    }
    Ok(match in_force.last().map(RatifiedCharter::charter) {
        Some(charter) => Step::good(
            NAME,
            format!(
                "{}, version {}, {} sites, this one among them{}",
                charter.fields().federation,
                charter.fields().version,
                charter.fields().sites.len(),
                charter.caution().map(|caution| format!("; {caution}")).unwrap_or_default()
            ),
        ),
        None if !to_come.is_empty() => Step::bad(
            NAME,
            "charters",
            Exit::Denied,
            "the words of the charter in force were not compared yet",
            format!("{} charter show, then charter sign", program()),
        ),
        None => Step::bad(
            NAME,
            "charters",
            Exit::Denied,
            "no charter is in force here yet",
            "wait: the federation's operator proposes it when all sites have enrolled; its words \
             come to this site as soon as the daemon is connected",
        ),
    })
}
