//! `charter`: who is in the federation, and the site's signature under it.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use bytes::Bytes;
use clap::Subcommand;
use ripieno_identity::Charter;
use ripieno_rpc::{
    SignCharterRequest, SignCharterResponse, SiteCharterRequest, SiteCharterResponse,
};
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout, table, to_stderr};
use ripieno_wire::membership::{decode_charter, decode_ratified};
use serde_json::json;

use super::local::{daemon, daemon_if_running, said};
use super::{ShowArgs, StewardArgs, read_text, wait_for};
use crate::config::Config;
use crate::layout::Layout;
use crate::{program, state, words};

/// The longest text of words, in bytes.
const MAX_WORDS: u64 = 4 << 10;

/// What can be done with the charter.
#[derive(Debug, Subcommand)]
pub enum CharterCommand {
    /// Shows the charter in force, and the one that is proposed with its 24 words
    Show(ShowArgs),
    /// Signs the proposed charter, after its words were compared with the other sites
    Sign {
        /// Read the 24 words from this file instead of the terminal
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
        #[command(flatten)]
        steward: StewardArgs,
        #[command(flatten)]
        show: ShowArgs,
    },
}

pub(super) fn run(command: &CharterCommand) -> Result<Exit, Failure> {
    match command {
        CharterCommand::Show(args) => show(args),
        CharterCommand::Sign { words_file, steward, show } => {
            sign(words_file.as_deref(), steward, show)
        }
    }
}

/// What there is to show.
struct Charters {
    in_force: Option<Charter>,
    proposed: Option<Charter>,
    signed: bool,
}

fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let charters = wait_for(async {
        match daemon_if_running(&args.dir).await {
            Some(mut daemon) => {
                let shown = daemon.show_charter(SiteCharterRequest {}).await;
                decode(shown.map_err(|status| said(&status))?.into_inner())
            }
            None => from_files(args),
        }
    })?;
    if args.json {
        json_to_stdout(&json!({
            "in_force": charters.in_force.as_ref().map(as_json),
            "proposed": charters.proposed.as_ref().map(as_json),
            "signed": charters.signed,
        }))?;
        return Ok(Exit::Done);
    }
    match &charters.in_force {
        Some(charter) => line_to_stdout(&format!("In force:\n{}", text(charter)))?,
        None => line_to_stdout("No charter is in force here.")?,
    }
    let Some(proposed) = &charters.proposed else {
        if charters.in_force.is_none() {
            line_to_stdout(
                "None waits for a signature either: the operator proposes one when all sites have \
                 enrolled, and it comes to a daemon that is connected.",
            )?;
        }
        return Ok(Exit::Done);
    };
    line_to_stdout(&format!("\nProposed:\n{}", text(proposed)))?;
    let next = if charters.signed {
        "This site has signed it.".to_owned()
    } else {
        format!(
            "Call the stewards of the other sites, on a number that you know, and compare these \
             words with theirs.\nnext: {} charter sign --dir {}",
            program(),
            args.dir.display()
        )
    };
    line_to_stdout(&format!("\n{next}"))?;
    Ok(Exit::Done)
}

fn sign(
    file: Option<&std::path::Path>,
    steward: &StewardArgs,
    show: &ShowArgs,
) -> Result<Exit, Failure> {
    if file.is_none() && std::io::stdin().is_terminal() {
        to_stderr(
            "Type the 24 words as the stewards of the other sites read them to you, then Ctrl-D:",
        );
    }
    let words = read_text(file, MAX_WORDS)?;
    let request = SignCharterRequest { words: words.to_string(), steward: steward.name() };
    let SignCharterResponse { version, in_force } = wait_for(async {
        let mut daemon = daemon(&show.dir).await?;
        let signed = daemon.sign_charter(request).await;
        signed.map(tonic::Response::into_inner).map_err(|status| said(&status))
    })?;
    if show.json {
        json_to_stdout(&json!({ "version": version, "in_force": in_force }))?;
    } else {
        line_to_stdout(&format!(
            "{}\nnext: {} status --dir {}",
            signed_text(version, in_force),
            program(),
            show.dir.display()
        ))?;
    }
    Ok(Exit::Done)
}

/// What a signature led to. Who comes anew confirms words of a charter that others have signed.
fn signed_text(version: u32, in_force: bool) -> String {
    match in_force {
        true => format!(
            "The words of version {version} of the charter are confirmed: it is in force here, and \
             this site takes part."
        ),
        false => format!(
            "Version {version} of the charter is signed. It is in force when enough of the other \
             sites have signed as well."
        ),
    }
}

fn decode(shown: SiteCharterResponse) -> Result<Charters, Failure> {
    let wrong = |error| Failure::new(Exit::Internal, anyhow::Error::new(error));
    let in_force = shown.in_force.map(|bytes: Bytes| decode_ratified(bytes).map(|(c, _)| c));
    let proposed = shown.proposed.map(decode_charter);
    Ok(Charters {
        in_force: in_force.transpose().map_err(wrong)?,
        proposed: proposed.transpose().map_err(wrong)?,
        signed: shown.signed,
    })
}

fn from_files(args: &ShowArgs) -> Result<Charters, Failure> {
    Config::load(&args.dir).map_err(|error| super::local::no_site(&args.dir, error))?;
    let layout = Layout::at(&args.dir);
    let in_force = state::load_charters(&layout.charters())?;
    let proposed = state::load_proposal(&layout)?;
    let consents = state::Consents::read(&layout.consents())?;
    let signed = proposed.as_ref().is_some_and(|charter| {
        let fields = charter.fields();
        consents.signed(&fields.federation, fields.version) == Some(charter.digest())
    });
    Ok(Charters { in_force: in_force.last().map(|c| c.charter().clone()), proposed, signed })
}

fn text(charter: &Charter) -> String {
    let fields = charter.fields();
    let sites = fields
        .sites
        .iter()
        .map(|site| [site.name.clone(), site.index.get().to_string(), site.key.short()]);
    format!(
        "  {}, version {}: {} sites, of which {} may be corrupt; {} sign the next version; \
         no sum over fewer than {}\n{}{}\n{}",
        fields.federation,
        fields.version,
        fields.sites.len(),
        fields.corrupt,
        fields.quorum,
        fields.policy.minimum_sites,
        charter.caution().map(|caution| format!("  {caution}\n")).unwrap_or_default(),
        table(&["site", "index", "key"], sites),
        words::rows(charter)
    )
}

fn as_json(charter: &Charter) -> serde_json::Value {
    let fields = charter.fields();
    let sites = fields.sites.iter().map(
        |site| json!({ "index": site.index.get(), "name": site.name, "key": site.key.to_string() }),
    );
    json!({
        "federation": fields.federation,
        "version": fields.version,
        "digest": charter.digest().to_string(),
        "sites": sites.collect::<Vec<_>>(),
        "coordinator": fields.coordinator.to_string(),
        "corrupt": fields.corrupt,
        "quorum": fields.quorum,
        "minimum_sites": fields.policy.minimum_sites,
        "words": charter.fingerprint_words(),
    })
}
