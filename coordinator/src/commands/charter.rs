//! `charter show` and `charter propose`.

use clap::{Args, Subcommand};
use ripieno_identity::Charter;
use ripieno_rpc::{ProposeCharterRequest, ShowCharterRequest, ShowCharterResponse};
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout, table};
use ripieno_wire::membership::{decode_charter, decode_ratified};
use serde_json::{Value, json};

use super::office::{connect, refused, unreadable};
use super::{ShowArgs, block_on};

/// Words in a row of a fingerprint.
const WORDS_IN_ROW: usize = 6;

/// What is said of a proposal that all have signed who must.
const WAITS: &str =
    "\nIt comes into force when the rounds under way are over; none begins until then.";

/// What cannot be undone.
const FOUNDING: &str = "Look at sites and numbers before anybody signs: all sites sign version 1, and \
                        each signs one version 1\nof this federation only. To change it later than that, \
                        found a federation of another name.\n\n";

/// A command about the charter.
#[derive(Debug, Subcommand)]
pub enum CharterCommand {
    /// Shows the charter in force, the one proposed with its words, and who has signed it
    Show(ShowArgs),
    /// Proposes the next charter from the sites that have enrolled
    Propose(ProposeArgs),
}

/// The arguments of `charter propose`.
#[derive(Debug, Args)]
pub struct ProposeArgs {
    /// Sites assumed corrupt [default: as now, or 1 from four sites on]
    #[arg(long, value_name = "C")]
    corrupt: Option<u16>,
    /// Signatures that the next version needs [default: the fewest that are allowed]
    #[arg(long, value_name = "Q")]
    quorum: Option<u16>,
    /// The fewest sites of any sum [default: as now, or the fewest that are allowed]
    #[arg(long, value_name = "SITES")]
    minimum_sites: Option<u16>,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn run(command: &CharterCommand) -> Result<Exit, Failure> {
    match command {
        CharterCommand::Show(args) => show(args),
        CharterCommand::Propose(args) => propose(args),
    }
}

fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let response = block_on(async {
        connect(&args.folder).await?.show_charter(ShowCharterRequest {}).await.map_err(refused)
    })?;
    let response = response.into_inner();
    let in_force = response.in_force.clone().map(decode_ratified).transpose();
    let in_force = in_force.map_err(unreadable)?.map(|(charter, _)| charter);
    let proposed = response.proposed.clone().map(decode_charter).transpose().map_err(unreadable)?;
    if args.json {
        json_to_stdout(&json!({
            "in_force": in_force.as_ref().map(as_json),
            "proposed": proposed.as_ref().map(as_json),
            "signed": response.signed, "unsigned": response.unsigned, "needed": response.needed,
            "waits_for_rounds": response.waits_for_rounds, "revoked": response.revoked,
        }))?;
        return Ok(Exit::Done);
    }
    let mut parts = Vec::new();
    match &in_force {
        Some(charter) => parts.push(format!("In force:\n\n{}", text(charter))),
        None => parts.push("No charter is in force yet.".to_owned()),
    }
    if let Some(charter) = &proposed {
        parts.push(format!("Proposed:\n\n{}", text(charter)));
        parts.push(signatures(&response));
    }
    line_to_stdout(&parts.join("\n\n"))?;
    Ok(Exit::Done)
}

fn propose(args: &ProposeArgs) -> Result<Exit, Failure> {
    let request = ProposeCharterRequest {
        corrupt: args.corrupt.map(u32::from),
        quorum: args.quorum.map(u32::from),
        minimum_sites: args.minimum_sites.map(u32::from),
    };
    let response = block_on(async {
        connect(&args.show.folder).await?.propose_charter(request).await.map_err(refused)
    })?;
    let charter = decode_charter(response.into_inner().proposed).map_err(unreadable)?;
    if args.show.json {
        json_to_stdout(&as_json(&charter))?;
    } else {
        line_to_stdout(&format!(
            "{}\n\n{}The stewards read these words to each other, then each signs at its site:\n  \
             ripieno site charter sign",
            text(&charter),
            if charter.fields().version == 1 { FOUNDING } else { "" }
        ))?;
    }
    Ok(Exit::Done)
}

fn as_json(charter: &Charter) -> Value {
    let fields = charter.fields();
    let site = |site: &ripieno_identity::CharterSite| json!({ "index": site.index.get(), "name": site.name, "key": site.key });
    json!({
        "federation": fields.federation, "version": fields.version, "digest": charter.digest(),
        "words": charter.fingerprint_words(), "coordinator": fields.coordinator,
        "corrupt": fields.corrupt, "quorum": fields.quorum,
        "minimum_sites": fields.policy.minimum_sites,
        "sites": fields.sites.iter().map(site).collect::<Vec<_>>(),
    })
}

/// A charter with its sites, numbers and words.
pub(super) fn text(charter: &Charter) -> String {
    let fields = charter.fields();
    let sites = fields
        .sites
        .iter()
        .map(|site| [site.name.clone(), site.index.get().to_string(), site.key.short()]);
    format!(
        "{}, version {}\n{}\n\n  sites assumed corrupt     {}\n  signatures for the next   {}\n  \
         fewest sites of a sum     {}\n{}\n{}",
        fields.federation,
        fields.version,
        table(&["site", "index", "key"], sites),
        fields.corrupt,
        fields.quorum,
        fields.policy.minimum_sites,
        charter.caution().map(|caution| format!("\n  {caution}\n")).unwrap_or_default(),
        words(charter)
    )
}

/// The fingerprint in rows.
fn words(charter: &Charter) -> String {
    let words = charter.fingerprint_words();
    let rows = words.chunks(WORDS_IN_ROW).map(|row| {
        let row: String = row.iter().map(|word| format!("{word:<10}")).collect();
        format!("  {}", row.trim_end())
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn signatures(response: &ShowCharterResponse) -> String {
    let names = |names: &[String]| match names.is_empty() {
        true => "nobody".to_owned(),
        false => names.join(", "),
    };
    let waits = match response.waits_for_rounds {
        true => WAITS,
        false => "",
    };
    let revoked = match response.revoked.as_slice() {
        [] => String::new(),
        names => format!("\n  revoked   {} (no signature is waited for)", names.join(", ")),
    };
    format!(
        "{} of {} signatures.\n  signed    {}\n  missing   {}{revoked}{waits}",
        response.signed.len(),
        response.needed,
        names(&response.signed),
        names(&response.unsigned)
    )
}
