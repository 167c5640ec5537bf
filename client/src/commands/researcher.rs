//! `researcher`: whom this site vouches for.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Subcommand;
use ripieno_files::write_output;
use ripieno_identity::PublicKey;
use ripieno_rpc::VouchRequest;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout, to_stderr};
use ripieno_transport::TrustedAuthorities;
use ripieno_wire::{credential_to_text, decode_credential};
use serde_json::json;

use super::local::{daemon, no_site, said};
use super::{ShowArgs, StewardArgs, read_text, wait_for};
use crate::config::Config;
use crate::{hex, program};

/// The longest file with a key, in bytes.
const MAX_KEY: u64 = 4 << 10;

/// What can be done for researchers.
#[derive(Debug, Subcommand)]
pub enum ResearcherCommand {
    /// Signs a credential for a researcher of this site, and prints it
    Vouch(VouchArgs),
}

/// What a credential says.
#[derive(Debug, clap::Args)]
pub struct VouchArgs {
    /// The researcher's public key: 64 hexadecimal digits, or a file that holds them
    #[arg(long, value_name = "FILE|HEX")]
    key: String,
    /// The researcher's name
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// What the researcher is, in the words of the sites' policies
    #[arg(long, value_name = "TEXT", default_value = "researcher")]
    role: String,
    /// Where the researcher works
    #[arg(long, value_name = "TEXT")]
    department: String,
    /// What the researcher may see, in the words of the sites' policies
    #[arg(long, value_name = "TEXT", default_value = "aggregate")]
    clearance: String,
    /// For how many days
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// Write the credential into this file instead of to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    steward: StewardArgs,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn run(command: &ResearcherCommand) -> Result<Exit, Failure> {
    let ResearcherCommand::Vouch(args) = command;
    let key = key(&args.key)?;
    let request = VouchRequest {
        name: args.name.clone(),
        role: args.role.clone(),
        department: args.department.clone(),
        clearance: args.clearance.clone(),
        researcher: Bytes::copy_from_slice(key.as_bytes()),
        days: args.days,
        steward: args.steward.name(),
    };
    let bytes = wait_for(async {
        let mut daemon = daemon(&args.show.dir).await?;
        let vouched = daemon.vouch(request).await;
        vouched.map(|response| response.into_inner().credential).map_err(|status| said(&status))
    })?;
    let credential =
        decode_credential(bytes).map_err(|error| Failure::new(Exit::Internal, error))?;
    let text = credential_to_text(&credential);
    if let Some(out) = &args.out {
        write_output(out, format!("{text}\n").as_bytes()).map_err(Failure::output)?;
    }
    if args.show.json {
        let expires = credential.fields.expires;
        json_to_stdout(&json!({ "credential": text, "expires": expires, "key": key.to_string() }))?;
    } else if let Some(out) = &args.out {
        line_to_stdout(&format!(
            "The credential of {} is in {}. It is no secret: send it to the researcher, who types:\n  \
             {}",
            args.name,
            out.display(),
            join(&args.show.dir, out)?
        ))?;
    } else {
        line_to_stdout(&text)?;
        let file = Path::new("credential.txt");
        to_stderr(&format!(
            "That is no secret: send it to the researcher, who keeps it in credential.txt and \
             types:\n  {}",
            join(&args.show.dir, file)?
        ));
    }
    Ok(Exit::Done)
}

/// How the researcher joins: whom this site trusts is whom the researcher is to trust.
fn join(dir: &Path, credential: &Path) -> Result<String, Failure> {
    let config = Config::load(dir).map_err(|error| no_site(dir, error))?;
    let trusted =
        TrustedAuthorities::load(&config.layout.authorities()).map_err(Failure::output)?;
    let mut fingerprints = trusted.certificates().iter().map(|one| one.fingerprint().to_string());
    let (address, key) = match &config.site.coordinator {
        Some(coordinator) => (coordinator.address.to_string(), coordinator.key.to_string()),
        None => ("HOST:PORT".to_owned(), "KEY".to_owned()),
    };
    Ok(format!(
        "ripieno researcher join --coordinator {address} --fingerprint {} --key {key} \
         --credential {}",
        // The one that certifies now.
        fingerprints.next().unwrap_or_else(|| "FINGERPRINT".to_owned()),
        credential.file_name().unwrap_or(credential.as_os_str()).display()
    ))
}

fn key(given: &str) -> Result<PublicKey, Failure> {
    let read = match hex::key(given) {
        Some(key) => Some(key),
        None => hex::key(read_text(Some(Path::new(given)), MAX_KEY)?.trim()),
    };
    let wrong = |error: anyhow::Error| {
        Failure::new(Exit::Denied, error).next(format!(
            "ask the researcher for the public key, 64 digits, then {} researcher vouch --key DIGITS",
            program()
        ))
    };
    let key = read.ok_or_else(|| wrong(anyhow::anyhow!("{given} holds no public key")))?;
    key.map_err(|bad| wrong(bad.into()))
}
