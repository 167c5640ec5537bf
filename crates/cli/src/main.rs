//! The `ripieno` binary: parse, call, print.

mod args;
mod check;
mod demo;
mod exit;
mod manual;
mod output;
mod simulate;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command, StudyCommand};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log();
    match run(cli.command) {
        Ok(exit) => exit.into(),
        Err(failure) if failure.is_broken_pipe() => Exit::Done.into(),
        Err(failure) => {
            output::to_stderr(&failure.text());
            failure.exit().into()
        }
    }
}

fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Study(StudyCommand::Check { study, json }) => check::run(&study, json),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { out } => manual::pages(out.as_deref()),
    }
}

/// Logs to stderr what `RIPIENO_LOG` asks for; nothing where it is not set.
fn log() {
    let Ok(filter) = EnvFilter::try_from_env("RIPIENO_LOG") else { return };
    let format = tracing_subscriber::fmt().with_ansi(io::stderr().is_terminal());
    format.with_env_filter(filter).with_writer(io::stderr).init();
}
