//! The `ripieno` binary: parse, call, print.

mod args;
mod demo;
mod manual;
mod output;
mod researcher;
mod simulate;
mod study;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command};
use ripieno_terminal::{Exit, Failure, forbid_core_files};

fn main() -> ExitCode {
    demo::die_with_parent();
    let cli = Cli::parse();
    log(&cli.command);
    match run(cli.command) {
        Ok(exit) => exit.into(),
        Err(failure) if failure.is_broken_pipe() => Exit::Done.into(),
        Err(failure) => {
            ripieno_terminal::to_stderr(&failure.text());
            failure.exit().into()
        }
    }
}

fn run(command: Command) -> Result<Exit, Failure> {
    if let Err(error) = forbid_core_files() {
        tracing::warn!(%error, "a core file of this process could hold its keys; set ulimit -c 0");
    }
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Study(command) => study::run(command),
        Command::Researcher(command) => researcher::run(&command),
        Command::Coordinator(command) => ripieno_coordinator::run(command),
        Command::Site(command) => ripieno_client::run(command),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { out } => manual::pages(out.as_deref()),
    }
}

/// Logs to stderr what `RIPIENO_LOG` asks for; where it is not set, a daemon logs what happens, and
/// the other commands nothing.
fn log(command: &Command) {
    let daemon = matches!(
        command,
        Command::Coordinator(ripieno_coordinator::Command::Serve(_))
            | Command::Site(ripieno_client::Command::Run(_))
    );
    let filter = match EnvFilter::try_from_env("RIPIENO_LOG") {
        Ok(filter) => filter,
        Err(_) if daemon => EnvFilter::new("info"),
        Err(_) => return,
    };
    let format = tracing_subscriber::fmt().with_ansi(io::stderr().is_terminal());
    format.with_env_filter(filter).with_writer(io::stderr).init();
}
