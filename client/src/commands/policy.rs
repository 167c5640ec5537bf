//! `policy`: what decides about columns, tried out before a study asks.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ripieno_access::{Decision, Gate, Model, Verdict};
use ripieno_rpc::{ShowStudyRequest, StewardStudiesRequest};
use ripieno_study::Study;
use ripieno_terminal::{Exit, Failure, clean, json_to_stdout, line_to_stdout, table};
use serde::Deserialize;
use serde_json::{Value, json};

use super::local::{daemon, no_site, said};
use super::whom::AsWhom;
use super::{ShowArgs, read_text, wait_for};
use crate::clock::now;
use crate::config::Config;
use crate::gate;

/// The longest text of a study or of cases, in bytes.
const MAX_TEXT: u64 = 1 << 20;
/// Characters of a name that a person is shown.
const SHOWN: usize = 60;

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Reads the policy, the policies about columns and the grants, and shows what is wrong
    Check(ShowArgs),
    /// Shows for each column of a study whether it may be used, by which policy, and what would
    /// change that
    Explain(ExplainArgs),
    /// Tries the site's own cases: each says what must become of a study
    Test {
        /// The cases, in TOML: docs/policy.md
        file: PathBuf,
        #[command(flatten)]
        show: ShowArgs,
    },
    /// Shows what other policies about columns would change for the studies that this site knows
    Diff {
        /// The other policies, in Cedar
        file: PathBuf,
        #[command(flatten)]
        as_whom: AsWhom,
        #[command(flatten)]
        show: ShowArgs,
    },
}

/// Which study, asked by whom.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A file with the study, or the first digits of the digest of one that this site knows
    #[arg(value_name = "STUDY")]
    study: String,
    #[command(flatten)]
    as_whom: AsWhom,
    #[command(flatten)]
    show: ShowArgs,
}

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// What must become of a study.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The study's file, from the folder of the cases on.
    study: PathBuf,
    #[serde(default)]
    r#as: AsWhom,
    /// `approve`, `ask` or `deny`.
    expect: String,
    /// Which rule must deny it.
    rule: Option<String>,
}

/// What became of a study.
struct Outcome {
    word: &'static str,
    rule: String,
    text: String,
    columns: Vec<Verdict>,
}

pub(super) fn run(command: &PolicyCommand) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Check(show) => check(show),
        PolicyCommand::Explain(args) => explain(args),
        PolicyCommand::Test { file, show } => test(file, show),
        PolicyCommand::Diff { file, as_whom, show } => diff(file, as_whom, show),
    }
}

fn check(show: &ShowArgs) -> Result<Exit, Failure> {
    let config = load(show)?;
    let policies = gate::policies(&config)?;
    let (gate, problems) = gate::open(&config)?;
    let own: Vec<_> = policies.ids().filter(|(_, model)| *model != Model::Baseline).collect();
    let warnings: Vec<_> = policies.warnings().iter().map(ToString::to_string).collect();
    let conflicts = gate.conflicts(&AsWhom::default().requester(), now());
    if show.json {
        let conflicts = conflicts.iter().map(|(dataset, one)| {
            let columns: Vec<&str> = one.columns.iter().map(|column| &**column).collect();
            json!({ "data_set": dataset, "permit": *one.permit, "forbid": *one.forbid, "columns": columns })
        });
        let own: Vec<_> =
            own.iter().map(|(id, model)| json!({ "id": id, "model": model.name() })).collect();
        json_to_stdout(&json!({
            "policies": own, "warnings": warnings, "conflicts": conflicts.collect::<Vec<_>>(), "problems": problems,
        }))?;
        return Ok(Exit::Done);
    }
    line_to_stdout(&format!(
        "{}\nThe baseline, and policies of the site: {}",
        gate.policy(),
        own.len()
    ))?;
    for (id, model) in own {
        line_to_stdout(&format!("  {id} ({model})"))?;
    }
    for line in warnings.iter().chain(&problems) {
        line_to_stdout(&format!("warning: {line}"))?;
    }
    for (dataset, one) in conflicts {
        let (permit, forbid, columns) = (&one.permit, &one.forbid, one.columns.join(", "));
        line_to_stdout(&format!(
            "conflict: {permit} permits and {forbid} forbids {columns} of {dataset:?}"
        ))?;
    }
    line_to_stdout("Nothing is wrong with the policies.")?;
    Ok(Exit::Done)
}

fn explain(args: &ExplainArgs) -> Result<Exit, Failure> {
    let (gate, _) = gate::open(&load(&args.show)?)?;
    let study = study(&args.study, &args.show.dir)?;
    let outcome = outcome(&gate, &study, &args.as_whom);
    if args.show.json {
        json_to_stdout(&outcome.as_json())?;
        return Ok(Exit::Done);
    }
    let rows = outcome.columns.iter().map(|verdict| {
        let changes: Vec<_> = verdict
            .changes
            .iter()
            .map(|change| format!("{} ({})", change.remedy, change.model))
            .collect();
        let allowed = if verdict.allowed { "yes" } else { "no" };
        [clean(&verdict.column, SHOWN), allowed.into(), verdict.by.join(", "), changes.join("; ")]
    });
    line_to_stdout(&table(&["column", "allowed", "by", "what would change it"], rows))?;
    line_to_stdout(&format!("\n{}: {}", outcome.word, outcome.text))?;
    Ok(Exit::Done)
}

