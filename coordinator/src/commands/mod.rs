//! Everything that an operator types.

mod audit;
mod authority;
mod cancel;
mod charter;
mod init;
mod invite;
mod office;
mod revoke;
mod serve;
mod sites;
mod status;
mod studies;

use std::future::Future;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use ripieno_terminal::{Exit, Failure, forbid_core_files};
use tracing::warn;

use crate::folder::Folder;

/// A command for a coordinator.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes the folder of a new coordinator: key, authority, database, configuration
    Init(init::InitArgs),
    /// Runs the coordinator
    Serve(FolderArgs),
    /// Makes a one-time invitation for a site
    Invite(invite::InviteArgs),
    /// Lists the sites
    Sites(ShowArgs),
    /// The charter: who is in the federation
    #[command(subcommand)]
    Charter(charter::CharterCommand),
    /// Cuts a site off at once, and proposes a charter without it
    Revoke(revoke::RevokeArgs),
    /// Replaces the authority that certifies connections
    #[command(subcommand)]
    Authority(authority::AuthorityCommand),
    /// Shows how the coordinator is, and what needs attention
    Status(ShowArgs),
    /// Lists the studies
    Studies(ShowArgs),
    /// Ends a study that runs, whoever submitted it
    Cancel(cancel::CancelArgs),
    /// What the coordinator decided and did
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

/// Which coordinator.
#[derive(Clone, Debug, Args)]
pub struct FolderArgs {
    /// The coordinator's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// Which coordinator, and how it is shown.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl FolderArgs {
    /// Its files.
    pub(crate) fn folder(&self) -> Folder {
        Folder::at(&self.dir)
    }
}

/// Carries a command out.
///
/// # Errors
/// [`Failure`] says why not, and what to type next.
pub fn run(command: Command) -> Result<Exit, Failure> {
    if let Err(error) = forbid_core_files() {
        warn!(%error, "a core file of this process could hold its keys; set LimitCORE=0");
    }
    match command {
        Command::Init(args) => init::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Invite(args) => invite::run(&args),
        Command::Sites(args) => sites::run(&args),
        Command::Charter(command) => charter::run(&command),
        Command::Revoke(args) => revoke::run(&args),
        Command::Authority(command) => authority::run(&command),
        Command::Status(args) => status::run(&args),
        Command::Studies(args) => studies::run(&args),
        Command::Cancel(args) => cancel::run(&args),
        Command::Audit(command) => audit::run(&command),
    }
}

/// Waits for what a command asks of a daemon.
fn block_on<T>(task: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("the system gave no threads");
    runtime.map_err(|error| Failure::new(Exit::Internal, error))?.block_on(task)
}
