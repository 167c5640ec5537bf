//! `invite`.

use clap::Args;
use ripieno_rpc::InviteRequest;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};
use serde_json::json;

use super::office::{connect, refused};
use super::{ShowArgs, block_on};

/// The arguments of `invite`.
#[derive(Debug, Args)]
pub struct InviteArgs {
    /// The site's name, as the charter will list it
    site: String,
    /// Hours for which the invitation holds
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=168))]
    hours: u32,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn run(args: &InviteArgs) -> Result<Exit, Failure> {
    let request = InviteRequest { site: args.site.clone(), hours: args.hours };
    let made = block_on(async {
        let mut office = connect(&args.show.folder).await?;
        office.invite(request).await.map_err(refused)
    })?;
    let made = made.into_inner();
    let hex = |key: bytes::Bytes| key.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let (key, replaces) = (made.key.map(hex), made.replaces.map(hex));
    if args.show.json {
        json_to_stdout(&json!({
            "site": args.site, "invitation": made.invitation, "expires": made.expires, "key": key,
            "replaces": replaces,
        }))?;
        return Ok(Exit::Done);
    }
    let (whose, folder) = match (key, replaces) {
        (None, None) => ("Whoever has it can enrol in its place".to_owned(), ""),
        (None, Some(key)) => (
            format!(
                "Somebody has enrolled as {} with the key {key} and was never heard since: ask its \
                 operator who. Whoever has this one can enrol in that place",
                args.site
            ),
            "",
        ),
        (Some(key), _) => (
            format!("{} comes back: it counts with its key {key} only", args.site),
            ", in the folder that has its site.key, while its daemon does not run",
        ),
    };
    line_to_stdout(&format!(
        "An invitation for {}, once, for {} h. {whose}: hand it over in confidence.\n\n{}\n\nAt the \
         site{folder}:\n  ripieno site enroll",
        args.site, args.hours, made.invitation
    ))?;
    Ok(Exit::Done)
}
