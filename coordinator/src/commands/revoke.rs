//! `revoke`.

use clap::Args;
use ripieno_rpc::RevokeRequest;
use ripieno_terminal::{Exit, Failure, counted, json_to_stdout, line_to_stdout, wrap};
use ripieno_wire::membership::decode_charter;
use serde_json::json;

use super::charter::text;
use super::office::{connect, refused, unreadable};
use super::{ShowArgs, block_on};

/// The arguments of `revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The site's name
    site: String,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How many sites may be corrupt in the charter without it; without this as many as before
    #[arg(long, value_name = "SITES")]
    corrupt: Option<u32>,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn run(args: &RevokeArgs) -> Result<Exit, Failure> {
    let (site, reason) = (args.site.clone(), args.reason.clone());
    let request = RevokeRequest { site, reason, corrupt: args.corrupt };
    let response = block_on(async {
        connect(&args.show.folder).await?.revoke(request).await.map_err(refused)
    })?;
    let response = response.into_inner();
    let proposed = response.proposed.map(decode_charter).transpose().map_err(unreadable)?;
    if args.show.json {
        json_to_stdout(&json!({
            "site": args.site, "cut": response.cut, "why_none": response.why_none,
            "proposed": proposed.as_ref().map(|charter| charter.fields().version),
            "newcomers": response.newcomers,
        }))?;
        return Ok(Exit::Done);
    }
    let ended = counted(response.cut, "connection");
    line_to_stdout(&format!("{} is cut off; {ended} ended.", args.site))?;
    match proposed {
        Some(charter) => line_to_stdout(&format!(
            "The next version of the charter, without it{}, waits for signatures:\n\n{}",
            and_with(&response.newcomers),
            text(&charter)
        ))?,
        None => {
            let text = format!("No charter was proposed: {}.", response.why_none);
            line_to_stdout(&wrap(&text, 0))?;
        }
    }
    Ok(Exit::Done)
}

/// Sites that the next charter takes in besides.
fn and_with(newcomers: &[String]) -> String {
    match newcomers {
        [] => String::new(),
        names => format!(" and with {} anew", names.join(", ")),
    }
}
