//! The `ripieno-coordinator` binary: parse, run, exit.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use ripieno_coordinator::Command;
use ripieno_terminal::{Exit, to_stderr};
use tracing_subscriber::EnvFilter;

/// The coordinator of a Ripieno federation
#[derive(Debug, Parser)]
#[command(name = "ripieno-coordinator", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(&cli.command);
    match ripieno_coordinator::run(cli.command) {
        Ok(exit) => exit.into(),
        Err(failure) if failure.is_broken_pipe() => Exit::Done.into(),
        Err(failure) => {
            to_stderr(&failure.text());
            failure.exit().into()
        }
    }
}

/// Logs to stderr what `RIPIENO_LOG` asks for; where it is not set, the daemon logs what an operator
/// should see, and the other commands nothing.
fn log(command: &Command) {
    let filter = match EnvFilter::try_from_env("RIPIENO_LOG") {
        Ok(filter) => filter,
        Err(_) if matches!(command, Command::Serve(_)) => EnvFilter::new("info"),
        Err(_) => return,
    };
    let format = tracing_subscriber::fmt().with_ansi(io::stderr().is_terminal());
    format.with_env_filter(filter).with_writer(io::stderr).init();
}
