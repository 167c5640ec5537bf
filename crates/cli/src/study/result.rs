//! `ripieno study result`: the same figures, table and files as of a simulation.

use std::path::Path;

use ripieno_analysis::Report;
use ripieno_identity::RatifiedCharter;
use ripieno_secagg::params::{MAX_SLOTS, Parameters};
use ripieno_study::{Digest, Study};
use ripieno_terminal::{Failure, json_to_stdout, line_to_stdout, to_stderr};

use super::course::Course;
use super::event::Names;
use super::watch::{Heard, follow};
use crate::output::{CHARTER, MODEL, OutFolder, Protection, RESULT, Results};
use crate::output::{charter as charter_json, json_text, model, text};
use crate::researcher::{Remote, of_answer};

/// What the sites of a federation assume.
const POLICY: &str = "each site's own policy decided; sites recompute every sum and step";

/// A result, with the study that it is of.
pub(crate) struct Fetched {
    pub(crate) study: Study,
    pub(crate) results: Results,
}

/// Fetches the result of a study that is done, and how it came about.
pub(crate) async fn fetch(
    remote: &mut Remote,
    charter: &RatifiedCharter,
    digest: Digest,
) -> Result<Fetched, Failure> {
    let (_, study) = remote.get(digest).await?;
    let json = remote.result(digest).await?;
    let report: Report = serde_json::from_slice(&json).map_err(of_answer)?;
    let names = Names::of(charter);
    // Of a study that is done the events end at once.
    let mut hear = |_: Heard<'_>| Ok(());
    let course = follow(remote, digest, &names, &mut hear).await?;
    let results = results(&study, report, course, charter);
    Ok(Fetched { study, results })
}

/// Prints a result, and writes it where a folder is given.
pub(crate) fn show(
    fetched: &Fetched,
    charter: &RatifiedCharter,
    out: Option<&OutFolder>,
    as_json: bool,
) -> Result<(), Failure> {
    let Fetched { study, results } = fetched;
    let written = out.map(|out| write(out, fetched, charter)).transpose()?;
    if as_json {
        json_to_stdout(results)?;
        written.iter().for_each(|written| to_stderr(written));
    } else {
        line_to_stdout(&text(study, results))?;
        written.iter().try_for_each(|written| line_to_stdout(written))?;
    }
    Ok(())
}

/// The folder of `--out`, looked at before anything is fetched.
pub(crate) fn folder(path: Option<&Path>, force: bool) -> Result<Option<OutFolder>, Failure> {
    path.map(|path| OutFolder::check(path, force)).transpose()
}

pub(crate) fn results(
    study: &Study,
    report: Report,
    course: Course,
    charter: &RatifiedCharter,
) -> Results {
    let numbers = numbers(study, charter);
    let [.., minimum] = numbers;
    let seconds = course.seconds();
    let rounds = course.rounds.into_iter().map(|mut round| {
        round.minimum = minimum;
        round
    });
    let rounds: Vec<_> = rounds.collect();
    Results {
        report,
        name: study.manifest().name.clone(),
        study: study.digest(),
        sites: rounds.last().map(|last| last.survivors.clone()).unwrap_or_default(),
        rounds,
        protection: Protection::new(study, numbers, POLICY),
        verified: None,
        refusals: course.refusals,
        traffic: None,
        seed: None,
        seconds,
        federation: Names::of(charter).all(),
    }
}

/// n, c, t and m where all sites of the charter hold shares.
fn numbers(study: &Study, charter: &RatifiedCharter) -> [u16; 4] {
    let sites = charter.sites().len();
    let aggregation = &study.manifest().aggregation;
    let corrupt = aggregation.corrupt.unwrap_or_else(|| charter.corrupt());
    let wanted = aggregation.minimum_sites.max(charter.charter().fields().policy.minimum_sites);
    let n = u16::try_from(sites).unwrap_or(u16::MAX);
    match Parameters::new(sites, corrupt, MAX_SLOTS) {
        Ok(params) => [n, corrupt, params.threshold(), params.minimum(wanted)],
        // More sites than one cohort: nothing is known but the rules of the charter.
        Err(_) => [n, corrupt, corrupt.saturating_add(1), wanted],
    }
}

fn write(out: &OutFolder, fetched: &Fetched, charter: &RatifiedCharter) -> Result<String, Failure> {
    let Fetched { study, results } = fetched;
    let mut files = vec![CHARTER.to_owned()];
    out.write(CHARTER, json_text(&charter_json(charter))?.as_bytes())?;
    if let Some(model) = model(study, results)? {
        out.write(MODEL, &model)?;
        files.push(MODEL.to_owned());
    }
    out.write(RESULT, json_text(results)?.as_bytes())?;
    files.push(RESULT.to_owned());
    out.remove_others(&files)?;
    Ok(format!("written to {}: {}", out.path().display(), files.join(", ")))
}
