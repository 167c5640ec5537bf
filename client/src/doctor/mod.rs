//! `doctor`: what keeps the site from taking part, step by step, and what to ask of whom.

mod here;
mod standing;
mod step;
mod way;

use ripieno_terminal::{Exit, Failure, Style, json_to_stdout, line_to_stdout, wrap};
use serde_json::json;

use crate::commands::{ShowArgs, wait_for};
use crate::config::Config;
use step::{Outcome, Step};

/// Examines the site and prints what was found.
pub(crate) fn run(args: &ShowArgs) -> Result<Exit, Failure> {
    let steps = wait_for(async { Ok(examine(args).await) })?;
    let exit = steps.iter().find_map(Step::exit).unwrap_or(Exit::Done);
    if args.json {
        let shown: Vec<_> = steps.iter().map(Step::as_json).collect();
        json_to_stdout(&json!({ "steps": shown, "ok": exit == Exit::Done }))?;
    } else {
        for step in &steps {
            line_to_stdout(&text(step))?;
        }
        line_to_stdout(&last_word(&steps))?;
    }
    Ok(exit)
}

/// All steps in their order; those that rest on one that failed are not tried.
async fn examine(args: &ShowArgs) -> Vec<Step> {
    let (folder, config) = here::folder(&args.dir);
    let Some(config) = config else { return vec![folder] };
    let daemon = here::daemon(&config).await;
    let mut steps = vec![folder];
    steps.extend(examine_site(&config, &daemon).await);
    steps.push(here::records(&daemon));
    steps.push(daemon.step);
    steps
}

async fn examine_site(config: &Config, daemon: &here::Running) -> Vec<Step> {
    let mut steps = vec![here::policy(config), here::data(config), here::memory()];
    let (enrolled, credentials) = standing::enrolment(config);
    steps.push(enrolled);
    steps.extend(way::examine(config, credentials.as_ref(), daemon).await);
    steps.push(standing::charter(config));
    steps
}

fn text(step: &Step) -> String {
    let style = Style::of_stdout();
    let mark = match &step.outcome {
        Outcome::Good => style.good("OK  "),
        Outcome::Bad { .. } => style.bad("FAIL"),
        Outcome::NotTried => "  – ".to_owned(),
    };
    let mut text = format!("{mark}  {:<12} {}", step.name, step.tried);
    if let Outcome::Bad { problem, advice, ask, .. } = &step.outcome {
        text.push_str(&format!("\n{}\n{}", wrap(problem, 6), wrap(&format!("do: {advice}"), 6)));
        if let Some(ask) = ask {
            text.push_str(&format!(
                "\n      for the network team:\n{}",
                wrap(&format!("\u{201c}{ask}\u{201d}"), 8)
            ));
        }
    }
    text
}

fn last_word(steps: &[Step]) -> String {
    let bad = steps.iter().filter(|step| step.exit().is_some()).count();
    match bad {
        0 => "\nNothing keeps this site from taking part.".to_owned(),
        1 => "\nOne step failed. Do what it says and run this again.".to_owned(),
        more => format!("\n{more} steps failed. Begin with the first, and run this again."),
    }
}