fn test(file: &Path, show: &ShowArgs) -> Result<Exit, Failure> {
    let (gate, _) = gate::open(&load(show)?)?;
    let text = read_text(Some(file), MAX_TEXT)?;
    let cases: Cases = toml::from_str(&text).map_err(|error| {
        Failure::new(Exit::Data, anyhow::Error::new(error).context(file.display().to_string()))
    })?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut failed = Vec::new();
    for case in &cases.case {
        let study = parse(&read_text(Some(&folder.join(&case.study)), MAX_TEXT)?)?;
        let found = outcome(&gate, &study, &case.r#as);
        let as_expected =
            found.word == case.expect && case.rule.as_ref().is_none_or(|rule| *rule == found.rule);
        if !as_expected {
            failed.push((case, found));
        }
    }
    let (count, wrong) = (cases.case.len(), failed.len());
    if show.json {
        let failed: Vec<_> = failed.iter().map(|(case, found)| {
            json!({ "case": case.name, "expected": case.expect, "expected_rule": case.rule, "found": found.as_json() })
        }).collect();
        json_to_stdout(&json!({ "cases": count, "failed": failed }))?;
    } else {
        for (case, found) in &failed {
            let expected = case.rule.as_deref().map_or(String::new(), |rule| format!(" by {rule}"));
            line_to_stdout(&format!(
                "{}: expected {}{expected}, found {}: {}",
                clean(&case.name, SHOWN),
                case.expect,
                found.word,
                found.text
            ))?;
        }
        line_to_stdout(&format!("{} of {count} cases are as expected.", count - wrong))?;
    }
    Ok(if wrong == 0 { Exit::Done } else { Exit::Refused })
}

fn diff(file: &Path, as_whom: &AsWhom, show: &ShowArgs) -> Result<Exit, Failure> {
    let config = load(show)?;
    let (before, _) = gate::open(&config)?;
    let (after, _) = gate::open_with(&config, gate::policies_from(&config, Some(file))?)?;
    let mut changed = Vec::new();
    for text in known(&show.dir)? {
        let study = parse(&text)?;
        let (old, new) = (outcome(&before, &study, as_whom), outcome(&after, &study, as_whom));
        if (old.word, &old.rule, &old.columns) != (new.word, &new.rule, &new.columns) {
            changed.push((study, old, new));
        }
    }
    if show.json {
        let changed: Vec<_> = changed.iter().map(|(study, old, new)| {
            json!({ "study": study.digest().to_string(), "before": old.as_json(), "after": new.as_json() })
        }).collect();
        json_to_stdout(&json!({ "changed": changed }))?;
        return Ok(Exit::Done);
    }
    for (study, old, new) in &changed {
        let name = clean(&study.manifest().name, SHOWN);
        line_to_stdout(&format!(
            "{name} ({}): {} now, {} then: {}",
            study.digest().short(),
            old.word,
            new.word,
            new.text
        ))?;
    }
    if changed.is_empty() {
        line_to_stdout("Nothing changes for the studies that this site knows.")?;
    }
    Ok(Exit::Done)
}

fn load(show: &ShowArgs) -> Result<Config, Failure> {
    Config::load(&show.dir).map_err(|error| no_site(&show.dir, error))
}

/// A study from a file, or from the running daemon.
fn study(named: &str, dir: &Path) -> Result<Study, Failure> {
    if Path::new(named).exists() {
        return parse(&read_text(Some(Path::new(named)), MAX_TEXT)?);
    }
    let text = wait_for(async {
        let mut daemon = daemon(dir).await?;
        let shown = daemon.show_study(ShowStudyRequest { study: named.to_owned() }).await;
        shown.map(|shown| shown.into_inner().text).map_err(|status| said(&status))
    })?;
    parse(&text)
}

/// The texts of the studies that the running daemon knows.
fn known(dir: &Path) -> Result<Vec<String>, Failure> {
    wait_for(async {
        let mut daemon = daemon(dir).await?;
        let listed = daemon.studies(StewardStudiesRequest {}).await.map_err(|s| said(&s))?;
        let mut texts = Vec::new();
        for study in listed.into_inner().studies {
            let study = study.study.iter().map(|byte| format!("{byte:02x}")).collect();
            let shown = daemon.show_study(ShowStudyRequest { study }).await;
            texts.push(shown.map_err(|status| said(&status))?.into_inner().text);
        }
        Ok(texts)
    })
}

fn parse(text: &str) -> Result<Study, Failure> {
    Study::parse(text).map_err(|error| Failure::new(Exit::Data, error))
}

fn outcome(gate: &Gate, study: &Study, as_whom: &AsWhom) -> Outcome {
    let request = as_whom.request(study);
    let columns = gate.explain(&request);
    let (word, rule, text) = match gate.decide(&request) {
        Ok(Decision::Ask { why }) => ("ask", String::new(), why),
        Ok(Decision::NoData | Decision::Approved(_)) => {
            ("approve", String::new(), "no rule is against it".into())
        }
        Err(denial) => ("deny", denial.rule.to_string(), denial.to_string()),
    };
    Outcome { word, rule, text, columns }
}

impl Outcome {
    fn as_json(&self) -> Value {
        let columns: Vec<_> = self.columns.iter().map(column).collect();
        json!({ "decision": self.word, "rule": self.rule, "reason": self.text, "columns": columns })
    }
}

fn column(verdict: &Verdict) -> Value {
    let by: Vec<&str> = verdict.by.iter().map(|id| &**id).collect();
    let changes: Vec<_> = verdict.changes.iter().map(|change| {
        json!({ "model": change.model.name(), "policy": *change.policy, "remedy": change.remedy })
    }).collect();
    json!({ "column": *verdict.column, "allowed": verdict.allowed, "by": by, "changes": changes })
}
