//! What is typed at `ripieno-site`, and at `ripieno site`.

mod audit;
mod charter;
mod classify;
mod confirm;
mod data;
mod enrolment;
mod entry;
mod grant;
mod local;
mod policy;
mod preview;
mod records;
mod researcher;
mod serve;
mod slot;
mod status;
mod study;
mod whom;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ripieno_terminal::{Exit, Failure, forbid_core_files};
use tracing::warn;

use crate::doctor;
use crate::init::{self, InitArgs};

/// A command for a site.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes the folder of a new site: key, ledger, logs, a policy that refuses everything
    Init(InitArgs),
    /// Enrols the site with an invitation of the federation's operator
    Enroll(enrolment::EnrollArgs),
    /// Runs the site: connects to the coordinator and takes part
    Run(FolderArgs),
    /// Shows how the site is doing
    Status(ShowArgs),
    /// The tables that are registered
    #[command(subcommand)]
    Data(data::DataCommand),
    /// The policies about this site's data
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Grants the use of a data set, as its owner
    Grant(grant::GrantArgs),
    /// Takes a grant back; a study that needs it stops before its next message
    Revoke(grant::RevokeArgs),
    /// Lists what the owners of data sets grant
    Grants(ShowArgs),
    /// The studies that ask for this site's data
    #[command(subcommand)]
    Study(study::StudyCommand),
    /// The slots of this site's data of which nobody knows whether their sum was opened
    #[command(subcommand)]
    Slot(slot::SlotCommand),
    /// Who is in the federation
    #[command(subcommand)]
    Charter(charter::CharterCommand),
    /// The researchers that this site vouches for
    #[command(subcommand)]
    Researcher(researcher::ResearcherCommand),
    /// What the site decided and did
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// The files of the site's folder
    #[command(subcommand)]
    Records(records::RecordsCommand),
    /// Finds what keeps the site from taking part, and says what to ask of whom
    Doctor(ShowArgs),
}

/// Which site.
#[derive(Clone, Debug, Args)]
pub struct FolderArgs {
    /// The site's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// Which site, and how it is shown.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// The site's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Who decides.
#[derive(Clone, Debug, Args)]
pub struct StewardArgs {
    /// Who decides, for the audit log [default: the user who types]
    #[arg(long, value_name = "NAME")]
    pub steward: Option<String>,
}

impl StewardArgs {
    /// The name that was given, or that of the user.
    fn name(&self) -> String {
        let user = || std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).ok();
        let number = || format!("user {}", rustix::process::getuid().as_raw());
        self.steward.clone().or_else(user).unwrap_or_else(number)
    }
}

/// Carries a command out.
///
/// # Errors
/// [`Failure`], with the exit code and what to do next.
pub fn run(command: Command) -> Result<Exit, Failure> {
    if let Err(error) = forbid_core_files() {
        warn!(%error, "a core file of this process could hold its keys; set LimitCORE=0");
    }
    match command {
        Command::Init(args) => init::run(&args),
        Command::Enroll(args) => enrolment::run(&args),
        Command::Run(args) => serve::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Data(command) => data::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Grant(args) => grant::give(&args),
        Command::Revoke(args) => grant::revoke(&args),
        Command::Grants(show) => grant::list(&show),
        Command::Study(command) => study::run(&command),
        Command::Slot(command) => slot::run(&command),
        Command::Charter(command) => charter::run(&command),
        Command::Researcher(command) => researcher::run(&command),
        Command::Audit(command) => audit::run(&command),
        Command::Records(command) => records::run(&command),
        Command::Doctor(args) => doctor::run(&args),
    }
}

/// Runs something that waits, in a runtime of its own.
pub(crate) fn wait_for<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Internal, error))?.block_on(work)
}

/// Reads a text from a file, or from stdin for `-`, at most so many bytes.
pub(crate) fn read_text(
    path: Option<&std::path::Path>,
    limit: u64,
) -> Result<zeroize::Zeroizing<String>, Failure> {
    use std::io::Read as _;
    let named = path.map_or_else(|| "stdin".to_owned(), |path| path.display().to_string());
    let failed = |error: std::io::Error| {
        Failure::output(anyhow::Error::new(error).context(format!("cannot read {named}")))
    };
    let mut text = zeroize::Zeroizing::new(String::new());
    let read = match path {
        Some(path) => {
            std::fs::File::open(path).map_err(failed)?.take(limit).read_to_string(&mut text)
        }
        None => std::io::stdin().lock().take(limit).read_to_string(&mut text),
    };
    read.map_err(failed)?;
    Ok(text)
}
