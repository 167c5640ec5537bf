//! `init`.

use std::net::SocketAddr;

use clap::Args;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};
use serde_json::json;

use super::{ShowArgs, block_on};
use crate::config::Settings;
use crate::init::{InitError, init};

/// The arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    #[command(flatten)]
    show: ShowArgs,
    /// Name of the federation; it never changes
    #[arg(long, value_name = "NAME")]
    federation: String,
    /// Name and port under which sites and researchers reach the coordinator; may be repeated
    #[arg(long, value_name = "HOST:PORT", required = true)]
    address: Vec<String>,
    /// Address and port of this machine to listen on
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:7443")]
    listen: SocketAddr,
    /// One more name or IP address for the coordinator's certificate; may be repeated
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,
}

pub(super) fn run(args: &InitArgs) -> Result<Exit, Failure> {
    let mut settings = Settings::new(args.federation.clone(), args.listen, args.address.clone());
    settings.names.clone_from(&args.san);
    let folder = args.show.folder.folder();
    let made = block_on(async { init(&folder, &settings).await.map_err(failure) })?;
    let dir = args.show.folder.dir.display();
    let program = crate::program();
    if args.show.json {
        json_to_stdout(&json!({
            "folder": folder.path(),
            "federation": settings.federation,
            "key": made.key,
            "authority": made.authority.to_string(),
        }))?;
    } else {
        line_to_stdout(&format!(
            "The coordinator of {} is made in {dir}.\n\
             \n  key        {}\n  authority  {}\n\n\
             Keep a copy of {dir}/authority.pem and {dir}/coordinator.key where nobody else \
             reads it.\n\
             Next:\n  {program} serve --dir {dir}\n  {program} invite SITE --dir {dir}",
            settings.federation, made.key, made.authority
        ))?;
    }
    Ok(Exit::Done)
}

fn failure(error: InitError) -> Failure {
    let (exit, next) = match &error {
        InitError::Exists(folder) => {
            (Exit::Output, format!("{} serve --dir {}", crate::program(), folder.display()))
        }
        InitError::Unfinished { .. } => (
            Exit::Output,
            "remove these files if no site ever enrolled here, then init again".into(),
        ),
        InitError::Setting { .. } | InitError::Name(_) => {
            (Exit::Refused, format!("{} init --help", crate::program()))
        }
        InitError::Randomness | InitError::Config(_) => return Failure::new(Exit::Internal, error),
        _ => return Failure::new(Exit::Output, error),
    };
    Failure::new(exit, error).next(next)
}
