//! `authority prepare`, `authority status`, `authority switch`, `authority retire`.

use clap::{Args, Subcommand};
use ripieno_rpc::authority_request::Step;
use ripieno_rpc::{AuthorityRequest, AuthorityResponse, AuthoritySite};
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout, table, wrap};
use serde_json::json;

use super::office::{connect, refused};
use super::{ShowArgs, block_on};

/// What is done about the authority.
#[derive(Debug, Subcommand)]
pub enum AuthorityCommand {
    /// Makes the next authority; sites trust it beside the present one
    Prepare(ShowArgs),
    /// Shows which list of authorities each site holds, and which of them certifies it
    Status(ShowArgs),
    /// Lets the next authority certify; sites fetch new certificates by themselves
    Switch(ForceArgs),
    /// Ends the trust in the former authority
    Retire(ForceArgs),
}

/// Which coordinator, and whether sites may be cut off.
#[derive(Debug, Args)]
pub struct ForceArgs {
    /// Also if sites are cut off by it, which are then invited again
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn run(command: &AuthorityCommand) -> Result<Exit, Failure> {
    let (step, force, args) = match command {
        AuthorityCommand::Prepare(args) => (Step::Prepare, false, args),
        AuthorityCommand::Status(args) => (Step::Status, false, args),
        AuthorityCommand::Switch(args) => (Step::Switch, args.force, &args.show),
        AuthorityCommand::Retire(args) => (Step::Retire, args.force, &args.show),
    };
    let request = AuthorityRequest { step: step.into(), force };
    let response =
        block_on(async { connect(&args.folder).await?.authority(request).await.map_err(refused) })?;
    show(&response.into_inner(), step, args.json)?;
    Ok(Exit::Done)
}

fn show(response: &AuthorityResponse, step: Step, json: bool) -> Result<(), Failure> {
    if json {
        let sites = response.sites.iter().map(as_json);
        return json_to_stdout(&json!({
            "phase": response.phase, "present": response.present, "other": response.other,
            "list": response.list, "sites": sites.collect::<Vec<_>>(),
        }));
    }
    line_to_stdout(&format!("present  {}", response.present))?;
    if !response.other.is_empty() {
        line_to_stdout(&format!("{:<8} {}", other(response), response.other))?;
    }
    line_to_stdout(&format!("list     {}", response.list))?;
    if response.sites.is_empty() {
        return line_to_stdout(&next(response, step));
    }
    let header = ["site", "there", "list", "certified by"];
    let rows = response.sites.iter().map(|site| row(site, response));
    line_to_stdout(&table(&header, rows))?;
    line_to_stdout(&next(response, step))
}

/// What comes next.
fn next(response: &AuthorityResponse, taken: Step) -> String {
    let (text, step) = match response.phase.as_str() {
        "prepared" => (
            format!(
                "Back the folder up now. When every site holds list {}, and researchers have \
                 connected once:",
                response.list
            ),
            "switch",
        ),
        "switched" => (
            "Back the folder up now. Invitations that were not used before the switch named the \
             former authority and count no more: make them again. When the present one certifies \
             every site:"
                .to_owned(),
            "retire",
        ),
        _ if taken == Step::Retire => (
            format!(
                "Back the folder up now. Then look at the status until every site holds list {}:",
                response.list
            ),
            "status",
        ),
        _ => ("To replace it while the federation goes on:".to_owned(), "prepare"),
    };
    format!("\n{}\n  {} authority {step}", wrap(&text, 0), crate::program())
}

fn as_json(site: &AuthoritySite) -> serde_json::Value {
    json!({
        "name": site.name, "present": site.present, "list": site.list,
        "certified_by": site.certified_by,
    })
}

fn row(site: &AuthoritySite, response: &AuthorityResponse) -> [String; 4] {
    let there = if site.present { "yes" } else { "no" }.to_owned();
    let list = if site.list == 0 { "none".to_owned() } else { site.list.to_string() };
    let by = match site.certified_by.as_str() {
        "" => "none that lasts",
        by if by == response.present => "present",
        _ => other(response),
    };
    [site.name.clone(), there, list, by.to_owned()]
}

/// What the other authority is to the present one.
fn other(response: &AuthorityResponse) -> &'static str {
    match response.phase.as_str() {
        "prepared" => "next",
        _ => "former",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_that_was_taken_says_to_back_the_folder_up() {
        let after = |phase: &str, taken| {
            let phase = phase.to_owned();
            next(&AuthorityResponse { phase, ..AuthorityResponse::default() }, taken)
        };
        let steps =
            [("prepared", Step::Prepare), ("switched", Step::Switch), ("settled", Step::Retire)];
        for (phase, step) in steps {
            assert!(after(phase, step).contains("Back the folder up"), "{phase}");
        }
        assert!(!after("settled", Step::Status).contains("Back the folder up"));
    }
}
